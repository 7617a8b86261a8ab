"""Trailing dividends by cycles of ex-dates, on the share basis of each row, known by their disclosure."""

from __future__ import annotations

import numpy as np

from shared.factors.declaration import Array
from shared.factors.native import kernels, matrix
from shared.model.market_data import Dividends
from shared.native import place


def trailing_dividends(dividends: Dividends, days: Array, adjust: Array, rows: slice) -> Array:
    """Return DPS_ttm, float64 [rows, N], won a share; NaN on rows by which no dividend of the stock is known.

    days: int32 [D]; adjust: float64 [D, N]. With e the latest known ex-date: the dividends with an ex-date in
    (e - 350 days, e], each divided by the splits after it; 0 from e + 480 days on. Raises ValueError for a dividend of
    an instrument that is not among the columns.
    """
    columns = adjust.shape[1]
    stored, stride = matrix(adjust, "<f8", (len(days), columns))
    stated = np.nonzero(~np.isnan(dividends.dps))[0]
    known_on = np.maximum(dividends.ex_date, dividends.disclosed_on)
    by = (dividends.dps, dividends.ex_date, known_on, dividends.instrument)
    order = stated[np.lexsort(tuple(key[stated] for key in by))]
    instrument, known, paid = (
        np.ascontiguousarray(column[order], np.int32) for column in (dividends.instrument, known_on, dividends.ex_date)
    )
    if len(instrument) and (int(instrument.min()) < 0 or int(instrument.max()) >= columns):
        raise ValueError("a dividend names an instrument that is not among the columns")
    dps = np.ascontiguousarray(dividends.dps[order], np.float64)
    dates = np.ascontiguousarray(days, np.int32)
    total = np.full((rows.stop - rows.start, columns), np.nan)
    kernels().factors_dividends(
        len(order), len(days), rows.start, rows.stop, columns, place(dates), place(instrument), place(known),
        place(paid), place(dps), place(stored), stride, place(total),
    )  # fmt: skip
    return total
