"""A request and a dataset in the numbers and addresses that the day loop reads."""

from __future__ import annotations

import math
from ctypes import addressof
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from shared.market import DayRules, day_rules, rule_books
from shared.market.ticks import TABLES
from shared.model.market_data import Dividends
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.memo import Kept
from shared.simulation.native import BAR, DELISTINGS, WEIGHTINGS, Market, Options, Rules, address, plane, strips_of
from shared.simulation.plan import Plan

DIVIDEND_TAX = 0.154
"""Income tax of 14 % and local income tax of 1.4 % that are withheld from dividends."""

_FIELDS = ("volume", "split", "last", "adj_close")


@dataclass(frozen=True, kw_only=True)
class Bound:
    """Structures for the kernel and the arrays behind their addresses."""

    market: Market
    rules: Rules
    options: Options
    kept: tuple[Any, ...]


def bind(request: BacktestRequest, panels: Panels, plan: Plan) -> Bound:
    """Everything of a run that does not change from block to block."""
    columns = len(panels.instruments)
    kept: list[Any] = []

    def at(array: np.ndarray, dtype: Any) -> int:
        kept.append(array)
        return address(array, dtype)

    market = Market(n=columns)
    for name in _FIELDS:
        if name in plan.needs:
            rows = plan.needs[name]
            panel = panels.panel(name, rows)
            kept.append(panel)
            setattr(market, name, plane(panel, rows.start, np.float64, columns))
    if "MARKET_CAP" in plan.needs:
        rows = plan.needs["MARKET_CAP"]
        panel = panels.panel("MARKET_CAP", rows)
        kept.append(panel)
        market.cap = plane(panel, rows.start, np.float32, columns)
    years = panels.strips("bars-2", len(BAR), plan.needs["last"], partial(_bars, panels))
    strips = strips_of(years, columns)
    kept.append((years, strips))
    market.bars, market.years = addressof(strips), len(strips)
    _bind_instruments(market, panels, at)
    if request.execution.dividends:
        _bind_dividends(market, panels, plan.window, at)
    of_days, inside = _rules_of(panels.days.tobytes()), plan.window
    tax = of_days.tax[inside]
    if request.costs.tax_pct is not None:
        tax = np.full_like(tax, request.costs.tax_pct / 100)
    rules = Rules(
        first=plan.window.start,
        tax=at(np.ascontiguousarray(tax), np.float64),
        limit=at(np.ascontiguousarray(of_days.limit[inside]), np.float64),
        tick_table=at(np.ascontiguousarray(of_days.tick_table[inside]), np.uint8),
        ticks=at(TABLES, np.float64),
    )
    return Bound(market=market, rules=rules, options=_options(request), kept=tuple(kept))


def _bars(panels: Panels, rows: slice) -> np.ndarray:
    """float64 [N, rows, BAR], made once for a dataset version: the panels of its names; the open is NaN where a stock
    does not trade."""
    found = np.empty((len(panels.instruments), rows.stop - rows.start, len(BAR)))
    for number, name in enumerate(BAR):
        values = panels.panel(name, rows)
        if name == "open":
            values = np.where((panels.panel("volume", rows) > 0) & (values > 0), values, np.nan)
        found[:, :, number] = values.T
    return found


def _bind_instruments(market: Market, panels: Panels, at: Any) -> None:
    instruments = panels.instruments
    kinds = _kinds.get((panels.version, len(instruments)), lambda: rule_books(instruments.market))
    market.days = at(panels.days, np.int32)
    market.code_rank = at(instruments.code_rank, np.int32)
    market.by_code = at(instruments.by_code, np.int32)
    market.kind = at(kinds, np.uint8)
    market.delisted = at(instruments.delisted_day, np.int32)


@lru_cache(maxsize=8)
def _rules_of(days: bytes) -> DayRules:
    return day_rules(np.frombuffer(days, np.int32))


_kinds: Kept[np.ndarray] = Kept(16)
"""Market codes of a dataset version."""


@dataclass(frozen=True, kw_only=True)
class _Payments:
    """The dividends of a dataset in the order in which they are paid: by row, then by stock code."""

    of: Dividends
    days: np.ndarray
    row: np.ndarray  # int32
    col: np.ndarray  # int32
    dps: np.ndarray  # float64, won a share before tax
    cash: np.ndarray  # float64, won a share after tax


_known_payments: Kept[_Payments] = Kept(4)
"""By the places of what they are made of, which they hold."""


def _payments(dividends: Dividends, panels: Panels) -> _Payments:
    rows = np.searchsorted(panels.days, dividends.ex_date).astype(np.int32)
    paid = np.flatnonzero(dividends.dps > 0)
    rank = panels.instruments.code_rank[dividends.instrument[paid]]
    order = paid[np.lexsort((dividends.dps[paid], rank, rows[paid]))]
    return _Payments(
        of=dividends, days=panels.days, row=rows[order], col=dividends.instrument[order].astype(np.int32),
        dps=dividends.dps[order], cash=dividends.dps[order] * (1 - DIVIDEND_TAX),
    )  # fmt: skip


def _bind_dividends(market: Market, panels: Panels, window: slice, at: Any) -> None:
    dividends, days = panels.dividends, panels.days
    paid = _known_payments.get((id(dividends), id(days)), lambda: _payments(dividends, panels))
    first, last = paid.row.searchsorted(np.array([window.start, window.stop], np.int32)).tolist()
    market.dividends = last - first
    market.dividend_row = at(paid.row[first:last], np.int32)
    market.dividend_col = at(paid.col[first:last], np.int32)
    market.dividend_dps = at(paid.dps[first:last], np.float64)
    market.dividend_cash = at(paid.cash[first:last], np.float64)


def _options(request: BacktestRequest) -> Options:
    strategy, execution, costs = request.strategy, request.execution, request.costs
    sell, portfolio = strategy.sell, strategy.portfolio

    def number(value: float | None) -> float:
        return math.nan if value is None else value

    def whole(value: int | None) -> int:
        return -1 if value is None else value

    return Options(
        max_positions=portfolio.max_positions,
        max_new_per_day=whole(portfolio.max_new_per_day),
        min_hold_days=sell.min_hold_days,
        max_hold_days=whole(sell.max_hold_days),
        commission=costs.commission_pct / 100,
        slippage=costs.slippage_pct / 100,
        take_profit_pct=number(sell.take_profit_pct),
        stop_loss_pct=number(sell.stop_loss_pct),
        trailing_stop_pct=number(sell.trailing_stop_pct),
        position_pct=number(portfolio.position_pct),
        max_position_value=number(portfolio.max_position_value),
        max_volume_pct=number(execution.max_volume_pct),
        haircut=execution.delisting_haircut_pct / 100,
        weighting=WEIGHTINGS.index(portfolio.weighting),
        delisting=DELISTINGS.index("last_price" if execution.delisting == "liquidation" else execution.delisting),
        rotate=sell.on_rebalance == "rotate",
        descending=strategy.buy.order == "desc",
        at_close=execution.price == "close",
        price_limits=execution.price_limits is not False,
        tick_size=execution.tick_size is not False,
        has_sell=sell.where is not None,
    )
