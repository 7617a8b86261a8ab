"""R1, R2, R9, R13, R15: what may happen to simulators (and everybody else) while backtests run."""

from __future__ import annotations

import asyncio
import os
import signal
import uuid
from contextlib import suppress

import aiohttp
from redis.asyncio import Redis

from shared.contracts.events import BACKTESTS, SIMULATORS, BacktestRequested
from shared.contracts.wire import decode
from shared.infra.redis.streams import key_of
from tests.chaos.caller import Crowd, Tally, ends_of, requests
from tests.chaos.chaos_agent import Killer
from tests.chaos.results import Context, Finding
from tests.chaos.system import until

POISON = 66_666_666
"""Initial cash of the requests that kill their simulator."""


async def truth(context: Context, count: int, rate: float | None = None) -> tuple[dict[int, str | None], float]:
    """Digests of the same requests without any disturbance, and how long that took from the first to the last end."""
    crowd = Crowd(context.house)
    bodies = requests(count, context.seed, context.start, context.end)
    tally = await crowd.submit(bodies, context.seed, rate=rate)
    wall = tally.wall_s + await crowd.ended(tally, 300)
    return (await ends_of(context.house, tally)).digests, wall


async def judge(finding: Finding, context: Context, tally: Tally, true: dict[int, str | None], asked: int) -> None:
    """Everything that was asked for was accepted, ended once, as completed, with the undisturbed result."""
    ends = await ends_of(context.house, tally)
    wrong = [number for number, digest in ends.digests.items() if digest != true.get(number)]
    finding.note(
        ended=sum(ends.statuses.values()), completed=ends.statuses["completed"], lost=ends.lost, doubled=ends.doubled,
        wrong=len(wrong), restarted=sum(starts > 1 for starts in ends.starts.values()),
    )  # fmt: skip
    finding.must(len(tally.accepted) == asked, f"{asked - len(tally.accepted)} were never accepted {tally.refused[:1]}")
    finding.must(ends.statuses["completed"] == asked, f"ends: {dict(ends.statuses)}")
    finding.must(ends.lost == 0, f"{ends.lost} lost")
    finding.must(ends.doubled == 0, f"{ends.doubled} doubled")
    finding.must(not wrong, f"{len(wrong)} results differ from the undisturbed run")


async def r1(context: Context) -> Finding:
    """Kill -9 a random simulator every 2 s while backtests are submitted, as fast as in the undisturbed run."""
    finding, count = Finding(), context.count(1000, 100)
    rate = 20.0 if context.quick else None
    true, calm_s = await truth(context, count, rate)
    house, crowd = context.house, Crowd(context.house)
    killer = Killer(context.seed, house.pids)
    killing = asyncio.create_task(killer.keep_killing(house.simulators(), context.count(2, 1), signal.SIGKILL))
    tally = await crowd.submit(requests(count, context.seed, context.start, context.end), context.seed, rate=rate)
    tail_s = await crowd.ended(tally, 120)
    wall_s = tally.wall_s + tail_s
    killing.cancel()
    finding.note(asked=count, calm_s=calm_s, wall_s=wall_s, kills=len(killer.deeds))
    await judge(finding, context, tally, true, count)
    finding.in_time(wall_s <= calm_s + 10, f"{wall_s - calm_s:.1f} s longer than the undisturbed run")
    finding.must(tally.server_errors == 0, f"5xx: {dict(tally.answers)}")
    await house.healthy()
    return finding


async def r2(context: Context) -> Finding:
    """SIGTERM every service in turn, one each 5 s."""
    finding, house = Finding(), context.house
    count = context.count(600, 100)
    true, _ = await truth(context, count)
    killer = Killer(context.seed, house.pids)
    names = list(house.run["services"])
    rounds = names * 2 if not context.quick else names
    turning = asyncio.create_task(killer.in_turn(rounds, context.count(5, 2), signal.SIGTERM))
    crowd = Crowd(house)
    seconds = len(rounds) * context.count(5, 2)
    tally = await crowd.submit(
        requests(count, context.seed, context.start, context.end), context.seed, rate=count / seconds
    )
    await turning
    tail_s = await crowd.ended(tally, 60)
    finding.note(asked=count, terms=len(rounds), tail_s=tail_s, answers=dict(tally.answers), broken=dict(tally.broken))
    await judge(finding, context, tally, true, count)
    finding.must(tally.server_errors == 0, f"5xx: {dict(tally.answers)}")
    finding.in_time(tail_s <= 30, f"backlog gone after {tail_s:.1f} s")
    await house.healthy()
    return finding


PLANT = """
create or replace function faults_poison() returns trigger language plpgsql as $$
begin
    perform pg_sleep(1.5);
    raise exception 'a poisoned request does not end';
end $$;
create or replace trigger faults_poison before update on computation for each row
    when (new.status = 'completed' and new.request like '%66666666%') execute function faults_poison();
"""
UNPLANT = "drop trigger if exists faults_poison on computation; drop function if exists faults_poison();"


