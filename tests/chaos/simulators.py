"""R1, R2, R9, R15: failures of simulators and other services while backtests run."""

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
from tests.chaos.caller import Callers, Tally, ends_of, requests
from tests.chaos.chaos_agent import ChaosAgent
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import until

POISON = 66_666_666
"""Initial cash of the requests that crash their simulator."""


async def undisturbed(context: Context, count: int, rate: float | None = None) -> tuple[dict[int, str | None], float]:
    """Return the result digests of an undisturbed run of the same requests, and its seconds."""
    callers = Callers(context.system)
    bodies = requests(count, context.seed, context.start, context.end)
    tally = await callers.submit(bodies, context.seed, rate=rate)
    wall = tally.wall_s + await callers.ended(tally, 300)
    return (await ends_of(context.system, tally)).digests, wall


async def verify(
    result: CheckResult, context: Context, tally: Tally, true: dict[int, str | None], expected: int
) -> None:
    """Require that all requests were accepted and completed once with the result of the undisturbed run."""
    ends = await ends_of(context.system, tally)
    wrong = [number for number, digest in ends.digests.items() if digest != true.get(number)]
    result.add(
        ended=sum(ends.statuses.values()), completed=ends.statuses["completed"], lost=ends.lost, doubled=ends.doubled,
        wrong=len(wrong), restarted=sum(starts > 1 for starts in ends.starts.values()),
    )  # fmt: skip
    result.require(
        len(tally.accepted) == expected, f"{expected - len(tally.accepted)} were never accepted {tally.refused[:1]}"
    )
    result.require(ends.statuses["completed"] == expected, f"ends: {dict(ends.statuses)}")
    result.require(ends.lost == 0, f"{ends.lost} lost")
    result.require(ends.doubled == 0, f"{ends.doubled} doubled")
    result.require(not wrong, f"{len(wrong)} results differ from the undisturbed run")


async def r1(context: Context) -> CheckResult:
    """Kill a random simulator every 2 s while backtests are submitted at the rate of the undisturbed run."""
    result, count = CheckResult(), context.count(1000, 100)
    rate = 20.0 if context.quick else None
    true, undisturbed_s = await undisturbed(context, count, rate)
    system, callers = context.system, Callers(context.system)
    agent = ChaosAgent(context.seed, system.pids)
    killing = asyncio.create_task(agent.signal_repeatedly(system.simulators(), context.count(2, 1), signal.SIGKILL))
    tally = await callers.submit(requests(count, context.seed, context.start, context.end), context.seed, rate=rate)
    tail_s = await callers.ended(tally, 120)
    wall_s = tally.wall_s + tail_s
    killing.cancel()
    result.add(submitted=count, undisturbed_s=undisturbed_s, wall_s=wall_s, kills=len(agent.actions))
    await verify(result, context, tally, true, count)
    result.require_in_time(
        wall_s <= undisturbed_s + 10, f"{wall_s - undisturbed_s:.1f} s longer than the undisturbed run"
    )
    result.require(tally.server_errors == 0, f"5xx: {dict(tally.statuses)}")
    await system.healthy()
    return result


async def r2(context: Context) -> CheckResult:
    """Send SIGTERM to every service in turn, one each 5 s."""
    result, system = CheckResult(), context.system
    count = context.count(600, 100)
    true, _ = await undisturbed(context, count)
    agent = ChaosAgent(context.seed, system.pids)
    names = list(system.run["services"])
    rounds = names * 2 if not context.quick else names
    turning = asyncio.create_task(agent.signal_in_turn(rounds, context.count(5, 2), signal.SIGTERM))
    callers = Callers(system)
    seconds = len(rounds) * context.count(5, 2)
    tally = await callers.submit(
        requests(count, context.seed, context.start, context.end), context.seed, rate=count / seconds
    )
    await turning
    tail_s = await callers.ended(tally, 60)
    result.add(
        submitted=count, terms=len(rounds), tail_s=tail_s, answers=dict(tally.statuses), broken=dict(tally.broken)
    )
    await verify(result, context, tally, true, count)
    result.require(tally.server_errors == 0, f"5xx: {dict(tally.statuses)}")
    result.require_in_time(tail_s <= 30, f"backlog empty after {tail_s:.1f} s")
    await system.healthy()
    return result


CREATE_POISON = """
create or replace function faults_poison() returns trigger language plpgsql as $$
begin
    perform pg_sleep(1.5);
    raise exception 'a poisoned request cannot complete';
end $$;
create or replace trigger faults_poison before update on computation for each row
    when (new.status = 'completed' and new.request like '%66666666%') execute function faults_poison();
"""
DROP_POISON = "drop trigger if exists faults_poison on computation; drop function if exists faults_poison();"


async def _kill_poisoned(context: Context, ids: list[object], kills: list[int]) -> None:
    """Kill each simulator that runs a poisoned request before it completes; runs until cancelled."""
    async with context.system.database() as connection:
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


