"""S10: values and events of the right form, planted in Redis by somebody who can write there."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec
import orjson
from redis.asyncio import Redis

from shared.contracts.events import (
    BacktestEnded,
    BacktestProgressed,
    BacktestRequested,
    Event,
    QueryAnswered,
    QueryRequested,
    SweepChanged,
)
from shared.contracts.http import problem_document
from shared.contracts.queries import content_name
from shared.contracts.wire import encode
from shared.dataset.manifest import from_bytes, to_bytes
from shared.infra.redis.streams import key_of
from shared.simulation.result.storage import pack_json
from tests.chaos.caller import Callers, Tally, requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import System

FORGED = b'{"forged":true,"provenance":{"result_digest":"forged"},"statistics":{"total_return_pct":1e6}}'
SCREEN = "/v1/screen?where=raw_close%20%3E%200&limit=3"


async def s10(context: Context) -> CheckResult:
    """Plant results, answers, parts, manifests and events, restart the api, and compare every answer with the truth."""
    result, system, count = CheckResult(), context.system, context.count(60, 15)
    callers = Callers(system)
    tally = await callers.submit(requests(count, context.seed, context.start, context.end), context.seed)
    await callers.ended(tally, 120)
    before = await _answers(system, tally)
    async with system.redis("cache") as cache:
        planted = await _plant_values(cache)
    await _restart_api(system)
    after = await _answers(system, tally)
    served = [path for path in before if after[path] != before[path]]
    result.add(planted_values=planted, answers=len(before), forged_values_served=len(served))
    result.require(planted > count, "nothing was planted")
    result.require(not served, f"served as planted: {served[:3]} {[after[path] for path in served[:1]]}")
    await _plant_events(context, result)
    await system.healthy()
    return result


async def _answers(system: System, tally: Tally) -> dict[str, Any]:
    """Return what the API answers for every backtest, a screen and a ranking, without times of the request."""
    paths = [f"/v1/backtests/{identity}" for identity in tally.accepted.values()]
    found: dict[str, Any] = {}
    async with aiohttp.ClientSession() as session:
        for path in (*paths, SCREEN, "/v1/rankings/market_cap?limit=5"):
            async with session.get(system.url + path) as response:
                found[path] = (response.status, await response.json())
    return found


async def _plant_values(cache: Redis) -> int:
    """Replace each result by a forged one or that of another, exchange parts, and change manifests; return how many."""
    planted = 0
    for kind in ("result", "part"):
        keys = sorted([key async for key in cache.scan_iter(f"ondol:{kind}:*", count=1000)])
        values = [await cache.get(key) for key in keys]
        for number, key in enumerate(keys):
            forged = kind == "result" and number % 2
            value = pack_json(FORGED) if forged else values[(number + 1) % len(values)]
            await cache.set(key, value or b"")
            planted += 1
    async for key in cache.scan_iter("ondol:manifest:*"):
        body = await cache.get(key) or b""
        with suppress(Exception):
            manifest = from_bytes(body[:-16])
            body = to_bytes(msgspec.structs.replace(manifest, reasons={"PER": "forged"}))
        await cache.set(key, body)
        planted += 1
    return planted


async def _restart_api(system: System) -> None:
    process = await system.send_signal("api", signal.SIGKILL)
    await system.restarted("api", process)
    await system.healthy(60)


async def _plant_events(context: Context, result: CheckResult) -> None:
    """Plant ends, progress, answers and work for backtests that no simulator can run yet."""
    system, count = context.system, context.count(20, 5)
    simulators = [system.pids()[name] for name in system.simulators()]
    for process in simulators:
        os.kill(process, signal.SIGSTOP)
    try:
        callers = Callers(system)
        tally = await callers.submit(requests(count, context.seed + 1, context.start, context.end), context.seed)
        waiting = [asyncio.create_task(_waited(system, identity)) for identity in tally.accepted.values()]
        screen = asyncio.create_task(_get(system, SCREEN.replace("limit=3", "limit=4")))
        await asyncio.sleep(0.5)
        async with system.database() as connection:
            rows = await connection.fetch(
                "select computation from backtest where id = any($1)", list(tally.accepted.values())
            )
        planted = 0
        async with system.redis("broker") as broker:
            queries = await broker.xrevrange(key_of("queries"), count=5)
            named = [orjson.loads(fields[b"event"]) for _, fields in queries if b"query.requested" in fields[b"event"]]
            for event in [
                *(event for row in rows for event in _events_of(row["computation"])), *map(_problem_of, named),
            ]:  # fmt: skip
                await broker.xadd(key_of(event.stream), {b"event": encode(event)})
                planted += 1
        await asyncio.sleep(2)
        early = [task for task in (*waiting, screen) if task.done()]
        result.add(planted_events=planted, believed_events=len(early))
        result.require(not early, f"believed: {[task.result() for task in early[:2]]}")
    finally:
        for process in simulators:
            os.kill(process, signal.SIGCONT)
    documents = await asyncio.gather(*waiting)
    status, answer = await screen
    wrong = [found for found in documents if found["status"] != "completed" or "forged" in str(found)[:100_000]]
    result.require(not wrong, f"{len(wrong)} documents are not those of their runs: {str(wrong[:1])[:300]}")
    result.require(status == 200 and "forged" not in str(answer), f"the screen: {status} {str(answer)[:200]}")


def _events_of(computation: uuid.UUID) -> list[Event]:
    name = str(computation)
    other = {"query_id": "", "kind": "sectors", "payload": {"version": "x", "day": 1}}
    named = content_name("screen", {"version": "x"})
    return [
        BacktestProgressed(computation_id=name, progress=0.99, equity=(), status="running", before=0),
        BacktestEnded(computation_id=name, status="completed", result_digest="forged"),
        BacktestEnded(computation_id=name, status="failed"),
        BacktestRequested(computation_id=name, request='{"forged":true}', dataset_version="x", created_at=time.time()),
        QueryRequested(**{**other, "query_id": named, "deadline": time.time() + 60}),
        SweepChanged(sweep_id=name, status="completed"),
    ]


def _problem_of(query: dict[str, Any]) -> Event:
    return QueryAnswered(query_id=query["query_id"], problem=problem_document(422, "invalid-request", "forged"))


async def _waited(system: System, identity: uuid.UUID) -> dict[str, Any]:
    """Return the document of a backtest at its end, as its events say it."""
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{system.url}/v1/backtests/{identity}/events", timeout=None) as response:
            async for line in response.content:
                if line.startswith((b"event: completed", b"event: failed", b"event: cancelled")):
                    break
        async with session.get(f"{system.url}/v1/backtests/{identity}") as response:
            document: dict[str, Any] = await response.json()
            return document


async def _get(system: System, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(system.url + path) as response:
        return response.status, await response.json()
