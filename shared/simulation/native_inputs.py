"""Kernel inputs of a run: the request and the dataset as the numbers and addresses that the day loop reads."""

from __future__ import annotations

import math
from ctypes import addressof
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np

from shared.market import day_rules
from shared.market.ticks import TABLES
from shared.model.fields import CARRY_ROWS
from shared.model.kinds import KRX_MARKETS
from shared.model.listings import RowAttributes, row_attributes
from shared.model.market_data import Dividends, Listings
from shared.model.panels import Panels
from shared.model.request import BacktestRequest, Costs, Execution, Portfolio, Sell
from shared.simulation.memo import Memo
from shared.simulation.panel_scans import mean_volumes, volatilities
from shared.simulation.plan import UNIVERSE_BENCHMARKS, VOLUME_ROWS, Plan
from shared.simulation.structures import (
    BAR,
    DELISTINGS,
    MARKET_CODES,
    ON_REBALANCE,
    WEIGHTINGS,
    Market,
    Options,
    Rules,
    address,
    matrix_view,
    stock_bars,
)

DIVIDEND_TAX_PCT = 15.4
"""Income tax of 14 % and local income tax of 1.4 % that are withheld from dividends of Korean companies."""

OTHER_MARKET = MARKET_CODES - 1
"""Market code of a market without Korean rules."""

_DOUBLE = np.dtype(np.float64)
_VIEWS = (
    ("idle", "idle", np.uint16), ("cap", "MARKET_CAP", np.float32), ("last", "last", np.float64),
    ("split", "split", np.float64),
)  # fmt: skip
"""(member of Market, field, type); the last two are read for the returns of the universe only."""
_BARS = "bars-3"
"""Content name of the stock bars; changes with what `_bars` computes."""


@dataclass(frozen=True, kw_only=True)
class KernelInputs:
    """Structures for the kernel and the arrays behind their addresses."""

    market: Market
    rules: Rules
    options: Options
    sectors: tuple[str, ...]
    """Names by sector code."""
    kind: np.ndarray
    """uint8 [rows from the first decision row to the window's end, N]: position in KINDS; may be a broadcast view."""
    keep_alive: tuple[Any, ...]


def bind(request: BacktestRequest, panels: Panels, plan: Plan) -> KernelInputs:
    """Return everything of a run that does not change from block to block."""
    columns = len(panels.instruments)
    arrays: list[Any] = []

    def at(array: np.ndarray, dtype: Any) -> int:
        arrays.append(array)
        return address(array, dtype)

    def view(name: str, values: np.ndarray, first: int, dtype: Any) -> None:
        arrays.append(values)
        setattr(market, name, matrix_view(values, first, dtype, columns))

    market = Market(n=columns)
    for name, field, dtype in _VIEWS if request.benchmark in UNIVERSE_BENCHMARKS else _VIEWS[:2]:
        if field in plan.needs:
            view(name, panels.panel(field, plan.needs[field]), plan.needs[field].start, dtype)
    for changes in plan.volatility_spans:
        rows = plan.decisions
        view(f"volatility_{changes}", _volatilities(panels, rows, changes), rows.start, np.float64)
    span = slice(plan.decisions.start, plan.window.stop)
    codes = _codes.get((panels.version, id(panels.listings), span.start, span.stop), lambda: _Codes.of(panels, span))
    view("market", codes.market, span.start, np.uint8)
    if request.strategy.portfolio.max_per_sector is not None:
        view("sector", codes.sector, span.start, np.int16)
    years = panels.stock_major(_BARS, len(BAR), plan.needs["last"], partial(_bars, panels))
    bars = stock_bars(years, columns)
    arrays.append((years, bars))
    market.years, market.years_count = addressof(bars), len(bars)
    instruments = panels.instruments
    market.days = at(panels.days, np.int32)
    market.code_rank = at(instruments.code_rank, np.int32)
    market.by_code = at(instruments.by_code, np.int32)
    market.delisted = at(instruments.delisted_day, np.int32)
    if request.execution.dividends:
        _bind_dividends(market, panels, plan.window, at)
    of_days = _rules_of.get((panels.version, len(panels.days)), lambda: _day_rules(panels.days))
    tax, limit, tick_table = (values[plan.window] for values in of_days)
    if request.costs.tax_pct is not None:
        tax = np.full_like(tax, request.costs.tax_pct / 100)
    rules = Rules(
        first=plan.window.start, tax=at(tax, np.float64), limit=at(limit, np.float64),
        tick_table=at(tick_table, np.uint8), ticks=at(TABLES, np.float64),
    )  # fmt: skip
    return KernelInputs(
        market=market,
        rules=rules,
        options=options_of(request),
        sectors=codes.sectors,
        kind=codes.kind,
        keep_alive=tuple(arrays),
    )


