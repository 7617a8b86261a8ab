"""Holdings of any evening of a backtest, replayed from its stored result: trades, corporate actions and prices.

Within a day corporate actions come before trades, a split before a dividend (docs/reference/simulation.md). A
dividend is paid on the shares of the evening before, so it does not change shares.
"""

from __future__ import annotations

import bisect
import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import Any

from shared.errors import Problem, RunError
from shared.messages import say
from shared.model.calendar import to_day
from shared.model.listings import name_on
from shared.model.panels import Panels

Row = Mapping[str, Any]

_LEDGER = ("corporate_actions", "trades")
"""Parts of a result in the order in which a day runs through them."""


@dataclass(frozen=True, kw_only=True)
class Holding:
    """A position on an evening.

    `entry_price` is the mean purchase price on the share basis of that evening, `price` the last close. `value` is in
    won, `weight` = value / equity. `cost` in won is what the purchases cost with commission, `days` the age in calendar
    days. `gain` in won is the value and the proceeds so far (sales, fractions and dividends,
    after costs and tax) less the cost with commission; `gain_fraction` = gain / cost (`return` in the API).
    """

    stock_code: str
    name: str
    shares: int
    entry_price: float
    entry_date: str
    price: float
    value: float
    weight: float | None
    cost: float
    days: int
    gain: float
    gain_fraction: float


@dataclass(frozen=True, kw_only=True)
class EndOfDayHoldings:
    """The positions of an evening by stock code. The values and `cash` add up to `equity`."""

    date: str
    equity: float
    cash: float
    holdings: tuple[Holding, ...]

    def document(self) -> dict[str, Any]:
        """Return the answer of the API."""
        rows = []
        for holding in self.holdings:
            row = asdict(holding)
            row["return"] = row.pop("gain_fraction")
            rows.append(row)
        return {"date": self.date, "equity": self.equity, "cash": self.cash, "holdings": rows}


@dataclass
class Position:
    """Shares and money of one holding while trades and corporate actions are replayed."""

    entry_date: str
    shares: int = 0
    entry_price: float = 0.0
    cost: float = 0.0
    proceeds: float = 0.0


def positions_on(result: Row, date: str) -> dict[str, Position]:
    """Return the positions by stock code on the evening of an ISO date.

    `result` is a parsed result; its `trades` and `corporate_actions` are in order of date.
    """
    positions: dict[str, Position] = {}
    events = [(row["date"], step, row) for step, name in enumerate(_LEDGER) for row in result[name]]
    for day, step, row in sorted(events, key=itemgetter(0, 1)):
        if day > date:
            break
        (apply_action, apply_trade)[step](positions, row)
    return positions


def apply_action(positions: dict[str, Position], action: Row) -> None:
    """Apply a split or dividend of a stock that is held."""
    position = positions[action["stock_code"]]
    position.proceeds += action["cash"]
    if action["kind"] == "split":
        position.shares = action["shares_after"]
        position.entry_price /= action["ratio"]


def apply_trade(positions: dict[str, Position], trade: Row) -> None:
    """Apply a fill; a position that has no shares left is removed."""
    code, shares, amount = trade["stock_code"], trade["shares"], trade["shares"] * trade["price"]
    if trade["side"] == "buy":
        position = positions.setdefault(code, Position(entry_date=trade["date"]))
        held = position.shares + shares
        position.entry_price = (position.shares * position.entry_price + amount) / held
        position.shares = held
        position.cost += amount + trade["commission"]
        return
    position = positions[code]
    position.shares -= shares
    position.proceeds += amount - trade["commission"] - trade["tax"]
    if not position.shares:
        del positions[code]


def holdings_on(result: Row, panels: Panels, date: dt.date) -> EndOfDayHoldings:
    """Return the holdings on the evening of a row of the result's window.

    `panels` are those of the result's dataset version. Raises RunError for a date that is no row of the window
    (`no_row`) and for a result without a ledger (`no_ledger`).
    """
    if "corporate_actions" not in result:
        raise RunError("no_ledger", say("no_ledger"))
    text = date.isoformat()
    dates = [point["date"] for point in result["equity"]]
    at = bisect.bisect_left(dates, text)
    if at == len(dates) or dates[at] != text:
        near = dates[max(at - 1, 0) : at + 1]
        message = say("no_row_with_nearest", date=text, first=dates[0], last=dates[-1], nearest=near)
        raise RunError("no_row", message, (Problem(path="date", message=message),))
    point = result["equity"][at]
    row = int(panels.days.searchsorted(to_day(date)))
    last = panels.panel("last", slice(row, row + 1))[0]
    holdings = []
    for code, position in sorted(positions_on(result, text).items()):
        column = panels.instruments.ordinal[code]
        price = float(last[column])
        value = position.shares * price
        gain = value + position.proceeds - position.cost
        holdings.append(
            Holding(
                stock_code=code, name=name_on(panels, column, to_day(date)), shares=position.shares,
                entry_price=position.entry_price, entry_date=position.entry_date, price=price, value=value,
                weight=value / point["equity"] if point["equity"] > 0 else None, cost=position.cost,
                days=(date - dt.date.fromisoformat(position.entry_date)).days, gain=gain,
                gain_fraction=gain / position.cost,
            )
        )  # fmt: skip
    return EndOfDayHoldings(date=text, equity=point["equity"], cash=point["cash"], holdings=tuple(holdings))
