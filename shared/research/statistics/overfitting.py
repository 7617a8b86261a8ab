"""The probability of backtest overfitting by combinatorially symmetric cross-validation.

Bailey, Borwein, López de Prado and Zhu, "The Probability of Backtest Overfitting", Journal of Computational Finance
20(4), 2017: the rows are cut into S blocks; for every choice of S/2 blocks the best trial inside is ranked among all
trials on the other half.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

BLOCKS = 16
_SPLITS_AT_ONCE = 32


@dataclass(frozen=True, kw_only=True)
class Overfitting:
    """The result over all splits.

    probability: share of splits in which the best trial inside is at or below the middle outside. slope: of the chosen
    trial's performance outside on that inside. loss: share of splits in which the chosen trial has a performance below
    0 outside. logits: float64 [splits].
    """

    probability: float
    slope: float
    loss: float
    splits: int
    logits: Array


def overfitting(returns: Array, *, blocks: int = BLOCKS, metric: Literal["sharpe", "mean"] = "sharpe") -> Overfitting:
    """Return the probability of overfitting of float64 [T, N] returns of N trials.

    Blocks differ by one row at most. The performance is that of all rows of a half; the first trial is chosen among
    equal ones; equal trials have their mean rank. Raises ValueError for an odd number of blocks, fewer than 2 trials,
    or fewer rows than blocks (twice the blocks for `sharpe`).
    """
    rows, trials = returns.shape
    need = blocks if metric == "mean" else 2 * blocks
    if blocks < 2 or blocks % 2:
        raise ValueError(f"the number of blocks is even and at least 2, not {blocks}")
    if trials < 2 or rows < need:
        raise ValueError(f"{blocks} blocks need at least 2 trials and {need} rows, not {trials} and {rows}")
    halves = _Halves.of(returns, blocks)
    first_halves = [inside for inside in combinations(range(blocks), blocks // 2) if inside[0] == 0]
    members = np.zeros((len(first_halves), blocks))
    for split, inside in enumerate(first_halves):
        members[split, list(inside)] = 1
    found = [
        judged
        for first in range(0, len(members), _SPLITS_AT_ONCE)
        for judged in halves.judge(members[first : first + _SPLITS_AT_ONCE], metric)
    ]
    ranks, best, outside = (np.concatenate(part) for part in zip(*found, strict=True))
    share = ranks / (trials + 1)
    logits = np.log(share / (1 - share))
    varies = best - best.mean()
    spread = float(varies @ varies)
    return Overfitting(
        probability=float(np.mean(logits <= 1e-12)),
        slope=float(varies @ (outside - outside.mean())) / spread if spread > 0 else 0.0,
        loss=float(np.mean(outside < 0)),
        splits=math.comb(blocks, blocks // 2),
        logits=logits,
    )


@dataclass(frozen=True, kw_only=True)
class _Halves:
    """Sums of blocks, from which the performance of any union of blocks follows; values are centred first."""

    centre: Array  # float64 [N]
    scale: Array  # float64 [N], the largest absolute return
    rows: Array  # float64 [S]
    sums: Array  # float64 [S, N]
    squares: Array

    @classmethod
    def of(cls, returns: Array, blocks: int) -> _Halves:
        """Return the block sums of [T, N] returns."""
        centre = returns.mean(axis=0)
        parts = np.array_split(returns - centre, blocks)
        return cls(
            centre=centre,
            scale=np.abs(returns).max(axis=0),
            rows=np.array([float(len(part)) for part in parts]),
            sums=np.array([part.sum(axis=0) for part in parts]),
            squares=np.array([(part**2).sum(axis=0) for part in parts]),
        )

    def judge(self, members: Array, metric: str) -> list[tuple[Array, Array, Array]]:
        """Return for each half ([K, S] zeros and ones), and for each other half, what its best trial does outside.

        That is its rank there, its performance inside, and its performance outside.
        """
        count, total, squares = members @ self.rows, members @ self.sums, members @ self.squares
        one = self._performance(count, total, squares, metric)
        other = self._performance(
            self.rows.sum() - count, self.sums.sum(axis=0) - total, self.squares.sum(axis=0) - squares, metric
        )
        return [_best(one, other), _best(other, one)]

    def _performance(self, count: Array, total: Array, squares: Array, metric: str) -> Array:
        rows = count[:, None]
        mean: Array = self.centre + total / rows
        if metric == "mean":
            return mean
        variance = (squares - total**2 / rows) / (rows - 1)
        varies = variance > (1e-9 * self.scale) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            found = mean / np.sqrt(variance)
        return found if varies.all() else np.where(varies, found, 0.0)


def _best(inside: Array, outside: Array) -> tuple[Array, Array, Array]:
    best = inside.argmax(axis=1)
    place = np.arange(len(inside))
    value = outside[place, best]
    below = np.count_nonzero(outside < value[:, None], axis=1)
    equal = np.count_nonzero(outside == value[:, None], axis=1)
    return below + (equal + 1) / 2, inside[place, best], value
