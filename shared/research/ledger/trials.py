"""A trial: the digest by which it counts once, its score, and its weekly returns in bytes.

A trial is a distinct strategy with its universe, window, cash, costs and execution. Benchmark and risk-free rate change
no trade, so that they are left out; so is the dataset, since a day more of data is no further idea.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from shared.errors import DatasetError
from shared.model.request import BacktestRequest, canonical_json

Array = np.ndarray[Any, np.dtype[Any]]

SCORE_UNIT: Final = 1e-6
"""Scores are whole multiples of this, so that their sums do not depend on the order of addition."""
MAX_SCORE: Final = 1e6
"""Greatest absolute score; returns that hardly vary have greater ones."""
VARIES: Final = 1e-12
"""Returns that differ from their mean by a smaller part of the greatest one do not vary."""
NOISE: Final = 1e-12
"""Returns up to this are 0: an account without positions."""


def trial_digest(request: BacktestRequest) -> int:
    """Return the signed 64-bit digest by which a trial counts once."""
    return digest_of(trial_content(request))


def trial_content(request: BacktestRequest) -> BacktestRequest:
    """Return the request without what makes no other trial."""
    return msgspec.structs.replace(request, benchmark=None, risk_free_pct=0.0)


def digest_of(content: Any) -> int:
    """Return the first 64 bits, signed, of the SHA-256 of the canonical JSON of a value."""
    return int.from_bytes(hashlib.sha256(canonical_json(content)).digest()[:8], "big", signed=True)


@dataclass(frozen=True, kw_only=True)
class WeeklyReturns:
    """The returns of a trial by ISO week.

    weeks: int32 [T], whole weeks since 1969-12-29, ascending. values: float32 [T].
    """

    weeks: Array
    values: Array

    def pack(self) -> bytes | None:
        """Return the bytes from which `unpack_returns` makes the same returns; None with fewer than two weeks, or where
        a week has no return."""
        if not self.is_complete:
            return None
        return self.weeks.astype("<i4").tobytes() + self.values.astype("<f4").tobytes()

    @property
    def is_complete(self) -> bool:
        """Return whether there are two weeks at least and each has a return."""
        return len(self.values) >= 2 and bool(np.isfinite(self.values).all())


def unpack_returns(data: bytes) -> WeeklyReturns:
    """Return what `WeeklyReturns.pack` packed; raise DatasetError for other bytes."""
    if len(data) % 8:
        raise DatasetError("The stored returns of a trial are damaged.")
    half = len(data) // 2
    return WeeklyReturns(weeks=np.frombuffer(data[:half], "<i4"), values=np.frombuffer(data[half:], "<f4"))


def weeks_of(days: Array) -> Array:
    """Return int32 [T]: numbers of the ISO weeks of day numbers."""
    found: Array = ((np.asarray(days, np.int64) + 3) // 7).astype(np.int32)
    return found


def weekly_returns(days: Array, equity: Array, initial_cash: float) -> WeeklyReturns:
    """Return the returns by ISO week of an equity curve, the first one against the initial cash.

    days: day numbers [D], ascending; equity: float64 [D], won. A return after an equity of 0 is NaN.
    """
    weeks = weeks_of(days)
    last = np.append(weeks[1:] != weeks[:-1], np.ones(min(len(weeks), 1), np.bool_))
    ends = np.asarray(equity, np.float64)[last]
    before = np.concatenate([[initial_cash], ends[:-1]])[: len(ends)]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(before > 0, ends / before - 1, np.nan)
    return WeeklyReturns(weeks=weeks[last], values=np.where(np.abs(change) <= NOISE, 0.0, change).astype(np.float32))


def score_of(values: Array) -> int | None:
    """Return the score of weekly returns: their Sharpe ratio times sqrt(T - 1), in units of `SCORE_UNIT`.

    Under no skill it has the standard deviation 1 whatever the number of weeks. None without variation, or with a week
    that has no return.
    """
    return scores_of(np.asarray(values)[None, :])[0]


def scores_of(returns: Array) -> list[int | None]:
    """Return the score of each row of float32 [n, T] weekly returns."""
    rows = np.ascontiguousarray(returns, np.float64)
    weeks = rows.shape[1]
    if weeks < 2:
        return [None] * len(rows)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = rows.mean(axis=1)
        centred = rows - mean[:, None]
        varies = np.abs(centred).max(axis=1) > VARIES * np.abs(rows).max(axis=1)
        ratios = mean / np.sqrt((centred**2).sum(axis=1) / (weeks - 1))
        scores = np.rint(np.clip(ratios * math.sqrt(weeks - 1), -MAX_SCORE, MAX_SCORE) / SCORE_UNIT)
    has_score = varies & np.isfinite(scores)
    return [int(score) if has else None for score, has in zip(scores.tolist(), has_score.tolist(), strict=True)]


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Trials that one run or one part of a sweep has evaluated, one entry each in every list.

    numbers: the variants.
    """

    digests: Sequence[int]
    scores: Sequence[int | None]
    returns: Sequence[WeeklyReturns]
    numbers: Sequence[int]

    def __len__(self) -> int:
        return len(self.digests)


NO_TRIALS: Final = Trials(digests=(), scores=(), returns=(), numbers=())


def trials_of(digests: Sequence[int], returns: Sequence[WeeklyReturns], numbers: Sequence[int]) -> Trials:
    """Return the trials of these digests and returns."""
    weeks = {len(one.values) for one in returns}
    if len(weeks) == 1:
        scores = scores_of(np.array([one.values for one in returns]))
    else:
        scores = [score_of(one.values) for one in returns]
    return Trials(digests=digests, scores=scores, returns=returns, numbers=numbers)
