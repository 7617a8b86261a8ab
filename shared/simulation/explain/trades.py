"""Why each trade of a run happened, and how many stocks passed each part of the condition on each rebalance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from shared.language import Expression, parts
from shared.language.evaluate import evaluate
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.engine import BLOCK_ROWS, Run, result_of, simulate
from shared.simulation.explain.condition_values import Rankings, number
from shared.simulation.explain.drawdown_stops import drawdown_stops
from shared.simulation.structures import REASONS

RULES = {
    "entry": "among the first of the ranking of the row before, on a rebalance day with a free slot",
    "stop_loss": "the price reached the entry price less stop_loss_pct",
    "trailing_stop": "the price reached the highest close since entry less trailing_stop_pct",
    "take_profit": "the price reached the entry price plus take_profit_pct",
    "max_hold": "held for max_hold_days calendar days",
    "condition": "sell.where was true on the row before",
    "timing": "portfolio.when was false on the row before, and when_false is sell",
    "drawdown_stop": "the equity of an earlier evening was stop_drawdown_pct below its highest value",
    "rebalance": "a rebalance day: not in the target list of the row before, or above its target weight",
    "delisted": "the stock is delisted: sold in liquidation trading, or left on the delisting date",
    "corporate_action": "a split left less than one share",
}
"""Reason of a trade -> the rule in words."""


def explain(request: BacktestRequest, panels: Panels) -> dict[str, Any]:
    """Run a canonical request again; return its result with `why` in each trade, and `rebalances`.

    `why` has the rule in words, `level` and `reference` (prices in won), `decided_on`, `parts` of the condition behind
    the trade with the numbers that they compared, and all these numbers as `values`; further `rank` and `candidates`
    for purchases and rebalances, `held_days` for sales, and the equity behind a drawdown stop. `rebalances` are
    [{date, decided_on, universe, parts: [{condition, passed}], candidates}]. Raises what `run` raises.
    """
    run = simulate(request, panels)
    result = result_of(run)
    for row, why in zip(result["trades"], _reasons(run), strict=True):
        row["why"] = why
    return {**result, "rebalances": list(_rebalances(run))}


def rankings_of(run: Run) -> Rankings:
    """Return the rankings of a run's decision rows."""
    descending = run.request.strategy.buy.order == "desc"
    return Rankings(run.panels, run.universe, run.expressions, descending=descending)


def _reasons(run: Run) -> Iterator[dict[str, Any]]:
    rankings, days = rankings_of(run), run.panels.days
    expressions = dict(run.expressions.named())
    conditions = {
        "entry": expressions.get("strategy.buy.where"),
        "condition": expressions.get("strategy.sell.where"),
        "timing": expressions.get("strategy.portfolio.when"),
        "rebalance": expressions.get("strategy.buy.where"),
    }
    entered: dict[int, int] = {}
    for trade in run.ledger.trades:
        reason, column, row = REASONS[trade["reason"]], int(trade["col"]), int(trade["row"])
        why: dict[str, Any] = {
            "rule": RULES[reason],
            "level": number(trade["level"]),
            "reference": number(trade["reference"]),
        }
        if reason in conditions:
            why["decided_on"] = iso(int(days[row - 1]))
            why |= _condition(rankings, conditions[reason], row - 1, column)
        if reason in ("entry", "rebalance"):
            ranking = rankings.on(row - 1)
            rank_by = run.expressions.rank_by
            why["rank"], why["candidates"] = ranking.rank.get(column), len(ranking.order)
            why["values"][rank_by.text] = number(ranking.rank_by[column])
        if reason == "drawdown_stop":
            why |= _drawdown_stop(run, row)
        if reason == "entry":
            entered.setdefault(column, row)
        else:
            why["held_days"] = int(days[row] - days[entered[column]])
            if _ends(run, trade):
                del entered[column]
        yield why


def _condition(rankings: Rankings, condition: Expression | None, row: int, column: int) -> dict[str, Any]:
    found = rankings.on(row).values.parts(condition, column)
    values: dict[str, float | None] = {}
    for part in found:
        values |= part.values
    return {"parts": [asdict(part) for part in found], "values": values}


def _ends(run: Run, trade: np.void) -> bool:
    """Return whether a sale ended its holding, that is, whether a round trip ends with it."""
    trips = run.ledger.trips
    return bool(((trips["col"] == trade["col"]) & (trips["exit_row"] == trade["row"])).any())


def _drawdown_stop(run: Run, row: int) -> dict[str, Any]:
    """The stop that a sale on a dataset row follows: the last one before it."""
    first = run.plan.window.start
    stop = [stop for stop in drawdown_stops(run.request, run.ledger.equity, run.panels.days[run.plan.window])
            if first + stop.row < row][-1]  # fmt: skip
    return {
        "decided_on": iso(int(run.panels.days[first + stop.row])),
        "equity": stop.equity,
        "equity_level": stop.level,
        "highest_equity": stop.highest,
    }


def _rebalances(run: Run) -> Iterator[dict[str, Any]]:
    """Yield what was left of the universe after each part of the condition, by rebalance row with a row before."""
    conditions = parts(run.expressions.buy) if run.expressions.buy is not None else ()
    days, window = run.panels.days, run.plan.window
    for start in range(run.plan.decisions.start, run.plan.decisions.stop, BLOCK_ROWS):
        rows = slice(start, min(start + BLOCK_ROWS, run.plan.decisions.stop))
        universe = run.universe.rows(rows)

        def values(expression: Expression, rows: slice = rows) -> np.ndarray:
            return evaluate(expression, run.panels, rows, run.universe.rows, run.universe.key)

        passed = [(values(part) & universe).sum(axis=1) for part in conditions]
        candidates = universe & ~np.isnan(values(run.expressions.rank_by))
        if run.expressions.buy is not None:
            candidates &= values(run.expressions.buy)
        for at, row in enumerate(range(rows.start, rows.stop)):
            if not run.rebalance[row + 1 - window.start]:
                continue
            yield {
                "date": iso(int(days[row + 1])),
                "decided_on": iso(int(days[row])),
                "universe": int(universe[at].sum()),
                "parts": [
                    {"condition": part.text, "passed": int(counts[at])}
                    for part, counts in zip(conditions, passed, strict=True)
                ],
                "candidates": int(candidates[at].sum()),
            }
