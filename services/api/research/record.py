"""Backtests as trials of the ledger: each that has ended is recorded once, and judged against its line."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import asyncpg
import numpy as np
import orjson
import structlog

from services.api.backtests.results import Selection
from services.api.backtests.row import BacktestRow
from services.api.context import AppContext
from shared.errors import DatasetError, UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.research_ledger import SQL, Entry, Recorded, Source, record_trials
from shared.messages import Language, Message, render
from shared.model.request import request_from_json
from shared.research.ledger.report import conclusion, deflated_document
from shared.research.ledger.trials import WeeklyReturns, score_of, trial_digest, weekly_returns

log = structlog.get_logger()

BATCH: Final = 100
POLL_S: Final = 2.0
CURVE: Final = Selection(parts=frozenset({"equity"}), columns=True)


async def record_line(app: AppContext, owner: str | None, name: str | None) -> int:
    """Record the ended backtests that a line (None: any) lacks; return how many there were."""
    recorded = 0
    while True:
        async with app.database.connection() as connection:
            rows = await connection.fetch(SQL["select_unrecorded"], owner, name, BATCH)
        for row in rows:
            await _record(app, row)
        recorded += len(rows)
        if len(rows) < BATCH:
            return recorded


async def record_forever(app: AppContext) -> None:
    """Task: record what no request reads, so that retention can delete it."""
    while True:
        try:
            recorded = await record_line(app, None, None)
            if recorded:
                log.info("backtests.recorded", rows=recorded)
        except (*LOST, *REDIS_LOST, UnavailableError) as error:
            log.warning("ledger.unavailable", error=type(error).__name__)
        await asyncio.sleep(POLL_S)


async def _record(app: AppContext, row: asyncpg.Record) -> None:
    """Record one ended backtest; one without a result, or whose result is damaged, is no trial."""
    entries: list[Entry] = []
    if row["status"] == "completed" and row["cancelled_at"] is None:
        request = request_from_json(row["request"])
        try:
            returns = await _returns(app, row["computation"], request.initial_cash)
        except DatasetError as error:
            log.error("result.damaged", computation_id=str(row["computation"]), error=str(error))
            returns = None
        if returns is not None:
            score = score_of(returns.values)
            entries.append(Entry(digest=trial_digest(request), score=score, pack=returns.pack, variant=None))
    recorded: Recorded | None = None
    async with app.database.transaction() as connection:
        if await connection.fetchval(SQL["mark_recorded"], row["id"]) is not None:
            source = Source(kind="backtest", id=row["id"])
            recorded = await record_trials(connection, row["owner"], row["research"], source, entries)
    if recorded is not None:
        recorded.count()


async def _returns(app: AppContext, computation: Any, initial_cash: float) -> WeeklyReturns | None:
    """Return the weekly returns of a stored result; None when it is gone."""
    body = await app.results.selected(computation, CURVE)
    return None if body is None else weekly_of(body, initial_cash)


def weekly_of(body: bytes, initial_cash: float) -> WeeklyReturns:
    """Return the weekly returns of the JSON of a result with its equity as arrays."""
    curve = orjson.loads(body)["equity"]
    days = np.array(curve["date"], "datetime64[D]").astype(np.int64)
    return weekly_returns(days, np.array(curve["equity"], np.float64), initial_cash)


async def deflated_of(app: AppContext, owner: str, row: BacktestRow, language: Language) -> dict[str, Any] | None:
    """Return the `deflated` of a completed backtest of a line, after the line has all its backtests; else None."""
    if row.research is None or row.status != "completed" or row.computation is None:
        return None
    returns = await _returns(app, row.computation, request_from_json(row.request).initial_cash)
    return await deflated_returns(app, owner, row.research, returns, language)


async def deflated_returns(
    app: AppContext, owner: str, name: str | None, returns: WeeklyReturns | None, language: Language
) -> dict[str, Any] | None:
    """Return weekly returns against all trials of a line, after it has all its backtests; None without one of them."""
    if name is None or returns is None:
        return None
    await record_line(app, owner, name)
    line_row = await app.lines.row(owner, name)
    if line_row is None:
        return None
    line = await app.lines.line(line_row)
    found = deflated_document(name, line, returns)
    return {**found, "conclusion": sentence(conclusion(line, returns), language)}


def sentence(message: Message, language: Language) -> dict[str, Any]:
    """Return a message of an answer in a language."""
    text = str(message) if language == "en" else render(message.code, message.params, language)
    return {"code": message.code, "message": text or str(message)}
