"""Which stocks a strategy or a condition picks, on the last day of the dataset or another one."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from ondol.cli.client import client
from ondol.cli.terminal import add_api, print_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ondol screen`."""
    parser.add_argument(
        "where", nargs="?", metavar="CONDITION", help="such as 'PER < 10 and ROE > 10'; every stock without one"
    )
    parser.add_argument("--strategy", metavar="ID", help="the condition and rank of a catalogue strategy")
    parser.add_argument("--rank-by", dest="rank_by", metavar="NUMBER", help="what to order by (default MARKET_CAP)")
    parser.add_argument("--order", choices=("asc", "desc"), help="default desc")
    parser.add_argument("--date", metavar="DATE", help="row whose values are used (default the last)")
    parser.add_argument("--limit", type=int, metavar="N", help="number of stocks")
    parser.add_argument("--markets", metavar="A,B", help="markets (default KOSPI and KOSDAQ)")
    parser.add_argument("--kinds", metavar="A,B", help="kinds of stocks: common, preferred, spac, reit, foreign")
    parser.add_argument("--sectors", metavar="A,B", help="sectors (default all)")
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Ask the API and print."""
    found = asyncio.run(_screen(args))
    if args.json:
        print_json(found)
        return 0
    rows = [
        [str(i["rank"]), i["stock_code"], i["name"], "-" if i["value"] is None else f"{i['value']:,.4g}"]
        for i in found["items"]
    ]
    print(f"{found['total']:,} stocks on {found['date']}")
    for warning in found["warnings"]:
        print(f"warning: {warning['message']}")
    if rows:
        print(table(["rank", "code", "name", "value"], rows, "rllr"))
    return 0


async def _screen(args: argparse.Namespace) -> dict[str, Any]:
    names = ("where", "strategy", "rank_by", "order", "date", "limit", "markets", "kinds", "sectors")
    query = {name: getattr(args, name) for name in names}
    async with client(args, "screen") as api:
        found: dict[str, Any] = await api.call("GET", "/v1/screen", query=query)
        return found
