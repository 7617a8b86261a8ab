"""The figures of every row of a report, computed in blocks of rows so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shared.language import Expression, evaluate, vm
from shared.model.listings import row_attributes
from shared.model.panels import Panels
from shared.research.factor_reports import forward_returns
from shared.research.factor_reports.breakdowns import Groups, append_groups
from shared.research.factor_reports.forward_returns import Exit
from shared.research.factor_reports.native import (
    Ordered,
    Ranked,
    changes_of_ranks,
    information_coefficients,
    less_group_means,
    quantile_returns,
    regress_rows,
)
from shared.research.factor_reports.options import LEAST_STOCKS, Neutral, Options
from shared.simulation.panel_scans import order_rows
from shared.simulation.universe import UniverseMask

Array = np.ndarray[Any, np.dtype[Any]]

BLOCK_ROWS = 256
WINSORISED_PCT = 1.0
EXCLUSIONS = {
    forward_returns.HALTED: "halted", forward_returns.LIMIT_UP: "limit_up", forward_returns.LIQUIDATION: "liquidation",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A factor over a universe of a dataset version."""

    panels: Panels
    factor: Expression
    universe: UniverseMask
    neutral: Neutral

    @property
    def by_code(self) -> Array:
        """Return the columns in the order of stock codes."""
        return self.panels.instruments.by_code

    def values(self, rows: slice) -> Array:
        """Return float32 [rows, N] values inside the universe, NaN outside; less the sector's mean when neutral."""
        found = self.plain_values(self.factor, rows)
        return self.without_sectors(found, found, rows) if self.neutral == "sector" else found

    def plain_values(self, expression: Expression, rows: slice) -> Array:
        """Return float32 [rows, N] values of an expression inside the universe, NaN outside."""
        values = evaluate(expression, self.panels, rows, self.universe.rows, self.universe.key)
        return np.where(self.universe.rows(rows), values, np.float32(np.nan))

    def without_sectors(self, values: Array, sample: Array, rows: slice) -> Array:
        """Return values less the mean of their sector over the stocks that have a value in `sample`, too."""
        attributes = row_attributes(self.panels, rows)
        inside = np.where(np.isnan(sample), np.float32(np.nan), values)
        return less_group_means(inside, attributes.sector, self.by_code, len(attributes.sectors))


@dataclass(kw_only=True)
class HorizonRows:
    """Figures of one horizon by row: [rows], or [rows, quantiles] of what has quantiles; NaN is absent."""

    ic: list[Array] = field(default_factory=list)
    rank_ic: list[Array] = field(default_factory=list)
    stocks: list[Array] = field(default_factory=list)
    returns: list[Array] = field(default_factory=list)
    demeaned: list[Array] = field(default_factory=list)
    entered: list[Array] = field(default_factory=list)
    rank_correlation: list[Array] = field(default_factory=list)
    slope: list[Array] = field(default_factory=list)
    excluded: dict[str, int] = field(default_factory=dict)

    def whole(self, name: str) -> Array:
        """Return the figures of all rows."""
        return np.concatenate(getattr(self, name))


@dataclass(kw_only=True)
class ReportRows:
    """Everything by row: stocks of the universe and with a value [rows], quantile sizes, and the horizons."""

    horizons: dict[int, HorizonRows]
    universe: list[Array] = field(default_factory=list)
    values: list[Array] = field(default_factory=list)
    sizes: list[Array] = field(default_factory=list)
    groups: Groups = field(default_factory=dict)


def blocks(rows: slice) -> Iterator[slice]:
    """Yield slices of at most BLOCK_ROWS rows."""
    for start in range(rows.start, rows.stop, BLOCK_ROWS):
        yield slice(start, min(start + BLOCK_ROWS, rows.stop))


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Rows of a report with the factor on them."""

    subject: Subject
    rows: slice
    factor: Ordered
    rule: Exit

    def returns(self, horizon: int) -> Array:
        """Return float32 [rows, N] forward returns."""
        return forward_returns.forward_returns(self.subject.panels, self.rows, horizon, self.rule)

    def correlate(self, horizon: int, of: HorizonRows) -> Array:
        """Append the correlations; return their returns, which in a neutral report are less their sector's mean."""
        subject, returns = self.subject, self.returns(horizon)
        if subject.neutral == "sector":
            returns = subject.without_sectors(returns, self.factor.values, self.rows)
            orders = order_rows(returns, subject.by_code, descending=False)
        else:
            orders = forward_returns.return_orders(subject.panels, self.rows, horizon, self.rule)
        ic, rank_ic, stocks = information_coefficients(self.factor, returns, orders, LEAST_STOCKS)
        of.ic.append(ic)
        of.rank_ic.append(rank_ic)
        of.stocks.append(stocks)
        return returns


