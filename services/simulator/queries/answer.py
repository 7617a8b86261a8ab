"""Answer one query: compute it, put the answer into the cache and publish that it is there."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import orjson
import structlog

from services.simulator.job import Context
from services.simulator.queries.account_day import NumberedQuotes, account_day_on_mapped
from services.simulator.queries.account_drift import account_drift
from services.simulator.queries.audit import audit
from services.simulator.queries.distribution import distribution
from services.simulator.queries.explain import explain
from services.simulator.queries.factor_report import (
    expression_coverage_on_mapped,
    factor_audit_on_mapped,
    factor_coefficients_on_mapped,
    factor_portfolios_on_mapped,
    factor_report_on_mapped,
)
from services.simulator.queries.holdings import holdings
from services.simulator.queries.opening_quotes import opening_quotes
from services.simulator.queries.panel_memory import read_bytes_of_query, stored_bytes_of_query
from services.simulator.queries.prices import prices
from services.simulator.queries.ranking import ranking
from services.simulator.queries.replay import replay
from services.simulator.queries.robustness import robustness_on_mapped
from services.simulator.queries.screen import screen
from services.simulator.queries.sectors import sectors
from services.simulator.queries.values import values_on_mapped
from services.simulator.reservation import reserved_panels
from services.simulator.run_store import SQL
from shared.contracts import queries
from shared.contracts.events import QueryAnswered, QueryRequested
from shared.contracts.http import problem_document, run_problem
from shared.dataset.panel_reader import PanelReader
from shared.dataset.panels import MappedPanels
from shared.errors import CancelledRunError, ChunkMissingError, DatasetError, RequestError, RunError, UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.database.sql import statements
from shared.infra.redis.cache import MAX_VALUE_BYTES
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.streams import append
from shared.language.columns import columns_of
from shared.messages import say
from shared.model.calendar import from_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest, request_from_json
from shared.simulation.column_values import columns_need
from shared.simulation.plan import plan
from shared.simulation.result.storage import pack_json, unpack

log = structlog.get_logger()

ANSWER_TTL_S = 600
QUOTES_SQL = statements("opening_quotes")


async def answer(
    context: Context, query: QueryRequested, pool: Executor, is_stopped: Callable[[], bool] | None = None
) -> None:
    """Compute the answer in a thread of `pool`, store it in the cache and publish `QueryAnswered`.

    A query past its deadline is dropped, and ended when it passes meanwhile or `is_stopped` returns true; the latter
    raises CancelledRunError.
    """
    if time.time() > query.deadline:
        return
    if not queries.is_named_by_content(query.query_id, query.kind, query.payload):
        log.warning(
            "query.rejected", query_id=query.query_id, kind=query.kind, error="it has the name of another query"
        )
        return
    problem: dict[str, Any] | None = None
    cancelled = is_stopped or (lambda: time.time() > query.deadline)
    try:
        body = pack_json(await _compute(context, query, pool, cancelled))
        if len(body) > MAX_VALUE_BYTES:
            problem = problem_document(422, "too-costly", say("answer_too_large"))
        else:
            await asyncio.to_thread(context.panel_store.files.note_answer, query.query_id)
            await context.cache.put_result(query.query_id, body, ttl_s=ANSWER_TTL_S)
    except CancelledRunError:
        if time.time() <= query.deadline:
            raise
        log.info("query.overdue", query_id=query.query_id, kind=query.kind)
        return
    except RunError as error:
        problem = run_problem(error, queries.failure_of(query.kind))
    except RequestError as error:
        problem = problem_document(422, "invalid-request", str(error), error.problems)
    except (ChunkMissingError, UnavailableError, DatasetError, *LOST, *REDIS_LOST) as error:
        log.warning("query.interrupted", query_id=query.query_id, error=str(error))
        problem = problem_document(503, "unavailable", say("data_unreadable"))
    except queries.QueryError as error:  # the api is of a newer version than this simulator
        log.warning("query.unknown", query_id=query.query_id, kind=query.kind, error=str(error))
        problem = problem_document(503, "unavailable", say("query_unknown"))
    except Exception as error:  # outermost handler of a query: an unexpected error fails this query only
        log.error("query.crashed", query_id=query.query_id, kind=query.kind, exc_info=error)
        problem = problem_document(500, "internal", say("query_crashed"))
    await append(context.broker, QueryAnswered(query_id=query.query_id, problem=problem))


async def _compute(context: Context, event: QueryRequested, pool: Executor, cancelled: Callable[[], bool]) -> bytes:
    query = queries.read_query(event.kind, event.payload)
    panels = await context.panel_store.panels(query.version)
    loop = asyncio.get_running_loop()
    compute = await _computation_of(context, query)

    def computed() -> Mapping[str, Any]:
        if pool is context.query_pool or not isinstance(query, queries.RequestQuery):
            # what is short is bounded by its cost, and must not wait for what is long
            return compute(panels.reader(cancelled))
        request = request_from_json(query.request)
        stored = stored_bytes_of_query(query, request, panels)

        def read() -> int:
            return read_bytes_of_query(query, request, panels)

        with reserved_panels(panels, stored, read, cancelled):
            return compute(panels.reader(cancelled))

    while True:
        try:
            found = await loop.run_in_executor(pool, computed)
        except ChunkMissingError as error:
            await context.panel_store.fetch_missing(query.version, error.missing, lambda: not cancelled())
            if cancelled():
                raise CancelledRunError("the query was stopped") from None
        else:
            return orjson.dumps(found, option=orjson.OPT_SERIALIZE_NUMPY)


async def _computation_of(context: Context, query: queries.Query) -> Callable[[PanelReader], Mapping[str, Any]]:
    """Return the function of the panels that answers a query."""
    if isinstance(query, queries.RequestQuery):
        return await computation_of_request(context, query, request_from_json(query.request))
    match query:
        case queries.Ranking():
            return partial(ranking, query)
        case queries.Sectors():
            return partial(sectors, query)
        case queries.Prices():
            return partial(prices, query)
        case queries.OpeningQuotes():
            return partial(opening_quotes, query)
        case queries.Holdings():
            result = await _stored_result(context, query.computation)
            return partial(holdings, query, result)
        case _:
            raise TypeError(f"The query {query.kind} has no computation.")


async def computation_of_request(
    context: Context, query: queries.RequestQuery, request: BacktestRequest
) -> Callable[[PanelReader], Mapping[str, Any]]:
    match query:
        case queries.Values():
            return partial(values_on_mapped, request, query)
        case queries.Screen():
            return partial(_on_mapped, request, partial(screen, request, query), query.columns)
        case queries.Distribution():
            return partial(_on_mapped, request, partial(distribution, request, query), ())
        case queries.Explain():
            return partial(_on_mapped, request, partial(explain, request, query), ())
        case queries.Audit():
            return partial(_on_mapped, request, partial(audit, request, query), ())
        case queries.AccountDay():
            return partial(account_day_on_mapped, request, query, await _quotes(context, query))
        case queries.AccountDrift():
            return partial(account_drift, request, query, await _earlier_panels(context, query.before))
        case queries.Robustness():
            return partial(robustness_on_mapped, request, query)
        case queries.FactorReportAudit():
            return partial(factor_audit_on_mapped, request, query)
        case queries.FactorReport():
            return partial(factor_report_on_mapped, request, query)
        case queries.ExpressionCoverage():
            return partial(expression_coverage_on_mapped, request)
        case queries.FactorCoefficients():
            return partial(factor_coefficients_on_mapped, request, query)
        case queries.FactorPortfolios():
            return partial(factor_portfolios_on_mapped, request, query)
        case queries.Replay():
            stored = await _stored_result(context, query.computation)
            return partial(_on_mapped, request, partial(replay, request, context.run, query, stored), ())
        case _:
            raise TypeError(f"The query {query.kind} has no computation.")


def _on_mapped(
    request: BacktestRequest,
    compute: Callable[[Panels], dict[str, Any]],
    columns: Sequence[str],
    reader: PanelReader,
) -> dict[str, Any]:
    """Map the panels that the request and further columns of its last row read, then compute."""
    planned = plan(request, reader.days)
    last = slice(max(0, planned.window.stop - 1), planned.window.stop)
    for needs in (planned.needs, columns_need(columns_of(columns), last)):
        for name, rows in needs.items():
            if name in reader.factors or not name.isupper():
                reader.ensure([name], rows)
    return compute(reader)


async def _earlier_panels(context: Context, version: str) -> MappedPanels | None:
    """Return the panels of a version; None when it was deleted."""
    try:
        return await context.panel_store.panels(version)
    except RunError:
        return None


async def _quotes(context: Context, query: queries.AccountDay) -> NumberedQuotes | None:
    """Return the opening quotes that a query names, as they are now; None without any."""
    if query.quotes is None:
        return None
    async with context.database.connection() as connection:
        row = await connection.fetchrow(QUOTES_SQL["select_quotes"], from_day(query.quotes[0]))
    if row is None:
        return None
    return NumberedQuotes(day=query.quotes[0], number=row["number"], prices=orjson.loads(row["quotes"]))


async def _stored_result(context: Context, computation: str) -> bytes:
    async with context.database.connection() as connection:
        row = await connection.fetchrow(SQL["result"], uuid.UUID(computation))
    if row is None:
        raise RunError("no_result", say("no_result"))
    return unpack(row["result"])
