"""Decisions of a block of rows: its universe, conditions and ranking, as the day loop reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from shared.language import Expression
from shared.language.evaluate import evaluate, evaluate_market, formula, materialized_name
from shared.language.vm import Formula
from shared.model.panels import Panels
from shared.simulation.plan import Expressions
from shared.simulation.ranking_cache import Ranking, RankingLevel
from shared.simulation.structures import Block, address, bind_expr, matrix_view
from shared.simulation.universe import UniverseMask


@dataclass(frozen=True, kw_only=True)
class Decisions:
    """Decisions on the rows from `first` on. The arrays and formulas keep their memory alive."""

    first: int
    universe: np.ndarray
    """bool [rows, N]."""
    buy: Formula | None
    rank: np.ndarray | Formula
    """float32 [rows, N] where it is in memory."""
    order: np.ndarray | None
    """uint16 [rows, N], see `ranking_cache`."""
    filtered: bool
    """The order has candidates only, and `buy` is not evaluated."""
    sell: Formula | None
    when: np.ndarray | None
    """bool [rows]."""

    def put_into(self, block: Block) -> None:
        """Point a block at these decisions, which have to outlive it."""
        columns = self.universe.shape[1]
        block.universe = matrix_view(self.universe, self.first, np.bool_, columns)
        block.buy, block.sell = bind_expr(self.buy, 1), bind_expr(self.sell, 1)
        if isinstance(self.rank, Formula):
            block.ranking = bind_expr(self.rank, 4)
        else:
            block.rank = matrix_view(self.rank, self.first, np.float32, columns)
        if self.order is not None:
            block.order = matrix_view(self.order, self.first, np.uint16, columns)
        block.filtered = self.filtered
        if self.when is not None:
            block.when, block.when_first = address(self.when, np.bool_), self.first


def decide(
    expressions: Expressions,
    universe: UniverseMask,
    panels: Panels,
    rows: slice,
    *,
    descending: bool,
    level: RankingLevel,
    cancelled: Callable[[], bool] | None = None,
) -> Decisions:
    """Return the decisions of these rows; `cancelled` is polled while something long is computed."""

    def compiled(expression: Expression) -> Formula:
        return formula(expression, panels, rows, universe.rows, universe.key, cancelled=cancelled)

    def values(expression: Expression, rows: slice) -> np.ndarray:
        return evaluate(expression, panels, rows, universe.rows, universe.key, cancelled=cancelled)

    def market_values(expression: Expression) -> np.ndarray:
        return evaluate_market(expression, panels, rows, universe.rows, universe.key, cancelled=cancelled)

    def passed(year: slice) -> np.ndarray:
        inside = universe.rows(year)
        return np.ascontiguousarray(inside if buy is None else values(buy, year) & inside)

    rank_by, buy, when = expressions.rank_by, expressions.buy, expressions.when
    name = materialized_name(rank_by, universe.key)
    order = None
    if name is not None and level is not RankingLevel.NOTHING:
        ranking = Ranking(panels=panels, name=name, descending=descending, values=partial(values, rank_by))
        if level is RankingLevel.ORDER:
            order = ranking.order(rows)
        else:
            order = ranking.candidates(rows, buy, universe.key, passed)
    return Decisions(
        first=rows.start,
        universe=universe.rows(rows),
        buy=None if buy is None or level is RankingLevel.CANDIDATES else compiled(buy),
        rank=compiled(rank_by) if name is None else values(rank_by, rows),
        order=order,
        filtered=level is RankingLevel.CANDIDATES,
        sell=None if expressions.sell is None else compiled(expressions.sell),
        when=None if when is None else np.ascontiguousarray(market_values(when)),
    )
