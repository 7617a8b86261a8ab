"""Warnings that follow from a request and its window, and from the fills, positions and figures of a finished run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from shared.language import parts
from shared.language.evaluate import evaluate
from shared.model.calendar import iso, to_day
from shared.model.kinds import KINDS
from shared.model.listings import row_attributes
from shared.model.panels import Panels
from shared.model.request import BacktestRequest, Sell, Strategy
from shared.simulation.coverage import CoverageReport
from shared.simulation.native import REASONS, Ledger, mark_passed, matrix_view
from shared.simulation.plan import Expressions, Plan
from shared.simulation.statistics import EquityCurve
from shared.simulation.universe import UniverseMask
from shared.simulation.warnings import MAX_LISTED, ResultWarning, factor_gap, listed, percent, scarce_factor, warn

SHORT_ROWS = 60
IDLE_ROWS = 60
LOW_EXPOSURE = 0.8
LARGE_ORDER = 0.1
NOT_COMMON_SHARE = 0.2
SMALL_PERCENT = 0.5
UNPRICED_ROWS = 60
STALE_DAYS = 30
_COUNT_ROWS = 256


def request_warnings(request: BacktestRequest, panels: Panels, plan: Plan) -> Iterator[ResultWarning]:
    """Yield what is unusual about a request and its window, before anything is simulated."""
    yield from _window_warnings(request, panels, plan)
    yield from _value_warnings(request.strategy)
    excluded = request.strategy.universe.exclude or ()
    unknown = [code for code in excluded if code not in panels.instruments.ordinal]
    if unknown:
        yield warn(
            "unknown_stocks",
            f"strategy.universe.exclude names stocks that the dataset does not have: {listed(unknown)}",
            {"stock_codes": unknown[:MAX_LISTED], "count": len(unknown)},
        )


def _window_warnings(request: BacktestRequest, panels: Panels, plan: Plan) -> Iterator[ResultWarning]:
    first, last = int(panels.days[0]), int(panels.days[-1])
    if to_day(request.start) < first:
        yield warn(
            "window_clipped",
            f"the start {request.start} is before the data, which begin on {iso(first)}",
            {"side": "start", "requested": request.start.isoformat(), "available": iso(first)},
        )
    if to_day(request.end) > last:
        yield warn(
            "window_clipped",
            f"the end {request.end} is after the data, which end on {iso(last)}",
            {"side": "end", "requested": request.end.isoformat(), "available": iso(last)},
        )
    if plan.window.start == 0:
        yield warn(
            "no_signal",
            f"{iso(first)} is the dataset's first row: it has no signal and nothing is bought on it",
            {"date": iso(first)},
        )
    rows = plan.window.stop - plan.window.start
    if rows < SHORT_ROWS:
        yield warn(
            "short_window",
            f"the window has {rows} rows; annualised figures of fewer than {SHORT_ROWS} rows say little",
            {"rows": rows},
        )


def _value_warnings(strategy: Strategy) -> Iterator[ResultWarning]:
    sell = strategy.sell
    for name in ("take_profit_pct", "stop_loss_pct", "trailing_stop_pct"):
        value = getattr(sell, name)
        if value is not None and 0 < value < SMALL_PERCENT:
            yield warn(
                "suspicious_value",
                f"strategy.sell.{name} is {value:g}, that is {value:g} %; for {100 * value:g} % write {100 * value:g}",
                {"field": f"strategy.sell.{name}", "value": value},
            )
    if sell.max_hold_days is not None and sell.min_hold_days > sell.max_hold_days:
        yield warn(
            "suspicious_value",
            f"strategy.sell.min_hold_days ({sell.min_hold_days}) exceeds max_hold_days ({sell.max_hold_days}): "
            "`where` and rebalancing never sell; lower min_hold_days",
            {"field": "strategy.sell.min_hold_days", "value": sell.min_hold_days},
        )
    if _has_no_rule(strategy):
        yield warn(
            "suspicious_value",
            "the strategy has no rule: it buys the largest stocks of the universe and never sells; "
            "set strategy.buy.where, strategy.buy.rank_by or a rule of strategy.sell",
            {"field": "strategy", "value": None},
        )


def _has_no_rule(strategy: Strategy) -> bool:
    buy, portfolio = strategy.buy, strategy.portfolio
    conditions = (buy.where, strategy.universe.where, portfolio.when, portfolio.stop_drawdown_pct)
    ranked = buy.rank_by != "MARKET_CAP" or buy.order != "desc"
    return not ranked and strategy.sell == Sell() and all(condition is None for condition in conditions)


def no_candidates(
    expressions: Expressions, universe: UniverseMask, panels: Panels, decisions: slice, decides: np.ndarray
) -> ResultWarning:
    """Return the warning of a run without a candidate, with the number of stocks that passed each part of the condition
    at least once on a row that decides a purchase.

    `decides` is bool [rows of `decisions`].
    """
    if decisions.stop <= decisions.start:
        nothing = {"universe": 0, "parts": [], "ranked": 0}
        return warn("no_candidate", "no candidate was found: no row of the window has a row before it", nothing)
    columns = len(panels.instruments)
    conditions = parts(expressions.buy) if expressions.buy is not None else ()
    marks = [np.zeros(columns, np.uint8) for _ in range(len(conditions) + 2)]
    for start in range(decisions.start, decisions.stop, _COUNT_ROWS):
        rows = slice(start, min(start + _COUNT_ROWS, decisions.stop))
        flags = np.ascontiguousarray(decides[rows.start - decisions.start : rows.stop - decisions.start])
        mask = universe.rows(rows)
        inside = matrix_view(mask, rows.start, np.bool_, columns)
        ranked = ~np.isnan(evaluate(expressions.rank_by, panels, rows, universe.rows, universe.key))
        passed = [mask, *(evaluate(part, panels, rows, universe.rows, universe.key) for part in conditions), ranked]
        for values, mark in zip(passed, marks, strict=True):
            mark_passed(matrix_view(values, rows.start, np.bool_, columns), inside, flags, rows.start, mark)
    counts = [int(np.count_nonzero(mark)) for mark in marks]
    listing = [{"condition": part.text, "passed": count} for part, count in zip(conditions, counts[1:-1], strict=True)]
    terms = [
        f"universe: {counts[0]}",
        *(f"{part['condition']}: {part['passed']}" for part in listing),
        f"rank_by {expressions.rank_by.text} has a value: {counts[-1]}",
    ]
    return warn(
        "no_candidate",
        "no candidate was found; stocks that passed at least once: " + "; ".join(terms),
        {"universe": counts[0], "parts": listing, "ranked": counts[-1]},
    )


def coverage_warnings(report: CoverageReport, panels: Panels) -> Iterator[ResultWarning]:
    """Yield the findings about the factors of a run."""
    for scarce in report.scarce:
        yield scarce_factor(scarce.factor, scarce.path, scarce.coverage, scarce.reason.strip(" ()") or None)
    for gap in report.gaps:
        first, last = (iso(int(panels.days[row])) for row in (gap.first, gap.last))
        yield factor_gap(
            gap.factor, gap.path, first=first, last=last, rows=gap.decisions, rebalances=gap.without_candidate
        )


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """What warnings about a run's fills and positions are computed from; `kinds` are those of its universe.

    `participation` is float64 [purchases in the order of their trades]: shares / volume of the day.
    """

    panels: Panels
    window: slice
    ledger: Ledger
    curve: EquityCurve
    participation: np.ndarray
    exposure: float | None
    max_positions: int
    kinds: tuple[str, ...] | None

    @cached_property
    def buys(self) -> np.ndarray:
        """TRADE records of the purchases."""
        trades = self.ledger.trades
        bought: np.ndarray = trades[trades["reason"] == REASONS.index("entry")]
        return bought


def book_warnings(run: FinishedRun) -> Iterator[ResultWarning]:
    """Yield what is unusual about the fills and positions of a run."""
    if len(run.buys):
        yield from _low_exposure(run)
        yield from _long_idle(run)
        yield from _large_orders(run)
        yield from _mostly_not_common(run)
        yield from _suspect_prices(run)
        yield from _stale_exits(run)
        yield from unpriced_holdings(run.ledger.holdings, run.panels, run.window.stop - 1)


def _low_exposure(run: FinishedRun) -> Iterator[ResultWarning]:
    if run.exposure is None or run.exposure >= LOW_EXPOSURE:
        return
    positions = float(run.curve.positions.mean())
    yield warn(
        "low_exposure",
        f"on average {percent(run.exposure)} of the equity was invested, in {positions:.4g} of {run.max_positions} "
        "positions; lower max_positions, or use on_rebalance reweight with invest full",
        {"exposure": run.exposure, "mean_positions": positions, "slots": run.max_positions},
    )


def _long_idle(run: FinishedRun) -> Iterator[ResultWarning]:
    held = run.curve.positions > 0
    if not held.any():
        return
    start = int(held.argmax())
    edges = np.diff(np.concatenate([[True], held[start:], [True]]).astype(np.int8))
    begins, ends = start + np.flatnonzero(edges < 0), start + np.flatnonzero(edges > 0)
    lengths = ends - begins
    long = np.flatnonzero(lengths >= IDLE_ROWS)
    if not len(long):
        return
    longest = long[lengths[long].argmax()]
    days = run.panels.days[run.window]
    first, last = iso(int(days[begins[longest]])), iso(int(days[ends[longest] - 1]))
    yield warn(
        "long_idle",
        f"from {first} to {last} ({int(lengths[longest])} rows) there was no position; "
        "see in `explain` which part of the condition failed",
        {"from": first, "to": last, "rows": int(lengths[longest]), "stretches": len(long)},
    )


def _large_orders(run: FinishedRun) -> Iterator[ResultWarning]:
    large = run.participation > LARGE_ORDER
    orders, buys = int(large.sum()), run.buys
    if not orders:
        return
    orders_at = buys[large]
    first, last = int(orders_at["row"].min()), int(orders_at["row"].max())
    listed_shares = run.panels.panel("shares", slice(first, last + 1))[orders_at["row"] - first, orders_at["col"]]
    figures = {
        "share": orders / len(buys),
        "orders": orders,
        "buys": len(buys),
        "largest": float(run.participation.max()),
        "above_listed_shares": int(np.count_nonzero(orders_at["shares"] > listed_shares)),
    }
    yield warn(
        "large_orders",
        f"{orders} of {len(buys)} purchases took more than 10 % of the volume of their day (the largest "
        f"{percent(figures['largest'])}), {figures['above_listed_shares']} more shares than the company has; "
        "lower initial_cash, keep execution.max_volume_pct, or set costs.impact",
        figures,
    )


def _mostly_not_common(run: FinishedRun) -> Iterator[ResultWarning]:
    if run.kinds is not None and set(run.kinds) <= {"common", "foreign"}:
        return
    buys = run.buys
    kinds = row_attributes(run.panels, run.window).kind[buys["row"] - run.window.start, buys["col"]]
    counts = {kind: int(np.count_nonzero(kinds == KINDS.index(kind))) for kind in ("preferred", "spac", "reit")}
    share = sum(counts.values()) / len(buys)
    if share > NOT_COMMON_SHARE:
        yield warn(
            "mostly_not_common",
            f"{percent(share)} of the purchases are not common shares: {counts['preferred']} of preferred shares, "
            f"{counts['spac']} of SPACs, {counts['reit']} of REITs; leave them out of universe.kinds unless meant",
            {"share": share, **counts, "buys": len(buys)},
        )


def _suspect_prices(run: FinishedRun) -> Iterator[ResultWarning]:
    records = run.ledger.suspect_prices
    if not len(records):
        return
    codes, days = run.panels.instruments.code, run.panels.days
    prices: list[dict[str, Any]] = [
        {"stock_code": codes[record["col"]], "date": iso(int(days[record["row"]])), "move": float(record["move"])}
        for record in records
    ]
    prices.sort(key=lambda price: (-abs(price["move"]), price["date"], price["stock_code"]))
    worst = prices[0]
    yield warn(
        "suspect_price",
        f"{len(prices)} prices of positions moved beyond the daily limit without a split, the largest "
        f"{worst['stock_code']} on {worst['date']} by {percent(worst['move'])}; check whether a split is missing",
        {**worst, "count": len(prices), "prices": prices[:MAX_LISTED]},
    )


def _stale_exits(run: FinishedRun) -> Iterator[ResultWarning]:
    trades, instruments, days = run.ledger.trades, run.panels.instruments, run.panels.days
    stale = []
    for trade in trades[trades["reason"] == REASONS.index("delisted")]:
        row, column = int(trade["row"]), int(trade["col"])
        delisted = int(instruments.delisted_day[column])
        if days[row] < delisted:
            continue
        idle = int(run.panels.panel("idle", slice(row, row + 1))[0, column])
        if idle > row or delisted - int(days[row - idle]) > STALE_DAYS:
            stale.append(instruments.code[column])
    if stale:
        distinct = sorted(set(stale))
        yield warn(
            "stale_exit",
            f"{len(stale)} positions left at a delisting at a price more than {STALE_DAYS} days old: "
            f"{listed(distinct)}; such a price could not be had, see execution.stale_haircut_pct",
            {"count": len(stale), "stock_codes": distinct[:MAX_LISTED]},
        )


def unpriced_holdings(holdings: np.ndarray, panels: Panels, row: int) -> Iterator[ResultWarning]:
    """Yield a warning when stocks that are held on the window's last row have not traded for more than 60 rows."""
    columns = holdings["col"]
    idle = panels.panel("idle", slice(row, row + 1))[0][columns].astype(np.int64)
    long = np.flatnonzero(idle > UNPRICED_ROWS)
    if not len(long):
        return
    last = panels.panel("last", slice(row, row + 1))[0][columns]
    stocks = [
        {"stock_code": panels.instruments.code[columns[at]], "last_traded": iso(int(panels.days[row - idle[at]]))}
        for at in long.tolist()
    ]
    value = float((holdings["shares"] * last)[long].sum())
    names = listed(f"{stock['stock_code']} (since {stock['last_traded']})" for stock in stocks)
    yield warn(
        "unpriced_holdings",
        f"stocks that are held have not traded for more than {UNPRICED_ROWS} rows and are valued at their last close "
        f"({value:,.0f} won): {names}; load delisted_on if they were delisted",
        {"count": len(stocks), "value": value, "holdings": stocks[:MAX_LISTED]},
    )
