"""Which warnings a run gives (section 4, Warnings): the codes that its figures decide."""

from __future__ import annotations

from typing import Any

from tests.reference_v2 import rules
from tests.reference_v2.book import Book
from tests.reference_v2.market import CARRY, date_of

SCARCE = 0.05
LARGE = 0.10
LOW_EXPOSURE = 0.8
LONG_IDLE_ROWS = 60
SHORT_WINDOW_ROWS = 60
UNCOMMON = 0.2


def warning_codes(run: Book, figures: dict[str, Any]) -> list[str]:
    """Return the codes of the warnings in ascending order."""
    checks = {
        "factor_gap": bool(run.gaps),
        "low_exposure": low_exposure(run, figures),
        "large_orders": any(part > LARGE for part in run.participations),
        "long_idle": longest_idle(run) >= LONG_IDLE_ROWS,
        "mostly_not_common": bool(run.uncommon) and sum(run.uncommon) > UNCOMMON * len(run.uncommon),
        "suspicious_value": suspicious_value(run),
        "unpriced_holdings": unpriced_holdings(run),
        "stale_exit": bool(run.stale_exits),
        "suspect_price": any(suspect_price(run, i) for i in range(len(run.rows))),
        "window_clipped": window_clipped(run),
        "scarce_factor": any(one.share < SCARCE for seen in run.coverage.values() for one in seen),
        "no_candidate": no_candidate(run),
        "short_window": len(run.rows) < SHORT_WINDOW_ROWS,
    }
    return sorted(code for code, given in checks.items() if given)


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
    """Return whether a strategy states nothing: no condition, no ranking, no rule of sale."""
    names = ("take_profit_pct", "stop_loss_pct", "trailing_stop_pct", "max_hold_days", "where")
    buys = run.buy["where"] is None and run.buy["rank_by"] is None and run.universe["where"] is None
    return buys and all(run.sell[name] is None for name in names) and run.sell["on_rebalance"] == "hold"


def unpriced_holdings(run: Book) -> bool:
    """Return whether a holding of the last row has not traded for more than 60 rows."""
    idle = [run.market.stocks[at].idle[run.rows[-1]] for at in run.holdings]
    return any(rows is not None and rows > CARRY for rows in idle)


def suspect_price(run: Book, turn: int) -> bool:
    """Return whether a position opened or closed beyond the daily limit of its market without a split."""
    row = run.rows[turn]
    at_of = {stock.code: at for at, stock in enumerate(run.market.stocks)}
    held_then = {held["stock_code"] for evening in run.evenings[max(turn - 1, 0) : turn + 1] for held in evening}
    for code in sorted(held_then):
        at = at_of[code]
        stock, base = run.market.stocks[at], run.base(row, at)
        if not stock.tradable(row) or stock.liquidation[row] or stock.split[row] != 1 or base is None:
            continue
        if stock.market[row] not in rules.KOREAN:
            continue
        lower, upper = rules.limits(base, run.market.days[row], stock.market[row])
        for name in ("open", "close"):
            value = run.price(row, at, name)
            if not (rules.at_least(value, lower) and rules.at_most(value, upper)):
                return True
    return False


def window_clipped(run: Book) -> bool:
    """Return whether the window was asked to begin before or to end after the data."""
    days = run.market.days
    return date_of(run.request["start"]) < days[0] or date_of(run.request["end"]) > days[-1]


def no_candidate(run: Book) -> bool:
    """Return whether no rebalance day had a candidate."""
    return not any(run.ranking(row - 1) for row in run.rows if run.rebalances(row))
