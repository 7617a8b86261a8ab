"""List the stocks that a strategy or a condition selects, on the last day of the dataset or another day."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from ondol.cli.client import client
from ondol.cli.download import add_download, blocks_of, deliver, format_of
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
    parser.add_argument("--columns", metavar="A,B", help="further values: factors, price fields and expressions")
    parser.add_argument("--markets", metavar="A,B", help="markets (default KOSPI and KOSDAQ)")
    parser.add_argument("--kinds", metavar="A,B", help="kinds of stocks: common, preferred, spac, reit, foreign")
    parser.add_argument("--sectors", metavar="A,B", help="sectors (default all)")
    add_download(parser)
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Query the API and print the stocks."""
    return asyncio.run(_screen(args))


async def _screen(args: argparse.Namespace) -> int:
    names = ("where", "strategy", "rank_by", "order", "date", "limit", "columns", "markets", "kinds", "sectors")
    query: dict[str, object] = {name: getattr(args, name) for name in names}
    async with client(args, "screen") as api:
        if (kind := format_of(args)) is not None:
            pieces = blocks_of(api, "/v1/screen", query | {"format": kind, "excel": args.excel})
            return await deliver(args, pieces, kind)
        document: dict[str, Any] = await api.call("GET", "/v1/screen", query=query)
    if args.json:
        print_json(document)
    else:
        _print(document)
    return 0


def _print(document: dict[str, Any]) -> None:
    columns = document["columns"]
    rows = [
        [
            str(item["rank"]), item["stock_code"], item["name"], _number(item["value"]),
            *(_number(item["values"][column]) for column in columns),
        ]
        for item in document["items"]
    ]  # fmt: skip
    print(head_text(document))
    for warning in document["warnings"]:
        print(f"warning: {warning['message']}")
    if rows:
        print(table(["rank", "code", "name", document["rank_by"], *columns], rows, "rllr" + "r" * len(columns)))


def head_text(document: dict[str, Any]) -> str:
    """Return how many stocks pass the whole condition, and each part of it."""
    parts = document["parts"] if len(document["parts"]) > 1 else ()
    lines = (f"  {part['passed']:,} pass {part['condition']}; {part['remaining']:,} are left" for part in parts)
    return "\n".join((f"{document['total']:,} of {document['universe']:,} stocks on {document['date']}", *lines))


def _number(value: float | bool | None) -> str:
    if value is None:
        return "-"
    return ("yes" if value else "no") if isinstance(value, bool) else f"{value:,.4g}"
