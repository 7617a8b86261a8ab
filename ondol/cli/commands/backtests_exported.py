"""Trades and equity of a backtest: as a table, or as CSV, JSON, XLSX or Parquet in a file or a pipe."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from ondol.cli.backtest_ids import add_id
from ondol.cli.command import Subcommand
from ondol.cli.download import add_download, blocks_of, deliver, format_of
from ondol.cli.pagination import add_page, listed, show
from ondol.cli.tables import trade
from ondol.cli.terminal import percent
from shared.infra.api_client.client import ApiClient

PAGE = 50
"""Default number of rows of a table."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_id(parser)
    add_download(parser)
    add_page(parser)


async def _export(part: str, args: argparse.Namespace, api: ApiClient) -> int:
    kind = format_of(args)
    path = f"/v1/backtests/{args.id}/{part}"
    if kind is None:
        args.limit = args.limit or (None if args.all or args.json else PAGE)
        document = await listed(args, api, path)
        head, rows, align = _trades(document["items"]) if part == "trades" else _equity(document["items"])
        return show(args, document, head, rows, align)
    query = {"format": kind, "excel": args.excel, "limit": args.limit, "cursor": args.cursor}
    return await deliver(args, _rows(args, api, path) if kind == "json" else blocks_of(api, path, query), kind)


async def _rows(args: argparse.Namespace, api: ApiClient, path: str) -> AsyncIterator[bytes]:
    """Write a JSON array of all rows, or of the page that the options name, one row a line."""
    query: dict[str, object] = {"limit": args.limit, "cursor": args.cursor}
    begun = False
    while True:
        page = await api.call("GET", path, query=query)
        for row in page["items"]:
            yield (b",\n" if begun else b"[\n") + orjson.dumps(row)
            begun = True
        if args.limit or page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    yield b"\n]\n" if begun else b"[]\n"


Shown = tuple[Sequence[str], list[list[str]], str]


def _trades(items: Sequence[Mapping[str, Any]]) -> Shown:
    return ["date", "code", "name", "side", "shares", "price", "reason"], [trade(item) for item in items], "llllrrl"


def _equity(items: Sequence[Mapping[str, Any]]) -> Shown:
    rows = [
        [
            item["date"],
            *("-" if item[name] is None else f"{item[name]:,.0f}" for name in ("equity", "cash")),
            str(item["positions"]),
            percent(item["daily_return"]),
            percent(item["drawdown"]),
            "-" if item["benchmark"] is None else f"{item['benchmark']:,.0f}",
        ]
        for item in items
    ]
    return ["date", "equity", "cash", "positions", "day", "drawdown", "benchmark"], rows, "l"


SUBCOMMANDS = tuple(
    Subcommand(
        name=part,
        meaning=f"print or export the {part} of a completed backtest as a table, CSV, JSON, XLSX or Parquet",
        arguments=_arguments,
        run=partial(_export, part),
        routes=(f"GET /v1/backtests/{{id}}/{part}",),
        examples=(
            f"ondol backtests {part} ID --limit 20",
            f"ondol backtests {part} ID --format csv > {part}.csv",
            f"ondol backtests {part} ID --output {part}.parquet",
        ),
    )
    for part in ("trades", "equity")
)
