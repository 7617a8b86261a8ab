"""One backtest, day by day and holding by holding, in the order of the contract's steps (section 2)."""

from __future__ import annotations

import math
import random
from typing import Any

from tests.reference import rules
from tests.reference.benchmark import benchmark
from tests.reference.book import NEAR, Holding
from tests.reference.buying import Buyer
from tests.reference.market import Market, read
from tests.reference.options import RefusedError
from tests.reference.statistics import statistics
from tests.reference.warnings import CODES, warning_codes

__all__ = ["WARNING_CODES", "RefusedError", "backtest"]

WARNING_CODES = frozenset(CODES)

STALE_DAYS = 30


class Run(Buyer):
    """A book that runs through the days of the window."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.highest = self.initial
        self.stopped_on: int | None = None
        self.condemned: set[int] = set()

    # --- step 1 ------------------------------------------------------------------------------------------------

    def step1(self, row: int) -> None:
        """Corporate actions: splits, then the dividends on the shares of the evening before."""
        for held in self.ordered():
            evening = held.shares
            split = self.market.stocks[held.at].split[row]
            if split != 1:
                self.split(row, held, split)
            if self.execution["dividends"]:
                self.pay_dividends(row, held, evening)
            if held.shares == 0:
                base = self.base(row, held.at)
                assert base is not None
                self.record(row, held.at, side="sell", shares=0, price=base, paid=(0.0, 0.0), why="corporate_action")
                self.close(row, held.at, base, "corporate_action")
            else:
                self.check_price(row, held.at, "open")

    def split(self, row: int, held: Holding, split: float) -> None:
        """Turn the shares of a holding into whole new ones and pay the fraction at the base price."""
        base = self.base(row, held.at)
        assert base is not None
        before, after = held.shares, math.floor(held.shares * split + NEAR)
        got = max(before * split - after, 0.0) * base
        self.cash += got
        held.proceeds += got
        held.shares = after
        held.entry /= split
        held.peak /= split
        held.most_shares = max(held.most_shares, after)
        self.act(row, held.at, kind="split", ratio=split, shares_before=before, shares_after=after, cash=got)

    def pay_dividends(self, row: int, held: Holding, shares: int) -> None:
        """Credit the dividends whose ex-date the day reaches."""
        stock, day = self.market.stocks[held.at], self.market.days[row]
        rate = self.costs["dividend_tax_pct"]
        if rate is None:
            rate = rules.dividend_tax_pct(stock.market[row])
        for line in sorted(stock.dividends, key=lambda line: (line["ex_date"], line["kind"] or "")):
            if not self.market.days[row - 1] < line["ex_date"] <= day or line["dps"] == 0:
                continue
            got = shares * line["dps"] * (1 - rate / 100)
            self.cash += got
            held.proceeds += got
            self.paid["dividends"] += got
            self.act(
                row, held.at, kind="dividend", shares_before=shares, shares_after=shares, dps=line["dps"], cash=got
            )

    # --- step 2 ------------------------------------------------------------------------------------------------

    def stop_level(self, held: Holding) -> tuple[float, str] | None:
        """Return the higher of the two stops with its reason."""
        loss, trail = self.sell["stop_loss_pct"], self.sell["trailing_stop_pct"]
        fixed = None if loss is None else held.entry * (1 - loss / 100)
        moving = None if trail is None else held.peak * (1 - trail / 100)
        if fixed is None:
            return None if moving is None else (moving, "trailing_stop")
        if moving is not None and moving > fixed:
            return moving, "trailing_stop"
        return fixed, "stop_loss"

    def profit_level(self, held: Holding) -> float | None:
        """Return the price at which the profit is taken."""
        profit = self.sell["take_profit_pct"]
        return None if profit is None else held.entry * (1 + profit / 100)

    def due_at_open(self, row: int, held: Holding) -> str | None:
        """Return the reason of the liquidation rule and of rules a and b."""
        stock = self.market.stocks[held.at]
        if not stock.tradable(row):
            return None
        if stock.liquidation[row] and self.execution["delisting"] == "liquidation":
            return "delisted"
        price = self.price(row, held.at, "open")
        stop, profit = self.stop_level(held), self.profit_level(held)
        if stop is not None and rules.at_most(price, stop[0]):
            return stop[1]
        return "take_profit" if profit is not None and rules.at_least(price, profit) else None

    def due_by_rule(self, row: int, held: Holding, target: list[int] | None) -> str | None:
        """Return the reason of rules c to f."""
        age = (self.market.days[row] - held.bought).days
        most, least = self.sell["max_hold_days"], self.sell["min_hold_days"]
        if most is not None and age >= most:
            return "max_hold"
        if self.leave is not None and row > 0 and self.leave[row - 1][held.at] and age >= least:
            return "condition"
        if self.portfolio["when_false"] == "sell" and not self.timing_allows(row):
            return "timing"
        if held.at in self.condemned:
            return "drawdown_stop"
        if target is not None and self.timing_allows(row) and held.at not in target and age >= least:
            return "rebalance"
        return None

    def sell_or_refuse(self, row: int, held: Holding, name: str, why: str) -> None:
        """Sell at the open or close of the day unless the stock does not trade or is at its lower limit."""
        if not self.market.stocks[held.at].tradable(row):
            self.refuse(held.at, why)
            return
        price = self.price(row, held.at, name)
        band = self.limits(row, held.at)
        if band is not None and rules.at_most(price, band[0]):
            self.refuse(held.at, why)
        else:
            self.fill_sale(row, held.at, held.shares, price, why)

    def sell_at_the_open(self, row: int) -> None:
        """Liquidation and rules a and b, for every holding."""
        for held in self.ordered():
            why = self.due_at_open(row, held)
            if why is not None:
                self.sell_or_refuse(row, held, "open", why)

    def sell_by_rule(self, row: int, target: list[int] | None) -> None:
        """Rules c to f at the close, for every holding that is not left alone."""
        for held in self.ordered():
            why = None if held.at in self.alone else self.due_by_rule(row, held, target)
            if why is not None:
                self.sell_or_refuse(row, held, "close", why)

    def step2(self, row: int, target: list[int] | None) -> None:
        """All sells due at the open: the first rule that applies to each holding."""
        for held in self.ordered():
            why = self.due_at_open(row, held) or self.due_by_rule(row, held, target)
            if why is not None:
                self.sell_or_refuse(row, held, "open", why)

    # --- step 4 ------------------------------------------------------------------------------------------------

    def step4(self, row: int) -> None:
        """Sells inside the day: the stops, then the profit."""
        for held in self.ordered():
            if held.at in self.alone or not self.market.stocks[held.at].tradable(row):
                continue
            stop, profit = self.stop_level(held), self.profit_level(held)
            if stop is not None and held.last_purchase_row == row:
                stop = (min(stop[0], self.price(row, held.at, "open")), stop[1])
            if stop is not None and rules.at_most(self.price(row, held.at, "low"), stop[0]):
                level, why = stop
            elif profit is not None and rules.at_least(self.price(row, held.at, "high"), profit):
                level, why = profit, "take_profit"
            else:
                continue
            band = self.limits(row, held.at)
            if band is not None and rules.at_most(self.price(row, held.at, "high"), band[0]):
                self.refuse(held.at, why)
            else:
                self.fill_sale(row, held.at, held.shares, level, why)

    # --- steps 5 and 6 -----------------------------------------------------------------------------------------

    def step5(self, row: int) -> None:
        """Delistings: what is still held on the first row from `delisted_on` on."""
        for held in self.ordered():
            stock = self.market.stocks[held.at]
            if not self.market.gone(stock, row):
                continue
            last = stock.last[row]
            assert last is not None
            if self.is_stale(row, held.at):
                self.stale_exits.append(stock.code)
            how = self.execution["delisting"]
            if how == "liquidation" and self.is_stale(row, held.at):
                last *= 1 - self.execution["stale_haircut_pct"] / 100
            elif how == "haircut":
                last *= 1 - self.execution["delisting_haircut_pct"] / 100
            elif how == "zero":
                last = 0.0
            self.book_sale(row, held.at, held.shares, (last * (1 - self.s), last), "delisted")

    def is_stale(self, row: int, at: int) -> bool:
        """Return whether a delisted stock traded for the last time more than 30 calendar days before it left."""
        stock = self.market.stocks[at]
        traded = max(r for r in range(row) if stock.tradable(r))
        assert stock.delisted_on is not None
        return (stock.delisted_on - self.market.days[traded]).days > STALE_DAYS

    def step6(self, row: int) -> None:
        """Valuation and peaks."""
        worth = self.worth(row, "last")
        day = self.market.days[row].isoformat()
        self.equity.append({"date": day, "equity": worth, "cash": self.cash, "positions": len(self.holdings)})
        self.evenings.append([self.evening_of(row, held) for held in self.ordered()])
        for held in self.ordered():
            last = self.market.stocks[held.at].last[row]
            assert last is not None
            held.peak = max(held.peak, last)
            self.check_price(row, held.at, "close")

    def evening_of(self, row: int, held: Holding) -> dict[str, Any]:
        """Return a holding as `holdings?date=` shows it."""
        stock = self.market.stocks[held.at]
        last = stock.last[row]
        assert last is not None
        return {
            "stock_code": stock.code,
            "shares": held.shares,
            "entry_price": held.entry,
            "entry_date": held.bought.isoformat(),
            "price": last,
            "value": held.shares * last,
        }

    # --- drawdown stop -----------------------------------------------------------------------------------------

    def rests(self, row: int) -> bool:
        """Return whether a drawdown stop bars buying on a row."""
        if self.stopped_on is None:
            return False
        passed = (self.market.days[row] - self.market.days[self.stopped_on]).days
        return bool(passed < self.portfolio["stop_resume_days"])

    def resume(self, row: int) -> None:
        """Begin anew on the first row that is not barred: the highest equity is that of the row before."""
        if self.stopped_on is not None and not self.rests(row):
            self.stopped_on = None
            self.highest = self.equity[-1]["equity"]

    def test_drawdown(self, row: int) -> None:
        """Stop when the evening's equity has fallen too far below the highest."""
        limit = self.portfolio["stop_drawdown_pct"]
        self.condemned &= set(self.holdings)
        if limit is None or self.stopped_on is not None:
            return
        worth = self.equity[-1]["equity"]
        self.highest = max(self.highest, worth)
        if rules.at_most(worth, (1 - limit / 100) * self.highest):
            self.stopped_on = row
            self.condemned |= set(self.holdings)

    # --- one day -----------------------------------------------------------------------------------------------

    def day(self, row: int) -> None:
        """Run through one day in the order of the contract."""
        self.sold, self.bought, self.alone = set(), set(), set()
        self.resume(row)
        self.step1(row)
        choosing = self.rebalances(row)
        ranking = self.ranking(row - 1) if choosing else []
        target = self.targets_of(row, ranking, set(self.holdings)) if choosing else None
        if self.at_close:
            self.sell_at_the_open(row)
            self.step4(row)
            self.sell_by_rule(row, target)
        else:
            self.step2(row, target)
        self.condemned &= set(self.holdings)
        if choosing and self.timing_allows(row) and not self.rests(row):
            self.step3(row, ranking, target)
        if not self.at_close:
            self.step4(row)
        self.step5(row)
        self.step6(row)
        self.test_drawdown(row)


