"""Stocks of the dataset, and the largest of them on a day; `ondol screen` selects by a condition."""

from __future__ import annotations

import argparse

from ondol.cli.command import Subcommand, main_of, name, parsers
from ondol.cli.commands import stocks_series
from ondol.cli.pagination import add_page, listed
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import details, print_json
from shared.infra.api_client.client import ApiClient

KINDS = ("market_cap", "trading_volume", "trading_value")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--market", metavar="NAME", help="such as KOSPI")
    parser.add_argument("--sector", metavar="NAME", help="such as 제약")
    parser.add_argument("--query", metavar="TEXT", help="code, part of a name or initial consonants; best finds first")
    parser.add_argument("--search", metavar="TEXT", help="text in code or names")
    add_page(parser)


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    query = {"market": args.market, "sector": args.sector, "query": args.query, "search": args.search}
    document = await listed(args, api, "/v1/stocks", query)
    names = ("stock_code", "name", "name_en", "market", "sector", "listed_on", "delisted_on")
    rows = [[item[name] or "-" for name in names] for item in document["items"]]
    head = ["code", "name", "English", "market", "sector", "listed on", "delisted on"]
    return show_list(args, document, head, rows, "lllllll")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "code", type=name, metavar="CODE", help="code of a stock; `ondol stocks list --search` searches by name"
    )


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"/v1/stocks/{args.code}")
    if args.json:
        print_json(document)
    else:
        print(details([(name.replace("_", " "), value) for name, value in document.items()]))
    return 0


def _rank_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", choices=KINDS, help=", ".join(KINDS) + " (means over 20 rows)")
    parser.add_argument("--date", metavar="DATE", help="day (default: the last)")
    parser.add_argument("--market", metavar="NAME", help="market such as KOSPI (default: all)")
    parser.add_argument("--limit", type=int, metavar="N", help="number of stocks (default 100)")


async def _rank(args: argparse.Namespace, api: ApiClient) -> int:
    query = {"date": args.date, "market": args.market, "limit": args.limit}
    document = await api.call("GET", f"/v1/rankings/{args.kind}", query=query)
    rows = [[str(i["rank"]), i["stock_code"], i["name"], i["market"], f"{i['value']:,.0f}"] for i in document["items"]]
    if not args.json:
        unit = "shares" if args.kind == "trading_volume" else "won"
        rows_of = "" if args.kind == "market_cap" else f", mean of {document['mean_rows']} days"
        print(f"{document['kind']} on {document['date']}, {unit}{rows_of}")
    return show_list(args, document, ["rank", "code", "name", "market", "value"], rows, "rlllr")


def _sector_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--date", metavar="DATE", help="day (default: the last)")


async def _sectors(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/v1/sectors", query={"date": args.date})
    rows = [[item["sector"], f"{item['stocks']:,}"] for item in document["items"]]
    if not args.json:
        print(f"sectors on {document['date']}; {document['without_sector']:,} stocks have none")
    return show_list(args, document, ["sector", "stocks"], rows, "lr")


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="list the stocks of the dataset by code",
        arguments=_list_arguments,
        run=_list,
        routes=("GET /v1/stocks",),
        examples=("ondol stocks list --market KOSPI --limit 20", "ondol stocks list --query ㅅㅅㅈㅈ"),
    ),
    Subcommand(
        name="show",
        meaning="a stock",
        arguments=_one,
        run=_show,
        routes=("GET /v1/stocks/{code}",),
        examples=("ondol stocks show 005930",),
    ),
    Subcommand(
        name="sectors",
        meaning="list the sectors with their number of stocks",
        arguments=_sector_arguments,
        run=_sectors,
        routes=("GET /v1/sectors",),
        examples=("ondol stocks sectors", "ondol stocks sectors --date 2025-06-02"),
    ),
    Subcommand(
        name="rank",
        meaning="rank stocks by market cap, trading volume or trading value",
        arguments=_rank_arguments,
        run=_rank,
        routes=("GET /v1/rankings/{kind}",),
        examples=("ondol stocks rank market_cap --limit 10", "ondol stocks rank trading_value --market KOSDAQ"),
    ),
    *stocks_series.SUBCOMMANDS,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol stocks`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("stocks")
