"""R11, R12: scheduled runs under a simulated clock, and a warmer that is killed during a run."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import random
import signal
import time
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from services.warmer import scheduler
from shared.contracts.schedule import timetable
from shared.infra.database.pool import database, migrate
from shared.model.calendar import SEOUL
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import until


async def r11(context: Context) -> CheckResult:
    """Check 365 nightly runs under a simulated clock with three warmers polling at random times, in two zones."""
    result = CheckResult()
    nights = context.count(365, 40)
    for zone in ("UTC", "America/New_York"):
        inserted = await _year(context, nights, zone)
        at = {local.strftime("%H:%M") for local in inserted}
        result.add(**{f"runs_{zone}": len(inserted), f"hours_{zone}": sorted(at)})
        result.require(len(inserted) == nights, f"{len(inserted)} runs in {nights} nights with TZ={zone}")
        result.require(at == {"03:00"}, f"runs at {sorted(at)}")
        result.require(len({local.date() for local in inserted}) == nights, "two runs in one night")
    return result


async def _year(context: Context, nights: int, zone: str) -> list[dt.datetime]:
    """Return the Seoul times of the inserted runs.

    Every warmer polls every few seconds around 03:00 and occasionally in between. The clock of one host is 90 s ahead;
    it polls at other times and reads the clock of the database.
    """
    url = context.system.run["servers"]["database_url"]
    name = f"faults_{zone.lower().replace('/', '_')}"
    async with context.system.database() as connection:
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.execute(f"create database {name}")
    own = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    try:
        await migrate(own)
        async with database(own, size=3) as record:
            async with record.connection() as connection:
                await connection.execute("insert into data_revision (source, rows) values ('test', 1)")
            return await _nights(record, nights, random.Random(context.seed))
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
        async with context.system.database() as connection:
            await connection.execute(f"drop database if exists {name} with (force)")


async def _nights(record: object, nights: int, dice: random.Random) -> list[dt.datetime]:
    from shared.infra.database.pool import Database

    assert isinstance(record, Database)
    job = timetable("03:00")[0]
    first = dt.datetime(2026, 1, 1, 2, 50, tzinfo=SEOUL)
    async with record.connection() as connection:  # the day before has a completed run
        await connection.execute(
            "insert into warm_run (scheduled_date, trigger, phases, status)"
            " values ($1, 'nightly', '{prices}', 'completed')",
            dt.date(2025, 12, 31),
        )
    inserted: list[dt.datetime] = []
    for night in range(nights):
        three = first + dt.timedelta(days=night, minutes=10)
        offsets = [*sorted(dice.uniform(-300, 20) for _ in range(6)), 4.0, 5.0, 6.0, 90.0, 95.0, 3600.0, 43_200.0]
        for offset in offsets:
            now = (three + dt.timedelta(seconds=offset)).astimezone(dt.UTC)
            runs = await asyncio.gather(*(scheduler.insert_nightly_run(record, job, now) for _ in range(3)))
            for run in (one for one in runs if one is not None):
                inserted.append(now.astimezone(SEOUL).replace(second=0, microsecond=0))
                async with record.connection() as connection:
                    await connection.execute("update warm_run set status = 'completed' where id = $1", run)
    return inserted


async def r12(context: Context) -> CheckResult:
    """Send SIGTERM, then SIGKILL, to the warmer during a run; then let a run become due without a warmer."""
    result, system = CheckResult(), context.system
    await system.warm_run_ended()
    for number in (signal.SIGTERM, signal.SIGKILL):
        run = await _start(context)
        await until(lambda r=run: _started(context, r), 30, "the start of the run")
        process = await system.send_signal("warmer", number)
        began = time.monotonic()
        taken_s = await until(lambda r=run: _taken_again(context, r), 60, "the second start of the run")
        await until(lambda r=run: _over(context, r), 120, "the end of the run")
        await system.restarted("warmer", process)
        status, attempts = await _row(context, run)
        result.add(**{
            f"{number.name}_again_s": taken_s, f"{number.name}_status": status, f"{number.name}_starts": attempts,
            f"{number.name}_end_s": time.monotonic() - began,
        })  # fmt: skip
        result.require(status == "completed", f"after {number.name} the run ended as {status}")
    await _missed_night(context, result)
    await system.healthy()
    return result


async def _start(context: Context) -> int:
    url = context.system.url + "/v1/warm-runs"
    async with aiohttp.ClientSession() as session, session.post(url, json={}) as response:
        return int((await response.json(content_type=None))["id"])


async def _row(context: Context, run: int) -> tuple[str, int]:
    async with context.system.database() as connection:
        row = await connection.fetchrow("select status, attempts from warm_run where id = $1", run)
    return row["status"], row["attempts"]


async def _started(context: Context, run: int) -> bool:
    return bool(
        await context.system.fetch_value("select status = 'running' or attempts > 0 from warm_run where id = $1", run)
    )


async def _taken_again(context: Context, run: int) -> bool:
    status, attempts = await _row(context, run)
    return attempts >= 2 or status in ("completed", "partial", "failed")


async def _over(context: Context, run: int) -> bool:
    return (await _row(context, run))[0] in ("completed", "partial", "failed")


async def _missed_night(context: Context, result: CheckResult) -> None:
    """Delete the last nightly run while no warmer runs: the next warmer catches up."""
    system = context.system
    os.kill(system.process.pid, signal.SIGSTOP)
    await system.send_signal("warmer", signal.SIGKILL)
    async with system.database() as connection:
        night = await connection.fetchval("select max(scheduled_date) from warm_run")
        await connection.execute(
            "update warm_run set scheduled_date = $1 - interval '1 day' where scheduled_date = $1", night
        )
    os.kill(system.process.pid, signal.SIGCONT)

    async def caught_up() -> bool:
        return bool(await system.fetch_value("select exists (select from warm_run where scheduled_date = $1)", night))

    back_s = await until(caught_up, 60, "the run of the missed night")
    await system.warm_run_ended()
    times = await system.fetch_value("select count(*) from warm_run where scheduled_date = $1", night)
    status = await system.fetch_value("select status from warm_run where scheduled_date = $1", night)
    result.add(missed_night_s=back_s, missed_night_runs=times, missed_night=status)
    result.require(times == 1, f"{times} runs of the missed night")
    result.require(status == "completed", f"the missed night ended as {status}")
