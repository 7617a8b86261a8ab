"""Sales tax (securities transaction tax with the special tax for rural development) by trade date.

Source: Enforcement Decree of the Securities Transaction Tax Act, article 5, in its successive versions, and article 5
of the Act on Special Rural Development Tax (0.15 % on KOSPI, contained in the rates below). A rate applies to sales
*settled* from 1 January (3 June in 2019) on; settlement is two trading days after the trade, so the dates below are
the first trade dates of each rate.
"""

from __future__ import annotations

import datetime as dt

from shared.market.rule_books import rule_book
from shared.model.calendar import to_day

_KOSPI_AND_KOSDAQ = (
    (None, 0.30),
    (dt.date(2019, 5, 30), 0.25),
    (dt.date(2020, 12, 29), 0.23),
    (dt.date(2022, 12, 28), 0.20),
    (dt.date(2023, 12, 27), 0.18),
    (dt.date(2024, 12, 27), 0.15),
    (dt.date(2025, 12, 29), 0.20),
)
_KONEX = ((None, 0.30), (dt.date(2019, 5, 30), 0.10))

TAXES = (_KOSPI_AND_KOSDAQ, _KOSPI_AND_KOSDAQ, _KONEX)
"""For each market code: (first trade date, % of the sale), ascending; None is the beginning of time."""


def sales_tax_pct(day: dt.date, market: str) -> float:
    """Sales tax in % of the sale for a trade on `day`."""
    found = 0.0
    for since, pct in TAXES[rule_book(market)]:
        if since is None or day >= since:
            found = pct
    return found


def tax_steps(kind: int) -> tuple[list[int], list[float]]:
    """First trade day numbers (the first is the smallest int32) and rates in % of a market code."""
    days = [-(2**31) if since is None else to_day(since) for since, _ in TAXES[kind]]
    return days, [pct for _, pct in TAXES[kind]]
