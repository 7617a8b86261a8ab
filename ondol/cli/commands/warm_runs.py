"""Runs of the warmer, with their progress and failures; `ondol warm` starts one and waits for its end."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.command import Subcommand, main_of, name, parsers
from ondol.cli.commands.warm import report
from ondol.cli.encoding import write_bytes
from ondol.cli.pagination import add_page, listed
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import moment, print_json
from shared.contracts.warm import ENDED as RUN_ENDED
from shared.infra.api_client.client import ApiClient


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    document = await listed(args, api, "/v1/warm-runs")
    rows = [
        [
            str(i["id"]),
            i["status"],
            i["trigger"],
            ", ".join(i["phases"]),
            moment(i["started_at"]),
            moment(i["finished_at"]),
        ]
        for i in document["items"]
    ]
    head = ["id", "status", "started by", "phases", "started at (UTC)", "finished at (UTC)"]
    return show_list(args, document, head, rows, "rlllll")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=name, metavar="RUN", help="number of a run, as `ondol warm-runs list` prints it")


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"/v1/warm-runs/{args.id}")
    if args.json:
        print_json(document)
    else:
        print(report(document))
    return 0


def _follow_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--after", metavar="EVENT", help="id of the last event received")


async def _follow(args: argparse.Namespace, api: ApiClient) -> int:
    last = None
    async for event in api.events(f"/v1/warm-runs/{args.id}/events", after=args.after, ends=RUN_ENDED):
        last = event.kind
        if args.json:
            write_bytes(event.line().encode())
        else:
            print(_event_text(event.kind, event.data), flush=True)
    return 0 if last == "completed" else 1


def _event_text(kind: str, data: dict[str, Any]) -> str:
    if "phase" in data:
        failed = f", {data['failed']:,} failed" if data.get("failed") else ""
        return f"{kind} {data['phase']}: {data.get('done', 0):,} of {data.get('items', 0):,}{failed}"
    return f"{kind} {data.get('status', '')}".rstrip()


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="list the runs, newest first",
        arguments=add_page,
        run=_list,
        routes=("GET /v1/warm-runs",),
        examples=("ondol warm-runs list --limit 5",),
    ),
    Subcommand(
        name="show",
        meaning="show a run by phase, with its failures",
        arguments=_one,
        run=_show,
        routes=("GET /v1/warm-runs/{id}",),
        examples=("ondol warm-runs show RUN",),
    ),
    Subcommand(
        name="follow",
        meaning="print the events of a run as they arrive; exit code 0 when it is completed",
        arguments=_follow_arguments,
        run=_follow,
        routes=("GET /v1/warm-runs/{id}/events",),
        examples=("ondol warm-runs follow RUN",),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol warm-runs`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("warm-runs")
