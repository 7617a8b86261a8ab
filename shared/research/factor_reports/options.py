"""What a factor report is asked for besides the factor, the window and the universe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from shared.language import Expression
from shared.model.request import Execution
from shared.research.factor_reports.forward_returns import Exit

Neutral = Literal["none", "sector"]

DECAY_HORIZONS: Final = (1, 2, 3, 5, 10, 20, 40, 60)
LEAST_STOCKS: Final = 30
"""Stocks with a value and a return that a row needs for a correlation."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """`horizons` in rows, ascending; `cost_pct` of a purchase or a sale, in percent; `controls` of the regression."""

    horizons: tuple[int, ...]
    quantiles: int
    neutral: Neutral
    controls: tuple[Expression, ...]
    cost_pct: float
    correlations: bool
    series: bool
    rule: Exit
    breakdowns: tuple[Literal["sector", "market", "cap_group"], ...] = ()


def exit_rule(execution: Execution) -> Exit:
    """Return how a holding of a delisted stock ends, from the fields of a backtest."""
    return Exit(
        delisting=execution.delisting, delisting_haircut_pct=execution.delisting_haircut_pct,
        stale_haircut_pct=execution.stale_haircut_pct,
    )  # fmt: skip
