"""Trades and equity of a backtest by themselves: pages of JSON, CSV, or Parquet made in a short-lived child."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.result_reader import Rows, blocks
from services.api.backtests.serialize import pieces_of, status_of
from services.api.context import Api, Call, Route
from services.api.errors import ApiProblem, invalid
from services.api.http.request import read_cursor, write_cursor
from services.api.http.streaming import send
from services.api.routes.backtests import own_row
from services.api.schemas import responses
from services.api.schemas.requests import ExportQuery
from shared.contracts.http import JSON
from shared.errors import Problem, UnavailableError

PAGE = 1000
"""Rows of a JSON page unless the caller says otherwise; CSV and Parquet are whole."""
CHILD_S = 20.0
CHILDREN = asyncio.Semaphore(2)

COLUMNS = {
    "trades": ("date", "stock_code", "name", "side", "shares", "price", "commission", "tax", "reason"),
    "equity": ("date", "equity", "cash", "positions", "daily_return", "drawdown", "benchmark"),
}
"""Columns of an export without rows, in the order of the contract."""

MEDIA = {"json": JSON, "csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


async def trades(api: Api, call: Call) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/trades`."""
    return await _export(api, call, "trades")


async def equity(api: Api, call: Call) -> web.StreamResponse:
    """`GET /v1/backtests/{id}/equity`."""
    return await _export(api, call, "equity")


async def _export(api: Api, call: Call, part: str) -> web.StreamResponse:
    query: ExportQuery = call.query
    row = await own_row(api, call)
    status = status_of(row)
    if status != "completed":
        raise ApiProblem(409, "conflict", f"The backtest is {status}; only a completed one has {part}.")
    body = await api.results.needed(row["computation"])
    start = read_cursor(query.cursor, int) or 0
    limit = query.limit or (PAGE if query.format == "json" else sys.maxsize)
    written, total = await asyncio.to_thread(_written, body, part, query.format, start, limit)
    if not 0 <= start <= total:
        raise invalid([Problem(path="cursor", message="this is no cursor of this list; use next_cursor of an answer")])
    following = write_cursor(start + limit) if start + limit < total else None
    headers = {} if following is None else {"Link": f'<{_next(call, following)}>; rel="next"'}
    if query.format == "json":
        front = pieces_of({"total": total, "next_cursor": following})
        pieces = [*front[:-1], b',"items":[', *written, b"]}"]
        return await send(call.request, pieces, JSON, headers=headers)
    name = f"{part}-{row['id']}.{query.format}"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if query.format == "csv":
        return await send(call.request, written, MEDIA["csv"], charset="utf-8", headers=headers)
    return await send(call.request, [await as_parquet(written)], MEDIA["parquet"], headers=headers)


def _written(body: bytes, part: str, kind: str, start: int, limit: int) -> tuple[list[bytes], int]:
    """A page of a part as pieces of its text, and how many rows the part has; for Parquet what its child reads."""
    pieces: list[bytes] = []
    columns: list[str] | None = None
    total = 0
    for block in blocks(body, part):
        page = block[max(0, start - total) : max(0, start + limit - total)]
        total += len(block)
        if columns is None:
            columns = columns_of(block, COLUMNS[part])
        if page and kind == "csv":
            pieces.append(as_csv(page, columns, headed=not pieces))
        elif page:
            text = orjson.dumps(page)[1:-1] if kind == "json" else orjson.dumps(page) + b"\n"
            pieces += [b",", text] if pieces and kind == "json" else [text]
    columns = columns or list(COLUMNS[part])
    if kind == "csv" and not pieces:
        pieces = [as_csv([], columns)]
    if kind == "parquet":
        pieces.insert(0, orjson.dumps(columns) + b"\n")
    return pieces, total


def _next(call: Call, cursor: str) -> str:
    return str(call.request.rel_url.update_query(cursor=cursor))


def columns_of(rows: Rows, known: tuple[str, ...]) -> list[str]:
    """The contract's columns first, then any further ones."""
    more = [name for name in (rows[0] if rows else {}) if name not in known]
    return [*known, *more]


def as_csv(rows: Rows, columns: Sequence[str], *, headed: bool = True) -> bytes:
    """CSV; null is empty, and text that a spreadsheet would run as a formula gets an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="", extrasaction="ignore")
    if headed:
        writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value if not isinstance(value, dict | list) else orjson.dumps(value).decode()


async def as_parquet(lines: list[bytes]) -> bytes:
    """Parquet, made by a child process: the library that writes it is heavy and computes."""
    async with CHILDREN:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.api.http.parquet",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert child.stdin is not None  # noqa: S101 - a pipe was asked for
        assert child.stdout is not None  # noqa: S101
        try:
            async with asyncio.timeout(CHILD_S):
                body, _ = await asyncio.gather(child.stdout.read(), _feed(child.stdin, lines))
                await child.wait()
        except TimeoutError:
            raise UnavailableError("The export took too long; ask for csv, or for pages.") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode != 0:
        raise UnavailableError("The export did not succeed; ask for csv, or try again.")
    return body


async def _feed(pipe: asyncio.StreamWriter, lines: list[bytes]) -> None:
    with suppress(ConnectionError):  # the child has ended; its exit code tells
        for line in lines:
            pipe.write(line)
            await pipe.drain()
    pipe.close()


ROUTES = tuple(
    Route(
        method="GET", path=f"/v1/backtests/{{id}}/{part}", handler=handler, tag="backtests",
        summary=f"The {part} of a completed backtest as JSON (paged), CSV or Parquet", query=ExportQuery,
        answers={200: model}, also=("text/csv", "application/vnd.apache.parquet"), problems=(404, 409),
    )
    for part, handler, model in (("trades", trades, responses.TradePage), ("equity", equity, responses.EquityPage))
)  # fmt: skip
