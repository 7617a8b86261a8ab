"""The names of everything that a dataset stores per stock and day, and the element type of each."""

from __future__ import annotations

import numpy as np

PART = 512
"""Instruments in a chunk part: the unit of building, of incremental writing and of a Redis value."""

LOADED = ("open", "high", "low", "close", "volume", "trading_value", "market_cap", "listed_shares")
"""Raw values in won and shares, NaN where there is none.

On a tradable row (volume and open above 0) they are as loaded. On any other row there are no prices, whatever is loaded
there; volume and trading value are 0 while the close is carried, and market cap and listed shares are those that the
row states.
"""

DERIVED = ("split", "last", "adjust", "idle", "cap", "shares")
"""Derived once by the preparer, each row's value from rows up to it:

- `split`: shares of the morning per share of the evening before (1 where nothing happened, never NaN).
- `last`: close of the last tradable row at or before the row, divided by every split after it; NaN before the first.
- `adjust`: product of the splits up to the row, starting after the stock's first close.
- `idle`: rows since the stock's last tradable row (0 on such a row; NEVER_TRADED before the first).
- `cap`: MARKET_CAP in float64; carried over at most CARRY_ROWS rows without trading.
- `shares`: listed shares, carried likewise and multiplied by the splits since.
"""

OF_COMPANIES = ("company_cap",)
"""Derived from the instruments of one issuer together: `company_cap` is the sum of their caps (`shared.factors`)."""

STORED = LOADED + DERIVED + OF_COMPANIES

VIEWS = (
    "adj_open",
    "adj_high",
    "adj_low",
    "adj_close",
    "adj_volume",
    "view_trading_value",
    "view_listed_shares",
    "view_open",
    "view_high",
    "view_low",
    "view_close",
    "view_volume",
)
"""The fields that the language reads, computed from stored fields of the same rows when a panel is mapped (float64).

`adj_*` are split-adjusted on the basis of the stock's first row, `view_open … view_volume` are the raw ones. On a row
without trading the close is the last close (for at most 60 rows, then NaN), open, high and low are that close, volume
and trading value are 0. From `delisted_on` on everything is NaN. `present` = `adj_close` is not NaN.
"""

LANGUAGE_FIELDS = {
    "open": "adj_open",
    "high": "adj_high",
    "low": "adj_low",
    "close": "adj_close",
    "volume": "adj_volume",
    "trading_value": "view_trading_value",
    "listed_shares": "view_listed_shares",
    "raw_open": "view_open",
    "raw_high": "view_high",
    "raw_low": "view_low",
    "raw_close": "view_close",
    "raw_volume": "view_volume",
}
"""Name in an expression -> panel field."""

CARRY_ROWS = 60
"""A close is carried over at most this many rows without one."""

INDEX_CARRY_ROWS = 10
"""The same of a close of an index."""

NEVER_TRADED = 65535
"""`idle` before the first tradable row."""


_IDLE, _SINGLE, _DOUBLE = np.dtype("<u2"), np.dtype("<f4"), np.dtype("<f8")


def dtype_of(field: str) -> np.dtype:
    """Return the element type of a panel or chunk: factors float32, `idle` uint16, all else float64."""
    if field == "idle":
        return _IDLE
    return _DOUBLE if field in STORED or field in VIEWS else _SINGLE


def reason_key(factor: str, year: int | None = None) -> str:
    """Return the key of the reason why a factor is absent, for all years or for a calendar year."""
    return factor if year is None else f"{factor}@{year}"
