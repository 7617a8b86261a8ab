"""The instruments that a load knows: of earlier loads and of its own companies file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True, kw_only=True)
class Known:
    """The instruments of a load, by ordinal."""

    ordinals: pl.DataFrame  # stock_code, ordinal
    delisted_day: np.ndarray  # int64, NO_DAY where there is none; one more NO_DAY for unknown codes (ordinal -1)
    rule_book: np.ndarray  # uint8, code of the market's tables; one more for unknown codes
    has_ticks: np.ndarray  # bool, the market is one of the exchange's; one more for unknown codes
    codes: list[str]
