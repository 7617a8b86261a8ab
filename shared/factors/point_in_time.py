"""Statements point in time: what was known on which day, as quantities that are constant between two disclosures.

1. Statements are sorted by instrument and disclosure day. Each day on which one or more became known is an event.
2. For each event the kernel keeps, for every (fiscal year, quarter), the statement disclosed last, takes the latest
   period among them, and derives trailing sums of flows, balances, the same a year and three years ago, and the mean
   of the annual net incomes.
3. A row of the dataset belongs to the last event on or before its day, unless the latest period of that event ended
   more than 480 days before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shared.factors.native import Array, kernels
from shared.model.market_data import ACCOUNTS, Statements
from shared.native import place

TOO_OLD_DAYS = 480
"""A latest period that ended more days ago than this says nothing any more."""

QUANTITIES = (
    *ACCOUNTS,
    *(f"{account} 1 year ago" for account in ACCOUNTS),
    "revenue 3 years ago",
    "net_income 3 years ago",
    "annual net_income",
)
"""Columns of an event, in the order of the kernel. Flows are trailing sums, balances those of the latest period; the
last one is the mean of the latest 3 to 10 known annual net incomes."""


@dataclass(frozen=True, kw_only=True)
class Events:
    """Disclosures of N instruments, E in all, by instrument and day.

    `values` is float64 [E + 1, quantities]; its last row is NaN and stands for "nothing is known".
    """

    instrument: Array  # int32 [E]
    day: Array  # int32 [E]
    period_end: Array  # int32 [E], of the latest period
    values: Array

    @cached_property
    def columns(self) -> Mapping[str, Array]:
        """Quantity -> float64 [E + 1]."""
        by_column = np.ascontiguousarray(self.values.T)
        return {name: by_column[column] for column, name in enumerate(QUANTITIES)}

    def rows(self, days: Array, instruments: int, alive: Array) -> Array:
        """int32 [rows, instruments]: the event that holds on each day, E where none does or the stock is not `alive`.

        days: int32 [rows], ascending; alive: bool [rows, instruments].
        """
        count = len(self.instrument)
        nothing = np.int32(count)
        found = np.zeros((len(days), instruments), np.int32)
        start = np.searchsorted(days, self.day)
        inside = np.nonzero(start < len(days))[0]
        # Events come in order: where several fall on one row (as those before the first do) the largest is the last.
        np.maximum.at(found, (start[inside], self.instrument[inside]), (inside + 1).astype(np.int32))
        np.maximum.accumulate(found, axis=0, out=found)
        last_day = np.append(np.int64(np.iinfo(np.int64).min), self.period_end.astype(np.int64) + TOO_OLD_DAYS)
        holds = (days[:, None] <= last_day[found]) & alive
        return np.where(holds, found - np.int32(1), nothing)


def events_of(statements: Statements, instruments: int) -> Events:
    """Every event of the statements of `instruments` columns; raises ValueError for an instrument outside of them."""
    who = statements.instrument
    if len(who) and (int(who.min()) < 0 or int(who.max()) >= instruments):
        raise ValueError("a statement names an instrument that is not among the columns")
    order = np.lexsort((statements.fiscal_quarter, statements.fiscal_year, statements.disclosed_on, who))
    keys = (who, statements.fiscal_year, statements.fiscal_quarter, statements.period_end, statements.disclosed_on)
    columns = [np.ascontiguousarray(key[order], np.int32) for key in keys]
    count = len(order)
    accounts = np.empty((count, len(ACCOUNTS)))
    for column, name in enumerate(ACCOUNTS):
        accounts[:, column] = statements.accounts[name][order]
    found = [np.empty(count, np.int32) for _ in range(3)]
    values = np.empty((count + 1, len(QUANTITIES)))
    events = kernels().factors_events(count, *map(place, columns), place(accounts), *map(place, found), place(values))
    if events < 0:
        raise MemoryError("no memory to order the statements")
    values = values[: events + 1]
    values[events] = np.nan
    instrument, day, period_end = (part[:events] for part in found)
    return Events(instrument=instrument, day=day, period_end=period_end, values=values)
