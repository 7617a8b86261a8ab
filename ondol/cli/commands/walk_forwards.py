"""Walk-forwards: list, show, cancel; the tables of their windows, the stitched account, and the holdout."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.command import Subcommand, main_of, name, parsers
from ondol.cli.commands.sweeps import add_after, add_filters, add_rows, print_events, print_list, print_variants
from ondol.cli.curve import curve
from ondol.cli.encoding import can_print
from ondol.cli.research import holdout_text
from ondol.cli.tables import side_by_side
from ondol.cli.terminal import moment, print_json
from ondol.cli.walk_forwards import stitched_text, windows_table
from shared.infra.api_client.client import ApiClient

STATUSES = ("queued", "running", "completed", "failed", "cancelled")
PATH = "/v1/walk-forwards"


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=name, metavar="WALK_FORWARD", help="id of a walk-forward, or latest")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser, STATUSES)


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    return await print_list(args, api, PATH, "runs")


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"{PATH}/{args.id}")
    if args.json:
        print_json(document)
    else:
        print(f"{windows_table(document)}\n\n{stitched_text(document)}")
        if document["holdout"]:
            print(f"holdout: {holdout_text(document['holdout'])}")
    return 0


async def _result(args: argparse.Namespace, api: ApiClient) -> int:
    result = await api.call("GET", f"{PATH}/{args.id}/result")
    if args.json:
        print_json(result)
        return 0
    points = result["equity"]
    print(
        curve(
            [point["equity"] for point in points], [point["benchmark"] for point in points],
            base=points[0]["equity"], start=points[0]["date"], end=points[-1]["date"], braille=can_print("\u28ff·⠒"),
        )
    )  # fmt: skip
    print(side_by_side(["statistic", "out of sample"], [result["statistics"]]))
    return 0


def _table_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("window", type=name, metavar="WINDOW", help="number of a window from 0, or next")
    parser.add_argument(
        "--of", choices=("train", "test"), default="train", help="days that chose, or days that traded (default train)"
    )
    add_rows(parser)


async def _table(args: argparse.Namespace, api: ApiClient) -> int:
    return await print_variants(args, api, f"{PATH}/{args.id}", f"/windows/{args.window}/table", {"of": args.of})


def _follow_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    add_after(parser)


async def _follow(args: argparse.Namespace, api: ApiClient) -> int:
    return await print_events(args, api, f"{PATH}/{args.id}")


async def _cancel(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("DELETE", f"{PATH}/{args.id}")
    if args.json:
        print_json(document)
    else:
        print(f"walk-forward {document['id']} is cancelled; the tables of {document['done']:,} runs stay readable")
    return 0


async def _holdout(args: argparse.Namespace, api: ApiClient) -> int:
    opened: dict[str, Any] = await api.call("POST", f"{PATH}/{args.id}/holdout")
    if args.json:
        print_json(opened)
    else:
        print(f"the holdout was opened on {moment(opened['opened_at'])} UTC for variant {opened['variant']}")
        print(f"backtest {opened['backtest']}")
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="list", meaning="list walk-forwards, the newest first", arguments=_list_arguments, run=_list,
        routes=("GET /v1/walk-forwards",),
        examples=("ondol walk-forwards list", "ondol walk-forwards list --status completed --json"),
    ),
    Subcommand(
        name="show", meaning="show a walk-forward: its windows, the account, the values to trade next",
        arguments=_one, run=_show, routes=("GET /v1/walk-forwards/{id}",),
        examples=("ondol walk-forwards show WALK_FORWARD", "ondol walk-forwards show WALK_FORWARD --json"),
    ),
    Subcommand(
        name="result", meaning="print the account over all test days: its curve and statistics; --json: everything",
        arguments=_one, run=_result, routes=("GET /v1/walk-forwards/{id}/result",),
        examples=("ondol walk-forwards result WALK_FORWARD", "ondol walk-forwards result WALK_FORWARD --json"),
    ),
    Subcommand(
        name="table", meaning="print the variants of a window, or export them as CSV, JSON, XLSX or Parquet",
        arguments=_table_arguments, run=_table,
        routes=("GET /v1/walk-forwards/{id}/windows/{window}/table", "GET /v1/walk-forwards/{id}"),
        examples=(
            "ondol walk-forwards table WALK_FORWARD 0 --of test",
            "ondol walk-forwards table WALK_FORWARD next --sort=-cagr --json",
            "ondol walk-forwards table WALK_FORWARD 0 --output window.csv",
        ),
    ),
    Subcommand(
        name="holdout", meaning="run the values to trade next over the holdout, which is possible once",
        arguments=_one, run=_holdout, routes=("POST /v1/walk-forwards/{id}/holdout",),
        examples=("ondol walk-forwards holdout WALK_FORWARD",),
    ),
    Subcommand(
        name="follow", meaning="print the events of a walk-forward up to its end", arguments=_follow_arguments,
        run=_follow, routes=("GET /v1/walk-forwards/{id}/events",),
        examples=("ondol walk-forwards follow WALK_FORWARD",),
    ),
    Subcommand(
        name="cancel", meaning="cancel a walk-forward; the tables of what has been run stay readable", arguments=_one,
        run=_cancel, routes=("DELETE /v1/walk-forwards/{id}",),
        examples=("ondol walk-forwards cancel RUNNING_WALK_FORWARD",),
    ),
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol walk-forwards`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("walk-forwards")
