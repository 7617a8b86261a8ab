"""A run of the test of the containers: its stack, and the table of its steps."""

from __future__ import annotations

import pathlib
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.containers.stack import Stack


@dataclass
class Row:
    """One line of the table."""

    name: str
    meaning: str
    figures: str
    seconds: float
    passed: bool


@dataclass
class Run:
    """The stack and what the steps share; steps run in order, on the containers that the one before left."""

    stack: Stack
    scratch: pathlib.Path
    output: pathlib.Path
    """Folder of the table and the pictures."""
    seed: int
    count: int
    """Backtests of each step under load."""
    away_s: float
    """How long the cache is away."""
    began: float = field(default_factory=time.time)
    rows: list[Row] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)
    """Number of the request -> digest of its result, before any fault."""

    async def step(self, action: Callable[[Run], Awaitable[str]]) -> bool:
        """Run a step, print and keep its line; return whether it passed."""
        began = time.monotonic()
        try:
            figures, passed = await action(self), True
        except (AssertionError, RuntimeError, TimeoutError, OSError) as error:
            traceback.print_exc()
            figures, passed = f"FAILED: {type(error).__name__} {str(error)[:300]}", False
        meaning = " ".join((action.__doc__ or "").split())
        row = Row(action.__name__.replace("_", " "), meaning, figures, time.monotonic() - began, passed)
        self.rows.append(row)
        print(f"{'ok  ' if passed else 'FAIL'} {row.name} ({row.seconds:.0f} s): {row.figures}", flush=True)
        return passed

    def table(self) -> str:
        """Return the table in Markdown."""
        lines = ["| step | what must hold | seen |", "|---|---|---|"]
        lines += [f"| {row.name} | {row.meaning} | {row.figures} |" for row in self.rows]
        return "\n".join(lines) + "\n"
