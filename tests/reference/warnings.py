"""Which warnings a run gives (section 4, Warnings): the codes that its figures decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.reference.book import Book
from tests.reference.market import CARRY, date_of

SCARCE = 0.05
LARGE = 0.10
LOW_EXPOSURE = 0.8
LONG_IDLE_ROWS = 60
SHORT_WINDOW_ROWS = 60
UNCOMMON = 0.2


def low_exposure(run: Book, figures: dict[str, Any]) -> bool:
    """Return whether the mean exposure is below 0.8 although something was bought."""
    return bool(run.participations) and figures["exposure"] is not None and figures["exposure"] < LOW_EXPOSURE


def longest_idle(run: Book) -> int:
    """Return the longest stretch of evenings without a position after the first one with a position."""
    longest = length = 0
    begun = False
    for point in run.equity:
        begun = begun or point["positions"] > 0
        length = 0 if point["positions"] > 0 or not begun else length + 1
        longest = max(longest, length)
    return longest


def suspicious_value(run: Book) -> bool:
    """Return whether an option looks like a slip."""
    for name in ("stop_loss_pct", "take_profit_pct", "trailing_stop_pct"):
        value = run.sell[name]
        if value is not None and 0 < value < 0.5:
            return True
    most = run.sell["max_hold_days"]
    if most is not None and run.sell["min_hold_days"] > most:
        return True
    return is_empty(run)


def is_empty(run: Book) -> bool:
    """Return whether a strategy states nothing: no condition, no ranking, no rule of sale, no timing."""
    names = ("take_profit_pct", "stop_loss_pct", "trailing_stop_pct", "max_hold_days", "where")
    buys = run.buy["where"] is None and run.buy["rank_by"] is None and run.universe["where"] is None
    buys = buys and run.buy["order"] == "desc" and run.sell["min_hold_days"] == 0
    timing = run.portfolio["when"] is None and run.portfolio["stop_drawdown_pct"] is None
    return buys and timing and all(run.sell[name] is None for name in names) and run.sell["on_rebalance"] == "hold"


def unpriced_holdings(run: Book) -> bool:
    """Return whether a holding of the last row has not traded for more than 60 rows."""
    idle = [run.market.stocks[at].idle[run.rows[-1]] for at in run.holdings]
    return any(rows is not None and rows > CARRY for rows in idle)


def window_clipped(run: Book) -> bool:
    """Return whether the window was asked to begin before or to end after the data."""
    days = run.market.days
    return date_of(run.request["start"]) < days[0] or date_of(run.request["end"]) > days[-1]


def no_candidate(run: Book) -> bool:
    """Return whether no rebalance day had a candidate, whatever `portfolio.when` says."""
    return not any(run.ranking(row - 1) for row in run.rows if run.rebalances(row))


CODES: dict[str, Callable[[Book, dict[str, Any]], bool]] = {
    "factor_gap": lambda run, _: bool(run.gaps),
    "low_exposure": low_exposure,
    "large_orders": lambda run, _: any(part > LARGE for part in run.participations),
    "long_idle": lambda run, _: longest_idle(run) >= LONG_IDLE_ROWS,
    "mostly_not_common": lambda run, _: sum(run.uncommon) > UNCOMMON * len(run.uncommon),
    "suspicious_value": lambda run, _: suspicious_value(run),
    "unpriced_holdings": lambda run, _: unpriced_holdings(run),
    "stale_exit": lambda run, _: bool(run.stale_exits),
    "suspect_price": lambda run, _: bool(run.suspects),
    "window_clipped": lambda run, _: window_clipped(run),
    "scarce_factor": lambda run, _: any(one.share < SCARCE for seen in run.coverage.values() for one in seen),
    "no_candidate": lambda run, _: no_candidate(run),
    "short_window": lambda run, _: len(run.rows) < SHORT_WINDOW_ROWS,
}
"""Code -> whether a run (with its statistics) gives the warning."""


def warning_codes(run: Book, figures: dict[str, Any]) -> list[str]:
    """Return the codes of the warnings in ascending order."""
    return sorted(code for code, is_given in CODES.items() if is_given(run, figures))
