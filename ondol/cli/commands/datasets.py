"""Dataset versions: what backtests are computed from, and what is in one."""

from __future__ import annotations

import argparse

from ondol.cli.client import Client
from ondol.cli.command import Subcommand, main_of, name, parsers
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import details, moment, plain, print_json


async def _list(args: argparse.Namespace, api: Client) -> int:
    found = await api.call("GET", "/v1/datasets")
    rows = []
    for item in found["items"]:
        state = "current" if item["current"] else "retired" if item["retired_at"] else "kept"
        rows.append([item["version"], state, str(item["revision"]), f"{item['parts']:,}", moment(item["built_at"])])
    return show_list(args, found, ["version", "state", "revision", "parts", "built at (UTC)"], rows, "llrrl")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "version", type=name, metavar="VERSION", nargs="?", default="current", help="default the current one"
    )


async def _show(args: argparse.Namespace, api: Client) -> int:
    found = await api.call("GET", f"/v1/datasets/{args.version}")
    if args.json:
        print_json(found)
        return 0
    pairs = [
        ("version", found["version"] + (" (current)" if found["current"] else "")),
        ("revision", found["revision"]),
        ("built at", moment(found["built_at"]) + " UTC"),
        ("days", f"{plain(found['days'])}, {found['first_day']} to {found['last_day']}"),
        ("stocks", found["stocks"]),
        ("markets", found["markets"]),
        ("indices", found["indices"]),
        ("factors", len(found["factors"])),
        ("missing", found["missing_factors"]),
        ("chunks", f"{plain(found['chunks'])} in {plain(found['parts'])} parts"),
        ("sizes", found["sizes"]),
    ]
    print(details(pairs))
    for key, reason in found["reasons"].items():
        print(f"{key}: {reason}")
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="the versions that are kept, the newest first",
        run=_list,
        routes=("GET /v1/datasets",),
        examples=("ondol datasets list",),
    ),
    Subcommand(
        name="show",
        meaning="a version: days, stocks, factors, sizes, and what it lacks",
        arguments=_one,
        run=_show,
        routes=("GET /v1/datasets/{version}",),
        examples=("ondol datasets show", "ondol datasets show VERSION --json"),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands of `ondol datasets`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("datasets")
