"""Trades and equity of a backtest: as a table, or as CSV, JSON and Parquet in a file or a pipe."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO

import aiohttp
import orjson

from ondol.cli.client import Client
from ondol.cli.command import Subcommand, name
from ondol.cli.pagination import add_page, listed, show
from ondol.cli.tables import trade
from ondol.cli.terminal import percent
from shared.errors import SetupError

FORMATS = ("json", "csv", "parquet")
PAGE = 50
"""Rows that are shown unless the caller says otherwise."""
PIECE = 1 << 16


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=name, metavar="ID", help="of a completed backtest")
    parser.add_argument(
        "--format", choices=FORMATS, help="export all rows (default by the name of --output, else a table)"
    )
    parser.add_argument("--output", metavar="FILE", type=pathlib.Path, help="where to (default standard output)")
    add_page(parser)


async def _export(part: str, args: argparse.Namespace, api: Client) -> int:
    kind = _format(args)
    path = f"/v1/backtests/{args.id}/{part}"
    if kind is None:
        args.limit = args.limit or (None if args.all or args.json else PAGE)
        found = await listed(args, api, path)
        head, rows, align = _trades(found["items"]) if part == "trades" else _equity(found["items"])
        return show(args, found, head, rows, align)
    if args.json:
        raise SetupError("--json prints a page of the API; leave it out with --format or --output.")
    pieces = _rows(args, api, path) if kind == "json" else _bytes(args, api, path, kind)
    if args.output is None:
        if kind == "parquet" and sys.stdout.isatty():
            raise SetupError("Parquet is not for a terminal: name a file with --output, or use a pipe.")
        await _write(pieces, sys.stdout.buffer)
        return 0
    await _save(pieces, args.output)
    sys.stderr.write(f"{args.output}: {args.output.stat().st_size:,} bytes\n")
    return 0


def _format(args: argparse.Namespace) -> str | None:
    if args.format is not None or args.output is None:
        found: str | None = args.format
        return found
    ending: str = args.output.suffix.lstrip(".")
    if ending not in FORMATS:
        raise SetupError(f"{args.output} does not say what to write; name one of --format {', '.join(FORMATS)}.")
    return ending


async def _bytes(args: argparse.Namespace, api: Client, path: str, kind: str) -> AsyncIterator[bytes]:
    """The API's own file, as it comes."""
    query = {"format": kind, "limit": args.limit, "cursor": args.cursor}
    limits = aiohttp.ClientTimeout(total=None, sock_read=90)
    async with api.opened("GET", path, query=query, timeout=limits) as answer:
        async for piece in answer.content.iter_chunked(PIECE):
            yield piece


async def _rows(args: argparse.Namespace, api: Client, path: str) -> AsyncIterator[bytes]:
    """A JSON array of all rows, or of those that the page options ask for, one row a line."""
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


async def _write(pieces: AsyncIterator[bytes], to: BinaryIO) -> None:
    async for piece in pieces:
        to.write(piece)
    to.flush()


async def _save(pieces: AsyncIterator[bytes], path: pathlib.Path) -> None:
    """Into a file that is there only when it is whole."""
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open("wb") as file:
            await _write(pieces, file)
        beside.replace(path)
    except OSError as error:
        raise SetupError(f"{path} cannot be written ({error.strerror}).") from error
    finally:
        beside.unlink(missing_ok=True)


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
        meaning=f"the {part} of a completed backtest, as a table, CSV, JSON or Parquet",
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
