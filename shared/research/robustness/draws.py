"""Runs whose candidates are drawn: random selection, and a ranking with noise. No request says them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.language.evaluate import evaluate
from shared.simulation.decisions import Decisions, decide
from shared.simulation.engine import Run
from shared.simulation.native import NO_COLUMN, REASONS, Block, Ledger, address, order_rows
from shared.simulation.ranking_cache import RankingLevel
from shared.simulation.statistics import RoundTrips, figures_of, measures_of

ENTRY = REASONS.index("entry")


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
        run, rows = self.run, self.run.plan.decisions

        def values(expression: Any) -> np.ndarray:
            return evaluate(expression, run.panels, rows, run.universe.rows, run.universe.key)

        passed = self.decisions.universe
        if run.expressions.buy is not None:
            passed = passed & values(run.expressions.buy)
        ranked = np.where(passed, values(run.expressions.rank_by), np.float32(np.nan))
        return order_rows(ranked, run.panels.instruments.by_code, descending=run.request.strategy.buy.order == "desc")

    def simulated(self, order: np.ndarray) -> Run:
        """Return the run with these candidates: uint16 [decision rows, N], as `candidates` gives."""
        run, window = self.run, self.run.plan.window
        ledger = Ledger(
            columns=len(run.panels.instruments), rows=window.stop - window.start, cash=run.request.initial_cash,
            max_positions=run.request.strategy.portfolio.max_positions, sectors=len(run.inputs.sectors),
        )  # fmt: skip
        block = Block(
            rebalance=address(run.rebalance, np.bool_), window=window.start, start=window.start, stop=window.stop
        )
        block.decided = run.plan.decisions.start
        decided = replace(self.decisions, buy=None, order=order, filtered=True)
        decided.put_into(block)
        ledger.advance(run.inputs.market, run.inputs.rules, run.inputs.options, block)
        return replace(run, ledger=ledger)

    def random_selections(self, draws: int, seed: int) -> Iterator[np.ndarray]:
        """Give candidates of random selections.

        For each row on which the run bought k stocks: k stocks of that decision's universe, drawn without replacement.
        """
        decisions = self.run.plan.decisions
        trades = self.run.ledger.trades
        rows, counts = np.unique(trades["row"][trades["reason"] == ENTRY] - 1 - decisions.start, return_counts=True)
        universe = self.decisions.universe[rows]
        sizes = universe.sum(axis=1)
        pool = np.nonzero(universe)[1].astype(np.uint16)
        starts = np.cumsum(sizes) - sizes
        used = np.arange(counts.max(initial=0)) < counts[:, None]
        order = np.full(self.decisions.universe.shape, NO_COLUMN, np.uint16)
        for draw in range(draws):
            places = _without_replacement(sizes, counts, np.random.default_rng([seed, draw]))
            chosen = np.where(used, pool[np.where(used, starts[:, None] + places, 0)], NO_COLUMN)
            order[rows, : used.shape[1]] = chosen
            yield order

    def noisy_rankings(self, draws: int, noise: float, seed: int) -> Iterator[np.ndarray]:
        """Give the run's candidates in a ranking with noise.

        The position of a candidate is divided by their number, a normal deviate times `noise` is added, and they are
        ordered again. Rows that decide nothing keep their order.
        """
        own = self.candidates()
        counts = (own != NO_COLUMN).sum(axis=1)
        window, decisions = self.run.plan.window, self.run.plan.decisions
        decides = self.run.rebalance[len(self.run.rebalance) - len(counts) :]
        assert window.stop - 1 == decisions.stop  # noqa: S101 - a row is decided by the row before
        rows = np.flatnonzero(decides & (counts > 1)).tolist()
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

    Floyd's algorithm, for all rows at once.
    """
    most = int(counts.max(initial=0))
    found = np.full((len(sizes), most), -1, np.int64)
    uniforms = rng.random((2, len(sizes), most))
    for at in range(most):
        last = sizes - counts + at
        drawn = (uniforms[0, :, at] * (last + 1)).astype(np.int64)
        drawn = np.where((found == drawn[:, None]).any(axis=1), last, drawn)
        found[:, at] = np.where(at < counts, drawn, -1)
    keys = np.where(found < 0, 2.0, uniforms[1])
    return np.take_along_axis(found, np.argsort(keys, axis=1), axis=1)
