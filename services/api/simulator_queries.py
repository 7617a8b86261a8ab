"""Queries that a simulator answers (screen, ranking, explain, audit, replay); equal ones share one computation."""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson

from services.api.backtests.results import unpack_frame
from services.api.context import AppContext
from services.api.errors import ApiProblem
from services.api.ids import new_id
from shared.contracts import queries
from shared.contracts.events import LongRunRequested, QueryAnswered, QueryRequested
from shared.contracts.queries import QUERY_LIMIT_S, Query, content_name, payload_of
from shared.errors import DatasetError, UnavailableError
from shared.infra.database.pool import LOST as DATABASE_LOST
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.messages import say
from shared.simulation.computing_cost import LONG_COST

SQL = statements("queue")
ANALYSES = (
    queries.Explain,
    queries.Audit,
    queries.Robustness,
    queries.Replay,
    queries.AccountDay,
    queries.AccountDrift,
)
"""Queries that run a backtest, once or several times."""
QUERIES_OF_OWNER = 4
"""Short queries of one owner that a process of the api has with the simulators at once."""


@dataclass
class PendingQuery:
    """A query that waits for a simulator, and the number of callers that wait for its answer."""

    answer: asyncio.Future[bytes]
    callers: int = 0


async def query_simulator(app: AppContext, query: Query, owner: str, *, cost: int = 0, use_cache: bool = True) -> bytes:
    """Return the JSON of a simulator's answer; with `use_cache` a cached one.

    `cost` is that of the computation (`shared.simulation.computing_cost`), which counts in the share of the owner.
    Raises the simulator's problem, or UnavailableError when no answer comes within `QUERY_LIMIT_S`.
    """
    name = content_name(query.kind, payload_of(query))
    if not use_cache:
        name += f"-{time.time_ns():x}"
    elif (body := await _cached(app, name)) is not None:
        return body
    pending = app.pending_queries.get(name)
    if pending is None:
        question = PendingQuestion(name=name, query=query, owner=owner, cost=cost)
        pending = PendingQuery(asyncio.ensure_future(_ask(app, question)))
        app.pending_queries[name] = pending
    pending.callers += 1
    try:
        return await asyncio.shield(pending.answer)
    finally:
        pending.callers -= 1
        if pending.answer.done() or not pending.callers:
            pending.answer.cancel()  # the last caller has disconnected
            if app.pending_queries.get(name) is pending:
                del app.pending_queries[name]


@dataclass(frozen=True, kw_only=True)
class PendingQuestion:
    """A query with its content name, the owner whose share it uses, and its cost."""

    name: str
    query: Query
    owner: str
    cost: int

    @property
    def is_long(self) -> bool:
        """Whether it takes as long as a run: then PostgreSQL decides when it is next."""
        return isinstance(self.query, ANALYSES) or self.cost > LONG_COST


async def _ask(app: AppContext, question: PendingQuestion) -> bytes:
    app.event_hub.register(question.name)
    try:
        answer = await (_answer_of_analysis(app, question) if question.is_long else _answer_of_query(app, question))
    except LOST as error:
        raise UnavailableError(say("broker_unavailable")) from error
    finally:
        app.event_hub.unregister(question.name)
    if answer is None and question.is_long:
        raise UnavailableError(say("query_overdue", seconds=round(QUERY_LIMIT_S)))
    if answer is None:
        raise UnavailableError(say("simulator_unavailable"))
    if answer.problem is not None:
        raise _as_problem(answer.problem)
    body = await _cached(app, question.name)
    if body is None:
        raise UnavailableError(say("answer_evicted"))
    return body


async def _answer_of_query(app: AppContext, question: PendingQuestion) -> QueryAnswered | None:
    """Publish a short query and return its answer; those of one owner beyond a few wait for each other."""
    deadline = time.time() + QUERY_LIMIT_S
    turns = app.query_turns.setdefault(question.owner, asyncio.Semaphore(QUERIES_OF_OWNER))
    try:
        async with asyncio.timeout(QUERY_LIMIT_S), turns:
            query = question.query
            event = QueryRequested(
                query_id=question.name, kind=query.kind, payload=payload_of(query), deadline=deadline
            )  # fmt: skip
            await append(app.broker, event)
            answer = await app.event_hub.answer_of(question.name, max(0.0, deadline - time.time()))
    except TimeoutError:
        return None
    app.computed.add(question.owner, question.cost)
    return answer


async def _answer_of_analysis(app: AppContext, question: PendingQuestion) -> QueryAnswered | None:
    """Queue a long query in PostgreSQL and return its answer; it is deleted when its last caller has disconnected."""
    identity = new_id()
    payload = orjson.dumps(payload_of(question.query)).decode()
    values = (identity, question.name, question.owner, question.cost, question.query.kind, payload, QUERY_LIMIT_S)
    async with app.database.connection() as connection:
        await connection.execute(SQL["insert_analysis"], *values)
    answer = None
    try:
        await append(app.broker, LongRunRequested())
        answer = await app.event_hub.answer_of(question.name, QUERY_LIMIT_S)
    finally:
        if answer is None:
            await _delete_analysis(app, identity)
    return answer


async def _delete_analysis(app: AppContext, identity: uuid.UUID) -> None:
    """Delete a long query that no client waits for; while PostgreSQL is lost, it ends at its deadline."""
    with suppress(*DATABASE_LOST, UnavailableError):
        async with app.database.connection() as connection:
            await connection.execute(SQL["delete_analysis"], identity)


async def _cached(app: AppContext, name: str) -> bytes | None:
    frame = await app.cache.get_result(name)
    if frame is None:
        return None
    try:
        return await unpack_frame(frame)
    except DatasetError:
        return None


def _as_problem(document: dict[str, Any]) -> ApiProblem:
    """Return the simulator's problem document as the answer of the api."""
    word = str(document["type"]).rpartition(":")[2]
    return ApiProblem(int(document.get("status", 500)), word, str(document.get("detail", "")), document=document)
