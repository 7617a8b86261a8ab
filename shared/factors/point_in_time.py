"""Statements point in time: what was known on which day, as quantities that are constant between two disclosures.

1. Statements are sorted by instrument and disclosure day. Each day on which one or more became known is an event.
2. For each event the kernel keeps, for every (fiscal year, quarter), the statement disclosed last, takes the latest
   period among them, and derives trailing sums of flows, balances, the same a year and three years ago, and the mean
   of the annual net incomes.
3. A row of the dataset belongs to the last event on or before its day, unless the latest period of that event ended
   more than 480 days before.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shared.factors.declaration import Array
from shared.factors.native import Layout, kernels
from shared.model.market_data import ACCOUNTS, FLOWS, Statements
from shared.native import place

MAX_AGE_DAYS = 480
"""Statements whose latest period ended more days ago than this give no factor."""

KERNEL_QUANTITIES = (
    *ACCOUNTS,
    *(f"{account} 1 year ago" for account in ACCOUNTS),
    "revenue 3 years ago",
    "net_income 3 years ago",
    "net_income_owners 3 years ago",
    "annual earnings",
)
"""Columns of an event, in the order of the kernel. Flows are trailing sums, balances those of the latest period; the
last one is the mean of the latest 3 to 10 known annual net incomes, the owners' part where a statement has it."""

OWNERS_QUANTITIES = {
    "earnings": ("net_income_owners", "net_income"),
    "earnings 1 year ago": ("net_income_owners 1 year ago", "net_income 1 year ago"),
    "earnings 3 years ago": ("net_income_owners 3 years ago", "net_income 3 years ago"),
    "book_equity": ("equity_owners", "total_equity"),
}
"""Quantity -> the owners' part, and the total that stands for it where the owners' part is not known."""

MINORITY_INTEREST = "minority_interest"
"""total_equity - equity_owners; 0 where one of them is not known."""

QUANTITIES = (*KERNEL_QUANTITIES, *OWNERS_QUANTITIES, MINORITY_INTEREST)


@dataclass(frozen=True, kw_only=True)
class Events:
    """Disclosures of N instruments, E in all, by instrument and day.

    `values` is float64 [E + 1, KERNEL_QUANTITIES]; its last row is NaN and stands for "nothing is known".
    """

    instrument: Array  # int32 [E]
    day: Array  # int32 [E]
    period_end: Array  # int32 [E], of the latest period
    values: Array

    @cached_property
    def columns(self) -> Mapping[str, Array]:
        """Quantity -> float64 [E + 1], for each of QUANTITIES."""
        by_column = np.ascontiguousarray(self.values.T)
        columns = {name: by_column[column] for column, name in enumerate(KERNEL_QUANTITIES)}
        for name, (owners, total) in OWNERS_QUANTITIES.items():
            columns[name] = np.where(np.isnan(columns[owners]), columns[total], columns[owners])
        minority = columns["total_equity"] - columns["equity_owners"]
        columns[MINORITY_INTEREST] = np.where(np.isnan(minority), 0.0, minority)
        return columns

    def index_of_rows(self, days: Array, instruments: int, listed: Array) -> Array:
        """Return int32 [rows, instruments]: the event valid on each day, E where there is none or `listed` is false.

        days: int32 [rows], ascending; listed: bool [rows, instruments].
        """
        count = len(self.instrument)
        nothing = np.int32(count)
        index = np.zeros((len(days), instruments), np.int32)
        start = np.searchsorted(days, self.day)
        inside = np.nonzero(start < len(days))[0]
        # Events come in order: where several fall on one row (as those before the first do) the largest is the last.
        np.maximum.at(index, (start[inside], self.instrument[inside]), (inside + 1).astype(np.int32))
        np.maximum.accumulate(index, axis=0, out=index)
        last_day = np.append(np.int64(np.iinfo(np.int64).min), self.period_end.astype(np.int64) + MAX_AGE_DAYS)
        valid = (days[:, None] <= last_day[index]) & listed
        return np.where(valid, index - np.int32(1), nothing)


def events_of(statements: Statements, instruments: int) -> Events:
    """Return every event of the statements; raises ValueError for one of an instrument outside of the columns."""
    instrument = statements.instrument
    if len(instrument) and (int(instrument.min()) < 0 or int(instrument.max()) >= instruments):
        raise ValueError("a statement names an instrument that is not among the columns")
    order = np.lexsort((statements.fiscal_quarter, statements.fiscal_year, statements.disclosed_on, instrument))
    period = (statements.fiscal_year, statements.fiscal_quarter, statements.period_end)
    keys = (instrument, *period, statements.disclosed_on)
    columns = [np.ascontiguousarray(key[order], np.int32) for key in keys]
    count = len(order)
    accounts = np.empty((count, len(ACCOUNTS)))
    for column, name in enumerate(ACCOUNTS):
        accounts[:, column] = statements.accounts[name][order]
    named = {name: ACCOUNTS.index(name) for name in ("revenue", "net_income", "net_income_owners")}
    layout = Layout(flows=len(FLOWS), accounts=len(ACCOUNTS), **named)
    keys_out = [np.empty(count, np.int32) for _ in range(3)]
    values = np.empty((count + 1, len(KERNEL_QUANTITIES)))
    events = kernels().factors_events(
        count, ctypes.byref(layout), *map(place, columns), place(accounts), *map(place, keys_out), place(values)
    )
    if events < 0:
        raise MemoryError("no memory to order the statements")
    values = values[: events + 1]
    values[events] = np.nan
    instrument, day, period_end = (part[:events] for part in keys_out)
    return Events(instrument=instrument, day=day, period_end=period_end, values=values)
