"""Runs whose candidates are drawn: random selection, and a ranking with noise. No request says them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.language.evaluate import evaluate
from shared.simulation.decisions import Decisions, decide
from shared.simulation.engine import Run
from shared.simulation.ledger import Ledger
from shared.simulation.panel_scans import order_rows
from shared.simulation.ranking_cache import RankingLevel
from shared.simulation.statistics import RoundTrips, figures_of, measures_of
from shared.simulation.structures import NO_COLUMN, REASONS, Block, address

ENTRY = REASONS.index("entry")
ROWS = 256
"""Rows whose values are in memory at once."""
SPARE = 8
"""Drawn stocks of a row beyond twice the purchases of the run."""


@dataclass(frozen=True)
class Draws:
    """A finished run, whose days can be simulated again with other candidates."""

    run: Run
    decisions: Decisions

    @classmethod
    def of(cls, run: Run) -> Draws:
        """Return the draws over a run that has ended."""
        decisions = decide(
            run.expressions, run.universe, run.panels, run.plan.decisions,
            descending=run.request.strategy.buy.order == "desc", level=RankingLevel.NOTHING,
        )  # fmt: skip
        return cls(run, decisions)

    def candidates(self) -> np.ndarray:
        """Return uint16 [decision rows, N]: the run's own candidates in ranking order, then NO_COLUMN."""
        rows = self.run.plan.decisions
        order = np.empty(self.decisions.universe.shape, np.uint16)
        for start in range(rows.start, rows.stop, ROWS):
            part = slice(start, min(start + ROWS, rows.stop))
            order[part.start - rows.start : part.stop - rows.start] = self._candidates(part)
        return order

    def _candidates(self, part: slice) -> np.ndarray:
        run, first = self.run, self.run.plan.decisions.start

        def values(expression: Any) -> np.ndarray:
            return evaluate(expression, run.panels, part, run.universe.rows, run.universe.key)

        passed = self.decisions.universe[part.start - first : part.stop - first]
        if run.expressions.buy is not None:
            passed = passed & values(run.expressions.buy)
        ranked = np.where(passed, values(run.expressions.rank_by), np.float32(np.nan))
        return order_rows(ranked, run.panels.instruments.by_code, descending=run.request.strategy.buy.order == "desc")

    def simulated(self, order: np.ndarray, opened_limit: np.ndarray | None = None) -> Run:
        """Return the run with these candidates: uint16 [decision rows, N], as `candidates` gives.

        `opened_limit` is int64 [window rows]: how many positions may have been opened by the end of each row.
        """
        run, window = self.run, self.run.plan.window
        ledger = Ledger(
            columns=len(run.panels.instruments), rows=window.stop - window.start, cash=run.request.initial_cash,
            max_positions=run.request.strategy.portfolio.max_positions, sectors=len(run.inputs.sectors),
        )  # fmt: skip
        block = Block(
            rebalance=address(run.rebalance, np.bool_), window=window.start, start=window.start, stop=window.stop
        )
        if opened_limit is not None:
            block.opened_limit = address(opened_limit, np.int64)
        block.decided = run.plan.decisions.start
        decided = replace(self.decisions, buy=None, order=order, filtered=True)
        decided.put_into(block)
        ledger.advance(run.inputs.market, run.inputs.rules, run.inputs.options, block)
        return replace(run, ledger=ledger)

    def opened(self) -> np.ndarray:
        """Return int64 [window rows]: how many positions the run had opened by the end of each row."""
        window, trades = self.run.plan.window, self.run.ledger.trades
        rows = trades["row"][trades["reason"] == ENTRY] - window.start
        return np.bincount(rows, minlength=window.stop - window.start).cumsum()

    def random_selections(self, draws: int, seed: int) -> Iterator[np.ndarray]:
        """Give candidates of random selections: on each row that decides, stocks of its universe in random order.

        A row on which the run opened k positions has 2 k + SPARE of them (all of a smaller universe), so that stocks
        that cannot be bought or are held are passed over.
        """
        universe, rows = self.decisions.universe, self._deciding_rows()
        offset = self.run.plan.decisions.start + 1 - self.run.plan.window.start
        opened = np.diff(self.opened(), prepend=0)[rows + offset]
        counts = np.minimum(universe[rows].sum(axis=1), 2 * opened + SPARE)
        falling = np.argsort(-counts, kind="stable")
        rows, counts = rows[falling], counts[falling]
        pool = np.concatenate(
            [np.nonzero(universe[rows[at : at + ROWS]])[1].astype(np.uint16) for at in range(0, len(rows), ROWS)]
            or [np.empty(0, np.uint16)]
        )
        sizes = universe[rows].sum(axis=1)
        starts = np.cumsum(sizes) - sizes
        used = np.arange(counts.max(initial=0)) < counts[:, None]
        order = np.full(universe.shape, NO_COLUMN, np.uint16)
        for draw in range(draws):
            places = _without_replacement(sizes, counts, np.random.default_rng([seed, draw]))
            chosen = np.where(used, pool[np.where(used, starts[:, None] + places, 0)], NO_COLUMN)
            order[rows, : used.shape[1]] = chosen
            yield order

    def _deciding_rows(self) -> np.ndarray:
        """Return int64: the decision rows, counted from the first, after which the run may buy."""
        window, decisions = self.run.plan.window, self.run.plan.decisions
        assert window.stop - 1 == decisions.stop  # noqa: S101 - a row is decided by the row before
        return np.flatnonzero(self.run.rebalance[len(self.run.rebalance) - (decisions.stop - decisions.start) :])

    def noisy_rankings(self, draws: int, noise: float, seed: int) -> Iterator[np.ndarray]:
        """Give the run's candidates in a ranking with noise.

        The position of a candidate is divided by their number, a normal deviate times `noise` is added, and they are
        ordered again. Rows that decide nothing keep their order.
        """
        own = self.candidates()
        counts = (own != NO_COLUMN).sum(axis=1)
        rows = [row for row in self._deciding_rows().tolist() if counts[row] > 1]
        order = own.copy()
        for draw in range(draws):
            rng = np.random.default_rng([seed, draw])
            for row in rows:
                count = counts[row]
                moved = np.arange(count) / count + noise * rng.standard_normal(count)
                order[row, :count] = own[row, np.argsort(moved, kind="stable")]
            yield order


def figures(run: Run) -> dict[str, Any]:
    """Return the statistics of a run whose days are simulated."""
    curve, trips = run.curve(), RoundTrips(run.ledger.trips, run.panels.days)
    return figures_of(measures_of(curve, trips, run.totals(run.purchases()), curve.monthly_returns()))


def entries_of(run: Run) -> int:
    """Return the number of purchases that opened a position."""
    return int((run.ledger.trades["reason"] == ENTRY).sum())


def _without_replacement(sizes: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return int64 [R, max count]: in row r `counts[r]` different numbers below `sizes[r]` in random order, then -1.

    Floyd's algorithm, for all rows at once; counts fall from row to row.
    """
    most = int(counts.max(initial=0))
    found = np.full((len(sizes), most), -1, np.int64)
    uniforms = rng.random((2, len(sizes), most))
    keys = np.where(np.arange(most) < counts[:, None], uniforms[1], 2.0)
    for at in range(most):
        rows = slice(0, int(np.count_nonzero(counts > at)))
        last = sizes[rows] - counts[rows] + at
        drawn = (uniforms[0, rows, at] * (last + 1)).astype(np.int64)
        found[rows, at] = np.where((found[rows, :at] == drawn[:, None]).any(axis=1), last, drawn)
    return np.take_along_axis(found, np.argsort(keys, axis=1), axis=1)
