"""Research lines: how many trials each has, and how much of its best one may be luck."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.command import Subcommand, main_of, parsers
from ondol.cli.pagination import add_page, listed, show
from ondol.cli.research import line_text
from ondol.cli.terminal import moment, plain, print_json
from ondol.client.research import path_of
from shared.infra.api_client.client import ApiClient


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("line", metavar="LINE", help="name of the line, as in --research")


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    document = await listed(args, api, "/v1/research")
    rows = [
        [item["name"], plain(item["trials"]), plain(item["evaluations"]), plain(item["extra_trials"]),
         "-" if item["best_sharpe_annual"] is None else f"{item['best_sharpe_annual']:.2f}",
         "closed" if item["closed_at"] else "open", moment(item["updated_at"])]
        for item in document["items"]
    ]  # fmt: skip
    head = ["research", "trials", "runs", "elsewhere", "best Sharpe", "state", "updated at (UTC)"]
    return show(args, document, head, rows, "lrrrrll")


def _print(args: argparse.Namespace, document: dict[str, Any]) -> int:
    if args.json:
        print_json(document)
    else:
        print(line_text(document))
    return 0


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    return _print(args, await api.call("GET", path_of(args.line)))


def _change_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument(
        "--extra-trials", dest="extra_trials", type=int, metavar="N",
        help="trials that were made elsewhere; the number can only be raised",
    )  # fmt: skip
    parser.add_argument("--close", action="store_true", help="accept no further trials; a line is not opened again")


async def _change(args: argparse.Namespace, api: ApiClient) -> int:
    body: dict[str, Any] = {} if args.extra_trials is None else {"extra_trials": args.extra_trials}
    if args.close:
        body["closed"] = True
    return _print(args, await api.call("PATCH", path_of(args.line), body=body))


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="list your research lines",
        arguments=add_page,
        run=_list,
        routes=("GET /v1/research",),
        examples=("ondol research list",),
    ),
    Subcommand(
        name="show",
        meaning="show how much of a line's best trial may be luck",
        arguments=_one,
        run=_show,
        routes=("GET /v1/research/{line}",),
        examples=("ondol research show value-momentum",),
    ),
    Subcommand(
        name="change",
        meaning="add trials that were made elsewhere, or close a line",
        arguments=_change_arguments,
        run=_change,
        routes=("PATCH /v1/research/{line}",),
        examples=(
            "ondol research change value-momentum --extra-trials 200",
            "ondol research change old-idea --close",
        ),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol research`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("research")
