"""R8, R10, K6: what may happen to PostgreSQL, and one key for many submissions."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import pathlib
import signal
import time
import uuid
from collections import Counter

import aiohttp

from tests.chaos.caller import Crowd, requests
from tests.chaos.redis_servers import unattended
from tests.chaos.results import Context, Finding
from tests.chaos.simulators import judge, truth
from tests.chaos.system import until

DIGEST = "select c.result_digest from backtest b join computation c on c.id = b.computation"
COMPLETED = "b.id = $1 and c.status = 'completed'"


def family(process: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = [process]
    for one in found:
        found += children.get(one, [])
    return found


async def _outage(context: Context, finding: Finding, word: str, seconds: float) -> None:
    """One kind of outage under 50 requests a second."""
    house = context.house
    count = int(50 * (seconds + 6))
    bodies = requests(count, context.seed, context.start, context.end)
    crowd = Crowd(house, at_once=4000, patience_s=seconds + 60)
    work = asyncio.create_task(crowd.submit(bodies, context.seed, rate=50))
    await asyncio.sleep(2)
    process = house.pids()["postgres"]
    if word == "killed":
        async with unattended(context):
            os.kill(process, signal.SIGQUIT)
            await asyncio.sleep(seconds)
    else:
        for one in family(process):
            os.kill(one, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        for one in family(process):
            os.kill(one, signal.SIGCONT)
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        while True:
            fresh = {**bodies[0], "initial_cash": 987_654_321 + time.monotonic_ns() % 10**6}
            async with session.post(house.url + "/v1/backtests", json=fresh) as response:
                if response.status in (200, 202):  # accepted; its result comes behind everything that waited
                    break
            await asyncio.sleep(0.05)
    normal_s = time.monotonic() - began
    tally = await work
    tail_s = await crowd.ended(tally, 120)
    finding.note(**{
        f"{word}_503": tally.answers[503], f"{word}_slowest_503_s": tally.slowest_refusal_s,
        f"{word}_normal_s": normal_s, f"{word}_tail_s": tail_s, f"{word}_answers": dict(tally.answers),
    })  # fmt: skip
    finding.must(set(tally.answers) <= {200, 202, 503}, f"{word}: {dict(tally.answers)}")
    finding.must(tally.hints == tally.answers[503], f"{word}: a 503 without Retry-After")
    finding.in_time(tally.slowest_refusal_s <= 3, f"{word}: a 503 took {tally.slowest_refusal_s:.1f} s")
    finding.in_time(normal_s <= 3, f"{word}: normal after {normal_s:.1f} s")
    true, _ = await truth(context, count) if not context.quick else ({}, 0.0)
    if true:
        await judge(finding, context, tally, true, count)
    finding.must(len(tally.accepted) == count, f"{word}: {count - len(tally.accepted)} never accepted")


async def r8(context: Context) -> Finding:
    """PostgreSQL is down, and then stands still, under 50 requests a second."""
    finding = Finding()
    seconds = context.count(30, 5)
    for word in ("killed", "stopped"):
        await _outage(context, finding, word, seconds)
        await context.house.healthy(30)
    return finding


async def answered(context: Context) -> Finding:
    """PostgreSQL and all of its processes are killed the moment a caller has its answer."""
    finding, house = Finding(), context.house
    count = context.count(12, 3)
    bodies = requests(count, context.seed + 5, context.start, context.end)
    told: list[tuple[uuid.UUID, str, dt.datetime]] = []
    back = []
    for body in bodies:
        async with aiohttp.ClientSession() as session:
            headers = {"Cache-Control": "no-store", "Prefer": "wait=20"}
            async with session.post(house.url + "/v1/backtests", json=body, headers=headers) as response:
                found = await response.json()
        finding.must(found["status"] == "completed", f"answered {response.status} {found['status']}")
        for process in family(house.pids()["postgres"]):
            os.kill(process, signal.SIGKILL)
        digest = found["result"]["provenance"]["result_digest"]
        told.append((uuid.UUID(found["id"]), digest, dt.datetime.now(dt.UTC)))
        back.append(await house.healthy(30))
    again = 0
    for identity, digest, killed in told:

        async def same(identity: uuid.UUID = identity, digest: str = digest) -> bool:
            return bool(await house.ask(f"{DIGEST} where {COMPLETED}", identity) == digest)

        await until(same, 30, f"the result {identity} that was answered")
        again += await house.ask(f"{DIGEST} where {COMPLETED} and c.finished_at > $2", identity, killed) is not None
    finding.note(answered=count, kept=count - again, computed_again=again, slowest_back_s=max(back))
    return finding


async def r10(context: Context) -> Finding:
    """100 concurrent submissions with one Idempotency-Key."""
    finding, house = Finding(), context.house
    body = requests(2, context.seed + 77, context.start, context.end)
    key = uuid.uuid4().hex
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(number: int) -> tuple[int, str | None]:
            headers = {"Idempotency-Key": key, "Cache-Control": "no-store", "Prefer": "wait=20"}
            async with session.post(house.url + "/v1/backtests", json=body[number], headers=headers) as response:
                found = await response.json(content_type=None)
                return response.status, found.get("id")

        answers = await asyncio.gather(*(one(0) for _ in range(100)))
        other, _ = await one(1)
    ids = {identity for _, identity in answers}
    runs = await house.ask("select count(distinct computation) from backtest where idempotency_key = $1", key)
    finding.note(answers=dict(Counter(status for status, _ in answers)), ids=len(ids), runs=runs, other_body=other)
    finding.must({status for status, _ in answers} == {200}, "not 100 answers with 200")
    finding.must(len(ids) == 1 and runs == 1, f"{len(ids)} ids and {runs} runs")
    finding.must(other == 422, f"another body: {other}")
    return finding
