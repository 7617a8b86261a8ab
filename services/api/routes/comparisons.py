"""Comparison of backtests: statistics, equity on the dates that all of them have, differences of Sharpe ratios."""

from __future__ import annotations

import math
import uuid
from typing import Any

import numpy as np
import orjson
from aiohttp import web

from services.api.backtests.resolve import resolve_id
from services.api.backtests.result_reader import read_blocks
from services.api.backtests.row import BacktestRow
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, invalid
from services.api.http.answers import json_response
from services.api.http.request import parse_body, parse_object, read_body
from services.api.schemas import responses
from services.api.schemas.requests import CompareBody
from shared.errors import Problem
from shared.infra.database.sql import statements
from shared.messages import say
from shared.research.statistics.difference import sharpe_difference
from shared.simulation.statistics import DAYS_A_YEAR

SQL = statements("backtest")


async def post_comparison(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/compare`."""
    body = parse_body(CompareBody, parse_object(await read_body(call.request, app.settings.max_body_bytes)))
    rows = await _select_completed(app, call, body.ids)
    curves = [
        await app.computed.in_thread(call.caller.owner, _equity_of, await app.results.require(row.computation))
        for row in rows
        if row.computation is not None
    ]
    return json_response(await app.computed.in_thread(call.caller.owner, _compare, rows, curves))


async def _select_completed(app: AppContext, call: RequestContext, ids: tuple[str, ...]) -> list[BacktestRow]:
    """Return the caller's completed backtests in the order of `ids`; raise every problem with them."""
    wanted: list[uuid.UUID | None] = []
    problems: list[Problem] = []
    for index, text in enumerate(ids):
        try:
            wanted.append(await resolve_id(app, text, call.caller.owner))
        except ApiProblem as error:
            wanted.append(None)
            problems.append(Problem(path=f"ids[{index}]", message=str(error)))
    known = [identity for identity in wanted if identity is not None]
    async with app.database.connection() as connection:
        records = await connection.fetch(SQL["select_statistics"], call.caller.owner, known)
    found = {record["id"]: BacktestRow.of(record) for record in records}
    problems += [
        Problem(path=f"ids[{index}]", message=say("unknown_backtest"))
        for index, identity in enumerate(wanted)
        if identity is not None and identity not in found
    ]
    if len(set(known)) != len(known):
        problems.append(Problem(path="ids", message=say("id_repeated")))
    if problems:
        raise invalid(problems)
    rows = [found[identity] for identity in known]
    unfinished = [str(row.id) for row in rows if row.status != "completed"]
    if unfinished:
        raise ApiProblem(409, "conflict", say("comparison_unfinished", ids=unfinished))
    return rows


def _equity_of(body: bytes) -> dict[str, float | None]:
    """Return date -> equity of a result."""
    return {point["date"]: point["equity"] for block in read_blocks(body, "equity") for point in block}


def _compare(rows: list[BacktestRow], curves: list[dict[str, float | None]]) -> dict[str, Any]:
    dates = sorted(set.intersection(*(set(curve) for curve in curves))) if curves else []
    excess = [_excess_returns(row, [curve[date] for date in dates]) for row, curve in zip(rows, curves, strict=True)]
    items = [
        {
            "id": str(row.id),
            "strategy_id": row.strategy_id,
            "dataset": row.dataset_version,
            "statistics": orjson.loads(row.statistics) if row.statistics else {},
            "equity": [curve[date] for date in dates],
            "sharpe_difference": None if at == 0 else _difference(excess[at], excess[0]),
        }
        for at, (row, curve) in enumerate(zip(rows, curves, strict=True))
    ]
    return {"dates": dates, "items": items}


def _excess_returns(row: BacktestRow, equity: list[float | None]) -> np.ndarray:
    """Return float64 [days - 1]: returns between the dates less the risk-free rate of the request."""
    values = np.array(equity, float)
    rate = float(orjson.loads(row.request)["risk_free_pct"]) / 100 / DAYS_A_YEAR
    with np.errstate(divide="ignore", invalid="ignore"):
        found: np.ndarray = values[1:] / values[:-1] - 1 - rate
    return found


def _difference(one: np.ndarray, other: np.ndarray) -> dict[str, Any] | None:
    """Return the Sharpe ratio of the first less that of the second, a year; None when one is not defined."""
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return None
    found = sharpe_difference(one, other)
    if found is None:
        return None
    year = math.sqrt(DAYS_A_YEAR)
    return {
        "difference": found.difference * year, "error": found.error * year, "p": found.p, "lags": found.lags,
        "days": len(one),
    }  # fmt: skip


ROUTES = (
    Route(
        method="POST", path="/v1/compare", handler=post_comparison, tag="backtests",
        summary="Statistics and equity side by side",
        body=CompareBody, answers={200: responses.Comparison}, problems=(400, 409, 413, 415),
    ),
)  # fmt: skip
