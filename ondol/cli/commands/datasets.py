"""Dataset versions, from which backtests are computed."""

from __future__ import annotations

import argparse

from ondol.cli.command import Subcommand, main_of, name, parsers
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import details, moment, plain, print_json
from shared.infra.api_client.client import ApiClient


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/v1/datasets")
    rows = []
    for item in document["items"]:
        state = "current" if item["current"] else "retired" if item["retired_at"] else "retained"
        rows.append([item["version"], state, str(item["revision"]), f"{item['parts']:,}", moment(item["built_at"])])
    return show_list(args, document, ["version", "state", "revision", "parts", "built at (UTC)"], rows, "llrrl")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "version",
        type=name,
        metavar="VERSION",
        nargs="?",
        default="current",
        help="dataset version (default: the current one)",
    )


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"/v1/datasets/{args.version}")
    if args.json:
        print_json(document)
        return 0
    pairs = [
        ("version", document["version"] + (" (current)" if document["current"] else "")),
        ("revision", document["revision"]),
        ("built at", moment(document["built_at"]) + " UTC"),
        ("days", f"{plain(document['days'])}, {document['first_day']} to {document['last_day']}"),
        ("stocks", document["stocks"]),
        ("markets", document["markets"]),
        ("indices", document["indices"]),
        ("factors", len(document["factors"])),
        ("missing", document["missing_factors"]),
        ("chunks", f"{plain(document['chunks'])} in {plain(document['parts'])} parts"),
        ("sizes", document["sizes"]),
    ]
    print(details(pairs))
    for key, reason in document["reasons"].items():
        print(f"{key}: {reason}")
    return 0


def _calendar_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", type=int, metavar="YEAR", help="the year (default: this one)")


async def _calendar(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/v1/calendar", query={"year": args.year})
    closed = [day for day in document["days"] if day["reason"] in ("holiday", "no_prices")]
    rows = [[day["date"], day["reason"].replace("_", " "), day["name"] or "-", day["name_ko"] or "-"] for day in closed]
    if not args.json:
        print(f"{document['year']}: {document['trading_days']} trading days; closed weekdays and holidays:")
        if not document["covered"]:
            print("the table of holidays does not have this year: every weekday outside the dataset counts")
    return show_list(args, document, ["date", "reason", "name", "Korean"], rows, "llll")


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="list the retained versions, newest first",
        run=_list,
        routes=("GET /v1/datasets",),
        examples=("ondol datasets list",),
    ),
    Subcommand(
        name="show",
        meaning="show a version: days, stocks, factors, missing factors, sizes",
        arguments=_one,
        run=_show,
        routes=("GET /v1/datasets/{version}",),
        examples=("ondol datasets show", "ondol datasets show VERSION --json"),
    ),
    Subcommand(
        name="calendar",
        meaning="trading days and holidays of a year",
        arguments=_calendar_arguments,
        run=_calendar,
        routes=("GET /v1/calendar",),
        examples=("ondol datasets calendar --year 2025",),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol datasets`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("datasets")
