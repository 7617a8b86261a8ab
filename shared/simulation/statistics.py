"""The statistics of a finished run, from its equity curve, its benchmark, its fills and its closed round trips.

The definitions are in docs/reference/simulation.md. What is undefined is None: no statistic can fail a run. Sums are
pairwise in a fixed order (shared/native/statistics.c), never those of a linear algebra library, so that every machine
computes the same bits.
"""

from __future__ import annotations

import ctypes
import math
from ctypes import Structure, c_double, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np

from shared.model.calendar import iso
from shared.native import library, place, verify_sizes
from shared.simulation.structures import TRIP, address

DAYS_A_YEAR = 252
NOISE = 1e-12
"""A change of at most this fraction is rounding noise and counts as 0."""

DATE_FIGURES = ("max_drawdown_start", "max_drawdown_bottom", "max_drawdown_recovery")
COUNT_FIGURES = ("idle_days", "trades")
"""Statistics that are dates, and those that are whole numbers."""

Periods = list[tuple[str, float | None]]
"""(name of a period, its return; None after an equity of 0)."""


class _EquityCurve(Structure):
    """Mirrors `equity_curve` of native.h."""

    _fields_ = (
        *((name, c_void_p) for name in ("equity", "cash", "benchmark", "positions")),
        *((name, c_int64) for name in ("rows", "idle_days")),
        *((name, c_double) for name in ("initial_cash", "daily_rf")),
        *((name, c_void_p) for name in ("returns", "drawdowns", "levels", "work")),
    )


class CurveSums(Structure):
    """Mirrors `curve_sums` of native.h."""

    _fields_ = (
        *((name, c_int64) for name in ("counted", "invested")),
        *(
            (name, c_double)
            for name in (
                "best", "worst", "deviation", "excess", "downside", "active_deviation", "active_excess",
                "mean_equity", "exposure", "depth",
            )
        ),
        *((name, c_int64) for name in ("peak", "bottom", "recovery")),
        *(
            (name, c_double)
            for name in (
                "benchmark_growth", "benchmark_depth", "benchmark_deviation", "variance", "covariance",
                "benchmark_excess", "tracking_deviation", "difference",
            )
        ),
    )  # fmt: skip


class TripSums(Structure):
    """Mirrors `trip_sums` of native.h."""

    _fields_ = (
        *((name, c_double) for name in ("gains", "losses", "mean_win", "mean_loss")),
        *((name, c_int64) for name in ("wins", "holding_days")),
    )


@cache
def _kernels() -> ctypes.CDLL:
    kernels = library("statistics")
    structures = (_EquityCurve, CurveSums, TripSums)
    verify_sizes(kernels, "statistics", [*map(ctypes.sizeof, structures), TRIP.itemsize])
    kernels.measure_curve.restype = None
    kernels.measure_curve.argtypes = [ctypes.POINTER(_EquityCurve), ctypes.POINTER(CurveSums)]
    kernels.measure_trips.restype = None
    kernels.measure_trips.argtypes = [c_void_p, c_int64, *[c_void_p] * 4, ctypes.POINTER(TripSums)]
    return kernels


def functions() -> tuple[int, int]:
    """Return the addresses of `measure_curve` and `measure_trips`, which another kernel calls."""
    curve, trips = (ctypes.cast(f, c_void_p).value for f in (_kernels().measure_curve, _kernels().measure_trips))
    return curve or 0, trips or 0


@dataclass(frozen=True, kw_only=True)
class TradeTotals:
    """Sums over all fills in won, the number of fills of at least one share, and what the purchases took of the market.

    `participation` is float64 [purchases]: the shares of each as a fraction of the volume of its day.
    """

    sales: float
    commission: float
    tax: float
    slippage: float
    dividends: float
    fills: int
    participation: np.ndarray


