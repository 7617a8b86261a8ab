"""One backtest, day by day and holding by holding, in the order of the contract's steps."""

from __future__ import annotations

import math
import random
from typing import Any

from tests.reference.book import Holding
from tests.reference.buying import NEAR, Buyer, above, below
from tests.reference.factors import factor
from tests.reference.market import Market, read
from tests.reference.options import RefusedError
from tests.reference.statistics import statistics

__all__ = ["RefusedError", "backtest"]

DIVIDEND_TAX = 0.154


class Run(Buyer):
    """A book that lives the days of the window."""

    def step1(self, row: int) -> None:
        """Corporate actions and dividends."""
        day = self.market.days[row]
        before = self.market.days[row - 1] if row > 0 else None
        for held in self.ordered():
            stock = self.market.stocks[held.at]
            if self.execution["dividends"]:
                for line in stock.dividends:
                    if line["ex_date"] <= day and (before is None or line["ex_date"] > before):
                        got = held.shares * line["dps"] * (1 - DIVIDEND_TAX)
                        self.cash += got
                        self.paid["dividends"] += got
                        held.brought += got
            split = stock.split[row]
            if split == 1:
                continue
            last = stock.last[row - 1]
            assert last is not None
            whole = math.floor(held.shares * split + NEAR)
            got = (held.shares * split - whole) * (last / split)
            self.cash += got
            held.brought += got
            held.shares = whole
            held.entry /= split
            held.peak /= split
            if whole == 0:
                self.record(
                    row, held.at, side="sell", shares=0, price=last / split, paid=(0.0, 0.0), why="corporate_action"
                )
                self.close(row, held.at, last / split, "corporate_action")

    def stop_level(self, held: Holding) -> tuple[float, str] | None:
        """The higher of the two stops."""
        loss, trail = self.sell["stop_loss_pct"], self.sell["trailing_stop_pct"]
        fixed = None if loss is None else held.entry * (1 - loss / 100)
        moving = None if trail is None else held.peak * (1 - trail / 100)
        if fixed is None:
            return None if moving is None else (moving, "trailing_stop")
        if moving is not None and moving > fixed:
            return moving, "trailing_stop"
        return fixed, "stop_loss"

    def profit_level(self, held: Holding) -> float | None:
        """The price at which the profit is taken."""
        profit = self.sell["take_profit_pct"]
        return None if profit is None else held.entry * (1 + profit / 100)

    def due_at_open(self, row: int, held: Holding) -> str | None:
        """Rules a and b."""
        if not self.market.stocks[held.at].tradable(row):
            return None
        price = self.price(row, held.at, "open")
        stop, profit = self.stop_level(held), self.profit_level(held)
        if stop is not None and below(price, stop[0]):
            return stop[1]
        return "take_profit" if profit is not None and above(price, profit) else None

    def due_by_rule(self, row: int, held: Holding, target: list[int] | None) -> str | None:
        """Rules c, d and e."""
        age = (self.market.days[row] - held.bought).days
        most, least = self.sell["max_hold_days"], self.sell["min_hold_days"]
        if most is not None and age >= most:
            return "max_hold"
        if age < least:
            return None
        if self.leave is not None and row > 0 and self.leave[row - 1][held.at]:
            return "condition"
        return "rebalance" if target is not None and held.at not in target else None

    def sell_or_refuse(self, row: int, held: Holding, name: str, why: str) -> None:
        """Sells at the open or close of the day unless it does not trade or is at its lower limit."""
        if not self.market.stocks[held.at].tradable(row):
            self.refuse(held.at, why)
            return
        price = self.price(row, held.at, name)
        band = self.limits(row, held.at)
        if band is not None and below(price, band[0]):
            self.refuse(held.at, why)
        else:
            self.sell_all(row, held.at, price, why)

    def step2(self, row: int, target: list[int] | None, levels: bool, ages: bool) -> None:
        """Sells due at the open (at the close for rules c, d, e in close mode)."""
        for held in self.ordered():
            if held.at in self.alone:
                continue
            if levels:
                why = self.due_at_open(row, held)
                if why is not None:
                    self.sell_or_refuse(row, held, "open", why)
                    continue
            if ages:
                why = self.due_by_rule(row, held, target)
                if why is not None:
                    self.sell_or_refuse(row, held, "close" if self.at_close else "open", why)

    def step4(self, row: int) -> None:
        """Sells inside the day."""
        for held in self.ordered():
            stock = self.market.stocks[held.at]
            if held.at in self.alone or not stock.tradable(row):
                continue
            stop, profit = self.stop_level(held), self.profit_level(held)
            if stop is not None and held.bought_row == row:
                stop = (min(stop[0], self.price(row, held.at, "open")), stop[1])
            if stop is not None and below(self.price(row, held.at, "low"), stop[0]):
                level, why = stop
            elif profit is not None and above(self.price(row, held.at, "high"), profit):
                level, why = profit, "take_profit"
            else:
                continue
            band = self.limits(row, held.at)
            if band is not None and below(self.price(row, held.at, "high"), band[0]):
                self.refuse(held.at, why)
            else:
                self.sell_all(row, held.at, level, why)

    def step5(self, row: int) -> None:
        """Delistings."""
        for held in self.ordered():
            stock = self.market.stocks[held.at]
            if not self.market.gone(stock, row):
                continue
            last = stock.last[row]
            assert last is not None
            how = self.execution["delisting"]
            if how == "haircut":
                last *= 1 - self.execution["delisting_haircut_pct"] / 100
            self.sell_all(row, held.at, 0.0 if how == "zero" else last, "delisted")

    def step6(self, row: int) -> None:
        """Valuation; peaks."""
        self.equity.append(
            {
                "date": self.market.days[row].isoformat(),
                "equity": self.worth(row, "last"),
                "cash": self.cash,
                "positions": len(self.holdings),
            }
        )
        for held in self.ordered():
            last = self.market.stocks[held.at].last[row]
            assert last is not None
            held.peak = max(held.peak, last)

    def day(self, row: int) -> None:
        """One day, in the order of the contract."""
        self.sold, self.alone = set(), set()
        self.step1(row)
        choosing = self.rebalances(row)
        ranking = self.ranking(row - 1) if choosing else []
        rotates = self.sell["on_rebalance"] == "rotate"
        target = ranking[: self.portfolio["max_positions"]] if choosing and rotates else None
        self.step2(row, target, levels=True, ages=not self.at_close)
        if self.at_close:
            self.step4(row)
            self.step2(row, target, levels=False, ages=True)
        if choosing:
            self.step3(row, ranking, target)
        if not self.at_close:
            self.step4(row)
        self.step5(row)
        self.step6(row)


