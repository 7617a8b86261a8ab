"""Verify a warm run: repeat its requests as a user would send them, and count the cache hits.

Each backtest is requested twice: with `no-store`, which computes it again and so tests the chunks, and without, which
tests the stored result. A chunk is a hit when a mapped panel or the cache provided it without the preparer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.warmer import dataset
from services.warmer.phases import WarmContext, ranking_queries, requests_of
from services.warmer.workload import WarmRequest
from shared.infra.api_client import outcome


@dataclass
class Verification:
    """chunks: phase -> (hits, misses); requested, cached: backtests, and how many had a stored result."""

    chunks: dict[str, tuple[int, int]] = field(default_factory=dict)
    requested: int = 0
    cached: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, phase: str, hits: int, misses: int) -> None:
        """Add requested chunks of a phase: found in a cache (`hits`) and not found (`misses`)."""
        before = self.chunks.get(phase, (0, 0))
        self.chunks[phase] = (before[0] + hits, before[1] + misses)

    def summary(self) -> dict[str, Any]:
        """Return the hit rates as fractions; None where nothing was requested."""
        hits = sum(hit for hit, _ in self.chunks.values())
        total = hits + sum(miss for _, miss in self.chunks.values())
        found: dict[str, Any] = {
            "chunk_hit_rate": hits / total if total else None,
            "result_hit_rate": self.cached / self.requested if self.requested else None,
            "verified": {"chunks": total, "results": self.requested},
        }
        if self.errors:
            found["verification_errors"] = self.errors
        return found


async def verify(
    context: WarmContext, phases: Sequence[str], current: dataset.Current, failed: Collection[str]
) -> Verification:
    """Repeat every request that the phases warmed, except the items that failed."""
    found = Verification()
    for phase in phases:
        if phase in ("prices", "factors"):
            batches = current.price_batches() if phase == "prices" else current.factor_batches(1)
            parts = list(dict.fromkeys(part for batch in batches.values() for part in batch))
            missing = len(await context.cache.missing_parts(parts))
            found.add(phase, len(parts) - missing, missing)
        elif phase == "rankings":
            for kind, query in ranking_queries(current):
                response = await outcome.get(context.verifier, f"/v1/rankings/{kind}", limit=100, **query)
                found.add(phase, int(response.error is None), int(response.error is not None))
        else:
            requests = await requests_of(context, phase, current)
            await _verify_backtests(context, phase, [r for r in requests if r.name not in failed], found)
    return found


async def _verify_backtests(
    context: WarmContext, phase: str, requests: Sequence[WarmRequest], found: Verification
) -> None:
    remaining = iter(requests)

    async def work() -> None:
        for request in remaining:
            computed = await outcome.backtest(context.verifier, request.body, no_store=True)
            stored = await outcome.backtest(context.verifier, request.body)
            for response in (computed, stored):
                if response.error:
                    found.errors.append(f"{request.name}: {response.error}")
            hits, misses = computed.chunks()
            found.add(phase, hits, misses + int(computed.error is not None))
            found.requested += 1
            found.cached += int(stored.cached)

    async with asyncio.TaskGroup() as group:
        for _ in range(context.settings.warm_concurrency):
            group.create_task(work())