async def r9(context: Context) -> CheckResult:
    """Submit twelve requests that crash their simulator, during R1."""
    result, system = CheckResult(), context.system
    count, bad = context.count(1000, 60), context.count(12, 3)
    true, _ = await undisturbed(context, count)
    async with system.database() as connection:
        await connection.execute(CREATE_POISON)
    kills: list[int] = []
    agent = ChaosAgent(context.seed, system.pids)
    tasks = [asyncio.create_task(_kill_poisoned(context, [], kills))]
    tasks.append(asyncio.create_task(agent.signal_repeatedly(system.simulators(), 2, signal.SIGKILL)))
    try:
        bodies = requests(bad, context.seed + 1, context.start, context.end)
        poison = [{**body, "initial_cash": POISON + number / 100} for number, body in enumerate(bodies)]
        callers = Callers(system)
        healthy, poisoned = await asyncio.gather(
            callers.submit(requests(count, context.seed, context.start, context.end), context.seed,
                         rate=count / context.count(30, 6)),
            callers.submit(poison, context.seed),
        )  # fmt: skip
        seconds = await callers.ended(healthy, 240) + await callers.ended(poisoned, 240)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with system.database() as connection:
            await connection.execute(DROP_POISON)
    ends = await ends_of(system, poisoned)
    result.add(poisoned=bad, failed=ends.statuses["failed"], starts=sorted(ends.starts.values()), tail_s=seconds)
    result.require(ends.statuses["failed"] == bad, f"poisoned requests ended as {dict(ends.statuses)}")
    result.require(all(starts == 3 for starts in ends.starts.values()), "not exactly three starts each")
    await verify(result, context, healthy, true, count)
    await system.healthy()
    return result


async def r15(context: Context) -> CheckResult:
    """Stop a busy simulator for three times its lease."""
    result, system = CheckResult(), context.system
    lease_s = 4.0
    count = context.count(400, 200)
    true, _ = await undisturbed(context, count)
    callers = Callers(system)
    before = await _fenced(context)
    bodies = requests(count, context.seed, context.start, context.end)
    work = asyncio.create_task(callers.submit(bodies, context.seed, rate=20))
    stopped, row = await _stop_a_worker(context, work)
    tally = await work
    try:
        await asyncio.sleep(3 * lease_s)
        await callers.ended(tally, 60)
        again = await system.fetch_value("select attempts from computation where id = $1", row)
    finally:
        os.kill(stopped, signal.SIGCONT)

    async def counted() -> bool:
        return await _fenced(context) > before

    with suppress(AssertionError):
        await until(counted, 20, "a fenced write in the metrics")
    fenced = await _fenced(context) - before
    result.add(submitted=count, starts=again, fenced=fenced)
    # a start without a lease counts when the message is redelivered, not when its row is taken from the queue
    result.require(again in (1, 2), f"started {again} times")
    result.require(fenced >= 1, "no metric counts the late write")
    await verify(result, context, tally, true, count)
    await system.healthy()
    return result


async def _stop_a_worker(context: Context, work: asyncio.Task[Tally]) -> tuple[int, object]:
    """Stop a simulator with a pending job; return its process and the computation.

    A job takes milliseconds and often ends before the signal arrives; the next one is tried while requests are sent.
    """
    system = context.system
    ports = {
        str(port): system.pids()[name] for name, port in system.run["metrics"].items() if name in system.simulators()
    }
    async with system.redis("broker") as broker:
        while not work.done():
            pending = await _pending(broker)
            if not pending:
                await asyncio.sleep(0.002)
                continue
            entry, consumer = pending[0]
            process = ports[consumer.rpartition("-")[2]]
            os.kill(process, signal.SIGSTOP)
            await asyncio.sleep(0.3)  # for writes in flight
            row = await _row_of(broker, entry)
            ended = row is None or await system.fetch_value(
                "select result is not null from computation where id = $1", row
            )
            if not ended and (entry, consumer) in await _pending(broker):
                return process, row
            os.kill(process, signal.SIGCONT)
    raise AssertionError("no simulator with a pending job could be stopped")


async def _pending(broker: Redis) -> list[tuple[str, str]]:
    """Return (entry, consumer) of the messages that simulators process."""
    entries = await broker.xpending_range(key_of(BACKTESTS), SIMULATORS, "-", "+", 20)
    return [(one["message_id"].decode(), one["consumer"].decode()) for one in entries]


async def _row_of(broker: Redis, entry: str) -> uuid.UUID | None:
    for _, fields in await broker.xrange(key_of(BACKTESTS), entry, entry):
        event = decode(next(iter(fields.values())))
        return uuid.UUID(event.computation_id) if isinstance(event, BacktestRequested) else None
    return None


async def _fenced(context: Context) -> float:
    system, total = context.system, 0.0
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
        for name in system.simulators():
            with suppress(aiohttp.ClientError, TimeoutError, OSError):
                async with session.get(f"http://127.0.0.1:{system.run['metrics'][name]}/metrics") as response:
                    for line in (await response.text()).splitlines():
                        if line.startswith("ondol_") and 'outcome="stale_lease"' in line and "_created" not in line:
                            total += float(line.rpartition(" ")[2])
    return total
