"""The 57 factors as declarations: names, meaning, needs and look-back of each, read from `catalogue.csv` beside."""

from __future__ import annotations

import csv
import pathlib
from dataclasses import dataclass
from typing import Final, Literal, cast

Kind = Literal["price", "statement", "mixed"]

WHOLE_HISTORY: Final = -1
"""The look-back of a recursive factor: every row since the stock's first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Factor:
    """One factor; `formula` and `null_when` are its definition, in the words of docs/reference/factors.md."""

    key: str
    name_ko: str
    name_en: str
    category: str
    unit: str
    formula: str
    inputs: str
    null_when: str
    kind: Kind
    """`price`: rows of prices and indices; `statement`: constant between two disclosures; `mixed`: both."""
    lookback_rows: int
    """Rows before the row itself that a value reads, or WHOLE_HISTORY."""
    version: int
    """Raised when the code computes another value from the same inputs; part of the dataset version."""
    needs: tuple[str, ...]
    """Inputs without which there is no value, in the names of `shared.factors.coverage`."""


def _read(path: pathlib.Path) -> tuple[Factor, ...]:
    with path.open(encoding="utf-8", newline="") as lines:
        return tuple(
            Factor(
                key=row["key"],
                name_ko=row["name_ko"],
                name_en=row["name_en"],
                category=row["category"],
                unit=row["unit"],
                formula=row["formula"],
                inputs=row["inputs"],
                null_when=row["null_when"],
                kind=cast("Kind", row["kind"]),
                lookback_rows=WHOLE_HISTORY if row["lookback_rows"] == "all" else int(row["lookback_rows"]),
                version=int(row["version"]),
                needs=tuple(need for need in row["needs"].split("; ") if need),
            )
            for row in csv.DictReader(lines)
        )


FACTORS: Final[tuple[Factor, ...]] = _read(pathlib.Path(__file__).with_name("catalogue.csv"))
"""Every factor, in the order of the catalogue."""

BY_KEY: Final[dict[str, Factor]] = {factor.key: factor for factor in FACTORS}
