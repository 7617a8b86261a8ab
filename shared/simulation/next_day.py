"""The orders that a simulated run places on the first trading day after its last row.

They are what the day loop (shared/native/day_loop.c) would do on that day, as far as it is known before the open: sales
at the open by rule, the levels that stand for the day, and purchases as amounts of won in order of priority. What needs
the day's prices is left open: shares of a purchase, sales at an open beyond a level, candidates that do not trade.
Amounts use the last closes instead of the opens.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import orjson

from shared.language.evaluate import evaluate_market
from shared.market.liquidation import LIQUIDATION_DAYS, is_liquidation_row
from shared.model.calendar import iso
from shared.model.listings import name_on, row_attributes
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.engine import Run
from shared.simulation.explain.condition_values import RowRanking, RowValues
from shared.simulation.explain.targets import target_columns
from shared.simulation.panel_scans import volatilities
from shared.simulation.plan import WEIGHT_ROWS, expressions_of
from shared.simulation.rebalance import rebalance_rows
from shared.simulation.universe import universe_rows

RESERVES = 8
"""Candidates beyond the possible slots that the list of purchases has."""

Kind = Literal["open", "close", "stop", "target"]
_UNDIGESTED = ("name",)


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order of a day.

    `kind`: at the open or close of the day (`execution.price`), or at a stop or target `level` (won) that stands for
    the day. `shares` of a sale; None: as many as `amount` (won) buys. `priority` orders purchases from 1; a `reserve`
    is bought only when an order before it cannot fill, or a stop frees a slot at the open.
    """

    stock_code: str
    name: str
    side: Literal["buy", "sell"]
    kind: Kind
    reason: str
    shares: int | None = None
    amount: float | None = None
    level: float | None = None
    priority: int | None = None
    reserve: bool = False


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The orders of `day`, decided from the rows up to `decided_on` (dates).

    `equity` and `cash` (won) are those of the evening before. `buys` says why there are or are no purchases: `allowed`,
    `no_rebalance_day`, `when_false`, `drawdown_stop` or `no_signal`.
    """

    day: str
    decided_on: str
    equity: float
    cash: float
    buys: str
    orders: tuple[Order, ...]

    def document(self) -> dict[str, Any]:
        """Return the decision with its digest."""
        orders = [dict(vars(order)) for order in self.orders]
        return {**vars(self), "orders": orders, "digest": orders_digest(orders)}


def orders_digest(orders: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of orders; names of stocks do not count."""
    kept = [{name: value for name, value in order.items() if name not in _UNDIGESTED} for order in orders]
    return hashlib.sha256(orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, kw_only=True)
class _Book:
    """What is held on the evening of the last row."""

    cash: float
    equity: float
    holdings: np.ndarray | None
    resting_since: int | None

    @property
    def columns(self) -> list[int]:
        return [] if self.holdings is None else self.holdings["col"].tolist()


def decide_next_day(request: BacktestRequest, panels: Panels, day: int, run: Run | None) -> Decision:
    """Return the orders of day number `day`, which is after the last row of the run.

    `run` is the simulated run of the request whose window ends before `day`; None when `day` is the window's first.
    """
    return _NextDay(request, panels, day, run).decision()


