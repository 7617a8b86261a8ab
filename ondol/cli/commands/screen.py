"""List the stocks that a strategy or a condition selects, on the last day of the dataset or another day."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from ondol.cli.client import client
from ondol.cli.terminal import add_api, print_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol screen`."""
    parser.add_argument(
        "where", nargs="?", metavar="CONDITION", help="condition such as 'PER < 10 and ROE > 10' (default: every stock)"
    )
    parser.add_argument("--strategy", metavar="ID", help="use the condition and ranking of this strategy")
    parser.add_argument(
        "--rank-by", dest="rank_by", metavar="NUMBER", help="factor or expression to rank by (default MARKET_CAP)"
    )
    parser.add_argument("--order", choices=("asc", "desc"), help="order of the ranking (default desc)")
    parser.add_argument("--date", metavar="DATE", help="day whose values are used (default: the last)")
    parser.add_argument("--limit", type=int, metavar="N", help="number of stocks")
    parser.add_argument("--markets", metavar="A,B", help="markets (default KOSPI and KOSDAQ)")
    parser.add_argument("--kinds", metavar="A,B", help="kinds of stocks: common, preferred, spac, reit, foreign")
    parser.add_argument("--sectors", metavar="A,B", help="sectors (default all)")
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Query the API and print the stocks."""
    document = asyncio.run(_screen(args))
    if args.json:
        print_json(document)
        return 0
    rows = [
        [str(i["rank"]), i["stock_code"], i["name"], "-" if i["value"] is None else f"{i['value']:,.4g}"]
        for i in document["items"]
    ]
    print(f"{document['total']:,} stocks on {document['date']}")
    for warning in document["warnings"]:
        print(f"warning: {warning['message']}")
    if rows:
        print(table(["rank", "code", "name", "value"], rows, "rllr"))
    return 0


async def _screen(args: argparse.Namespace) -> dict[str, Any]:
    names = ("where", "strategy", "rank_by", "order", "date", "limit", "markets", "kinds", "sectors")
    query = {name: getattr(args, name) for name in names}
    async with client(args, "screen") as api:
        document: dict[str, Any] = await api.call("GET", "/v1/screen", query=query)
        return document
