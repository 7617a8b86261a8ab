"""Warnings that follow from a request, its window and its candidates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shared.factors.catalogue import BY_KEY
from shared.language import Expression, parts
from shared.language.ast import Comparison, Name, Number
from shared.language.evaluate import evaluate
from shared.model.calendar import iso, to_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest, Costs, Execution, Portfolio, Sell, Strategy
from shared.simulation.coverage import CoverageReport
from shared.simulation.panel_scans import mark_passed
from shared.simulation.plan import Expressions, Plan
from shared.simulation.structures import matrix_view
from shared.simulation.universe import UniverseMask
from shared.simulation.warnings import MAX_LISTED, ResultWarning, factor_gap, listed, scarce_factor, warn

SHORT_ROWS = 60
SMALL_PERCENT = 0.5
_COUNT_ROWS = 256


def request_warnings(request: BacktestRequest, panels: Panels, plan: Plan) -> Iterator[ResultWarning]:
    """Yield what is unusual about a request and its window, before anything is simulated."""
    yield from _window_warnings(request, panels, plan)
    yield from _value_warnings(request.strategy)
    yield from _without_effect(request)
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


def _without_effect(request: BacktestRequest) -> Iterator[ResultWarning]:
    """Yield each field with another value than its default that nothing reads, because of another field."""
    strategy, execution, costs = request.strategy, request.execution, request.costs
    portfolio, sell = strategy.portfolio, strategy.sell
    never_sells = sell.where is None and sell.on_rebalance == "hold"
    for path, value, default, is_read, needed in (
        ("strategy.portfolio.when_false", portfolio.when_false, Portfolio().when_false, portfolio.when is not None,
         "portfolio.when"),
        ("strategy.portfolio.stop_resume_days", portfolio.stop_resume_days, Portfolio().stop_resume_days,
         portfolio.stop_drawdown_pct is not None, "portfolio.stop_drawdown_pct"),
        ("strategy.sell.min_hold_days", sell.min_hold_days, Sell().min_hold_days, not never_sells,
         "sell.where or on_rebalance rotate or reweight"),
        ("execution.delisting_haircut_pct", execution.delisting_haircut_pct, Execution().delisting_haircut_pct,
         execution.delisting == "haircut", "execution.delisting haircut"),
        ("execution.stale_haircut_pct", execution.stale_haircut_pct, Execution().stale_haircut_pct,
         execution.delisting == "liquidation", "execution.delisting liquidation"),
        ("costs.dividend_tax_pct", costs.dividend_tax_pct, Costs().dividend_tax_pct, execution.dividends,
         "execution.dividends true"),
    ):  # fmt: skip
        if value != default and not is_read:
            yield warn(
                "no_effect",
                f"{path} is {value}, which has an effect only with {needed}; set that, or leave out {path}",
                {"field": path, "value": value, "needs": needed},
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
    listing = [
        {
            "condition": part.text,
            "passed": count,
            **({} if count else _compared_values(part, panels, universe, decisions)),
        }
        for part, count in zip(conditions, counts[1:-1], strict=True)
    ]
    terms = [
        f"universe: {counts[0]}",
        *(f"{part['condition']}: {part['passed']}{_range(part)}" for part in listing),
        f"rank_by {expressions.rank_by.text} has a value: {counts[-1]}",
    ]
    return warn(
        "no_candidate",
        "no candidate was found; stocks that passed at least once: " + "; ".join(terms),
        {"universe": counts[0], "parts": listing, "ranked": counts[-1]},
    )


def _compared_values(
    part: Expression, panels: Panels, universe: UniverseMask, decisions: slice
) -> dict[str, float | str]:
    """Return the lowest and highest value of the factor that a part compares with a number, and its unit.

    Empty for any other part, and when no stock of the universe has a value.
    """
    node = part.node
    if not isinstance(node, Comparison) or not all(isinstance(operand, Name | Number) for operand in node.operands):
        return {}
    names = [operand.name for operand in node.operands if isinstance(operand, Name)]
    if len(names) != 1 or names[0] not in BY_KEY:
        return {}
    lowest, highest = np.inf, -np.inf
    for start in range(decisions.start, decisions.stop, _COUNT_ROWS):
        rows = slice(start, min(start + _COUNT_ROWS, decisions.stop))
        values = panels.panel(names[0], rows)[universe.rows(rows)]
        lowest = min(lowest, float(np.nanmin(values, initial=np.inf)))
        highest = max(highest, float(np.nanmax(values, initial=-np.inf)))
    if not lowest <= highest:
        return {}
    return {"lowest": lowest, "highest": highest, "unit": BY_KEY[names[0]].unit}


def _range(part: dict[str, Any]) -> str:
    """Return the values of `_compared_values` for a message."""
    return f" (its values: {part['lowest']:.4g} to {part['highest']:.4g} {part['unit']})" if "unit" in part else ""


def coverage_warnings(report: CoverageReport, panels: Panels) -> Iterator[ResultWarning]:
    """Yield the findings about the factors of a run."""
    for scarce in report.scarce:
        yield scarce_factor(scarce.factor, scarce.path, scarce.coverage, scarce.reason.strip(" ()") or None)
    for gap in report.gaps:
        first, last = (iso(int(panels.days[row])) for row in (gap.first, gap.last))
        yield factor_gap(
            gap.factor, gap.path, first=first, last=last, rows=gap.decisions, rebalances=gap.without_candidate
        )
