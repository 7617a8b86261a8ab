"""Factors of conditions and rankings, with their definition and coverage."""

from __future__ import annotations

import argparse

from ondol.cli.command import Subcommand, main_of, name, parsers
from ondol.cli.commands import factor_reports, own_factors, stored_factor_reports
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import clip, details, percent, plain, print_json, table
from shared.infra.api_client.client import ApiClient


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--category", metavar="WORD", help="only this category, such as value or momentum")


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/v1/factors")
    if args.category:
        document["items"] = [item for item in document["items"] if item["category"] == args.category]
    rows = [
        [i["key"], i["name_ko"], i["category"], i["unit"], plain(i["available"]), clip(i["formula"], 60)]
        for i in document["items"]
    ]
    return show_list(args, document, ["key", "name", "category", "unit", "available", "formula"], rows, "llllll")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", type=name, metavar="KEY", help="key of a factor, such as PER")


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"/v1/factors/{args.key}")
    if args.json:
        print_json(document)
        return 0
    names = ("category", "unit", "formula", "inputs", "null_when", "lookback_rows", "available", "reason")
    pairs = [("factor", document["key"]), ("name", f"{document['name_ko']} ({document['name_en']})")]
    print(details([*pairs, *((name.replace("_", " "), document[name]) for name in names)]))
    rows = [[str(year["year"]), percent(year["share"]), year["reason"] or ""] for year in document["coverage"]]
    if rows:
        print(table(["year", "stock-days with a value", "reason of gaps"], rows, "lrl"))
    values = document["distribution"]
    if values and values["date"]:
        print(f"{values['count']:,} stocks on {values['date']}, mean {plain(values['mean'])}; quantiles:")
        print(table(list(values["quantiles"]), [[plain(value) for value in values["quantiles"].values()]], ""))
    return 0


def _distribution_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--date", metavar="DATE", help="day (default: the last)")
    parser.add_argument("--bins", type=int, metavar="N", help="number of bins (default 40)")
    parser.add_argument("--markets", metavar="A,B", help="markets of the universe (default KOSPI and KOSDAQ)")
    parser.add_argument("--kinds", metavar="A,B", help="kinds of the universe (default common and foreign)")
    parser.add_argument("--sectors", metavar="A,B", help="sectors of the universe (default all)")


async def _distribution(args: argparse.Namespace, api: ApiClient) -> int:
    query = {name: getattr(args, name) for name in ("date", "bins", "markets", "kinds", "sectors")}
    document = await api.call("GET", f"/v1/factors/{args.key}/distribution", query=query)
    if args.json:
        print_json(document)
        return 0
    print(
        f"{document['key']} on {document['date']}: {document['count']:,} of {document['universe']:,} stocks, "
        f"mean {plain(document['mean'])}"
    )
    if not document["count"]:
        return 0
    print(table(list(document["quantiles"]), [[plain(value) for value in document["quantiles"].values()]], ""))
    most = max(1, *(part["count"] for part in document["bins"]))
    rows = [
        [f"{part['lower']:,.4g}", f"{part['upper']:,.4g}", f"{part['count']:,}", "#" * round(40 * part["count"] / most)]
        for part in document["bins"]
    ]
    print(table(["from", "to", "stocks", ""], rows, "rrrl"))
    print(f"{document['below']:,} stocks below, {document['above']:,} above")
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="list all factors",
        arguments=_list_arguments,
        run=_list,
        routes=("GET /v1/factors",),
        examples=("ondol factors list", "ondol factors list --category value"),
    ),
    Subcommand(
        name="show",
        meaning="show a factor: definition, coverage by year, distribution",
        arguments=_one,
        run=_show,
        routes=("GET /v1/factors/{key}",),
        examples=("ondol factors show PER",),
    ),
    Subcommand(
        name="distribution",
        meaning="quantiles and histogram of a factor over a universe on one day",
        arguments=_distribution_arguments,
        run=_distribution,
        routes=("GET /v1/factors/{key}/distribution",),
        examples=("ondol factors distribution PER", "ondol factors distribution ROE --markets KOSDAQ --bins 20"),
    ),
    *factor_reports.SUBCOMMANDS,
    *stored_factor_reports.SUBCOMMANDS,
    *own_factors.SUBCOMMANDS,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol factors`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("factors")
