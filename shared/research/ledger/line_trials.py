"""What all trials of a research line say: how many there are, their effective number, and the bar.

Everything is a function of the set of trials: of exact sums of scores, and of the sample with the smallest digests. So
the order in which trials were evaluated, repetitions, retries and simulators change nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.contracts.research import LEDGER_SAMPLE
from shared.research.ledger.trials import SCORE_UNIT, WeeklyReturns
from shared.research.statistics.bootstrap import block_length
from shared.research.statistics.effective_trials import EffectiveTrials, effective_trials_of_units, standardised
from shared.research.statistics.overfitting import Overfitting, overfitting
from shared.research.statistics.sharpe import MIN_TRIALS, Moments, best_of, deflated_sharpe, moments_of
from shared.research.statistics.superiority import Superiority, superiority

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, kw_only=True)
class LineSums:
    """Counts and exact sums over the distinct trials of a line.

    extra_trials: what its owner has tried elsewhere. scored: trials with a score; score_sum and score_squares are the
    sums of their scores and squared scores, in units of SCORE_UNIT.
    """

    trials: int
    extra_trials: int = 0
    scored: int = 0
    score_sum: int = 0
    score_squares: int = 0

    @property
    def counted(self) -> int:
        """Return the number of trials against which a record is judged."""
        return self.trials + self.extra_trials


@dataclass(frozen=True, kw_only=True)
class Family:
    """Tests over the trials of the sample that have the same weeks."""

    trials: int
    weeks: Array
    overfitting: Overfitting | None
    blocks: int
    superiority: Superiority | None
    block_weeks: float


@dataclass(frozen=True, kw_only=True)
class LineTrials:
    """The trials of a line.

    deviation: standard deviation of the scores, which is that of Sharpe ratios per week times sqrt(weeks - 1).
    effective: effective numbers of trials, to which the extra ones are added.
    """

    sums: LineSums
    sample: int
    deviation: float
    is_deviation_of_trials: bool
    effective: EffectiveTrials

    def bars(self, weeks: int) -> tuple[float, float]:
        """Return the Sharpe ratios per week that the best without skill shows over so many weeks: soft and hard."""
        deviation = self.deviation / math.sqrt(weeks - 1)
        return best_of(self.effective_count, deviation), best_of(self.sums.counted, deviation)

    @property
    def effective_count(self) -> float:
        """Return the effective number of trials, which makes the soft bar."""
        return self.effective.counted

    def deflated(self, moments: Moments) -> tuple[float, float]:
        """Return the deflated Sharpe ratio as an interval: against all trials, and their effective number."""
        deviation = self.deviation / math.sqrt(moments.rows - 1)
        low, high = sorted(
            deflated_sharpe(moments, count, deviation) for count in (self.sums.counted, self.effective_count)
        )
        return low, high


def line_trials_of(sums: LineSums, sample: Sequence[WeeklyReturns]) -> LineTrials:
    """Return the line of these sums and of the returns of its sample, in the order of their digests."""
    kept = sample[:LEDGER_SAMPLE]
    own = effective_trials_of_units(units_of(kept), sums.trials)
    extra = sums.extra_trials
    has_enough = sums.scored >= MIN_TRIALS
    return LineTrials(
        sums=sums, sample=len(kept), deviation=_deviation(sums) if has_enough else 1.0,
        is_deviation_of_trials=has_enough,
        effective=EffectiveTrials(
            average=own.average + extra, participation=own.participation + extra, entropy=own.entropy + extra,
            li_ji=own.li_ji + extra,
        ),
    )  # fmt: skip


def _deviation(sums: LineSums) -> float:
    """Return the standard deviation (n - 1) of the scores from their exact sums."""
    count = sums.scored
    spread = sums.score_squares * count - sums.score_sum**2  # exact
    return math.sqrt(spread / (count * (count - 1))) * SCORE_UNIT


def units_of(sample: Sequence[WeeklyReturns]) -> Array:
    """Return float64 [n, W]: standardised returns of length 1 over all weeks of the sample, 0 outside a trial's own.

    The product of two rows is the correlation of trials with the same weeks; weeks that only one of them has take from
    it, and trials without a common week have 0. Trials that do not vary are rows of 0.
    """
    if not sample:
        return np.zeros((0, 0))
    first = min(int(one.weeks[0]) for one in sample)
    last = max(int(one.weeks[-1]) for one in sample)
    found = np.zeros((len(sample), last - first + 1))
    of_length: dict[int, list[int]] = {}
    for row, one in enumerate(sample):
        of_length.setdefault(len(one.values), []).append(row)
    for length, rows in of_length.items():
        units = standardised(np.array([sample[row].values for row in rows], np.float64)) / math.sqrt(length - 1)
        for row, values in zip(rows, units, strict=True):
            found[row, sample[row].weeks - first] = values
    used: Array = found[:, found.any(axis=0)]
    return used


def family_of(sample: Sequence[WeeklyReturns]) -> Family | None:
    """Return the tests over the weeks that most trials of the sample share; None with fewer than 2 of them.

    Of weeks that equally many share, the longest, then the latest ones are taken. Trials that do not vary take no part.
    """
    groups: dict[bytes, list[WeeklyReturns]] = {}
    for one in sample[:LEDGER_SAMPLE]:
        if moments_of(one.values.astype(np.float64)) is not None:
            groups.setdefault(one.weeks.tobytes(), []).append(one)
    if not groups:
        return None
    chosen = max(groups.values(), key=lambda group: (len(group), len(group[0].weeks), int(group[0].weeks[-1])))
    if len(chosen) < 2:
        return None
    columns = np.array([one.values for one in chosen], np.float64).T
    blocks = next((count for count in (16, 12, 8, 6, 4) if len(columns) >= 2 * count), 0)
    block = float(max(block_length(columns.mean(axis=1)).stationary, 1.0))
    return Family(
        trials=len(chosen), weeks=chosen[0].weeks, blocks=blocks, block_weeks=block,
        overfitting=overfitting(columns, blocks=blocks) if blocks else None,
        superiority=superiority(columns, block=block),
    )  # fmt: skip
