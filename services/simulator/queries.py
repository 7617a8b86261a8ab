"""Questions that a simulator answers while somebody waits: a screen, an explanation, an audit, a replay."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import orjson
import structlog

from services.simulator.run_store import SQL
from services.simulator.runner import Tools
from shared.contracts.events import QueryAnswered, QueryRequested
from shared.contracts.http import problem_document, run_problem
from shared.dataset.panels import MappedPanels
from shared.errors import ChunkMissingError, DatasetError, RequestError, RunError, UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.redis.cache import LARGEST
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.streams import append
from shared.language.evaluate import evaluate
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest, request_from_json
from shared.simulation.coverage import Presence
from shared.simulation.native import Plane, plane
from shared.simulation.plan import Expressions, expressions_of, plan, window_of
from shared.simulation.result.storage import pack_json, unpack
from shared.simulation.run_warnings import coverage_warnings
from shared.simulation.universe import UniverseMask, universe_rows
from shared.simulation.warnings import documents

log = structlog.get_logger()

KEPT_S = 600
Payload = dict[str, Any]


async def answer(tools: Tools, query: QueryRequested) -> None:
    """Compute the answer, put it into the cache, and tell who waits; late questions are dropped."""
    if time.time() > query.deadline:
        return
    problem: dict[str, Any] | None = None
    try:
        found = await _computed(tools, query)
        body = pack_json(found)
        if len(body) > LARGEST:
            problem = problem_document(422, "too-costly", "The answer would be too large; ask about a shorter window.")
        else:
            await tools.cache.put_result(query.query_id, body, keep_s=KEPT_S)
    except RunError as error:
        problem = run_problem(error)
    except RequestError as error:
        problem = problem_document(422, "invalid-request", str(error), error.problems)
    except (ChunkMissingError, UnavailableError, DatasetError, *LOST, *REDIS_LOST) as error:
        log.warning("query.interrupted", query=query.query_id, error=str(error))
        problem = problem_document(503, "unavailable", "The data cannot be read at this moment; try again.")
    except Exception as error:  # the outermost edge of a question: a bug ends it and nothing else
        log.error("query.broken", query=query.query_id, kind=query.kind, exc_info=error)
        problem = problem_document(500, "internal", "The question broke by a mistake of ours; it is logged.")
    await append(tools.broker, QueryAnswered(query_id=query.query_id, problem=problem))


async def _computed(tools: Tools, query: QueryRequested) -> bytes:
    payload = query.payload
    panels = await tools.versions.panels(payload["version"])
    loop = asyncio.get_running_loop()
    work = await _work_of(tools, query)
    while True:
        try:
            found = await loop.run_in_executor(tools.questions, work, panels)
        except ChunkMissingError as error:
            await tools.versions.bring(payload["version"], error.missing, lambda: time.time() < query.deadline)
            if time.time() >= query.deadline:
                raise
        else:
            return orjson.dumps(found)


async def _work_of(tools: Tools, query: QueryRequested) -> Callable[[MappedPanels], dict[str, Any]]:
    payload = query.payload
    if query.kind == "ranking":
        return lambda panels: ranking(payload, panels.reading())
    request = request_from_json(payload["request"])
    stored = await _stored(tools, payload["computation"]) if query.kind == "replay" else b""
    works: dict[str, Callable[[Panels], dict[str, Any]]] = {
        "screen": partial(screen, request, payload),
        "explain": partial(_explain, request),
        "audit": partial(_audit, request, payload),
        "replay": partial(_replay, request, tools, payload, stored),
    }
    return partial(_mapped, request, works[query.kind])


def _mapped(request: BacktestRequest, work: Callable[[Panels], dict[str, Any]], panels: MappedPanels) -> dict[str, Any]:
    reading = panels.reading()
    for name, rows in plan(request, panels.days).needs.items():
        if name in panels.factors or not name.isupper():
            reading.ensure([name], rows)
    return work(reading)


async def _stored(tools: Tools, computation: str) -> bytes:
    async with tools.database.connection() as connection:
        row = await connection.fetchrow(SQL["result"], uuid.UUID(computation))
    if row is None:
        raise RunError("no_result", "The stored result of this backtest is not there.")
    return unpack(row["result"])


def screen(request: BacktestRequest, payload: Payload, panels: Panels) -> dict[str, Any]:
    """The stocks that pass on one row, in the order of `rank_by`; stocks without a value come last.

    A factor that no stock of the universe has is an error, as it is in a run; one that few have is a warning.
    """
    expressions = replace(expressions_of(request), sell=None)
    window = window_of(request, panels.days)
    if window.stop <= window.start:
        raise RunError("no_window", f"{request.start} is no trading day of the dataset.")
    row = slice(window.stop - 1, window.stop)
    universe = universe_rows(request.strategy.universe, panels, expressions.universe)
    mask = universe.rows(row)
    warnings = _presence(expressions, universe, panels, row, plane(mask, row.start, np.bool_, mask.shape[1]))
    passed = mask[0].copy()
    if expressions.buy is not None:
        passed &= evaluate(expressions.buy, panels, row, universe.rows, universe.key)[0]
    values = evaluate(expressions.rank_by, panels, row, universe.rows, universe.key)[0].astype(np.float64)
    columns = np.flatnonzero(passed)
    found = values[columns]
    key = found if request.strategy.buy.order == "asc" else -found
    order = columns[np.lexsort((panels.instruments.code_rank[columns], np.where(np.isnan(key), np.inf, key)))]
    names = panels.instruments
    items = [
        {
            "stock_code": names.code[column],
            "name": names.name[column],
            "name_en": names.name_en[column],
            "market": names.market[column],
            "sector": names.sector[column],
            "rank": place + 1,
            "value": None if np.isnan(values[column]) else float(values[column]),
        }
        for place, column in enumerate(order[: payload["limit"]].tolist())
    ]
    return {"date": iso(int(panels.days[row.start])), "total": len(order), "items": items, "warnings": warnings}


def _presence(
    expressions: Expressions, universe: UniverseMask, panels: Panels, row: slice, mask: Plane
) -> list[dict[str, Any]]:
    """Return warnings about factors that are scarce on a row.

    Raises RunError with the name of the query parameter for a factor that is absent.
    """
    presence = Presence.of(expressions, np.ones(1, np.bool_), row.start, len(panels.instruments))
    presence.add(panels, universe, row, mask)
    try:
        return documents(coverage_warnings(presence.judge(panels, universe)))
    except RunError as error:
        problems = [replace(problem, path=problem.path.removeprefix("strategy.buy.")) for problem in error.problems]
        raise RunError(error.kind, error.detail, tuple(problems)) from None


MEAN_ROWS = 20


def ranking(payload: Payload, panels: Panels) -> dict[str, Any]:
    """The greatest of one row: its market cap, or means over its last 20 rows of volume (in shares of that row) or
    trading value; stocks without a close within 60 rows are left out."""
    last = int(np.searchsorted(panels.days, payload["day"]))
    row, tail = slice(last, last + 1), slice(max(last - MEAN_ROWS + 1, 0), last + 1)
    present = ~np.isnan(panels.panel("adj_close", row)[0])
    if payload["kind"] == "market_cap":
        values = panels.panel("cap", row)[0].astype(np.float64)
    else:
        view = "adj_volume" if payload["kind"] == "trading_volume" else "view_trading_value"
        cells = panels.panel(view, tail)
        known = ~np.isnan(cells)
        with np.errstate(invalid="ignore"):
            values = np.where(known, cells, 0.0).sum(axis=0) / known.sum(axis=0)
        if view == "adj_volume":
            values = values * panels.panel("adjust", row)[0]
    names = panels.instruments
    if payload["market"] is not None:
        present = present & (np.array(names.market) == payload["market"])
    columns = np.flatnonzero(present & ~np.isnan(values))
    order = columns[np.lexsort((names.code_rank[columns], -values[columns]))]
    items = [
        {
            "rank": place + 1,
            "stock_code": names.code[column],
            "name": names.name[column],
            "name_en": names.name_en[column],
            "market": names.market[column],
            "value": float(values[column]),
        }
        for place, column in enumerate(order[: payload["limit"]].tolist())
    ]
    return {"kind": payload["kind"], "date": iso(payload["day"]), "market": payload["market"], "total": len(order),
            "items": items}  # fmt: skip


def _explain(request: BacktestRequest, panels: Panels) -> dict[str, Any]:
    from shared.simulation import explain

    return explain(request, panels)


def _audit(request: BacktestRequest, payload: Payload, panels: Panels) -> dict[str, Any]:
    from shared.simulation import audit

    return audit(request, panels, payload["seed"], payload["cuts"])


def _replay(request: BacktestRequest, tools: Tools, payload: Payload, stored: bytes, panels: Panels) -> dict[str, Any]:
    outcome = tools.run(request, panels)
    same = outcome.result_digest == payload["result_digest"]
    before, after = orjson.loads(stored), orjson.loads(outcome.body)
    return {
        "outcome": "identical" if same else "different",
        "result_digest": outcome.result_digest,
        "stored_result_digest": payload["result_digest"],
        "first_difference": None if same else first_difference(before, after),
        "provenance": after.get("provenance"),
        "stored_provenance": before.get("provenance"),
    }


def first_difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any] | None:
    """Where two results part: the first day of the equity, else the first trade, else the first other value."""
    for part in ("equity", "trades", "round_trips", "open_positions"):
        left, right = before.get(part) or [], after.get(part) or []
        for place in range(max(len(left), len(right))):
            one = left[place] if place < len(left) else None
            other = right[place] if place < len(right) else None
            if one != other:
                return {"part": part, "index": place, "date": (one or other or {}).get("date"),
                        "stored": one, "now": other}  # fmt: skip
    for part in sorted({*before, *after} - {"timing", "cache", "provenance"}):
        if before.get(part) != after.get(part):
            return {"part": part, "index": None, "date": None, "stored": before.get(part), "now": after.get(part)}
    return None
