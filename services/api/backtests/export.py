"""Export of a part of a stored result: pages of JSON, CSV, and Parquet from a short-lived child process."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson

from services.api.backtests.result_reader import Rows, read_blocks
from shared.errors import UnavailableError

CHILD_TIMEOUT_S = 20.0
_CHILDREN = asyncio.Semaphore(2)

COLUMNS = {
    "trades": ("date", "stock_code", "name", "side", "shares", "price", "commission", "tax", "reason"),
    "equity": ("date", "equity", "cash", "positions", "daily_return", "drawdown", "benchmark"),
}
"""Columns of each part in the order of the documentation; further ones of a result follow them."""


def encode_page(body: bytes, part: str, kind: str, start: int, limit: int) -> tuple[list[bytes], int]:
    """Return a page of a part in pieces, and the number of rows of the part.

    `kind`: `json` (the inside of an array), `csv`, or `parquet` (the input of `services.api.backtests.parquet`).
    """
    pieces: list[bytes] = []
    columns: list[str] | None = None
    total = 0
    for block in read_blocks(body, part):
        page = block[max(0, start - total) : max(0, start + limit - total)]
        total += len(block)
        if columns is None:
            columns = _columns_of(block, COLUMNS[part])
        if page and kind == "csv":
            pieces.append(as_csv(page, columns, with_header=not pieces))
        elif page:
            text = orjson.dumps(page)[1:-1] if kind == "json" else orjson.dumps(page) + b"\n"
            pieces += [b",", text] if pieces and kind == "json" else [text]
    columns = columns or list(COLUMNS[part])
    if kind == "csv" and not pieces:
        pieces = [as_csv([], columns)]
    if kind == "parquet":
        pieces.insert(0, orjson.dumps(columns) + b"\n")
    return pieces, total


def _columns_of(rows: Rows, documented: tuple[str, ...]) -> list[str]:
    further = [name for name in (rows[0] if rows else {}) if name not in documented]
    return [*documented, *further]


def as_csv(rows: Rows, columns: Sequence[str], *, with_header: bool = True) -> bytes:
    """Return CSV; null is empty, and text that a spreadsheet would run as a formula gets an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="", extrasaction="ignore")
    if with_header:
        writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value if not isinstance(value, dict | list) else orjson.dumps(value).decode()


async def as_parquet(lines: list[bytes]) -> bytes:
    """Return Parquet, written by a child process: the library is large and would block the event loop.

    Raises UnavailableError when the child fails or takes too long.
    """
    async with _CHILDREN:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.api.backtests.parquet",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert child.stdin is not None  # noqa: S101  opened as a pipe
        assert child.stdout is not None  # noqa: S101
        try:
            async with asyncio.timeout(CHILD_TIMEOUT_S):
                body, _ = await asyncio.gather(child.stdout.read(), _feed(child.stdin, lines))
                await child.wait()
        except TimeoutError:
            raise UnavailableError("The export took too long; request csv, or pages.") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode != 0:
        raise UnavailableError("The export failed; request csv, or try again.")
    return body


async def _feed(pipe: asyncio.StreamWriter, lines: list[bytes]) -> None:
    with suppress(ConnectionError):  # the child has ended; its exit code is checked
        for line in lines:
            pipe.write(line)
            await pipe.drain()
    pipe.close()