class EquityCurve:
    """A run day by day: arrays over the N rows of the window, and the sums over them.

    `returns`: daily, the first against the initial cash, NaN on days after an equity of 0. `drawdowns`: equity against
    its highest value so far, the initial cash being the first. `benchmark`: daily returns, None without one;
    `benchmark_levels`: their product, 1 before the first row.
    """

    def __init__(
        self, *, days: np.ndarray, equity: np.ndarray, cash: np.ndarray, positions: np.ndarray, initial_cash: float,
        benchmark: np.ndarray | None, idle_days: int, risk_free_pct: float,
    ) -> None:  # fmt: skip
        self.days, self.equity, self.cash, self.positions = days, equity, cash, positions
        self.initial_cash, self.benchmark, self.idle_days = initial_cash, benchmark, idle_days
        self.daily_rf = risk_free_pct / 100 / DAYS_A_YEAR
        rows = len(equity)
        columns = (cash, positions, days) if benchmark is None else (cash, positions, days, benchmark)
        if not rows or any(len(column) != rows for column in columns):
            raise ValueError("an equity curve needs at least one row, and every column as long as `equity`")
        self.returns, self.drawdowns, self.benchmark_levels = np.empty(rows), np.empty(rows), np.empty(rows)
        work, self.sums = np.empty(3 * rows), CurveSums()
        curve = _EquityCurve(
            address(equity, np.float64), address(cash, np.float64),
            None if benchmark is None else address(benchmark, np.float64), address(positions, np.int32), rows,
            idle_days, initial_cash, self.daily_rf, place(self.returns), place(self.drawdowns),
            place(self.benchmark_levels), place(work),
        )  # fmt: skip
        _kernels().measure_curve(curve, self.sums)

    def monthly_returns(self) -> Periods:
        """(YYYY-MM, return) by calendar month, the first against the initial cash."""
        return self._returns_of(_months(self.days.tobytes()))

    def yearly_returns(self) -> Periods:
        """(YYYY, return) by calendar year, the first against the initial cash."""
        return self._returns_of(tuple({name[:4]: row for name, row in _months(self.days.tobytes())}.items()))

    def _returns_of(self, periods: tuple[tuple[str, int], ...]) -> Periods:
        ends = self.equity[[row for _, row in periods]].tolist()
        before = [self.initial_cash, *ends[:-1]]
        return [
            (name, _without_noise(e / b - 1) if b > 0 else None)
            for (name, _), e, b in zip(periods, ends, before, strict=True)
        ]


def month_ends(days: np.ndarray) -> np.ndarray:
    """Return int32 [months]: the last row of each calendar month of int32 day numbers."""
    return np.array([row for _, row in _months(days.tobytes())], np.int32)


@lru_cache(maxsize=64)
def _months(days: bytes) -> tuple[tuple[str, int], ...]:
    """Return (YYYY-MM, last row) of each calendar month of int32 day numbers."""
    months = np.frombuffer(days, np.int32).astype("datetime64[D]").astype("datetime64[M]").view(np.int64)
    last = [*np.flatnonzero(months[1:] != months[:-1]).tolist(), len(months) - 1]
    ends = zip(months[last].tolist(), last, strict=True)
    return tuple((f"{1970 + month // 12:04d}-{month % 12 + 1:02d}", row) for month, row in ends)


