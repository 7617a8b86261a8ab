"""R23: lists of an owner with a million backtests, and the limit of unfinished ones in a burst."""

from __future__ import annotations

import asyncio
import json
import statistics
import time

import aiohttp

from shared.infra.database.sql import statements
from tests.chaos.caller import requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import System, ondol, until
from tests.chaos.tenancy import Caller
from tests.support.owners import MANY_BACKTESTS

OPEN = 8
BURST = 400
PAGES = 7
"""Requests of each list, of which the median counts: the first one reads from disk, and others of the machine delay."""
SQL = statements("backtest")
END_ALL = """
with ended as (
    update computation set status = 'completed' where owner = $1 and status in ('queued', 'running')
)
update backtest set ended = 'cancelled', cancelled_at = coalesce(cancelled_at, now()) where owner = $1 and ended is null
"""
LISTS = (
    "", "status=completed", "status=failed", "status=cancelled", "status=queued", "status=running", "status=preparing",
    "strategy=rare", "origin=verify", "starred=true", "name=few", "status=failed&starred=true",
)  # fmt: skip


async def r23(context: Context) -> CheckResult:
    """Read every list page of an owner with many rows, then submit a burst with a limit."""
    result, system, count = CheckResult(), context.system, context.count(1_000_000, 100_000)
    words = ("keys", "create", "faults-many", "--rate", "100000", "--concurrency", str(OPEN))
    created = json.loads(await ondol(*words, "--home", str(system.home), "--json"))
    owner = f"key:{created['id']}"
    async with system.database() as connection:
        some = await connection.fetchval("select request from backtest limit 1")
        await connection.execute(MANY_BACKTESTS, owner, count, some, timeout=600)

    async def recorded() -> bool:
        statement = "select count(*) from backtest where owner = $1 and ended is null"
        return bool(await system.fetch_value(statement, owner) < count // 100)

    settled_s = await until(recorded, 900, "the recorded ends of all rows", every_s=2)
    async with system.database() as connection:
        await connection.execute("vacuum analyze backtest", timeout=600)
    slowest: dict[str, float] = {}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        caller = Caller(session, system.url, created["key"])
        for query in LISTS:
            taken_ms = []
            for _ in range(PAGES):
                began = time.monotonic()
                status, text = await caller.call("GET", f"/v1/backtests?limit=50&{query}".rstrip("&"))
                taken_ms.append((time.monotonic() - began) * 1e3)
                result.require(status == 200, f"{query}: {status} {text[:200]}")
            slowest[query] = statistics.median(taken_ms)
        await system.fetch_value(END_ALL, owner)
        bodies = requests(BURST, context.seed + 23, context.start, context.end)
        stopped = await _burst(system, owner, caller, bodies)
    async with system.database() as connection:
        await connection.execute("delete from backtest where owner = $1", owner, timeout=600)
        await connection.execute("delete from computation where owner = $1", owner, timeout=600)
    worst = max(slowest, key=lambda query: slowest[query])
    result.add(rows=count, settled_s=settled_s, slowest_ms=slowest[worst], slowest_list=worst or "all", **stopped)
    result.require_in_time(slowest[worst] <= 50, f"{worst or 'all'}: {slowest[worst]:.0f} ms")
    result.require(stopped["most_open"] <= OPEN, f"{stopped['most_open']} backtests were open, {OPEN} are allowed")
    return result


async def _burst(system: System, owner: str, caller: Caller, bodies: list[dict[str, object]]) -> dict[str, int]:
    """Submit all at once; return the accepted, the refused, and the most that were open at one time."""
    most = 0
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal most
        async with system.database() as connection:
            while not done.is_set():
                most = max(most, await connection.fetchval(SQL["count_open"], owner))

    watching = asyncio.create_task(watch())
    answers = await asyncio.gather(
        *(caller.call("POST", "/v1/backtests", body, **{"Cache-Control": "no-store"}) for body in bodies)
    )
    done.set()
    await watching
    codes = [status for status, _ in answers]
    return {"accepted": sum(code in (200, 202) for code in codes), "refused": codes.count(429), "most_open": most}
