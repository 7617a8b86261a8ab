"""Start-time fair queuing in plain Python, from docs/how-to/many-users.md: which queue is next."""

from __future__ import annotations

from dataclasses import dataclass, field

WEIGHTS = {"user": 1.0, "preview": 1.0, "warmer": 0.05, "verify": 0.05}
START_COST = 5_000_000

Queue = tuple[str, str]
"""Owner and origin."""


@dataclass
class FairQueue:
    """Work that waits, in the order of its arrival in each queue, and the virtual time of each queue."""

    waiting: dict[Queue, list[tuple[str, int]]] = field(default_factory=dict)
    finish: dict[Queue, float] = field(default_factory=dict)
    now: float = 0.0
    """Virtual time at which the last work began."""

    def add(self, queue: Queue, name: str, cost: int) -> None:
        """Append work to a queue."""
        self.waiting.setdefault(queue, []).append((name, cost))

    def charge(self, queue: Queue, spent: int) -> None:
        """Count computing that did not wait in a queue."""
        started = max(self.finish.get(queue, 0.0), self.now)
        self.finish[queue] = started + spent
        if not any(self.waiting.values()):
            self.now = max(self.now, started)

    def take(self) -> tuple[Queue, str, int] | None:
        """Remove and return the work that is next; None when none waits."""
        waiting = [queue for queue, work in self.waiting.items() if work]
        if not waiting:
            return None
        queue = min(waiting, key=lambda queue: (self.finish.get(queue, 0.0), queue))
        name, cost = self.waiting[queue].pop(0)
        started = max(self.finish.get(queue, 0.0), self.now)
        self.now = max(self.now, started)
        self.finish[queue] = started + (cost + START_COST) / WEIGHTS[queue[1]]
        return queue, name, cost
