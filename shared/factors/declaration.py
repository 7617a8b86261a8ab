"""What a factor is: one declaration with its definition in words and, for all but the price factors, its formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

Values = Mapping[str, Array]
"""Quantity -> float64 values of one shape: one for each disclosure event, or one for each row and instrument."""

Formula = Callable[[Values], Array]

Kind = Literal["price", "statement", "mixed"]

WHOLE_HISTORY: Final = -1
"""The look-back of a recursive factor: every row since the stock's first."""

DIVIDEND_LOOKBACK_ROWS: Final = 830
"""Rows that trailing dividends may read: the latest ex-date lies within 480 days, the others 350 days before it."""


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
    """`price`: from prices and indices; `statement`: constant between two disclosures; `mixed`: both."""
    lookback_rows: int
    """Rows before the row itself that a value reads, or WHOLE_HISTORY."""
    version: int
    """Raised when the code computes another value from the same inputs; part of the dataset version."""
    needs: tuple[str, ...]
    """Inputs without which there is no value, in the names of `shared.factors.coverage`."""
    compute: Formula | None = field(default=None, compare=False, repr=False)
    """The formula, in float64; None for the price factors, which the kernel computes (`shared.factors.native`)."""
