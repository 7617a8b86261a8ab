"""Defaults of every request field, and the outcomes in which the contract wants an error."""

from __future__ import annotations

import math
from typing import Any

CAP_GROUPS: dict[str, tuple[str, float, float]] = {
    "KOSPI_MEGA": ("KOSPI", 10e12, math.inf),
    "KOSPI_LARGE": ("KOSPI", 2e12, 10e12),
    "KOSPI_MID": ("KOSPI", 500e9, 2e12),
    "KOSPI_SMALL": ("KOSPI", 0, 500e9),
    "KOSDAQ_MEGA": ("KOSDAQ", 2e12, math.inf),
    "KOSDAQ_LARGE": ("KOSDAQ", 500e9, 2e12),
    "KOSDAQ_MID": ("KOSDAQ", 200e9, 500e9),
    "KOSDAQ_SMALL": ("KOSDAQ", 0, 200e9),
}
"""Group -> market, lower bound (included), upper bound (not included), in won."""

DEFAULTS: dict[str, dict[str, Any]] = {
    "buy": {"where": None, "rank_by": None, "order": "desc"},
    "sell": {
        "take_profit_pct": None,
        "stop_loss_pct": None,
        "trailing_stop_pct": None,
        "min_hold_days": 0,
        "max_hold_days": None,
        "where": None,
        "on_rebalance": "hold",
    },
    "portfolio": {
        "max_positions": 20,
        "weighting": "equal",
        "position_pct": None,
        "max_position_value": None,
        "max_new_per_day": None,
        "rebalance": "daily",
        "invest": "slots",
        "rebalance_band_pct": 0,
        "keep_rank": None,
        "max_per_sector": None,
        "when": None,
        "when_false": "hold",
        "stop_drawdown_pct": None,
        "stop_resume_days": 30,
    },
    "universe": {
        "markets": ["KOSPI", "KOSDAQ"],
        "kinds": ["common", "foreign"],
        "sectors": None,
        "exclude_sectors": None,
        "cap_groups": None,
        "stock_codes": None,
        "exclude": None,
        "where": None,
    },
    "costs": {
        "commission_pct": 0.015,
        "slippage_pct": 0.1,
        "tax_pct": None,
        "dividend_tax_pct": None,
        "impact": None,
    },
    "execution": {
        "price": "open",
        "price_limits": None,
        "tick_size": None,
        "max_volume_pct": 10,
        "dividends": True,
        "delisting": "liquidation",
        "delisting_haircut_pct": 0,
        "stale_haircut_pct": 80,
    },
}


class RefusedError(Exception):
    """The contract wants an error: `kind` is window, benchmark, factor or window_function; `names` say about what."""

    def __init__(self, kind: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(kind, names)
        self.kind = kind
        self.names = names