def _bars(panels: Panels, rows: slice) -> np.ndarray:
    """Return float64 [N, rows, BAR] of a calendar year. Computed once per dataset version."""
    found = np.empty((len(panels.instruments), rows.stop - rows.start, len(BAR)))
    before = min(VOLUME_ROWS, rows.start)
    with_before = slice(rows.start - before, rows.stop)
    volume, open_, split = (panels.panel(name, with_before) for name in ("volume", "open", "split"))
    traded = (volume[before:] > 0) & (open_[before:] > 0)
    columns = {
        "low": panels.panel("low", rows),
        "high": panels.panel("high", rows),
        "last": panels.panel("last", rows),
        "open": np.where(traded, open_[before:], np.nan),
        "split": split[before:],
        "mean_volume": mean_volumes(
            volume, open_, split, panels.panel("idle", with_before), before=before, span=VOLUME_ROWS, carry=CARRY_ROWS
        ),
    }
    for number, name in enumerate(BAR):
        found[:, :, number] = columns[name].T
    return found


def _volatilities(panels: Panels, rows: slice, span: int) -> np.ndarray:
    """Return float64 [rows, N]: deviation of the `span` changes of the adjusted close that end on each row."""

    def compute(year: slice) -> np.ndarray:
        before = min(span, year.start)
        close = panels.panel("adj_close", slice(year.start - before, year.stop))
        return volatilities(close, before=before, span=span)

    return panels.scratch(f"volatility-{span}-1", _DOUBLE, rows, compute)


@dataclass(frozen=True, kw_only=True)
class _Codes:
    """Market, kind and sector codes of the stocks on the rows of a run."""

    of_listings: Listings
    market: np.ndarray
    kind: np.ndarray
    sector: np.ndarray
    sectors: tuple[str, ...]

    @classmethod
    def of(cls, panels: Panels, rows: slice) -> _Codes:
        """Return the codes on these rows."""
        attributes = row_attributes(panels, rows)
        return cls(
            of_listings=panels.listings, market=_market_codes(attributes), kind=attributes.kind,
            sector=attributes.sector, sectors=attributes.sectors,
        )  # fmt: skip


_codes: Memo[_Codes] = Memo(16)
"""By dataset version and rows. The listings are part of the key by their identity, which the value keeps alive."""


def _market_codes(attributes: RowAttributes) -> np.ndarray:
    """Return uint8 [rows, N]: the position in KRX_MARKETS, OTHER_MARKET for any other market; a broadcast view stays
    one."""
    codes = attributes.market
    if len(attributes.markets) <= MARKET_CODES or not len(codes):
        return codes
    if codes.strides[0] == 0:
        return np.broadcast_to(np.minimum(codes[0], np.uint8(OTHER_MARKET)), codes.shape)
    found: np.ndarray = np.minimum(codes, np.uint8(OTHER_MARKET))
    return found


_rules_of: Memo[tuple[np.ndarray, np.ndarray, np.ndarray]] = Memo(8)
"""By dataset version."""