def open_position(run: Run, held: Holding) -> dict[str, Any]:
    """Return a position that the window's last row leaves open."""
    stock = run.market.stocks[held.at]
    return {
        "stock_code": stock.code,
        "shares": held.shares,
        "entry_date": held.bought.isoformat(),
        "entry_price": held.entry,
        "last": stock.last[run.rows[-1]],
    }


def backtest(
    market: dict[str, Any] | Market, request: dict[str, Any], noise: random.Random | None = None
) -> dict[str, Any]:
    """Return the result of a request as in `POST /v1/backtests` on a market in the load form, or raise RefusedError.

    `noise` moves what expressions read by about the last bit (see `language.Evaluator`).
    """
    run = Run(market if isinstance(market, Market) else read(market), request, noise)
    index = benchmark(run)
    for row in run.rows:
        run.day(row)
    days = run.market.days
    result: dict[str, Any] = {
        "trades": run.trades,
        "round_trips": run.round_trips,
        "corporate_actions": run.corporate_actions,
        "unfilled": run.unfilled,
        "equity": run.equity,
        "holdings": run.evenings,
        "coverage": run.coverage,
        "gaps": run.gaps,
        "barren": run.barren,
        "window": {
            "first": days[run.rows[0]].isoformat(),
            "last": days[run.rows[-1]].isoformat(),
            "warm_up": run.rows[0],
        },
        "open_positions": [open_position(run, held) for held in run.ordered()],
    }
    figures = statistics(run, result, index, float(request.get("risk_free_pct") or 0) / 100)
    return {**result, **figures, "warnings": warning_codes(run, figures["statistics"])}
