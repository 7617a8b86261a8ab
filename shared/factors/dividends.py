"""Dividends of the last 365 days, on the share basis of each row, known by their disclosure."""

from __future__ import annotations

import numpy as np

from shared.factors.native import Array, kernels, matrix
from shared.model.market_data import Dividends
from shared.native import place

YEAR_DAYS = 365


def trailing_dividends(dividends: Dividends, days: Array, adjust: Array, rows: slice) -> Array:
    """DPS_ttm, float64 [rows, N], won a share; NaN until the stock's first ex-date, for want of data.

    days: int32 [D]; adjust: float64 [D, N]. Each dividend is divided by the splits after its ex-date and counts from
    the later of ex-date and disclosure, for ex-dates in (d - 365 days, d].
    """
    columns = adjust.shape[1]
    stored, stride = matrix(adjust, "<f8", (len(days), columns))
    known = np.nonzero(~np.isnan(dividends.dps))[0]
    by = (dividends.dps, dividends.disclosed_on, dividends.ex_date, dividends.instrument)
    order = known[np.lexsort(tuple(key[known] for key in by))]
    who = np.ascontiguousarray(dividends.instrument[order], np.int32)
    if len(who) and (int(who.min()) < 0 or int(who.max()) >= columns):
        raise ValueError("a dividend names an instrument that is not among the columns")
    paid = dividends.ex_date[order].astype(np.int64)
    begin = np.searchsorted(days, np.maximum(paid, dividends.disclosed_on[order]))
    end = np.searchsorted(days, paid + YEAR_DAYS)
    paid_on = np.searchsorted(days, paid, side="right") - 1
    dps = np.ascontiguousarray(dividends.dps[order], np.float64)
    total = np.zeros((rows.stop - rows.start, columns))
    kernels().factors_dividends(
        len(order), rows.start, rows.stop, columns, place(who), place(begin), place(end), place(paid_on),
        place(dps), place(stored), stride, place(total),
    )  # fmt: skip
    first = np.full(columns, np.iinfo(np.int64).max)
    np.minimum.at(first, who, paid)
    total[days[rows, None] < first] = np.nan
    return total
