"""The proof of a warm run: everything is asked for once more, as a user would, and the hits are counted.

Backtests are asked for twice: with `no-store`, so that they are computed anew and the chunks are tested, and plainly,
so that the stored results are. A chunk is a hit when a mapped panel or the cache served it without the preparer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.warmer import dataset
from services.warmer.phases import Tools, asks_of, ranking_questions
from services.warmer.workload import Ask


@dataclass
class Found:
    """chunks: phase -> (hits, misses); results: how many of the backtests were answered from the store."""

    chunks: dict[str, tuple[int, int]] = field(default_factory=dict)
    asked: int = 0
    stored: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, phase: str, hits: int, misses: int) -> None:
        """Count chunks of a phase."""
        before = self.chunks.get(phase, (0, 0))
        self.chunks[phase] = (before[0] + hits, before[1] + misses)

    def summary(self) -> dict[str, Any]:
        """The figures as fractions; None where nothing was asked."""
        hits = sum(hit for hit, _ in self.chunks.values())
        total = hits + sum(miss for _, miss in self.chunks.values())
        found: dict[str, Any] = {
            "chunk_hit_rate": hits / total if total else None,
            "result_hit_rate": self.stored / self.asked if self.asked else None,
            "verified": {"chunks": total, "results": self.asked},
        }
        if self.errors:
            found["verification_errors"] = self.errors
        return found


async def verify(tools: Tools, phases: Sequence[str], current: dataset.Current, failing: Collection[str]) -> Found:
    """Ask again for everything that the phases warmed; items that failed have nothing to verify."""
    found = Found()
    for phase in phases:
        if phase in ("prices", "factors"):
            batches = current.price_batches() if phase == "prices" else current.factor_batches(1)
            parts = list(dict.fromkeys(part for batch in batches.values() for part in batch))
            missing = len(await tools.cache.missing_parts(parts))
            found.add(phase, len(parts) - missing, missing)
        elif phase == "rankings":
            for kind, query in ranking_questions(current):
                answer = await tools.verifier.get(f"/v1/rankings/{kind}", limit=100, **query)
                found.add(phase, int(answer.error is None), int(answer.error is not None))
        else:
            asks = [ask for ask in await asks_of(tools, phase, current) if ask.name not in failing]
            await _backtests(tools, phase, asks, found)
    return found


async def _backtests(tools: Tools, phase: str, asks: Sequence[Ask], found: Found) -> None:
    left = iter(asks)

    async def work() -> None:
        for ask in left:
            anew = await tools.verifier.backtest(ask.body, no_store=True)
            stored = await tools.verifier.backtest(ask.body)
            for answer in (anew, stored):
                if answer.error:
                    found.errors.append(f"{ask.name}: {answer.error}")
            hits, misses = anew.chunks()
            found.add(phase, hits, misses + int(anew.error is not None))
            found.asked += 1
            found.stored += int(stored.cached)

    async with asyncio.TaskGroup() as group:
        for _ in range(tools.settings.warm_parallel):
            group.create_task(work())