def _day_rules(days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (tax, limit, tick table), each [D, MARKET_CODES]: another market has no tax and KOSPI's other rules."""
    rules = day_rules(days)
    tax = np.column_stack([rules.tax, np.zeros(len(rules.tax))])
    limit = np.column_stack([rules.limit, rules.limit[:, 0]])
    return tax, limit, np.column_stack([rules.tick_table, rules.tick_table[:, 0]])


@dataclass(frozen=True, kw_only=True)
class _Payments:
    """The dividends of a dataset in the order in which they are paid: by row, stock code, amount."""

    of: Dividends
    days: np.ndarray
    row: np.ndarray  # int32
    col: np.ndarray  # int32
    dps: np.ndarray  # float64, won a share before tax


_payments_of: Memo[_Payments] = Memo(4)
"""By the identities of the arrays that they are made of, which they keep alive."""


def _payments(dividends: Dividends, panels: Panels) -> _Payments:
    rows = np.searchsorted(panels.days, dividends.ex_date).astype(np.int32)
    paid = np.flatnonzero(dividends.dps > 0)
    rank = panels.instruments.code_rank[dividends.instrument[paid]]
    order = paid[np.lexsort((dividends.dps[paid], rank, rows[paid]))]
    return _Payments(
        of=dividends, days=panels.days, row=rows[order], col=dividends.instrument[order].astype(np.int32),
        dps=dividends.dps[order],
    )  # fmt: skip


def _bind_dividends(market: Market, panels: Panels, window: slice, at: Any) -> None:
    dividends, days = panels.dividends, panels.days
    paid = _payments_of.get((id(dividends), id(days)), lambda: _payments(dividends, panels))
    first, last = paid.row.searchsorted(np.array([window.start, window.stop], np.int32)).tolist()
    market.dividends = last - first
    market.dividend_row = at(paid.row[first:last], np.int32)
    market.dividend_col = at(paid.col[first:last], np.int32)
    market.dividend_dps = at(paid.dps[first:last], np.float64)


def _by_market(choice: bool | None) -> tuple[int, ...]:
    """Return for each market code whether a rule holds: null means for the Korean markets only."""
    return tuple(int(code < OTHER_MARKET if choice is None else choice) for code in range(MARKET_CODES))


def _dividend_tax(costs: Costs) -> tuple[float, ...]:
    if costs.dividend_tax_pct is not None:
        return (costs.dividend_tax_pct / 100,) * MARKET_CODES
    return (DIVIDEND_TAX_PCT / 100,) * len(KRX_MARKETS) + (0.0,)


def options_of(request: BacktestRequest) -> Options:
    """Return the options that the kernel reads; nothing may write to them."""
    strategy = request.strategy
    return _options_of(strategy.sell, strategy.portfolio, request.costs, request.execution, strategy.buy.order)


@lru_cache(maxsize=128)
def _options_of(sell: Sell, portfolio: Portfolio, costs: Costs, execution: Execution, order: str) -> Options:
    """Return the options that the kernel reads; runs share them, because nothing writes to them."""

    def number(value: float | None) -> float:
        return math.nan if value is None else value

    def whole(value: int | None) -> int:
        return -1 if value is None else value

    return Options(
        max_positions=portfolio.max_positions,
        max_new_per_day=whole(portfolio.max_new_per_day),
        min_hold_days=sell.min_hold_days,
        max_hold_days=whole(sell.max_hold_days),
        keep_rank=whole(portfolio.keep_rank),
        max_per_sector=whole(portfolio.max_per_sector),
        resume_days=portfolio.stop_resume_days,
        commission=costs.commission_pct / 100 + 0.0,  # -0 equals 0 as a key, and must not show in a result
        slippage=costs.slippage_pct / 100,
        impact=number(costs.impact),
        take_profit_pct=number(sell.take_profit_pct),
        stop_loss_pct=number(sell.stop_loss_pct),
        trailing_stop_pct=number(sell.trailing_stop_pct),
        position_pct=number(portfolio.position_pct),
        max_position_value=number(portfolio.max_position_value),
        max_volume_pct=number(execution.max_volume_pct),
        band=portfolio.rebalance_band_pct / 100,
        haircut=execution.delisting_haircut_pct / 100,
        stale_haircut=execution.stale_haircut_pct / 100,
        stop_drawdown=number(portfolio.stop_drawdown_pct) / 100,
        dividend_tax=_dividend_tax(costs),
        weighting=WEIGHTINGS.index(portfolio.weighting),
        delisting=DELISTINGS.index(execution.delisting),
        on_rebalance=ON_REBALANCE.index(sell.on_rebalance),
        descending=order == "desc",
        at_close=execution.price == "close",
        sell_when_false=portfolio.when_false == "sell",
        invest_full=portfolio.invest == "full",
        has_when=portfolio.when is not None,
        ticks_on=_by_market(execution.tick_size),
        limits_on=_by_market(execution.price_limits),
    )
