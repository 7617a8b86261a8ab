"""The figures of many backtests over the same dataset and dates: the variants of a sweep, windows of a walk-forward.

    needed = variant_needs(requests, panels.days)       # map these rows first; a reader then finds them in memory
    table = run_variants(requests, panels)              # one part: some hundred to some thousand requests
    table.figures[k, FIGURES.index("sharpe")]           # NaN: undefined, or the variant has no result
    table.weekly_returns[k], table.failures[k]

Law: what a variant has in the table is what `engine.run` of the same request gives, bit for bit, whatever the other
requests are and however they are divided into parts and threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shared.errors import RunError
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.engine import never_cancelled, simulate
from shared.simulation.plan import plan, window_of
from shared.simulation.statistics import (
    COUNT_FIGURES,
    DATE_FIGURES,
    NOISE,
    RoundTrips,
    figures_of,
    measures_of,
    month_ends,
)
from shared.simulation.structures import NO_COLUMN
from shared.simulation.variant_groups import Group, group_key, split
from shared.simulation.variant_kernel import Window

FIGURES = (
    "alpha", "average_holding_days", "average_loss", "average_win", "benchmark_cagr", "benchmark_max_drawdown",
    "benchmark_total_return", "best_day", "best_month", "beta", "cagr", "calmar", "commission_paid",
    "dividends_received", "excess_return", "exposure", "idle_days", "information_ratio", "invested_days",
    "max_drawdown", "max_drawdown_bottom", "max_drawdown_recovery", "max_drawdown_start", "participation_max",
    "participation_median", "profit_factor", "sharpe", "sharpe_active", "slippage_paid", "sortino", "tax_paid",
    "total_return", "tracking_error", "trades", "turnover", "volatility", "win_rate", "worst_day", "worst_month",
)  # fmt: skip
"""The columns of a table: every figure of a result's `statistics`, in name order, in the same units. Dates are day
numbers (days since 1970-01-01), counts whole numbers."""

SHARED_FROM = 8
"""Variants from which it pays to prepare what they share."""


@dataclass(frozen=True, kw_only=True)
class VariantTable:
    """What N requests give over a window with W ISO weeks; row k belongs to request k.

    `figures`: float64 [N, len(FIGURES)], NaN where a figure is undefined (null in a result). `weekly_returns`: float32
    [N, W], the equity on the last row of each ISO week against that of the week before, the first against the initial
    cash; NaN after an equity of 0. `week_ends`: int32 [W], day numbers of those rows. `failures`: the error that
    `engine.run` raises for the request, None when it has a result; `shared.errors.identity_of(error.detail)` gives its
    code and parameters. A row of a variant that failed is NaN throughout.
    """

    figures: np.ndarray
    weekly_returns: np.ndarray
    week_ends: np.ndarray
    failures: tuple[RunError | None, ...]

    def statistics(self, k: int) -> dict[str, Any] | None:
        """Return the `statistics` of the result of request k, None when it failed."""
        if self.failures[k] is not None:
            return None
        values = dict(zip(FIGURES, self.figures[k].tolist(), strict=True))
        return {name: _as_in_a_result(name, value) for name, value in values.items()}


def _as_in_a_result(name: str, value: float) -> Any:
    if np.isnan(value):
        return None
    if name in DATE_FIGURES:
        return iso(int(value))
    return int(value) if name in COUNT_FIGURES else value


def one_of_each_group(requests: Iterable[BacktestRequest]) -> list[BacktestRequest]:
    """Return a request of each group and window: the others read the same rows and store planes of the same sizes."""
    groups = {(group_key(request, split(request)[0]), request.start, request.end): request for request in requests}
    return list(groups.values())


def variant_needs(requests: Sequence[BacktestRequest], days: np.ndarray) -> dict[str, slice]:
    """Return the rows of each panel field and factor that runs of these requests read."""
    needs: dict[str, slice] = {}
    for request in one_of_each_group(requests):
        for name, rows in plan(request, days).needs.items():
            before = needs.get(name, rows)
            needs[name] = slice(min(before.start, rows.start), max(before.stop, rows.stop))
    return needs


def run_variants(
    requests: Sequence[BacktestRequest],
    panels: Panels,
    *,
    threads: int = 1,
    cancelled: Callable[[], bool] = never_cancelled,
) -> VariantTable:
    """Return the figures of canonical requests with the same `start` and `end`; everything else may differ.

    A request that cannot have a result fails alone (`VariantTable.failures`). A table of 1,000 requests over three
    years takes 1 MB. Requests that differ in numbers only (thresholds, levels, costs, sizes; not in windows, names or
    the universe) share most of their work; so do neighbours in no particular order. `threads` is the number of threads
    that simulate them, outside of the interpreter lock. `cancelled` is polled every few milliseconds to tenths of a
    second.

    Raises ValueError for requests with different dates, CancelledRunError, ChunkMissingError (a part of the dataset
    that some request reads is in no tier within reach; nothing is lost by running the part again).
    """
    if len({(request.start, request.end) for request in requests}) > 1:
        raise ValueError("the variants of a part have the same start and end")
    window = window_of(requests[0], panels.days) if requests else slice(0, 0)
    ends = week_ends(panels.days, window)
    table = VariantTable(
        figures=np.full((len(requests), len(FIGURES)), np.nan),
        weekly_returns=np.full((len(requests), len(ends)), np.nan, np.float32),
        week_ends=panels.days[ends],
        failures=(None,) * len(requests),
    )
    failures: dict[int, RunError] = {}
    groups: dict[tuple[object, ...], list[int]] = {}
    for k, request in enumerate(requests):
        groups.setdefault(group_key(request, split(request)[0]), []).append(k)
    for indices in groups.values():
        if len(indices) < SHARED_FROM or len(panels.instruments) >= NO_COLUMN or window.stop - window.start < 2:
            for k in indices:
                try:
                    table.figures[k], table.weekly_returns[k] = _plain(requests[k], panels, ends, cancelled)
                except RunError as error:
                    failures[k] = error.with_traceback(None)
            continue
        chosen = [requests[k] for k in indices]
        try:
            table.figures[indices], table.weekly_returns[indices] = _grouped(
                chosen, panels, threads, _window(panels, window, ends), cancelled
            )
        except RunError as error:
            failures.update(dict.fromkeys(indices, error.with_traceback(None)))
    return replace(table, failures=tuple(failures.get(k) for k in range(len(requests))))


def _grouped(
    requests: Sequence[BacktestRequest], panels: Panels, threads: int, window: Window, cancelled: Callable[[], bool]
) -> tuple[list[list[float]], np.ndarray]:
    """Return the figures and weekly returns of a group; its panels can be unmapped before the next group is run."""
    measures, weekly = Group(requests, panels, threads).measures(window, cancelled)
    return [_as_row(figures_of(found)) for found in measures], weekly


def _plain(
    request: BacktestRequest, panels: Panels, ends: np.ndarray, cancelled: Callable[[], bool]
) -> tuple[list[float], np.ndarray]:
    """Return the figures and weekly returns of a run alone."""
    state = simulate(request, panels, cancelled=cancelled)
    curve = state.curve()
    trips, totals = RoundTrips(state.ledger.trips, panels.days), state.totals(state.purchases())
    figures = figures_of(measures_of(curve, trips, totals, curve.monthly_returns()))
    return _as_row(figures), _weekly_returns(curve.equity[ends - state.plan.window.start], request.initial_cash)


def _window(panels: Panels, window: slice, ends: np.ndarray) -> Window:
    return Window(
        days=panels.days, volume=panels.panel("volume", window), columns=len(panels.instruments), first=window.start,
        rows=window.stop - window.start, decided=max(window.start - 1, 0),
        week_ends=(ends - window.start).astype(np.int32), month_ends=month_ends(panels.days[window]),
    )  # fmt: skip


def week_ends(days: np.ndarray, window: slice) -> np.ndarray:
    """Return the last dataset row of each ISO week that has a row in the window, int64 [W]."""
    weeks = (days[window] + 3) // 7
    last = np.append(weeks[1:] != weeks[:-1], np.ones(min(len(weeks), 1), np.bool_))
    found: np.ndarray = window.start + np.flatnonzero(last)
    return found


def _as_row(figures: dict[str, Any]) -> list[float]:
    return [np.nan if figures[name] is None else figures[name] for name in FIGURES]


def _weekly_returns(ends: np.ndarray, initial_cash: float) -> np.ndarray:
    before = np.concatenate([[initial_cash], ends[:-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(before > 0, ends / before - 1, np.nan)
    return np.where(np.abs(change) <= NOISE, 0.0, change).astype(np.float32)
