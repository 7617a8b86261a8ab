"""Series of stocks: prices as traded, and values of factors and expressions."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.command import Subcommand, name
from ondol.cli.download import add_download, blocks_of, deliver, format_of
from ondol.cli.pagination import show
from shared.infra.api_client.client import ApiClient


def _days(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--start", metavar="DATE", help=f"first day ({default})")
    parser.add_argument("--end", metavar="DATE", help="last day (default: the last)")


def _prices_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", type=name, metavar="CODE", help="code of a stock")
    _days(parser, "default: the last 250 rows")
    add_download(parser)


async def _prices(args: argparse.Namespace, api: ApiClient) -> int:
    path = f"/v1/stocks/{args.code}/prices"
    query: dict[str, object] = {"start": args.start, "end": args.end}
    if (kind := format_of(args)) is not None:
        return await deliver(args, blocks_of(api, path, query | {"format": kind, "excel": args.excel}), kind)
    document = await api.call("GET", path, query=query)
    names = ("open", "high", "low", "close", "volume")
    splits = {split["date"]: f"{split['ratio']:g}" for split in document["splits"]}
    rows = [
        [date, *(_number(document[name][at]) for name in names), splits.get(date, "")]
        for at, date in enumerate(document["dates"])
    ]
    if not args.json:
        print(f"{document['stock_code']} {document['name']}, as traded, won and shares")
    return show(args, document, ["date", *names, "split"], rows, "lrrrrrr")


def _values_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fields", metavar="FIELDS", help="factors, price fields and expressions, such as PER,PBR,close")
    parser.add_argument("--codes", metavar="A,B", help="stock codes (default: the stocks of the universe)")
    _days(parser, "default: the last row only")
    parser.add_argument("--markets", metavar="A,B", help="markets of the universe (default KOSPI and KOSDAQ)")
    parser.add_argument("--kinds", metavar="A,B", help="kinds of the universe (default common and foreign)")
    parser.add_argument("--sectors", metavar="A,B", help="sectors of the universe (default all)")
    add_download(parser)


async def _values(args: argparse.Namespace, api: ApiClient) -> int:
    names = ("fields", "codes", "start", "end", "markets", "kinds", "sectors")
    query: dict[str, object] = {name: getattr(args, name) for name in names}
    if (kind := format_of(args)) is not None:
        return await deliver(args, blocks_of(api, "/v1/values", query | {"format": kind, "excel": args.excel}), kind)
    document = await api.call("GET", "/v1/values", query=query)
    columns = document["columns"]
    head = ["date", "stock_code", *document["fields"]]
    rows = [[_number(cell) for cell in row] for row in zip(*(columns[name] for name in head), strict=True)]
    return show(args, document, head, rows, "ll" + "r" * len(document["fields"]))


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"


SUBCOMMANDS = (
    Subcommand(
        name="prices",
        meaning="prices of a stock as traded, and its splits; as a table, CSV, JSON, XLSX or Parquet",
        arguments=_prices_arguments,
        run=_prices,
        routes=("GET /v1/stocks/{code}/prices",),
        examples=("ondol stocks prices 005930 --start 2025-09-01", "ondol stocks prices 005930 --output prices.xlsx"),
    ),
    Subcommand(
        name="values",
        meaning="values of factors, price fields and expressions by day and stock",
        arguments=_values_arguments,
        run=_values,
        routes=("GET /v1/values",),
        examples=(
            "ondol stocks values PER,PBR,close --codes 005930 --start 2025-09-01",
            "ondol stocks values 'PER,pct_rank(ROE)' --output values.parquet",
        ),
    ),
)