class RoundTrips:
    """Closed round trips (TRIP records): their ages in calendar days, gains in won, and returns (gain / cost)."""

    def __init__(self, records: np.ndarray, days: np.ndarray) -> None:
        count = len(records)
        self.records = records
        self.ages = days[records["exit_row"]] - days[records["entry_row"]]
        self.gains, self.returns, self.sums = np.empty(count), np.empty(count), TripSums()
        work = np.empty(2 * count)
        _kernels().measure_trips(
            address(records, TRIP), count, address(self.ages, np.int32), place(self.gains), place(self.returns),
            place(work), self.sums,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What the statistics are made of; None stands for a month or a purchase that there is not.

    `days`: int32 day numbers of the window; `curve`, `trips`: sums of the kernels; `ended`: closed round trips.
    """

    days: np.ndarray
    initial_cash: float
    last_equity: float
    idle_days: int
    has_benchmark: bool
    curve: CurveSums
    trips: TripSums
    ended: int
    best_month: float | None
    worst_month: float | None
    sales: float
    commission: float
    tax: float
    slippage: float
    dividends: float
    fills: int
    participation_median: float | None
    participation_max: float | None


def statistics(curve: EquityCurve, trips: RoundTrips, totals: TradeTotals, months: Periods) -> dict[str, Any]:
    """Return every statistic by name, in name order; dates as YYYY-MM-DD."""
    figures = figures_of(measures_of(curve, trips, totals, months))
    figures |= {name: None if figures[name] is None else iso(figures[name]) for name in DATE_FIGURES}
    return dict(sorted(figures.items()))


def measures_of(curve: EquityCurve, trips: RoundTrips, totals: TradeTotals, months: Periods) -> Measures:
    """Return what the statistics of a finished run are made of."""
    month_returns = [value for _, value in months if value is not None]
    median, most = _participation(totals.participation)
    return Measures(
        days=curve.days, initial_cash=curve.initial_cash, last_equity=float(curve.equity[-1]),
        idle_days=curve.idle_days, has_benchmark=curve.benchmark is not None, curve=curve.sums, trips=trips.sums,
        ended=len(trips.records), best_month=max(month_returns, default=None),
        worst_month=min(month_returns, default=None), sales=totals.sales, commission=totals.commission, tax=totals.tax,
        slippage=totals.slippage, dividends=totals.dividends, fills=totals.fills, participation_median=median,
        participation_max=most,
    )  # fmt: skip


def figures_of(measures: Measures) -> dict[str, Any]:
    """Return every statistic by name; dates as day numbers, None for what is undefined."""
    sums, initial_cash = measures.curve, measures.initial_cash
    growth = max(measures.last_equity, 0.0) / initial_cash
    total_return, cagr = _without_noise(growth - 1), _annual_growth(growth, sums.counted)
    figures: dict[str, Any] = {
        "total_return": total_return,
        "cagr": cagr,
        "volatility": _annual(sums.deviation),
        "sharpe": _annual_ratio(sums.excess, sums.deviation),
        "sortino": _annual_ratio(sums.excess, sums.downside),
        "best_day": sums.best,
        "worst_day": sums.worst,
        "invested_days": sums.invested / sums.counted,
        "idle_days": measures.idle_days,
        "sharpe_active": _annual_ratio(sums.active_excess, sums.active_deviation),
        "trades": measures.fills,
        "commission_paid": measures.commission,
        "tax_paid": measures.tax,
        "slippage_paid": measures.slippage,
        "dividends_received": measures.dividends,
        "turnover": _ratio(measures.sales * DAYS_A_YEAR / sums.counted, sums.mean_equity),
        "exposure": sums.exposure,
        "best_month": measures.best_month,
        "worst_month": measures.worst_month,
        "participation_median": measures.participation_median,
        "participation_max": measures.participation_max,
    }
    figures |= _drawdown(sums, measures.days)
    figures["calmar"] = None if cagr is None else _ratio(cagr, abs(figures["max_drawdown"]))
    figures |= _benchmark(measures, total_return)
    figures |= _round_trips(measures.trips, measures.ended)
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in figures.items()
    }


def _without_noise(change: float) -> float:
    return 0.0 if abs(change) <= NOISE else change


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > 0 else None


def _annual(deviation: float) -> float:
    return deviation * math.sqrt(DAYS_A_YEAR)


def _annual_ratio(excess: float, deviation: float) -> float | None:
    return excess / deviation * math.sqrt(DAYS_A_YEAR) if deviation > 0 else None


def _annual_growth(growth: float, rows: int) -> float | None:
    """Return the yearly growth rate; None when it overflows."""
    try:
        return growth ** (DAYS_A_YEAR / rows) - 1 if abs(growth - 1) > NOISE else 0.0
    except OverflowError:
        return None


def _drawdown(sums: CurveSums, days: np.ndarray) -> dict[str, Any]:
    """The deepest drawdown: from the last row at the peak before it (the window's first row when that is the initial
    cash) to the first row at the bottom, and the first row at the peak again."""
    if sums.depth >= 0:
        return {"max_drawdown": 0.0, **dict.fromkeys(DATE_FIGURES)}
    rows = (sums.peak, sums.bottom, sums.recovery)
    dates = [None if row < 0 else int(days[row]) for row in rows]
    return {"max_drawdown": sums.depth, **dict(zip(DATE_FIGURES, dates, strict=True))}


def _benchmark(measures: Measures, total_return: float) -> dict[str, Any]:
    names = (
        "alpha", "beta", "tracking_error", "information_ratio", "benchmark_total_return", "benchmark_cagr",
        "benchmark_max_drawdown", "excess_return",
    )  # fmt: skip
    figures: dict[str, Any] = dict.fromkeys(names)
    if not measures.has_benchmark:
        return figures
    sums = measures.curve
    benchmark_return = _without_noise(sums.benchmark_growth - 1)
    figures["benchmark_total_return"] = benchmark_return
    figures["benchmark_cagr"] = _annual_growth(max(sums.benchmark_growth, 0.0), len(measures.days))
    figures["benchmark_max_drawdown"] = sums.benchmark_depth
    figures["excess_return"] = total_return - benchmark_return
    if sums.counted < 2:
        return figures
    if sums.benchmark_deviation > 0:
        beta = sums.covariance / sums.variance
        figures["beta"] = beta
        figures["alpha"] = DAYS_A_YEAR * (sums.excess - beta * sums.benchmark_excess)
    error = _annual(sums.tracking_deviation)
    figures["tracking_error"] = error
    figures["information_ratio"] = _ratio(sums.difference * DAYS_A_YEAR, error)
    return figures


def _round_trips(sums: TripSums, count: int) -> dict[str, Any]:
    if not count:
        names = ("win_rate", "profit_factor", "average_win", "average_loss", "average_holding_days")
        return dict.fromkeys(names)
    return {
        "win_rate": sums.wins / count,
        "profit_factor": _ratio(sums.gains, -sums.losses),
        "average_win": sums.mean_win,
        "average_loss": sums.mean_loss,
        "average_holding_days": sums.holding_days / count,
    }


def _participation(shares_of_volume: np.ndarray) -> tuple[float | None, float | None]:
    """Return the median and the greatest; None without a purchase."""
    if not len(shares_of_volume):
        return None, None
    middle = [(len(shares_of_volume) - 1) // 2, len(shares_of_volume) // 2]
    ordered = np.partition(shares_of_volume, middle)
    below, above = ordered[middle]
    return float((below + above) / 2), float(ordered[middle[1] :].max())
