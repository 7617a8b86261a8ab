"""Asking a simulator a question and waiting for its answer; equal questions are asked once."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

import orjson

from services.api.backtests.results import open_frame
from services.api.context import Api, Asked
from services.api.errors import ApiProblem
from shared.contracts.events import QueryRequested
from shared.errors import DatasetError, UnavailableError
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append

PATIENCE_S = 60.0


def name_of(kind: str, payload: dict[str, Any]) -> str:
    """The content name of a question."""
    text = orjson.dumps([kind, payload], option=orjson.OPT_SORT_KEYS)
    return f"q-{kind}-{hashlib.sha256(text).hexdigest()[:40]}"


async def ask(api: Api, kind: str, payload: dict[str, Any], *, stored: bool = True) -> bytes:
    """The JSON of a simulator's answer; ApiProblem when it says that there is none, UnavailableError when none comes.

    With `stored` an answer that lies in the cache is taken; otherwise it is computed anew.
    """
    name = name_of(kind, payload)
    if not stored:
        name += f"-{time.time_ns():x}"
    elif (body := await _stored(api, name)) is not None:
        return body
    asked = api.asked.get(name)
    if asked is None:
        asked = api.asked[name] = Asked(asyncio.ensure_future(_asked(api, name, kind, payload)))
    asked.callers += 1
    try:
        return await asyncio.shield(asked.answer)
    finally:
        asked.callers -= 1
        if asked.answer.done() or not asked.callers:
            asked.answer.cancel()  # nobody waits any more
            if api.asked.get(name) is asked:
                del api.asked[name]


async def _asked(api: Api, name: str, kind: str, payload: dict[str, Any]) -> bytes:
    api.ends.expect(name)
    event = QueryRequested(query_id=name, kind=kind, payload=payload, deadline=time.time() + PATIENCE_S)
    try:
        await append(api.broker, event)
        answered = await api.ends.answer(name, PATIENCE_S)
    except LOST as error:
        raise UnavailableError("The broker does not answer.") from error
    finally:
        api.ends.unexpect(name)
    if answered is None:
        raise UnavailableError("No simulator answered in time.")
    if answered.problem is not None:
        raise _refusal(answered.problem)
    body = await _stored(api, name)
    if body is None:
        raise UnavailableError("The answer was lost; ask again.")
    return body


async def _stored(api: Api, name: str) -> bytes | None:
    frame = await api.cache.get_result(name)
    if frame is None:
        return None
    try:
        return await open_frame(frame)
    except DatasetError:
        return None


def _refusal(problem: dict[str, Any]) -> ApiProblem:
    """The simulator's problem as the api's answer."""
    status = int(problem.get("status", 500))
    found = ApiProblem(status, str(problem["type"]).rpartition(":")[2], str(problem.get("detail", "")))
    found.ready = problem
    return found
