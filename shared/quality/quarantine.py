"""Statements in quarantine: kept and listed, but not used, because their amounts cannot be right.

A statement is set aside when, by what was disclosed up to its own day (itself included),

- its net income is larger than twice its total assets, or
- its total assets or revenue (above 0) lie more than 100 times above or below the median of the company's amounts
  above 0, when there are at least 5 of them, or
- the cumulated revenue of its fiscal year falls from one quarter to a later one, up to its own quarter: such amounts
  are those of single quarters, or of two bases. For each quarter the amount disclosed last counts.

The decision on a statement depends on nothing disclosed after it, so that later data never change it.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from shared.model.market_data import Statements

Array = np.ndarray[Any, np.dtype[Any]]

USED, INCOME, ASSETS, REVENUE, FALLING_REVENUE = range(5)

REASONS: dict[int, str] = {
    INCOME: "quarantined_income",
    ASSETS: "quarantined_assets",
    REVENUE: "quarantined_revenue",
    FALLING_REVENUE: "quarantined_falling_revenue",
}
"""Code -> the message that says why a statement with that code is not used."""

MEDIAN_TIMES = 100.0
MEDIAN_STATEMENTS = 5
INCOME_TIMES = 2.0

_SPREAD_TO_JUDGE = MEDIAN_TIMES / 2
"""A company whose largest amount is at most this many times its smallest has none far from any median."""


def usable(statements: Statements) -> Statements:
    """Return the statements that are not in quarantine, in their order."""
    codes = quarantine_codes(statements)
    return statements.select(codes == USED) if codes.any() else statements


def quarantine_codes(statements: Statements) -> Array:
    """Return uint8 [S]: USED, or the first of REASONS that sets the statement aside."""
    codes = np.zeros(len(statements.instrument), np.uint8)
    accounts = statements.accounts
    for code, positions in (
        (FALLING_REVENUE, _falling(statements)),
        (REVENUE, _far_from_median(statements, accounts["revenue"])),
        (ASSETS, _far_from_median(statements, accounts["total_assets"])),
        (INCOME, np.nonzero(np.abs(accounts["net_income"]) > INCOME_TIMES * accounts["total_assets"])[0]),
    ):
        codes[positions] = code
    return codes


def _far_from_median(statements: Statements, amounts: Array) -> Array:
    """Return the positions of the amounts that lie too far from the company's median of their day."""
    found: list[int] = []
    positive = np.nonzero(amounts > 0)[0]
    order = positive[np.lexsort((statements.disclosed_on[positive], statements.instrument[positive]))]
    for rows in _groups(order, statements.instrument[order]):
        of_company = amounts[rows]
        if len(rows) < MEDIAN_STATEMENTS or of_company.max() <= _SPREAD_TO_JUDGE * of_company.min():
            continue
        days = statements.disclosed_on[rows]
        known: list[float] = []
        for same_day in _groups(np.arange(len(rows)), days):
            for at in same_day.tolist():
                insort(known, float(of_company[at]))
            if len(known) < MEDIAN_STATEMENTS:
                continue
            middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
            far = (of_company[same_day] > MEDIAN_TIMES * middle) | (of_company[same_day] < middle / MEDIAN_TIMES)
            found += rows[same_day[far]].tolist()
    return np.array(found, np.int64)


def _falling(statements: Statements) -> Array:
    """Return the positions of the statements of fiscal years whose cumulated revenue falls up to their quarter."""
    revenue, instrument, year = statements.accounts["revenue"], statements.instrument, statements.fiscal_year
    known = np.nonzero(~np.isnan(revenue))[0]
    by_quarter = known[np.lexsort((revenue[known], statements.fiscal_quarter[known], year[known], instrument[known]))]
    same_year = (np.diff(instrument[by_quarter]) == 0) & (np.diff(year[by_quarter]) == 0)
    if not len(by_quarter) or not (falls := same_year & (np.diff(revenue[by_quarter]) < 0)).any():
        return np.zeros(0, np.int64)
    fiscal_year = np.append(0, np.cumsum(~same_year))
    in_question = np.zeros(fiscal_year[-1] + 1, bool)
    in_question[fiscal_year[1:][falls]] = True
    judged = in_question[fiscal_year]
    found: list[int] = []
    for rows in _groups(by_quarter[judged], fiscal_year[judged]):
        in_time = rows[np.lexsort((statements.fiscal_quarter[rows], statements.disclosed_on[rows]))]
        days, quarters = statements.disclosed_on[in_time], statements.fiscal_quarter[in_time]
        last: dict[int, float] = {}
        for same_day in _groups(np.arange(len(in_time)), days):
            last |= {int(quarters[at]): float(revenue[in_time[at]]) for at in same_day}
            cumulated = sorted(last.items())
            found += [int(in_time[at]) for at in same_day if _falls(cumulated, int(quarters[at]))]
    return np.array(found, np.int64)


def _falls(cumulated: Sequence[tuple[int, float]], quarter: int) -> bool:
    """Return whether the amounts of (quarter, amount), ascending, fall somewhere up to a quarter."""
    amounts = [amount for _, amount in cumulated[: bisect_right(cumulated, (quarter, float("inf")))]]
    return any(later < earlier for earlier, later in pairwise(amounts))


def _groups(rows: Array, *keys: Array) -> Iterator[Array]:
    """Yield the stretches of `rows` in which all `keys` stay the same."""
    if not len(rows):
        return
    changes = np.zeros(len(rows) - 1, bool)
    for key in keys:
        changes |= np.diff(key) != 0
    yield from np.split(rows, np.nonzero(changes)[0] + 1)
