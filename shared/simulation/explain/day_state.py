"""State of a day of a run when its purchases begin, replayed from its trades, and what a purchase meets on it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.market.limits import limits
from shared.market.liquidation import LIQUIDATION_DAYS, is_liquidation_row
from shared.model.calendar import from_day, iso
from shared.model.fields import CARRY_ROWS
from shared.model.kinds import KRX_MARKETS
from shared.model.listings import RowAttributes, row_attributes
from shared.model.panels import Panels
from shared.simulation.engine import Run
from shared.simulation.holdings import Position, apply_action, apply_trade, positions_on
from shared.simulation.plan import VOLUME_ROWS


@dataclass(frozen=True, kw_only=True)
class DayState:
    """The state of a day when purchases begin: after corporate actions and the sales before them.

    `held` are the positions by column, `held_before` the columns held on the evening before, `sold` the columns sold
    before purchases, `bought` the columns of new positions in order. Money is in won.
    """

    held: dict[int, Position]
    held_before: frozenset[int]
    sold: frozenset[int]
    bought: tuple[int, ...]
    cash: float
    equity: float
    slots: int
    limit: int
    """New positions that the day allows: the slots, at most max_new_per_day."""


def day_state(run: Run, result: Mapping[str, Any], row: int) -> DayState:
    """Replay a dataset row of a run up to its purchases; `result` is the parsed result of the run."""
    panels, portfolio = run.panels, run.request.strategy.portfolio
    date, at = iso(int(panels.days[row])), row - run.plan.window.start
    ordinal = panels.instruments.ordinal
    positions = positions_on(result, result["equity"][at - 1]["date"]) if at else {}
    before = frozenset(ordinal[code] for code in positions)
    cash = float(result["equity"][at - 1]["cash"]) if at else run.request.initial_cash
    for action in (action for action in result["corporate_actions"] if action["date"] == date):
        apply_action(positions, action)
        cash += action["cash"]
    trades = [trade for trade in result["trades"] if trade["date"] == date]
    references = run.ledger.trades["reference"][run.ledger.trades["row"] == row]
    sold = []
    for trade in _sales_before_purchases(run, row, trades, references):
        apply_trade(positions, trade)
        cash += trade["shares"] * trade["price"] - trade["commission"] - trade["tax"]
        sold.append(ordinal[trade["stock_code"]])
    held = {ordinal[code]: position for code, position in positions.items()}
    bought = [ordinal[trade["stock_code"]] for trade in trades if trade["side"] == "buy"]
    new = tuple(column for column in bought if column not in held)
    slots = max(portfolio.max_positions - len(held), 0)
    limit = slots if portfolio.max_new_per_day is None else min(slots, portfolio.max_new_per_day)
    name = "close" if run.request.execution.price == "close" else "open"
    price, last = (panels.panel(field, slice(row, row + 1))[0] for field in (name, "last"))
    tradable = panels.panel("idle", slice(row, row + 1))[0] == 0
    equity = cash + sum(p.shares * float(price[c] if tradable[c] else last[c]) for c, p in sorted(held.items()))
    return DayState(
        held=held, held_before=before, sold=frozenset(sold), bought=new, cash=cash, equity=equity, slots=slots,
        limit=limit,
    )  # fmt: skip


def _sales_before_purchases(
    run: Run, row: int, trades: Sequence[dict[str, Any]], references: np.ndarray
) -> list[dict[str, Any]]:
    """The sales of a day that come before its purchases: before the first purchase, or without one those at the order
    price of the day (in close mode all but those at a delisting)."""
    first = next((i for i, trade in enumerate(trades) if trade["side"] == "buy"), None)
    if first is not None:
        return list(trades[:first])
    if run.request.execution.price == "close":
        return [trade for trade in trades if trade["reason"] != "delisted"]
    opens = run.panels.panel("open", slice(row, row + 1))[0]
    ordinal = run.panels.instruments.ordinal
    return [
        trade
        for trade, reference in zip(trades, references.tolist(), strict=True)
        if trade["reason"] == "corporate_action" or reference == opens[ordinal[trade["stock_code"]]]
    ]


@dataclass(frozen=True, kw_only=True)
class OrderPrice:
    """What a purchase of a stock meets on a day: None where there is nothing (no trade, no limit, no volume)."""

    price: float | None
    upper_limit: float | None
    mean_volume: float | None
    liquidation: bool
    market: str


def order_price(run: Run, row: int, column: int) -> OrderPrice:
    panels, request = run.panels, run.request

    def cell(name: str, at: int) -> float:
        return float(panels.panel(name, slice(at, at + 1))[0, column])

    day = from_day(int(panels.days[row]))
    market = _market_of(row_attributes(panels, slice(row, row + 1)), column)
    tradable = cell("volume", row) > 0 and cell("open", row) > 0
    price = cell("close" if request.execution.price == "close" else "open", row) if tradable else None
    liquidation = tradable and is_liquidation(panels, row, column)
    base = cell("last", row - 1) / cell("split", row)
    upper = None
    if not math.isnan(base) and not liquidation and _applies(request.execution.price_limits, market):
        upper = limits(base, market, day)[0]
    return OrderPrice(
        price=price, upper_limit=upper, mean_volume=_mean_volume(panels, row, column), liquidation=liquidation,
        market=market,
    )  # fmt: skip


def _market_of(attributes: RowAttributes, column: int) -> str:
    return attributes.markets[int(attributes.market[0, column])]


def _applies(option: bool | None, market: str) -> bool:
    """Whether ticks or limits apply: by market when the request leaves it open."""
    return market in KRX_MARKETS if option is None else option


def _mean_volume(panels: Panels, row: int, column: int) -> float | None:
    """Mean volume of the rows d-20 .. d-1 that the stock has, in shares of row d; None without such a row."""
    rows = slice(max(row - VOLUME_ROWS, 0), row)
    volume, idle = panels.panel("volume", rows)[:, column], panels.panel("idle", rows)[:, column]
    splits = panels.panel("split", slice(rows.start, row + 1))[:, column].tolist()
    factor, total, count = splits[-1], 0.0, 0
    for at in range(len(volume) - 1, -1, -1):
        if idle[at] <= CARRY_ROWS:
            total += (float(volume[at]) if idle[at] == 0 else 0.0) * factor
            count += 1
        factor *= splits[at]
    return total / count if count else None


def is_liquidation(panels: Panels, row: int, column: int) -> bool:
    """Return whether a row of a stock is one of liquidation trading."""
    left = int(panels.instruments.delisted_day[column]) - int(panels.days[row])
    if not 0 < left <= LIQUIDATION_DAYS:
        return False
    return is_liquidation_row(panels.panel("idle", slice(0, row + 1))[:, column], row, left)
