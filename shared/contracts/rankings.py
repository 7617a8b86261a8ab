"""The rankings of stocks that the dataset statistics, the API and the warmer share."""

from __future__ import annotations

from typing import Final

RANKINGS: Final = ("market_cap", "trading_volume", "trading_value")

RANKING_MEAN_ROWS: Final = 20
"""Trading days over which the mean of `trading_volume` and `trading_value` is taken."""
