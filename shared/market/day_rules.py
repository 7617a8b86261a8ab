"""The rules of many days as arrays for the day loop, and the version of all tables."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from shared.market.limits import LIMITS, limit_steps
from shared.market.rule_books import RULE_BOOKS
from shared.market.taxes import TAXES, tax_steps
from shared.market.ticks import TABLES, TICKS, table_numbers

_CONTENT = repr((RULE_BOOKS, TAXES, LIMITS, TABLES.tolist(), *(since for since, _ in TICKS[1:])))

RULES_VERSION = "krx-" + hashlib.sha256(_CONTENT.encode()).hexdigest()[:12]
"""Names the content of all tables: a changed date or rate is another version."""


@dataclass(frozen=True, kw_only=True)
class DayRules:
    """Rules of D days for each rule book."""

    tax: np.ndarray  # float64 [D, 3], fraction of the sale
    limit: np.ndarray  # float64 [D, 3], fraction of the base price
    tick_table: np.ndarray  # uint8 [D, 3], number in ticks.TABLES


def _stepped(days: np.ndarray, since: list[int], pct: list[float]) -> np.ndarray:
    found: np.ndarray = np.array(pct)[np.searchsorted(np.array(since), days, side="right") - 1] / 100
    return found


def day_rules(days: np.ndarray) -> DayRules:
    """Return the rules of the day numbers `days` (int32 [D])."""
    kinds = range(len(RULE_BOOKS))
    return DayRules(
        tax=np.stack([_stepped(days, *tax_steps(k)) for k in kinds], axis=1),
        limit=np.stack([_stepped(days, *limit_steps(k)) for k in kinds], axis=1),
        tick_table=table_numbers(days),
    )
