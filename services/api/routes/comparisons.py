"""Backtests side by side: statistics, and equity on the dates that they have in common."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import orjson
from aiohttp import web

from services.api.backtests.result_reader import blocks
from services.api.backtests.serialize import status_of
from services.api.context import Api, Call, Route
from services.api.errors import ApiProblem, invalid
from services.api.http.request import parse_model, read_body
from services.api.schemas import responses
from services.api.schemas.requests import CompareBody
from shared.contracts.http import JSON
from shared.errors import Problem
from shared.infra.database.sql import statements

SQL = statements("backtest")


async def compare(api: Api, call: Call) -> web.Response:
    """`POST /v1/compare`."""
    body = parse_model(CompareBody, await read_body(call.request, api.settings.body_bytes))
    rows = await _rows(api, call, body.ids)
    curves = [await asyncio.to_thread(_curve, await api.results.needed(row["computation"])) for row in rows]
    document = await asyncio.to_thread(_side_by_side, rows, curves)
    return web.Response(body=document, content_type=JSON)


async def _rows(api: Api, call: Call, names: list[str]) -> list[Any]:
    """The caller's completed rows in the order that was asked for; every mistake at once."""
    wanted: list[uuid.UUID | None] = []
    for name in names:
        try:
            wanted.append(uuid.UUID(name))
        except ValueError:
            wanted.append(None)
    known = [identity for identity in wanted if identity is not None]
    async with api.database.connection() as connection:
        found = {row["id"]: row for row in await connection.fetch(SQL["statistics"], call.caller.owner, known)}
    problems = [
        Problem(path=f"ids[{place}]", message="there is no backtest with this id")
        for place, identity in enumerate(wanted)
        if identity not in found
    ]
    if len(set(known)) != len(known):
        problems.append(Problem(path="ids", message="an id is given twice"))
    if problems:
        raise invalid(problems)
    rows = [found[identity] for identity in known]
    unfinished = [str(row["id"]) for row in rows if status_of(row) != "completed"]
    if unfinished:
        raise ApiProblem(409, "conflict", f"Only completed backtests can be compared; not: {', '.join(unfinished)}.")
    return rows


def _curve(body: bytes) -> list[dict[str, Any]]:
    return [point for block in blocks(body, "equity") for point in block]


def _side_by_side(rows: list[Any], curves: list[list[dict[str, Any]]]) -> bytes:
    common = set.intersection(*({point["date"] for point in curve} for curve in curves)) if curves else set()
    dates = sorted(common)
    values = [{point["date"]: point["equity"] for point in curve} for curve in curves]
    items = [
        {
            "id": str(row["id"]),
            "strategy_id": row["strategy_id"],
            "dataset": row["dataset_version"],
            "statistics": orjson.loads(row["statistics"]) if row["statistics"] else {},
            "equity": [curve[date] for date in dates],
        }
        for row, curve in zip(rows, values, strict=True)
    ]
    return orjson.dumps({"dates": dates, "items": items})


ROUTES = (
    Route(
        method="POST", path="/v1/compare", handler=compare, tag="backtests",
        summary="Statistics and equity side by side",
        body=CompareBody, answers={200: responses.Comparison}, problems=(400, 409, 413, 415),
    ),
)  # fmt: skip