class _NextDay:
    def __init__(self, request: BacktestRequest, panels: Panels, day: int, run: Run | None) -> None:
        self._request, self._panels, self._day = request, panels, day
        self._row = int(panels.days.searchsorted(day)) - 1 if run is None else run.plan.window.stop - 1
        self._first = self._row + 1 if run is None else run.plan.window.start
        expressions = expressions_of(request)
        universe = universe_rows(request.strategy.universe, panels, expressions.universe)
        self._universe, self._expressions = universe, expressions
        self._ranking = RowRanking(
            RowValues(panels, universe, self._row), expressions, request.strategy.buy.order == "desc"
        )
        self._book = self._book_of(run)
        self._last = panels.panel("last", self._rows)[0]
        self._buys = self._buys_allowed()

    @property
    def _rows(self) -> slice:
        return slice(self._row, self._row + 1)

    def _book_of(self, run: Run | None) -> _Book:
        if run is None:
            cash = self._request.initial_cash
            return _Book(cash=cash, equity=cash, holdings=None, resting_since=None)
        state = run.ledger.state
        return _Book(
            cash=float(run.ledger.cash[-1]),
            equity=float(run.ledger.equity[-1]),
            holdings=run.ledger.holdings.copy(),
            resting_since=int(state.stop_day) if state.resting else None,
        )

    def _buys_allowed(self) -> str:
        portfolio = self._request.strategy.portfolio
        if self._row < 0:
            return "no_signal"
        days = np.append(self._panels.days[: self._row + 1], np.int32(self._day))
        window = slice(self._first, self._row + 2)
        if not rebalance_rows(days, window, portfolio.rebalance)[-1]:
            return "no_rebalance_day"
        if not self._when():
            return "when_false"
        since = self._book.resting_since
        if since is not None and self._day - since < portfolio.stop_resume_days:
            return "drawdown_stop"
        return "allowed"

    def _when(self) -> bool:
        when = self._expressions.when
        if when is None:
            return True
        found = evaluate_market(when, self._panels, self._rows, self._universe.rows, self._universe.key)
        return bool(found[0])

    def decision(self) -> Decision:
        targets = None
        if self._buys == "allowed" and self._request.strategy.sell.on_rebalance != "hold":
            targets = target_columns(self._request, self._panels, self._ranking, frozenset(self._book.columns))
        sales, sold = self._sales(targets)
        purchases: list[Order] = []
        if self._buys == "allowed":
            if self._request.strategy.sell.on_rebalance == "reweight":
                trims, purchases = self._reweight(targets or [], sold)
                sales += trims
            else:
                purchases = self._purchases(targets, sold)
        return Decision(
            day=iso(self._day),
            decided_on=iso(int(self._panels.days[self._row])),
            equity=round(self._book.equity, 2),
            cash=round(self._book.cash, 2),
            buys=self._buys,
            orders=(*sales, *purchases),
        )

    def _order(self, column: int, **fields: Any) -> Order:
        panels = self._panels
        name = name_on(panels, column, int(panels.days[self._row]))
        return Order(stock_code=panels.instruments.code[column], name=name, **fields)

    @property
    def _at(self) -> Kind:
        return self._request.execution.price

    def _sales(self, targets: list[int] | None) -> tuple[list[Order], set[int]]:
        """Return the sales by rule and the standing levels in order of stock codes, and the columns sold by rule."""
        found: list[Order] = []
        sold = set()
        for holding in () if self._book.holdings is None else self._book.holdings:
            column, shares = int(holding["col"]), int(holding["shares"])
            reason = self._rule(holding, targets)
            if reason is not None:
                found.append(self._order(column, side="sell", kind=self._at, reason=reason, shares=shares))
                sold.add(column)
            if reason == "delisted":
                continue
            for kind, level_reason, level in self._levels(holding):
                found.append(
                    self._order(column, side="sell", kind=kind, reason=level_reason, shares=shares, level=level)
                )
        return found, sold

    def _rule(self, holding: np.void, targets: list[int] | None) -> str | None:
        """Return the reason of a sale at the open that is known before it; None without one."""
        strategy = self._request.strategy
        sell, column = strategy.sell, int(holding["col"])
        age = self._day - int(holding["entry_day"])
        if self._request.execution.delisting == "liquidation" and self._is_liquidation(holding):
            return "delisted"
        if sell.max_hold_days is not None and age >= sell.max_hold_days:
            return "max_hold"
        mature = age >= sell.min_hold_days
        if self._expressions.sell is not None and mature and self._ranking.values.of(self._expressions.sell)[column]:
            return "condition"
        if strategy.portfolio.when_false == "sell" and not self._when():
            return "timing"
        if holding["drawdown_due"]:
            return "drawdown_stop"
        if targets is not None and mature and column not in targets:
            return "rebalance"
        return None

    def _is_liquidation(self, holding: np.void) -> bool:
        """Return whether the day belongs to liquidation trading if the stock trades on it."""
        left = int(holding["delisted_day"]) - self._day
        if not 0 < left <= LIQUIDATION_DAYS:
            return False
        idle = self._panels.panel("idle", slice(0, self._row + 1))[:, int(holding["col"])]
        return is_liquidation_row(np.append(idle, 0), len(idle), left)

    def _levels(self, holding: np.void) -> list[tuple[Kind, str, float]]:
        sell = self._request.strategy.sell
        stops = []
        if sell.stop_loss_pct is not None:
            stops.append((float(holding["entry"]) * (1 - sell.stop_loss_pct / 100), "stop_loss"))
        if sell.trailing_stop_pct is not None:
            stops.append((float(holding["peak"]) * (1 - sell.trailing_stop_pct / 100), "trailing_stop"))
        found: list[tuple[Kind, str, float]] = []
        if stops:
            level, reason = max(stops, key=lambda stop: stop[0])
            found.append(("stop", reason, level))
        if sell.take_profit_pct is not None:
            found.append(("target", "take_profit", float(holding["entry"]) * (1 + sell.take_profit_pct / 100)))
        return found

    def _purchases(self, targets: list[int] | None, sold: set[int]) -> list[Order]:
        """Return the purchases of `hold` and `rotate` in the order of the walk."""
        portfolio = self._request.strategy.portfolio
        held = set(self._book.columns)
        known = self._limit(portfolio.max_positions - len(held) + len(sold))
        most = self._limit(portfolio.max_positions)
        walked = self._ranking.order if targets is None else targets
        candidates = [column for column in walked if column not in held]
        if targets is None:
            candidates = candidates[: most + RESERVES]
        plain = self._book.equity / portfolio.max_positions
        if portfolio.position_pct is not None:
            plain = portfolio.position_pct / 100 * self._book.equity
        weights = self._weights(candidates[:known])
        sectors = self._sectors()
        counts: dict[int, int] = {}
        for column in held - sold:
            counts[sectors[column]] = counts.get(sectors[column], 0) + 1
        limit_sectors = targets is None and portfolio.max_per_sector is not None
        orders, placed = [], 0
        for priority, column in enumerate(candidates, 1):
            sector = sectors[column]
            full = limit_sectors and sector >= 0 and counts.get(sector, 0) >= (portfolio.max_per_sector or 0)
            amount = plain
            if weights is not None and priority <= len(weights):
                amount = plain * len(weights) * float(weights[priority - 1])
            reserve = full or placed >= known
            if not reserve:
                placed += 1
                counts[sector] = counts.get(sector, 0) + 1
            orders.append(self._purchase(column, amount, priority, reserve=reserve))
        return orders

    def _purchase(self, column: int, amount: float, priority: int, *, reserve: bool = False) -> Order:
        most = self._request.strategy.portfolio.max_position_value
        capped = amount if most is None else min(amount, most)
        return self._order(
            column, side="buy", kind=self._at, reason="entry", amount=round(capped, 2), priority=priority,
            reserve=reserve,
        )  # fmt: skip

    def _limit(self, slots: int) -> int:
        most = self._request.strategy.portfolio.max_new_per_day
        return max(slots if most is None else min(slots, most), 0)

    def _reweight(self, targets: list[int], sold: set[int]) -> tuple[list[Order], list[Order]]:
        """Return the trims and the purchases of `reweight`, with the last closes in place of the opens."""
        portfolio = self._request.strategy.portfolio
        held = {int(h["col"]): int(h["shares"]) for h in (() if self._book.holdings is None else self._book.holdings)}
        weights = self._weights(targets)
        money = self._book.equity
        if portfolio.invest != "full":
            money = money * len(targets) / portfolio.max_positions
        trims: list[Order] = []
        purchases: list[Order] = []
        opened = 0
        slots = self._limit(portfolio.max_positions - len(held) + len(sold))
        band = portfolio.rebalance_band_pct / 100
        for at, column in enumerate(targets):
            if column in sold:
                continue
            target = money * (1 / len(targets) if weights is None else float(weights[at]))
            if portfolio.max_position_value is not None:
                target = min(target, portfolio.max_position_value)
            if column not in held:
                reserve = opened >= slots
                opened += not reserve
                purchases.append(self._purchase(column, target, len(purchases) + 1, reserve=reserve))
                continue
            price = float(self._last[column])
            difference = target - held[column] * price
            if difference > band * target:
                purchases.append(self._purchase(column, difference, len(purchases) + 1))
            elif -difference > band * target and -difference >= price:
                shares = min(int(-difference / price + 1e-9), held[column])
                trims.append(
                    self._order(
                        column, side="sell", kind=self._at, reason="rebalance", shares=shares, amount=round(target, 2)
                    )
                )
        trims.sort(key=lambda order: order.stock_code)
        return trims, purchases

    def _weights(self, columns: list[int]) -> np.ndarray | None:
        """Return the parts of 1 of some columns; None when they are equal."""
        weighting = self._request.strategy.portfolio.weighting
        if weighting == "equal" or not columns:
            return None
        if weighting == "market_cap":
            values = self._panels.panel("MARKET_CAP", self._rows)[0][columns].astype(np.float64)
            weights = np.where(values > 0, values, np.nan)
        else:
            before = min(WEIGHT_ROWS, self._row)
            close = self._panels.panel("adj_close", slice(self._row - before, self._row + 1))
            deviation = volatilities(close, before=before, span=WEIGHT_ROWS)[0][columns]
            with np.errstate(divide="ignore", invalid="ignore"):
                weights = np.where(deviation > 0, 1 / deviation, np.nan)
        known = ~np.isnan(weights)
        weights = np.where(known, weights, weights[known].mean() if known.any() else 1.0)
        found: np.ndarray = weights / weights.sum()
        return found

    def _sectors(self) -> list[int]:
        found: list[int] = row_attributes(self._panels, self._rows).sector[0].tolist()
        return found
