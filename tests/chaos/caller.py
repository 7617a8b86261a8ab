"""HTTP clients that submit backtests, retry after Retry-After, count responses, and wait for completion."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from tests.chaos.system import System, until

ENDED = ("completed", "failed", "cancelled")
CONDITIONS = (
    "PER < 12 and ROE > 5",
    "close > ts_mean(close, 20)",
    "pct_rank(MOMENTUM_3M) > 0.7",
    "volume > 1.5 * ts_mean(volume, 20)",
    "PBR < 1.5",
    "RSI_14 < 40 or MOMENTUM_1M > 5",
)
RANKS = (None, "MARKET_CAP", "MOMENTUM_3M", "-BETA", "volume * close")


def requests(count: int, seed: int, start: str, end: str) -> list[dict[str, Any]]:
    """Return distinct backtests, equal for equal arguments."""
    dice = random.Random(seed)
    bodies = []
    for number in range(count):
        strategy = {
            "buy": {
                "where": dice.choice(CONDITIONS), "rank_by": dice.choice(RANKS), "order": dice.choice(["asc", "desc"]),
            },
            "sell": {"stop_loss_pct": dice.choice([5, 10, None]), "max_hold_days": dice.choice([5, 20, 60])},
            "portfolio": {"max_positions": dice.randint(2, 30)},
        }  # fmt: skip
        bodies.append({"strategy": strategy, "start": start, "end": end, "initial_cash": 10_000_000 + number})
    return bodies


@dataclass
class Tally:
    """Outcomes of the requests of all callers."""

    seed: int
    accepted: dict[int, uuid.UUID] = field(default_factory=dict)
    """Number of the request -> id of its row."""
    statuses: Counter[int] = field(default_factory=Counter)
    """HTTP statuses of all responses, retries included."""
    broken: Counter[str] = field(default_factory=Counter)
    """Connections that were refused or lost before a response."""
    slowest_s: float = 0.0
    slowest_refusal_s: float = 0.0
    """Slowest 503."""
    retry_after_count: int = 0
    """Responses of 503 with Retry-After."""
    refused: list[str] = field(default_factory=list)
    """Bodies of 4xx responses."""
    wall_s: float = 0.0

    @property
    def server_errors(self) -> int:
        """Number of 5xx responses."""
        return sum(count for status, count in self.statuses.items() if status >= 500)


class Callers:
    """Concurrent callers of one system."""

    def __init__(self, system: System, *, at_once: int = 50, max_wait_s: float = 90.0) -> None:
        self._house = system
        self._at_once = at_once
        self._max_wait_s = max_wait_s

    async def submit(
        self, bodies: Sequence[dict[str, Any]], seed: int, *, rate: float | None = None, wait: int | None = None
    ) -> Tally:
        """Submit every body once, at most `rate` a second, without use of stored results.

        Every second request has an Idempotency-Key that its retries share. A request without one is queued before its
        row is stored, and a connection lost before the response may leave a further row.
        """
        tally = Tally(seed)
        name = uuid.uuid4().hex
        gate = asyncio.Semaphore(self._at_once)
        began = time.monotonic()
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session, asyncio.TaskGroup() as group:
            for number, body in enumerate(bodies):
                if rate is not None:
                    await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                await gate.acquire()
                headers = {"Cache-Control": "no-store"}
                if number % 2:
                    headers["Idempotency-Key"] = f"{name}-{number}"
                if wait is not None:
                    headers["Prefer"] = f"wait={wait}"
                task = group.create_task(self._one(session, number, body, headers, tally))
                task.add_done_callback(lambda _: gate.release())
        tally.wall_s = time.monotonic() - began
        return tally

    async def _one(
        self, session: aiohttp.ClientSession, number: int, body: dict[str, Any], headers: dict[str, str], tally: Tally
    ) -> None:
        give_up, dice = time.monotonic() + self._max_wait_s, random.Random(number)
        while time.monotonic() < give_up:
            began = time.monotonic()
            try:
                async with session.post(
                    self._house.url + "/v1/backtests", data=orjson.dumps(body),
                    headers={**headers, "Content-Type": "application/json"}, timeout=aiohttp.ClientTimeout(total=40),
                ) as response:  # fmt: skip
                    text = await response.read()
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                tally.broken[type(error).__name__] += 1
                await asyncio.sleep(0.1)
                continue
            took = time.monotonic() - began
            tally.statuses[response.status] += 1
            if response.status in (200, 202):
                tally.slowest_s = max(tally.slowest_s, took)
                tally.accepted[number] = uuid.UUID(orjson.loads(text)["id"])
                return
            if 400 <= response.status < 500:
                tally.refused.append(text.decode()[:500])
                return
            if response.status == 503:
                tally.slowest_refusal_s = max(tally.slowest_refusal_s, took)
                tally.retry_after_count += "Retry-After" in response.headers
            await asyncio.sleep(float(response.headers.get("Retry-After", "0.5")) * dice.uniform(0.7, 1.3))

    async def ended(self, tally: Tally, seconds: float) -> float:
        """Wait until all accepted backtests have ended and return the seconds."""
        ids = list(tally.accepted.values())
        statement = (
            "select count(*) from backtest b left join computation c on c.id = b.computation "
            "where b.id = any($1) and c.status in ('completed', 'failed', 'cancelled')"
        )

        async def all_ended() -> bool:
            try:
                return bool(await self._house.fetch_value(statement, ids) == len(ids))
            except (OSError, TimeoutError) as _:
                return False

        return await until(all_ended, seconds, f"the end of {len(ids)} accepted backtests", every_s=0.2)


@dataclass(frozen=True, kw_only=True)
class Ends:
    """Final states of accepted backtests in the database."""

    statuses: Counter[str]
    digests: dict[int, str | None]
    lost: int
    """Accepted backtests without a row or without a final state."""
    doubled: int
    """Surplus rows or computations of one request."""
    starts: dict[int, int]


async def ends_of(system: System, tally: Tally) -> Ends:
    """Return the final states of all accepted backtests."""
    numbers = {identity: number for number, identity in tally.accepted.items()}
    async with system.database() as connection:
        rows = await connection.fetch(
            "select b.id, b.computation, c.status, c.result_digest, c.attempts, c.result is not null as stored "
            "from backtest b left join computation c on c.id = b.computation where b.id = any($1)",
            list(numbers),
        )
    ended = [row for row in rows if row["status"] in ENDED]
    computations = Counter(row["computation"] for row in rows)
    return Ends(
        statuses=Counter(row["status"] for row in ended),
        digests={numbers[row["id"]]: row["result_digest"] for row in ended},
        lost=len(numbers) - len(ended),
        doubled=sum(count - 1 for count in computations.values()) + len(numbers) - len(set(numbers)),
        starts={numbers[row["id"]]: row["attempts"] for row in ended},
    )
