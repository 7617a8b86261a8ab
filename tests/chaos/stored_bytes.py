"""S9: an owner that stores as much as it can, and requests that read it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import aiohttp

from tests.chaos.caller import requests
from tests.chaos.memory import forget_peak, peak_bytes, resident_bytes
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import FaultError
from tests.chaos.tenancy import Caller, new_key

COUNT = 150
LARGE = 639_000
MIB = 1 << 20
LIMIT_BYTES = 8 * MIB
GROWTH_MIB = 64
HELD = """
select sum(octet_length(strategy)) from user_strategy where owner = (select owner from user_strategy where id = 'small')
"""


def large_strategy(number: int) -> dict[str, Any]:
    """Return a valid strategy of about `LARGE` bytes."""
    codes = [f"{code:060d}" for code in range(number, number + LARGE // 64)]
    return {"buy": {"where": "PER < 10"}, "universe": {"stock_codes": codes}}


async def s9(context: Context) -> CheckResult:
    """Store large strategies and factors, read and name them, and compare the memory of the api."""
    result, system = CheckResult(), context.system
    key = await new_key(context, "faults-bytes")
    api = system.pids()["api"]
    forget_peak(api)
    before = resident_bytes(api)
    stored: Counter[int] = Counter()
    answers: Counter[int] = Counter()
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, system.url, key)
        for number in range(COUNT):
            body = {"id": f"large_{number}", "name": "large", "strategy": large_strategy(number)}
            status, text = await caller.call("POST", "/v1/strategies", body)
            stored[status] += 1
            if status not in (201, 409):
                raise FaultError(f"a strategy: {status} {text[:200]}")
        small = {"id": "small", "name": "small", "strategy": {"buy": {"where": "PER < 10"}}}
        status, text = await caller.call("DELETE", "/v1/strategies/large_0")
        result.require(status == 204, f"delete: {status} {text[:200]}")
        status, text = await caller.call("POST", "/v1/strategies", small)
        result.require(status == 201, f"a small strategy: {status} {text[:200]}")
        status, text = await caller.call("PUT", "/v1/strategies/small", {"name": "x", "strategy": large_strategy(1)})
        result.require(status in (200, 409), f"a strategy that grows: {status} {text[:200]}")
        await caller.call("PUT", "/v1/strategies/small", {"name": "x", "strategy": small["strategy"]})
        window = {name: requests(1, context.seed, context.start, context.end)[0][name] for name in ("start", "end")}
        for _ in range(context.count(20, 4)):
            calls = (
                caller.call("POST", "/v1/backtests", {**window, "strategy": "small"}, Prefer="wait=30"),
                caller.call("POST", "/v1/backtests", {**window, "strategy": "absent"}),
                caller.call("GET", "/v1/screen?strategy=small"),
                caller.call(
                    "POST", "/v1/sweeps?dry_run=true", {"template": {**window, "strategy": "small"}, "parameters": {}}
                ),
            )
            for status, text in await asyncio.gather(*calls):
                answers[status] += 1
                result.require(status < 500, f"{status} {text[:200]}")
        held = int(await system.fetch_value(HELD))
        status, text = await caller.call("GET", "/v1/strategies?limit=1000")
        for item in json.loads(text)["items"]:
            if item["kind"] == "own":
                await caller.call("DELETE", f"/v1/strategies/{item['id']}")
    growth = (peak_bytes(api) - before) / MIB
    result.add(stored=dict(stored), stored_mib=held / MIB, answers=dict(answers), api_growth_mib=growth)
    result.require(api == system.pids()["api"], "the api was restarted")
    result.require(held <= LIMIT_BYTES, f"an owner stores {held / MIB:.1f} MiB of strategies")
    result.require(growth <= GROWTH_MIB, f"the api grew by {growth:.0f} MiB")
    return result
