"""R18: one key floods with the most expensive allowed requests and audits while another one works."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any

import aiohttp
import numpy as np

from tests.chaos.caller import requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.tenancy import Caller, new_key

OPEN = 40
AUDITS = 8
TERMS = 43
SAMPLES = 100
MOST_OVERTAKEN = 8
"""Each of three simulators may have read two messages already, and each other queue is served once between."""


def expensive(context: Context, number: int) -> dict[str, Any]:
    """Return a backtest whose four conditions have as many long windows as are allowed, equal to no other one."""

    def condition(part: int) -> str:
        scale = 1 + number * 4 + part
        return " and ".join(f"ts_corr(close * {scale}, volume, {500 - term}) < 2" for term in range(TERMS))

    strategy = {
        "universe": {"where": condition(0)}, "buy": {"where": condition(1)}, "sell": {"where": condition(2)},
    }  # fmt: skip
    return {"strategy": strategy, "start": context.start, "end": context.end, "initial_cash": 10_000_000 + number}


async def _submit(caller: Caller, body: dict[str, Any], wait: int = 30) -> tuple[int, str, float]:
    began = time.monotonic()
    headers = {"Cache-Control": "no-store", **({"Prefer": f"wait={wait}"} if wait else {})}
    status, text = await caller.call("POST", "/v1/backtests", body, **headers)
    return status, text, time.monotonic() - began


OVERTAKEN = """
select coalesce(max(before), 0) from (
    select count(other.id) as before
    from backtest b
    join computation own on own.id = b.computation
    left join computation other on other.owner <> b.owner and other.long = own.long
        and other.started_at > b.created_at and other.started_at < own.started_at
    where b.id = any($1)
    group by b.id
) as counted
"""
"""The most works of others of the same kind that began between a request and the start of its own computation."""


async def _measured(
    caller: Caller, bodies: list[dict[str, Any]], result: CheckResult, ids: list[str]
) -> tuple[float, float]:
    """Return the p99 of cheap backtests and of screens, in milliseconds; add the ids of the backtests."""
    runs, screens = [], []
    for number, body in enumerate(bodies):
        status, text, seconds = await _submit(caller, body)
        result.require(status == 200 and json.loads(text)["status"] == "completed", f"{status} {text[:200]}")
        runs.append(seconds * 1e3)
        ids.append(json.loads(text)["id"])
        began = time.monotonic()
        status, text = await caller.call("GET", f"/v1/screen?where=PER%20%3C%20{10 + number}.5")
        result.require(status == 200, f"screen: {status} {text[:200]}")
        screens.append((time.monotonic() - began) * 1e3)
        await asyncio.sleep(0.05)
    return float(np.percentile(runs, 99)), float(np.percentile(screens, 99))


async def _flood(context: Context, caller: Caller, ended: list[int]) -> None:
    """Keep `OPEN` of the most expensive backtests open."""
    number = 0
    open_ids: set[str] = set()
    while True:
        while len(open_ids) < OPEN:
            status, text, _ = await _submit(caller, expensive(context, context.seed * 100_000 + number), wait=0)
            number += 1
            if status not in (200, 202):
                raise AssertionError(f"an expensive request was refused: {status} {text[:400]}")
            open_ids.add(json.loads(text)["id"])
        await asyncio.sleep(0.5)
        for identity in list(open_ids):
            status, text = await caller.call("GET", f"/v1/backtests/{identity}?include=none")
            if status == 200 and json.loads(text)["status"] in ("completed", "failed"):
                open_ids.discard(identity)
                ended.append(1)


async def _audit(caller: Caller, identity: str, loop: int, answered: list[int]) -> None:
    """Audit a backtest again and again."""
    seed = loop * 10_000
    while True:
        seed += 1
        status, _ = await caller.call("POST", f"/v1/backtests/{identity}/audit", {"seed": seed, "cuts": 20})
        answered.append(status)
        await asyncio.sleep(0.01)


async def r18(context: Context) -> CheckResult:
    """Measure cheap backtests and screens of a key alone, then beside another key's flood, audits and a warm run."""
    result, system = CheckResult(), context.system
    neighbour_key, flooding_key = [await new_key(context, f"faults-fair-{name}") for name in ("neighbour", "flood")]
    count = context.count(SAMPLES, 30)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        neighbour, flooder = (Caller(session, system.url, key) for key in (neighbour_key, flooding_key))
        bodies = requests(2 * count, context.seed + 18, context.start, context.end)
        await _measured(neighbour, bodies[:10], result, [])
        quiet_ms, quiet_screen_ms = await _measured(neighbour, bodies[:count], result, [])
        status, text, _ = await _submit(flooder, requests(1, context.seed + 19, context.start, context.end)[0])
        result.require(status == 200, f"{status} {text[:200]}")
        ended: list[int] = []
        audits: list[int] = []
        tasks = [asyncio.create_task(_flood(context, flooder, ended))]
        tasks += [asyncio.create_task(_audit(flooder, json.loads(text)["id"], loop, audits)) for loop in range(AUDITS)]
        try:
            status, text = await Caller(session, system.url, None).call("POST", "/v1/warm-runs", {})
            result.require(status in (200, 202), f"warm run: {status} {text[:200]}")
            await asyncio.sleep(3)
            ids: list[str] = []
            busy_ms, busy_screen_ms = await _measured(neighbour, bodies[count:], result, ids)
            broken = [str(task.exception()) for task in tasks if task.done()]
            result.require(not broken, f"{broken[:3]}")
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)
        async with system.database() as connection:
            await connection.execute(
                "update computation set status = 'cancelled', lease = lease + 1, lease_until = null, "
                "finished_at = now() where long and status in ('queued', 'preparing', 'running')"
            )
            overtaken = int(await connection.fetchval(OVERTAKEN, ids))
    result.add(
        quiet_ms=quiet_ms, overtaken=overtaken, busy_ms=busy_ms,
        quiet_screen_ms=quiet_screen_ms, busy_screen_ms=busy_screen_ms,
        expensive_ended=len(ended), audits=len(audits), audits_ok=audits.count(200),
    )  # fmt: skip
    result.require(overtaken <= MOST_OVERTAKEN, f"{overtaken} works of others began before one of the neighbour")
    result.require_in_time(busy_ms <= 4 * quiet_ms, f"cheap backtests: {busy_ms:.0f} ms, alone {quiet_ms:.0f} ms")
    result.require_in_time(busy_screen_ms <= 200, f"screens: {busy_screen_ms:.0f} ms")
    return result