async def _kill_poisoned(context: Context, ids: list[object], kills: list[int]) -> None:
    """Task: whoever works on a poisoned request is killed before it can end it."""
    async with context.house.record() as connection:
        seen: set[tuple[object, int]] = set()
        while True:
            rows = await connection.fetch(
                "select c.id, c.lease, c.worker from computation c where c.status in ('running', 'preparing') "
                "and c.request like '%66666666%' and c.worker is not null"
            )
            for row in rows:
                if (row["id"], row["lease"]) in seen:
                    continue
                seen.add((row["id"], row["lease"]))
                with suppress(ProcessLookupError):
                    os.kill(int(row["worker"].rpartition("-")[2]), signal.SIGKILL)
                    kills.append(1)
            await asyncio.sleep(0.02)


async def r9(context: Context) -> Finding:
    """Twelve requests kill their simulator, with R1 going on."""
    finding, house = Finding(), context.house
    count, bad = context.count(1000, 60), context.count(12, 3)
    true, _ = await truth(context, count)
    async with house.record() as connection:
        await connection.execute(PLANT)
    kills: list[int] = []
    killer = Killer(context.seed, house.pids)
    tasks = [asyncio.create_task(_kill_poisoned(context, [], kills))]
    tasks.append(asyncio.create_task(killer.keep_killing(house.simulators(), 2, signal.SIGKILL)))
    try:
        bodies = requests(bad, context.seed + 1, context.start, context.end)
        poison = [{**body, "initial_cash": POISON + number / 100} for number, body in enumerate(bodies)]
        crowd = Crowd(house)
        healthy, poisoned = await asyncio.gather(
            crowd.submit(requests(count, context.seed, context.start, context.end), context.seed,
                         rate=count / context.count(30, 6)),
            crowd.submit(poison, context.seed),
        )  # fmt: skip
        seconds = await crowd.ended(healthy, 240) + await crowd.ended(poisoned, 240)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with house.record() as connection:
            await connection.execute(UNPLANT)
    ends = await ends_of(house, poisoned)
    finding.note(poisoned=bad, failed=ends.statuses["failed"], starts=sorted(ends.starts.values()), tail_s=seconds)
    finding.must(ends.statuses["failed"] == bad, f"poisoned ones ended as {dict(ends.statuses)}")
    finding.must(all(starts == 3 for starts in ends.starts.values()), "not exactly three starts each")
    await judge(finding, context, healthy, true, count)
    await house.healthy()
    return finding


async def r15(context: Context) -> Finding:
    """SIGSTOP a simulator that works for three times its lease."""
    finding, house = Finding(), context.house
    lease_s = 4.0
    count = context.count(120, 60)
    true, _ = await truth(context, count)
    crowd = Crowd(house)
    before = await _fenced(context)
    work = asyncio.create_task(crowd.submit(requests(count, context.seed, context.start, context.end), context.seed))
    stopped, row = await _stop_a_worker(context)
    tally = await work
    try:
        await asyncio.sleep(3 * lease_s)
        await crowd.ended(tally, 60)
        again = await house.ask("select attempts from computation where id = $1", row)
    finally:
        os.kill(stopped, signal.SIGCONT)

    async def counted() -> bool:
        return await _fenced(context) > before

    with suppress(AssertionError):
        await until(counted, 20, "a fenced write in the metrics")
    fenced = await _fenced(context) - before
    finding.note(asked=count, starts=again, fenced=fenced)
    finding.must(again == 2, f"started {again} times")
    finding.must(fenced >= 1, "the late write was counted in no metric")
    await judge(finding, context, tally, true, count)
    await house.healthy()
    return finding


async def _stop_a_worker(context: Context) -> tuple[int, object]:
    """Stop a simulator that has something in its hands right now; its process and the computation."""
    house = context.house
    ports = {str(port): house.pids()[name] for name, port in house.run["metrics"].items() if name in house.simulators()}
    async with house.redis("broker") as broker:
        for _ in range(2000):
            held = await _in_hands(broker)
            if not held:
                await asyncio.sleep(0.002)
                continue
            entry, consumer = held[0]
            process = ports[consumer.rpartition("-")[2]]
            os.kill(process, signal.SIGSTOP)
            await asyncio.sleep(0.3)  # what was on its way arrives
            row = await _row_of(broker, entry)
            ended = row is None or await house.ask("select result is not null from computation where id = $1", row)
            if not ended and (entry, consumer) in await _in_hands(broker):
                return process, row
            os.kill(process, signal.SIGCONT)
    raise AssertionError("no simulator was caught at work")


async def _in_hands(broker: Redis) -> list[tuple[str, str]]:
    """(entry, consumer) of the hints that simulators work on."""
    found = await broker.xpending_range(key_of(BACKTESTS), SIMULATORS, "-", "+", 20)
    return [(one["message_id"].decode(), one["consumer"].decode()) for one in found]


async def _row_of(broker: Redis, entry: str) -> uuid.UUID | None:
    for _, fields in await broker.xrange(key_of(BACKTESTS), entry, entry):
        event = decode(next(iter(fields.values())))
        return uuid.UUID(event.computation_id) if isinstance(event, BacktestRequested) else None
    return None


async def _fenced(context: Context) -> float:
    house, total = context.house, 0.0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        for name in house.simulators():
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(f"http://127.0.0.1:{house.run['metrics'][name]}/metrics") as response:
                    for line in (await response.text()).splitlines():
                        if line.startswith("ondol_") and 'outcome="stale_lease"' in line and "_created" not in line:
                            total += float(line.rpartition(" ")[2])
    return total
