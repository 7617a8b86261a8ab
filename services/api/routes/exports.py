"""Trades and equity of a backtest by themselves: pages of JSON, CSV, or Parquet made in a short-lived child."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from typing import Any

import orjson
from aiohttp import web

from services.api import answers
from services.api.bodies import read_cursor, write_cursor
from services.api.documents import status_of
from services.api.errors import ApiProblem, invalid
from services.api.models import ExportQuery
from services.api.routes.backtests import own_row
from services.api.state import Api, Call, Route
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
    result = await api.results.parsed(row["computation"])
    if result is None:
        raise UnavailableError("The stored result cannot be read at this moment.")
    rows: list[dict[str, Any]] = result[part]
    start = read_cursor(query.cursor, int) or 0
    if start < 0 or start > len(rows):
        raise invalid([Problem(path="cursor", message="this is no cursor of this list; use next_cursor of an answer")])
    limit = query.limit or (PAGE if query.format == "json" else len(rows))
    page = rows[start : start + limit]
    following = write_cursor(start + limit) if start + limit < len(rows) else None
    headers = {} if following is None else {"Link": f'<{_next(call, following)}>; rel="next"'}
    if query.format == "json":
        body = await asyncio.to_thread(orjson.dumps, {"items": page, "total": len(rows), "next_cursor": following})
        return web.Response(body=body, content_type=JSON, headers=headers)
    name = f"{part}-{row['id']}.{query.format}"
    headers["Content-Disposition"] = f'attachment; filename="{name}"'
    if query.format == "csv":
        body = await asyncio.to_thread(as_csv, page, COLUMNS[part])
        return web.Response(body=body, content_type=MEDIA["csv"], charset="utf-8", headers=headers)
    body = await as_parquet(page, COLUMNS[part])
    return web.Response(body=body, content_type=MEDIA["parquet"], headers=headers)


def _next(call: Call, cursor: str) -> str:
    return str(call.request.rel_url.update_query(cursor=cursor))


def columns_of(rows: list[dict[str, Any]], known: tuple[str, ...]) -> list[str]:
    """The contract's columns first, then any further ones."""
    more = [name for name in (rows[0] if rows else {}) if name not in known]
    return [*known, *more]


def as_csv(rows: list[dict[str, Any]], known: tuple[str, ...]) -> bytes:
    """CSV with a header; null is empty, and text that a spreadsheet would run as a formula gets an apostrophe."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns_of(rows, known), lineterminator="\n", restval="", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return "'" + value
    return value if not isinstance(value, dict | list) else orjson.dumps(value).decode()


async def as_parquet(rows: list[dict[str, Any]], known: tuple[str, ...]) -> bytes:
    """Parquet, made by a child process: the library that writes it is heavy and computes."""
    payload = orjson.dumps({"columns": columns_of(rows, known), "rows": rows})
    async with CHILDREN:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.api.parquet",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(CHILD_S):
                body, _ = await child.communicate(payload)
        except TimeoutError:
            raise UnavailableError("The export took too long; ask for csv, or for pages.") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode != 0:
        raise UnavailableError("The export did not succeed; ask for csv, or try again.")
    return body


ROUTES = tuple(
    Route(
        method="GET", path=f"/v1/backtests/{{id}}/{part}", handler=handler, tag="backtests",
        summary=f"The {part} of a completed backtest as JSON (paged), CSV or Parquet", query=ExportQuery,
        answers={200: model}, also=("text/csv", "application/vnd.apache.parquet"), problems=(404, 409),
    )
    for part, handler, model in (("trades", trades, answers.TradePage), ("equity", equity, answers.EquityPage))
)  # fmt: skip