def benchmark(run: Run) -> list[float] | None:
    """The benchmark's return on each row of the window."""
    name = run.request.get("benchmark", "KOSPI")
    if name is None:
        return None
    market = run.market
    if name not in {"market", "equal"}:
        series = market.index_carried(name, None)
        if series is None or series[run.rows[-1]] is None:
            raise RefusedError("benchmark", (name,))
        found = []
        for row in run.rows:
            now, then = series[row], series[row - 1] if row > 0 else None
            found.append(now / then - 1 if now is not None and then is not None else 0.0)
        return found
    caps = factor(market, "MARKET_CAP")
    found = []
    for row in run.rows:
        total = weights = 0.0
        for at, stock in enumerate(market.stocks):
            if row == 0 or not run.inside[row - 1][at]:
                continue
            weight = 1.0 if name == "equal" else caps[at][row - 1]
            now, then = stock.last[row], stock.last[row - 1]
            if weight is None or now is None or then is None:
                continue
            weights += weight
            total += weight * (now / (then / stock.split[row]) - 1)
        found.append(total / weights if weights else 0.0)
    return found


def participation(run: Run) -> list[float]:
    """The shares of each purchase as a part of the volume of its day."""
    stocks = {stock.code: stock for stock in run.market.stocks}
    rows = {day.isoformat(): row for row, day in enumerate(run.market.days)}
    found = []
    for trade in run.trades:
        volume = stocks[trade["stock_code"]].cell(rows[trade["date"]], "volume")
        if trade["side"] == "buy" and volume:
            found.append(trade["shares"] / volume)
    return found


def backtest(
    market: dict[str, Any] | Market, request: dict[str, Any], noise: random.Random | None = None
) -> dict[str, Any]:
    """A market in the load form and a request as in `POST /v1/backtests` -> the result; RefusedError where due.

    `noise` moves what expressions read by about the last bit (see `language.Evaluator`).
    """
    run = Run(market if isinstance(market, Market) else read(market), request, noise)
    index = benchmark(run)
    for row in run.rows:
        run.day(row)
    result: dict[str, Any] = {
        "trades": run.trades,
        "round_trips": run.round_trips,
        "unfilled": run.unfilled,
        "equity": run.equity,
        "coverage": run.coverage,
        "window": {
            "first": run.market.days[run.rows[0]].isoformat(),
            "last": run.market.days[run.rows[-1]].isoformat(),
            "warm_up": run.rows[0],
        },
        "open_positions": [
            {
                "stock_code": run.market.stocks[held.at].code,
                "shares": held.shares,
                "entry_date": held.bought.isoformat(),
                "last": run.market.stocks[held.at].last[run.rows[-1]],
            }
            for held in run.ordered()
        ],
    }
    return {
        **result,
        **statistics(
            result,
            run.paid,
            run.initial,
            index,
            float(request.get("risk_free_pct") or 0) / 100,
            participation=participation(run),
        ),
    }
