"""Why each trade of a run happened, and how many stocks passed each part of the condition on each rebalance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from shared.language import Expression, parts, render
from shared.language.ast import Comparison, Logic, Node, Not, Number
from shared.language.evaluate import evaluate
from shared.language.expression import describe
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.engine import BLOCK_ROWS, Run, live, result_of
from shared.simulation.native import REASONS

_RULES = {
    "entry": "among the first of the ranking of the row before, on a rebalance day with a free slot",
    "stop_loss": "the price touched the entry price less stop_loss_pct",
    "trailing_stop": "the price touched the highest close since entry less trailing_stop_pct",
    "take_profit": "the price touched the entry price plus take_profit_pct",
    "max_hold": "held for max_hold_days calendar days",
    "condition": "sell.where was true on the row before",
    "rebalance": "no longer in the target list of the row before, on a rebalance day",
    "delisted": "the delisting date was reached",
    "corporate_action": "a split left less than one share",
}
"""Reason -> the rule in words."""


def explain(request: BacktestRequest, panels: Panels) -> dict[str, Any]:
    """Runs a canonical request again: its result, each trade with `why` {rule, level, reference, decided_on, values},
    and `rebalances` [{date, decided_on, universe, parts: [{condition, passed}], candidates}]. Raises what `run` raises.

    `values` are the numbers that the conditions behind the trade compared, by their text (an adjusted price is on the
    basis of the stock's first row).
    """
    finished = live(request, panels)
    result = result_of(finished)
    for row, why in zip(result["trades"], _reasons(finished), strict=True):
        row["why"] = why
    return {**result, "rebalances": list(_rebalances(finished))}


def _terms(node: Node) -> Iterator[Node]:
    """The numbers that a condition compares, constants left out."""
    pending = [node]
    while pending:
        found = pending.pop()
        if isinstance(found, Logic):
            pending.extend(reversed(found.operands))
        elif isinstance(found, Not):
            pending.append(found.operand)
        elif isinstance(found, Comparison):
            yield from (side for side in found.operands if not isinstance(side, Number))
        else:
            yield from (argument for argument in getattr(found, "arguments", ()) if not isinstance(argument, Number))


def _numbers_behind(condition: Expression | None) -> list[Expression]:
    if condition is None:
        return []
    found = {render(term): describe(term, "number") for term in _terms(condition.node)}
    return list(found.values())


def _reasons(run: Run) -> Iterator[dict[str, Any]]:
    buying = [*_numbers_behind(run.expressions.buy), run.expressions.rank_by]
    selling = _numbers_behind(run.expressions.sell)
    terms = {"entry": buying, "condition": selling, "rebalance": [run.expressions.rank_by]}
    known: dict[tuple[int, str], np.ndarray] = {}
    for trade in run.ledger.trades:
        reason, row = REASONS[trade["reason"]], int(trade["row"]) - 1
        why: dict[str, Any] = {
            "rule": _RULES[reason],
            "level": _number(trade["level"]),
            "reference": _number(trade["reference"]),
        }
        if reason in terms:
            why["decided_on"] = iso(int(run.panels.days[row]))
            why["values"] = {term.text: _number(_row_of(run, term, row, known)[trade["col"]]) for term in terms[reason]}
        yield why


def _row_of(run: Run, term: Expression, row: int, known: dict[tuple[int, str], np.ndarray]) -> np.ndarray:
    key = (row, term.text)
    if key not in known:
        if len(known) > 256:
            known.clear()
        rows, universe = slice(row, row + 1), run.universe
        known[key] = evaluate(term, run.panels, rows, universe.rows, universe.key)[0]
    return known[key]


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


def _rebalances(run: Run) -> Iterator[dict[str, Any]]:
    """What was left of the universe after each part of the condition, on each rebalance row that has a row before."""
    pieces = parts(run.expressions.buy) if run.expressions.buy is not None else ()
    days, window = run.panels.days, run.plan.window
    for start in range(run.plan.decisions.start, run.plan.decisions.stop, BLOCK_ROWS):
        rows = slice(start, min(start + BLOCK_ROWS, run.plan.decisions.stop))
        universe = run.universe.rows(rows)

        def values(expression: Expression, rows: slice = rows) -> np.ndarray:
            return evaluate(expression, run.panels, rows, run.universe.rows, run.universe.key)

        passed = [(values(piece) & universe).sum(axis=1) for piece in pieces]
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
                    {"condition": piece.text, "passed": int(counts[at])}
                    for piece, counts in zip(pieces, passed, strict=True)
                ],
                "candidates": int(candidates[at].sum()),
            }
