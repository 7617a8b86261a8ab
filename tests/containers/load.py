"""Backtests through the published port while containers are scaled, killed and replaced: none may be lost."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.chaos.caller import ENDED, requests
from tests.containers.stack import Stack

AT_ONCE = 16
SHOWN = "parts=provenance"
"""The part of a result with its digest, which is the same whenever and wherever the request is run."""
MAX_WAIT_S = 240.0
"""How long one backtest may take, with every retry."""


@dataclass
class Outcome:
    """What became of the backtests of a load."""

    ends: Counter[str] = field(default_factory=Counter)
    """Status at the end -> number of backtests."""
    not_accepted: int = 0
    lost: list[str] = field(default_factory=list)
    """Accepted backtests without an end."""
    retries: int = 0
    """Connections without an answer, and answers 5xx and 429."""
    seconds: float = 0.0
    digests: dict[int, str] = field(default_factory=dict)
    """Number of the request -> digest of its result."""

    @property
    def completed(self) -> int:
        """Number of completed backtests."""
        return self.ends["completed"]

    def check(self, count: int) -> None:
        """AssertionError unless all `count` backtests were accepted and completed."""
        assert not self.lost, f"{len(self.lost)} accepted backtests have no end: {self.lost[:5]}"
        assert (self.not_accepted, dict(self.ends)) == (0, {"completed": count}), self

    @property
    def text(self) -> str:
        """The figures for the table."""
        rate = self.completed / self.seconds if self.seconds else 0.0
        return f"{self.completed} completed, {len(self.lost)} lost, {self.retries} requests repeated, {rate:.0f}/s"


def bodies(count: int, seed: int) -> list[dict[str, Any]]:
    """Return distinct backtests over the years of the test's market."""
    return requests(count, seed, "2024-01-02", "2025-06-30")


@asynccontextmanager
async def running(stack: Stack, count: int, seed: int) -> AsyncIterator[Outcome]:
    """Send `count` distinct backtests while the block runs, and wait for all at its end."""
    outcome, began = Outcome(), time.monotonic()
    tasks = iter(list(enumerate(bodies(count, seed))))
    workers = [asyncio.create_task(_work(stack, tasks, outcome)) for _ in range(AT_ONCE)]
    try:
        yield outcome
        await asyncio.gather(*workers)
        outcome.seconds = time.monotonic() - began
    finally:
        for worker in workers:
            worker.cancel()


async def _work(stack: Stack, tasks: Iterator[tuple[int, dict[str, Any]]], outcome: Outcome) -> None:
    for number, body in tasks:
        headers = {"Idempotency-Key": uuid.uuid4().hex, "Cache-Control": "no-store", "Prefer": "wait=10"}
        accepted = await _answer(stack, outcome, "POST", f"/v1/backtests?{SHOWN}", body=body, headers=headers)
        if accepted is None:
            outcome.not_accepted += 1
            continue
        document: dict[str, Any] | None = accepted
        give_up = time.monotonic() + MAX_WAIT_S
        while document is not None and document["status"] not in ENDED and time.monotonic() < give_up:
            await asyncio.sleep(0.2)
            document = await _answer(stack, outcome, "GET", f"/v1/backtests/{accepted['id']}?{SHOWN}")
        if document is None or document["status"] not in ENDED:
            outcome.lost.append(accepted["id"])
        else:
            outcome.ends[document["status"]] += 1
            if document["status"] == "completed":
                outcome.digests[number] = document["result"]["provenance"]["result_digest"]


async def _answer(
    stack: Stack, outcome: Outcome, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None
) -> dict[str, Any] | None:
    """Return the document of a 2xx answer; None when there is none in time. AssertionError for another 4xx than 429."""
    give_up = time.monotonic() + MAX_WAIT_S
    while time.monotonic() < give_up:
        with suppress(aiohttp.ClientError, TimeoutError):
            status, document = await stack.request(method, path, body, headers)
            if status in (200, 202):
                return dict(document)
            assert status == 429 or status >= 500, (status, document)
        outcome.retries += 1
        await asyncio.sleep(0.3)
    return None
