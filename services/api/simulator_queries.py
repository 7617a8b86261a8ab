"""Queries that a simulator answers (screen, ranking, explain, audit, replay); equal ones share one computation."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Any

import orjson

from services.api.backtests.results import unpack_frame
from services.api.context import AppContext
from services.api.errors import ApiProblem
from shared.contracts.events import QueryRequested
from shared.contracts.queries import Query, payload_of
from shared.errors import DatasetError, UnavailableError
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.messages import say

TIMEOUT_S = 60.0


@dataclass
class PendingQuery:
    """A query that waits for a simulator, and the number of callers that wait for its answer."""

    answer: asyncio.Future[bytes]
    callers: int = 0


def query_name(query: Query) -> str:
    """Return the content name of a query."""
    text = orjson.dumps([query.kind, payload_of(query)], option=orjson.OPT_SORT_KEYS)
    return f"q-{query.kind}-{hashlib.sha256(text).hexdigest()[:40]}"


async def query_simulator(app: AppContext, query: Query, *, use_cache: bool = True) -> bytes:
    """Return the JSON of a simulator's answer; with `use_cache` a cached one.

    Raises the simulator's problem, or UnavailableError when no answer comes within `TIMEOUT_S`.
    """
    name = query_name(query)
    if not use_cache:
        name += f"-{time.time_ns():x}"
    elif (body := await _cached(app, name)) is not None:
        return body
    pending = app.pending_queries.get(name)
    if pending is None:
        pending = PendingQuery(asyncio.ensure_future(_publish(app, name, query)))
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


async def _publish(app: AppContext, name: str, query: Query) -> bytes:
    app.progress.register(name)
    event = QueryRequested(query_id=name, kind=query.kind, payload=payload_of(query), deadline=time.time() + TIMEOUT_S)
    try:
        await append(app.broker, event)
        answer = await app.progress.answer_of(name, TIMEOUT_S)
    except LOST as error:
        raise UnavailableError(say("broker_unavailable")) from error
    finally:
        app.progress.unregister(name)
    if answer is None:
        raise UnavailableError(say("simulator_unavailable"))
    if answer.problem is not None:
        raise _as_problem(answer.problem)
    body = await _cached(app, name)
    if body is None:
        raise UnavailableError(say("answer_evicted"))
    return body


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
