"""What an order meets on a day of a run: the day's prices, the price limits, and the cap of a purchase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shared.market.limits import limits
from shared.model.calendar import from_day
from shared.simulation.engine import Run
from shared.simulation.explain.day_state import OrderPrice


@dataclass(frozen=True, kw_only=True)
class OrderLimits:
    """Prices in won, None where the stock does not trade or no limit applies.

    `most_shares` is the largest purchase that `execution.max_volume_pct` allows; None without a cap.
    """

    price: float | None
    low: float | None
    high: float | None
    upper_limit: float | None
    lower_limit: float | None
    most_shares: int | None


def order_limits(run: Run, row: int, column: int, found: OrderPrice) -> OrderLimits:
    """Return what an order of a stock meets on a dataset row of the window; `found` is its `order_price`."""
    panels, request = run.panels, run.request
    rows = slice(row, row + 1)
    lower = most = None
    if found.upper_limit is not None:
        base = float(panels.panel("last", slice(row - 1, row))[0, column]) / float(
            panels.panel("split", rows)[0, column]
        )
        lower = limits(base, found.market, from_day(int(panels.days[row])))[1]
    cap = request.execution.max_volume_pct
    if cap is not None and found.mean_volume is not None:
        most = int(np.floor(found.mean_volume * cap / 100 + 1e-9))
    low, high = (float(panels.panel(name, rows)[0, column]) for name in ("low", "high"))
    return OrderLimits(
        price=found.price,
        low=None if found.price is None else low,
        high=None if found.price is None else high,
        upper_limit=found.upper_limit,
        lower_limit=lower,
        most_shares=most,
    )
