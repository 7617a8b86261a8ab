"""R25: a key that stores the largest results that are accepted, and a disk that has too little room."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import shutil
from collections import Counter
from typing import Any

import aiohttp

from tests.chaos.caller import requests
from tests.chaos.full_disk import small_disk
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import make_market, ondol, serving, until
from tests.chaos.tenancy import Caller

QUOTA = 24 << 20
OTHERS = 8
POSITIONS = 60
DISK_MIB = 320
STORED = """
select coalesce((select sum(octet_length(c.result)) from computation c where c.owner = $1), 0)
     + coalesce((select sum(octet_length(p.data)) from sweep_part p join sweep s on s.id = p.sweep
                where s.owner = $1), 0)
"""


async def r25(context: Context) -> CheckResult:
    """Flood with large results by one key beside another one, then take the room of the disk away and give it back."""
    result = CheckResult()
    market = await make_market(context.scratch / "small-market", stocks=60, years=2)
    async with small_disk(DISK_MIB) as disk, serving(disk / "home", simulators=2) as system:
        await system.load(market)
        await system.warm_run_ended()
        home = ("--home", str(system.home), "--json")
        limits = ("--rate-limit", "0", "--concurrency", "16")
        flooding = json.loads(await ondol("keys", "create", "floods", *limits, "--daily-bytes", str(QUOTA), *home))
        other = json.loads(await ondol("keys", "create", "other", *limits, *home))
        async with aiohttp.ClientSession() as session:
            flooder = Caller(session, system.url, flooding["key"])
            neighbour = Caller(session, system.url, other["key"])
            owner = f"key:{flooding['id']}"
            flood = asyncio.create_task(_flood(context, flooder, result))
            served = Counter(await _served(context, neighbour))
            await flood

            async def idle() -> bool:
                return not await system.fetch_value(
                    "select exists (select from computation where status in ('queued', 'preparing', 'running'))"
                )

            await until(idle, 120, "the end of the accepted backtests")
            stored = int(await system.fetch_value(STORED, owner))
            counted = int(await system.fetch_value("select sum(bytes) from stored_bytes where owner = $1", owner))
            result.add(quota=QUOTA, stored=stored, counted=counted, served=dict(served))
            result.require(0 < stored <= QUOTA, f"{stored} bytes are stored, {QUOTA} are allowed")
            result.require(stored == counted, f"{counted} of {stored} stored bytes are counted")
            result.require(set(served) == {200}, f"the other key: {dict(served)}")
            await _without_room(context, neighbour, system, disk, result)
    return result


def largest(context: Context, number: int) -> dict[str, Any]:
    """Return a backtest that trades as much as it can: all positions are bought and sold every day."""
    strategy = {
        "buy": {"where": "raw_close > 0", "rank_by": "raw_close"}, "sell": {"max_hold_days": 1},
        "portfolio": {"max_positions": POSITIONS},
    }  # fmt: skip
    return {"strategy": strategy, "start": context.start, "end": context.end, "initial_cash": 900_000_000 + number}


async def _flood(context: Context, caller: Caller, result: CheckResult) -> None:
    """Submit large backtests until the quota is used up, and go on for a while."""
    answers: Counter[int] = Counter()
    codes: Counter[str] = Counter()
    number = used_up = 0
    while used_up < context.count(200, 30):
        status, text = await caller.call("POST", "/v1/backtests", largest(context, number))
        answers[status] += 1
        if status == 202:
            number += 1
            continue
        document = json.loads(text)
        codes[document["code"]] += 1
        result.require(status == 429, f"a large backtest: {status} {text[:200]}")
        used_up += document["code"] == "daily_bytes_used"
        if document["code"] != "daily_bytes_used":
            await asyncio.sleep(0.05)
        if result.faults:
            return
    result.add(answers=dict(answers), refused=dict(codes))


async def _served(context: Context, caller: Caller) -> list[int]:
    bodies = requests(OTHERS, context.seed + 25, context.start, context.end)
    return [(await caller.call("POST", "/v1/backtests", body, Prefer="wait=30"))[0] for body in bodies]


def _leave(disk: pathlib.Path, room: int) -> None:
    """Allocate blocks until only `room` bytes are free; nothing is written, which would keep PostgreSQL waiting."""
    with (disk / "filler").open("ab", buffering=0) as file:
        size = 0
        while (free := shutil.disk_usage(disk).free) > room:
            os.posix_fallocate(file.fileno(), size, free - room)
            size += free - room


async def _without_room(context: Context, caller: Caller, system: Any, disk: Any, result: CheckResult) -> None:
    """Leave a part of the reserved room: new work is refused, PostgreSQL still writes."""
    body = requests(1, context.seed + 26, context.start, context.end)[0]
    _leave(disk, (DISK_MIB << 20) // 20)

    async def refused() -> bool:
        status, text = await caller.call("POST", "/v1/backtests", body)
        return status == 503 and "disk_nearly_full" in text

    await until(refused, 10, "a refusal for want of room")
    key = {"id": "stored", "name": "stored", "strategy": {"buy": {"where": "PER < 10"}}}
    status, text = await caller.call("POST", "/v1/strategies", key)
    result.require(status == 201, f"PostgreSQL writes while work is refused: {status} {text[:200]}")
    (disk / "filler").unlink()

    async def accepted() -> bool:
        return (await caller.call("POST", "/v1/backtests", body))[0] in (200, 202)

    result.add(accepted_again_s=await until(accepted, 30, "an accepted backtest"))
