"""The portfolio of a factor and a horizon: what a factor report and a matrix count as a trial of a research line.

Each row buys the ranks of the factor, as far as they are above the mean rank, and sells short those below it; the
purchases of a row are held for `horizon` rows, so that as many cohorts are held together (Jegadeesh and Titman 1993;
ranks as weights: Asness, Moskowitz and Pedersen 2013). It is what the rank IC says as a return, and needs no number of
quantiles. Without costs.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from shared.model.request import BacktestRequest
from shared.research.factor_reports.forward_returns import ENTERED, Exit, entries, held_returns
from shared.research.factor_reports.native import Ranked
from shared.research.factor_reports.options import LEAST_STOCKS, Neutral
from shared.research.factor_reports.rows import Subject, blocks
from shared.research.ledger.trials import NOISE, WeeklyReturns, digest_of, trial_content, weeks_of

Array = np.ndarray[Any, np.dtype[Any]]

PORTFOLIO_VERSION: Final = 1
"""Version of the definition, which is part of every digest."""


def portfolio_digest(request: BacktestRequest, neutral: Neutral, horizon: int) -> int:
    """Return the signed 64-bit digest by which a factor (`buy.rank_by` of the request) and a horizon count once.

    Quantiles, costs, controls and breakdowns of a report are no part of it: they show the same trial in more detail.
    """
    return digest_of(["factor", PORTFOLIO_VERSION, trial_content(request), neutral, horizon])


def portfolios(subject: Subject, rows: slice, horizons: tuple[int, ...], rule: Exit) -> dict[int, WeeklyReturns]:
    """Return the weekly returns of the portfolio of each horizon over the rows of the window.

    A row without a position returns 0; rows whose next two opens the dataset lacks are left out.
    """
    known = slice(rows.start, max(rows.start, min(rows.stop, len(subject.panels.days) - 2)))
    found: dict[int, list[Array]] = {horizon: [np.empty(0)] for horizon in horizons}
    history = np.empty((0, len(subject.by_code)), np.int32)
    for part in blocks(known):
        history = np.concatenate((history, _weights(subject, part)))
        held = held_returns(subject.panels, part, rule)[:, subject.by_code].astype(np.float64)
        for horizon, returns in found.items():
            returns.append(_returns(_cohorts(history, len(held), horizon), held))
        history = history[-max(horizons) :]
    weeks = weeks_of(subject.panels.days[known.start + 1 : known.stop + 1])
    return {horizon: _by_week(weeks, np.concatenate(returns)) for horizon, returns in found.items()}


def _weights(subject: Subject, rows: slice) -> Array:
    """Return int32 [rows, N], stocks by code: twice the rank less that of the mean; 0 of what cannot be bought."""
    ranked = Ranked.of(subject.values(rows), subject.by_code, 1)
    can_enter = (ranked.buckets > 0) & (entries(subject.panels, rows) == ENTERED)
    can_enter &= (np.count_nonzero(can_enter, axis=1) >= LEAST_STOCKS)[:, None]
    twice = 2 * np.where(can_enter, ranked.ranks, 0) - (ranked.counts + 1)[:, None]
    found: Array = np.where(can_enter, twice, 0).astype(np.int32)[:, subject.by_code]
    return found


def _cohorts(history: Array, count: int, horizon: int) -> Array:
    """Return int32 [count, N]: the sums of the weights of the last rows, `horizon` of them up to each. They are whole
    numbers, so that the blocks of rows change nothing."""
    sums = np.cumsum(np.concatenate((np.zeros((1, history.shape[1]), np.int32), history)), axis=0, dtype=np.int32)
    last = np.arange(len(history) - count, len(history)) + 1
    found: Array = sums[last] - sums[np.maximum(last - horizon, 0)]
    return found


def _returns(weights: Array, held: Array) -> Array:
    """Return float64 [rows]: the mean return of the purchases less that of the short sales, 0 without either."""
    known = np.isfinite(held)
    values = np.where(known, held, 0.0)
    legs = []
    for side in (np.where(known & (weights > 0), weights, 0), np.where(known & (weights < 0), -weights, 0)):
        total = side.sum(axis=1)
        legs.append((side * values).sum(axis=1) / np.maximum(total, 1))
    both = (np.where(known, weights, 0) > 0).any(axis=1) & (np.where(known, weights, 0) < 0).any(axis=1)
    found: Array = np.where(both, legs[0] - legs[1], 0.0)
    return found


def _by_week(weeks: Array, returns: Array) -> WeeklyReturns:
    """Return the sums of the returns of each ISO week: both legs have the same size on every row."""
    if not len(returns):
        return WeeklyReturns(weeks=weeks[:0], values=np.empty(0, np.float32))
    first = np.flatnonzero(np.diff(weeks, prepend=weeks[0] - 1))
    sums = np.add.reduceat(returns, first)
    values = np.where(np.abs(sums) <= NOISE, 0.0, sums).astype(np.float32)
    return WeeklyReturns(weeks=weeks[first], values=values)
