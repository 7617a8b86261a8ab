"""The options of a request with their defaults, and the refusals of the contract."""

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
    },
    "universe": {
        "markets": ["KOSPI", "KOSDAQ"],
        "sectors": None,
        "cap_groups": None,
        "stock_codes": None,
        "exclude": None,
        "where": None,
    },
    "costs": {"commission_pct": 0.015, "slippage_pct": 0.1, "tax_pct": None},
    "execution": {
        "price": "open",
        "price_limits": True,
        "tick_size": True,
        "max_volume_pct": 10,
        "dividends": True,
        "delisting": "last_price",
        "delisting_haircut_pct": 0,
    },
}


class RefusedError(Exception):
    """The contract wants an error here: `kind` is window, benchmark or factor; `names` are what it is about."""

    def __init__(self, kind: str, names: tuple[str, ...] = ()) -> None:
        super().__init__(kind, names)
        self.kind = kind
        self.names = names