def coefficients(subject: Subject, rows: slice, horizons: tuple[int, ...], rule: Exit) -> dict[int, HorizonRows]:
    """Return the IC and rank IC of each row and horizon, which is all that the matrix needs."""
    found = {horizon: HorizonRows() for horizon in horizons}
    for part in blocks(rows):
        factor = Ordered.by(subject.values(part), subject.by_code)
        block = _Block(subject=subject, rows=part, factor=factor, rule=rule)
        for horizon, of in found.items():
            block.correlate(horizon, of)
    return found


def report_rows(subject: Subject, rows: slice, horizons: tuple[int, ...], options: Options) -> ReportRows:
    """Return the figures of each row: the correlations at all `horizons`, the rest at those of the options."""
    found = ReportRows(horizons={horizon: HorizonRows() for horizon in horizons})
    reach = max(options.horizons)
    ranks = np.empty((0, len(subject.by_code)), np.float32)
    buckets = np.empty(ranks.shape, np.uint8)
    for part in blocks(rows):
        ranked = Ranked.of(subject.values(part), subject.by_code, options.quantiles)
        block = _Block(subject=subject, rows=part, factor=ranked, rule=options.rule)
        found.universe.append(np.count_nonzero(subject.universe.rows(part), axis=1))
        found.values.append(ranked.counts)
        found.sizes.append(_sizes(ranked.buckets, options.quantiles))
        regressors = _regressors(subject, part, options)
        states = forward_returns.entries(subject.panels, part)
        ranks, buckets = np.concatenate((ranks, ranked.ranks)), np.concatenate((buckets, ranked.buckets))
        before = len(ranks) - len(ranked.ranks)
        by_horizon: dict[int, tuple[Array, Array]] = {}
        for horizon, of in found.horizons.items():
            compared = block.correlate(horizon, of)
            if horizon not in options.horizons:
                continue
            returns = block.returns(horizon)
            demeaned = compared if subject.neutral == "sector" else None
            if options.breakdowns:
                by_horizon[horizon] = (compared, returns)
            _count_excluded(ranked, returns, states, of)
            _append_quantiles(ranked, returns, demeaned, subject.by_code, of)
            entered, correlations = changes_of_ranks(ranks, buckets, options.quantiles, horizon)
            of.entered.append(entered[before:])
            of.rank_correlation.append(correlations[before:])
            of.slope.append(_slopes(subject, part, returns, regressors))
        append_groups(found.groups, options.breakdowns, subject.panels, part, ranked, by_horizon)
        ranks, buckets = ranks[-reach:].copy(), buckets[-reach:].copy()
    return found


def _sizes(buckets: Array, quantiles: int) -> Array:
    """Return int64 [rows, quantiles]: stocks with a value of each quantile."""
    rows = len(buckets)
    key = buckets.astype(np.int64) + np.arange(rows)[:, None] * (quantiles + 1)
    found: Array = np.bincount(key.reshape(-1), minlength=rows * (quantiles + 1)).reshape(rows, -1)[:, 1:]
    return found


def _count_excluded(ranked: Ranked, returns: Array, states: Array, of: HorizonRows) -> None:
    has_value = ranked.buckets > 0
    out = has_value & np.isnan(returns)
    counted = {"cells": int(np.count_nonzero(has_value))}
    for state, name in EXCLUSIONS.items():
        counted[name] = int(np.count_nonzero(out & (states == state)))
    counted["not_ended"] = int(np.count_nonzero(out)) - sum(counted[name] for name in EXCLUSIONS.values())
    for name, count in counted.items():
        of.excluded[name] = of.excluded.get(name, 0) + count


def _append_quantiles(ranked: Ranked, returns: Array, demeaned: Array | None, by_code: Array, of: HorizonRows) -> None:
    sums, counts = quantile_returns(ranked, returns, by_code)
    with np.errstate(invalid="ignore", divide="ignore"):
        means = sums / counts
        of.returns.append(means)
        if demeaned is None:
            of.demeaned.append(means - (sums.sum(axis=1) / counts.sum(axis=1))[:, None])
        else:
            sums, counts = quantile_returns(ranked, demeaned, by_code)
            of.demeaned.append(sums / counts)


def _regressors(subject: Subject, rows: slice, options: Options) -> list[Array]:
    """Return the factor and the controls as z-scores of winsorised values over the universe, float32 [rows, N]."""
    members, order = np.ascontiguousarray(subject.universe.rows(rows)), subject.by_code
    found = []
    for expression in (subject.factor, *options.controls):
        plane = subject.plain_values(expression, rows).astype(np.float64)
        cut = vm.moments("winsorize", plane, members, order=order, groups=None, p=WINSORISED_PCT, dtype="f8")
        found.append(vm.moments("zscore", cut, members, order=order, groups=None, p=0.0, dtype="f4"))
    return found


def _slopes(subject: Subject, rows: slice, returns: Array, regressors: list[Array]) -> Array:
    groups, count = None, 0
    if subject.neutral == "sector":
        attributes = row_attributes(subject.panels, rows)
        groups, count = attributes.sector, len(attributes.sectors)
    slopes, _ = regress_rows(returns, regressors, subject.by_code, groups, count)
    return slopes[:, 0]
