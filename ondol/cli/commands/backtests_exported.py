"""Trades and equity of a backtest: as a table, or as CSV, JSON or Parquet in a file or a pipe."""

from __future__ import annotations

import argparse
import pathlib
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, BinaryIO

import orjson

from ondol.cli.command import Subcommand, name
from ondol.cli.pagination import add_page, listed, show
from ondol.cli.tables import trade
from ondol.cli.terminal import percent
from shared.errors import SetupError
from shared.infra.api_client.client import ApiClient

FORMATS = ("json", "csv", "parquet")
PAGE = 50
"""Default number of rows of a table."""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=name, metavar="ID", help="id of a completed backtest")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="export all rows in this format (default: the suffix of --output, else a table)",
    )
    parser.add_argument("--output", metavar="FILE", type=pathlib.Path, help="output file (default standard output)")
    add_page(parser)


async def _export(part: str, args: argparse.Namespace, api: ApiClient) -> int:
    kind = _format(args)
    path = f"/v1/backtests/{args.id}/{part}"
    if kind is None:
        args.limit = args.limit or (None if args.all or args.json else PAGE)
        document = await listed(args, api, path)
        head, rows, align = _trades(document["items"]) if part == "trades" else _equity(document["items"])
        return show(args, document, head, rows, align)
    if args.json:
        raise SetupError("--json prints one page of the API; omit it with --format or --output.")
    pieces = _rows(args, api, path) if kind == "json" else _bytes(args, api, path, kind)
    if args.output is None:
        if kind == "parquet" and sys.stdout.isatty():
            raise SetupError("Parquet cannot be printed on a terminal; name a file with --output or use a pipe.")
        await _write(pieces, sys.stdout.buffer)
        return 0
    await _save(pieces, args.output)
    sys.stderr.write(f"{args.output}: {args.output.stat().st_size:,} bytes\n")
    return 0


def _format(args: argparse.Namespace) -> str | None:
    if args.format is not None or args.output is None:
        chosen: str | None = args.format
        return chosen
    ending: str = args.output.suffix.lstrip(".")
    if ending not in FORMATS:
        raise SetupError(f"The format of {args.output} is unknown; add --format with one of {', '.join(FORMATS)}.")
    return ending


async def _bytes(args: argparse.Namespace, api: ApiClient, path: str, kind: str) -> AsyncIterator[bytes]:
    """Write the file that the API exports, unchanged."""
    query = {"format": kind, "limit": args.limit, "cursor": args.cursor}
    async with api.opened(path, query=query) as blocks:
        async for block in blocks:
            yield block


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


async def _write(pieces: AsyncIterator[bytes], to: BinaryIO) -> None:
    async for block in pieces:
        to.write(block)
    to.flush()


async def _save(pieces: AsyncIterator[bytes], path: pathlib.Path) -> None:
    """Yield a writer of a file that appears only when it is complete."""
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
        meaning=f"print or export the {part} of a completed backtest as a table, CSV, JSON or Parquet",
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
