"""Checks, their results, and the report of results as table and JSON."""

from __future__ import annotations

import pathlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from tests.chaos.system import System


class CannotRunError(Exception):
    """The machine lacks a right or a program that a check needs; the text says which."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Inputs of a check. `quick`: smaller counts; `seed`: seed of all random choices."""

    system: System
    seed: int
    quick: bool
    start: str
    end: str
    market: pathlib.Path
    scratch: pathlib.Path

    def count(self, full: int, quick: int) -> int:
        """Return the count for this run."""
        return quick if self.quick else full


@dataclass
class CheckResult:
    """Figures, violated requirements and missed time limits of a check.

    `make faults` requires both lists to be empty; tests, whose machine may be busy, require only empty `faults`.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def add(self, **figures: Any) -> None:
        """Add figures to the report."""
        self.figures |= {name: round(v, 3) if isinstance(v, float) else v for name, v in figures.items()}

    def require(self, claim: bool, otherwise: str) -> None:
        """Add a fault unless the claim holds."""
        if not claim:
            self.faults.append(otherwise)

    def require_in_time(self, claim: bool, otherwise: str) -> None:
        """Add a missed time limit unless the claim holds."""
        if not claim:
            self.late.append(otherwise)

    @property
    def green(self) -> bool:
        """Whether there is neither a fault nor a missed time limit."""
        return not self.faults and not self.late


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check of the suite."""

    id: str
    title: str
    passes_when: str
    run: Callable[[Context], Awaitable[CheckResult]]
    quick: bool = False
    """Whether the check is part of the quick tests."""


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """The result of a check that has run."""

    id: str
    title: str
    passes_when: str
    seed: int
    seconds: float
    green: bool
    figures: dict[str, Any]
    faults: list[str]
    late: list[str]
    cannot_run: str = ""
    """What the machine lacks; empty: the check has run."""

    def line(self) -> str:
        """Return one line of the table."""
        figures = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        word = "green" if self.green else "RED: " + "; ".join([*self.faults, *self.late])
        if self.cannot_run:
            word = f"NOT RUN: {self.cannot_run}"
        return f"| {self.id} {self.title} | {figures} | {self.passes_when} | {word} |"


HEAD = "| check | figure | passes when | verdict |\n|---|---|---|---|"


def write_reports(reports: Sequence[CheckReport], path: pathlib.Path, **about: Any) -> None:
    """Write the reports as JSON; reports of other checks in the file remain."""
    path.parent.mkdir(exist_ok=True)
    known: dict[str, Any] = {}
    if path.exists():
        known = {item["id"]: item for item in orjson.loads(path.read_bytes())["checks"]}
    known |= {report.id: asdict(report) for report in reports}
    body = {**about, "checks": sorted(known.values(), key=lambda item: (item["id"][0], int(item["id"][1:])))}
    path.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str))
