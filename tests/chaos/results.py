"""What a check is, what it finds, and how findings are shown and kept."""

from __future__ import annotations

import pathlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from tests.chaos.system import House


@dataclass(frozen=True, kw_only=True)
class Context:
    """What a check works with. `quick` asks for smaller counts; everything random comes from `seed`."""

    house: House
    seed: int
    quick: bool
    start: str
    end: str
    market: pathlib.Path
    scratch: pathlib.Path

    def count(self, full: int, quick: int) -> int:
        """A count for this run."""
        return quick if self.quick else full


@dataclass
class Finding:
    """Figures of a check, everything about them that is not as it must be, and what came too late.

    What is late decides the verdict of `make faults`; a test on a machine that does other things too asserts `faults`.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def note(self, **figures: Any) -> None:
        """Figures that are shown."""
        self.figures |= {name: round(v, 3) if isinstance(v, float) else v for name, v in figures.items()}

    def must(self, claim: bool, otherwise: str) -> None:
        """Note a fault unless the claim holds."""
        if not claim:
            self.faults.append(otherwise)

    def in_time(self, claim: bool, otherwise: str) -> None:
        """Note something late unless the claim holds."""
        if not claim:
            self.late.append(otherwise)

    @property
    def green(self) -> bool:
        """Nothing is wrong, and nothing was late."""
        return not self.faults and not self.late


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the table. `house` tells which system it needs: shared, one of its own, or none."""

    id: str
    title: str
    passes_when: str
    run: Callable[[Context], Awaitable[Finding]]
    quick: bool = False
    """Fast enough for every run of the tests."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A check that was carried out."""

    id: str
    title: str
    passes_when: str
    seed: int
    seconds: float
    green: bool
    figures: dict[str, Any]
    faults: list[str]
    late: list[str]

    def line(self) -> str:
        """One line of the table."""
        figures = ", ".join(f"{name} {value}" for name, value in self.figures.items())
        word = "green" if self.green else "RED: " + "; ".join([*self.faults, *self.late])
        return f"| {self.id} {self.title} | {figures} | {self.passes_when} | {word} |"


HEAD = "| check | figure | passes when | verdict |\n|---|---|---|---|"


def keep(verdicts: Sequence[Verdict], path: pathlib.Path, **about: Any) -> None:
    """Write the findings as JSON; those of other checks in the same file stay."""
    path.parent.mkdir(exist_ok=True)
    known: dict[str, Any] = {}
    if path.exists():
        known = {item["id"]: item for item in orjson.loads(path.read_bytes())["checks"]}
    known |= {verdict.id: asdict(verdict) for verdict in verdicts}
    body = {**about, "checks": sorted(known.values(), key=lambda item: (item["id"][0], int(item["id"][1:])))}
    path.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str))
