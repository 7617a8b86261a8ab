"""R8, R10, K6: outages of PostgreSQL, and one idempotency key for many submissions."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import pathlib
import signal
import time
import uuid
from collections import Counter
from contextlib import suppress

import aiohttp

from tests.chaos.caller import Callers, requests
from tests.chaos.redis_servers import unattended
from tests.chaos.results import CheckResult, Context
from tests.chaos.simulators import undisturbed, verify
from tests.chaos.system import until

DIGEST = "select c.result_digest from backtest b join computation c on c.id = b.computation"
COMPLETED = "b.id = $1 and c.status = 'completed'"


def family(process: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    members = [process]
    for one in members:
        members += children.get(one, [])
    return members


def _signal_family(process: int, number: signal.Signals) -> None:
    """Send a signal to PostgreSQL and its children, which may end at any time."""
    for one in family(process):
        with suppress(ProcessLookupError):
            os.kill(one, number)


async def _outage(context: Context, result: CheckResult, word: str, seconds: float) -> None:
    """Check one kind of outage under 50 requests a second."""
    system = context.system
    count = int(50 * (seconds + 6))
    bodies = requests(count, context.seed, context.start, context.end)
    callers = Callers(system, at_once=4000, max_wait_s=seconds + 60)
    work = asyncio.create_task(callers.submit(bodies, context.seed, rate=50))
    await asyncio.sleep(2)
    process = system.pids()["postgres"]
    if word == "killed":
        async with unattended(context):
            os.kill(process, signal.SIGQUIT)
            await asyncio.sleep(seconds)
    else:
        try:
            _signal_family(process, signal.SIGSTOP)
            await asyncio.sleep(seconds)
        finally:
            _signal_family(process, signal.SIGCONT)
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while True:
            fresh = {**bodies[0], "initial_cash": 987_654_321 + time.monotonic_ns() % 10**6}
            async with session.post(system.url + "/v1/backtests", json=fresh) as response:
                if response.status in (200, 202):  # accepted; its result follows the backlog
                    break
            await asyncio.sleep(0.05)
    normal_s = time.monotonic() - began
    tally = await work
    tail_s = await callers.ended(tally, 120)
    result.add(**{
        f"{word}_503": tally.statuses[503], f"{word}_slowest_503_s": tally.slowest_refusal_s,
        f"{word}_normal_s": normal_s, f"{word}_tail_s": tail_s, f"{word}_answers": dict(tally.statuses),
    })  # fmt: skip
    result.require(set(tally.statuses) <= {200, 202, 503}, f"{word}: {dict(tally.statuses)}")
    result.require(tally.retry_after_count == tally.statuses[503], f"{word}: a 503 without Retry-After")
    result.require_in_time(tally.slowest_refusal_s <= 3, f"{word}: a 503 took {tally.slowest_refusal_s:.1f} s")
    result.require_in_time(normal_s <= 3, f"{word}: normal after {normal_s:.1f} s")
    true, _ = await undisturbed(context, count) if not context.quick else ({}, 0.0)
    if true:
        await verify(result, context, tally, true, count)
    result.require(len(tally.accepted) == count, f"{word}: {count - len(tally.accepted)} never accepted")


async def r8(context: Context) -> CheckResult:
    """Kill, then stop PostgreSQL under 50 requests a second."""
    result = CheckResult()
    seconds = context.count(30, 5)
    for word in ("killed", "stopped"):
        await _outage(context, result, word, seconds)
        await context.system.healthy(30)
    return result


async def answered(context: Context) -> CheckResult:
    """Kill all PostgreSQL processes right after a response."""
    result, system = CheckResult(), context.system
    count = context.count(12, 3)
    bodies = requests(count, context.seed + 5, context.start, context.end)
    completed: list[tuple[uuid.UUID, str, dt.datetime]] = []
    back = []
    for body in bodies:
        async with aiohttp.ClientSession() as session:
            headers = {"Cache-Control": "no-store", "Prefer": "wait=20"}
            async with session.post(system.url + "/v1/backtests", json=body, headers=headers) as response:
                document = await response.json()
        result.require(document["status"] == "completed", f"response {response.status} {document['status']}")
        _signal_family(system.pids()["postgres"], signal.SIGKILL)
        digest = document["result"]["provenance"]["result_digest"]
        completed.append((uuid.UUID(document["id"]), digest, dt.datetime.now(dt.UTC)))
        back.append(await system.healthy(30))
    again = 0
    for identity, digest, killed in completed:

        async def same(identity: uuid.UUID = identity, digest: str = digest) -> bool:
            return bool(await system.fetch_value(f"{DIGEST} where {COMPLETED}", identity) == digest)

        await until(same, 30, f"the returned result {identity}")
        again += (
            await system.fetch_value(f"{DIGEST} where {COMPLETED} and c.finished_at > $2", identity, killed) is not None
        )
    result.add(answered=count, durable=count - again, computed_again=again, slowest_back_s=max(back))
    return result


async def r10(context: Context) -> CheckResult:
    """Send 100 concurrent submissions with one Idempotency-Key."""
    result, system = CheckResult(), context.system
    body = requests(2, context.seed + 77, context.start, context.end)
    key = uuid.uuid4().hex
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(number: int) -> tuple[int, str | None]:
            headers = {"Idempotency-Key": key, "Cache-Control": "no-store", "Prefer": "wait=20"}
            async with session.post(system.url + "/v1/backtests", json=body[number], headers=headers) as response:
                document = await response.json(content_type=None)
                return response.status, document.get("id")

        responses = await asyncio.gather(*(one(0) for _ in range(100)))
        other, _ = await one(1)
    ids = {identity for _, identity in responses}
    runs = await system.fetch_value("select count(distinct computation) from backtest where idempotency_key = $1", key)
    result.add(responses=dict(Counter(status for status, _ in responses)), ids=len(ids), runs=runs, other_body=other)
    statuses = {status for status, _ in responses}
    result.require(statuses <= {200, 202}, f"responses {statuses}")
    result.require_in_time(statuses == {200}, "not 100 responses with 200")
    result.require(len(ids) == 1 and runs == 1, f"{len(ids)} ids and {runs} runs")
    result.require(other == 422, f"another body: {other}")
    return result
