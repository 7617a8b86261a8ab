"""The figures of a finished run, from its equity curve, its benchmark and its closed round trips; undefined is None.

Sums are pairwise ones in a fixed order (shared/native/statistics.c), never those of a linear algebra library, so that
every machine has the same bits.
"""

from __future__ import annotations

import ctypes
import math
from ctypes import Structure, c_double, c_int64, c_void_p
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from shared.model.calendar import iso
from shared.native import library, place
from shared.simulation.native import TRIP, address

DAYS_A_YEAR = 252


class _Course(Structure):
    _fields_ = (
        *((name, c_void_p) for name in ("equity", "cash", "benchmark")),
        *((name, c_int64) for name in ("rows", "idle")),
        *((name, c_double) for name in ("initial_cash", "daily_rf")),
        *((name, c_void_p) for name in ("returns", "drawdowns", "work")),
    )


class _Measures(Structure):
    _fields_ = (
        *(
            (name, c_double)
            for name in (
                "best", "worst", "deviation", "excess", "below", "active_deviation", "active_excess", "equity",
                "exposure", "depth",
            )
        ),
        *((name, c_int64) for name in ("peak", "bottom", "regained", "compared")),
        *(
            (name, c_double)
            for name in ("variance", "covariance", "above", "benchmark_above", "apart", "difference")
        ),
    )  # fmt: skip


class _Outcomes(Structure):
    _fields_ = (
        *((name, c_double) for name in ("won_sum", "lost_sum", "won_part", "lost_part")),
        *((name, c_int64) for name in ("won", "days")),
    )


@cache
def _kernels() -> ctypes.CDLL:
    found = library("statistics")
    found.measure.restype = None
    found.measure.argtypes = [ctypes.POINTER(_Course), ctypes.POINTER(_Measures)]
    found.judge_trips.restype = None
    found.judge_trips.argtypes = [
        c_void_p, c_int64, c_int64, c_int64, c_int64, c_void_p, c_void_p, c_void_p, c_void_p,
        ctypes.POINTER(_Outcomes),
    ]  # fmt: skip
    return found


@dataclass(frozen=True, kw_only=True)
class Totals:
    """Sums over all fills."""

    sales: float
    commission: float
    tax: float
    slippage: float
    fills: int


class Course:
    """The run day by day: arrays over the N rows of the window, and what is measured of them.

    `returns`: daily, the first against the initial cash, NaN on days after an equity of 0. `drawdowns`: equity against
    its highest value so far, the initial cash being the first. `benchmark` has returns, None without one.
    """

    def __init__(
        self, *, days: np.ndarray, equity: np.ndarray, cash: np.ndarray, initial_cash: float,
        benchmark: np.ndarray | None, idle_days: int, risk_free_pct: float,
    ) -> None:  # fmt: skip
        self.days, self.equity, self.cash, self.benchmark = days, equity, cash, benchmark
        self.initial_cash, self.idle_days = initial_cash, idle_days
        self.daily_rf = risk_free_pct / 100 / DAYS_A_YEAR
        rows = len(equity)
        if not rows or len(cash) != rows or len(days) != rows or (benchmark is not None and len(benchmark) != rows):
            raise ValueError("a course needs as many days, cash and benchmark returns as it has equity, and a day")
        self.returns, self.drawdowns = np.empty(rows), np.empty(rows)
        work, self.measures = np.empty(3 * rows), _Measures()
        asked = _Course(
            address(equity, np.float64), address(cash, np.float64),
            None if benchmark is None else address(benchmark, np.float64), rows, idle_days, initial_cash,
            self.daily_rf, place(self.returns), place(self.drawdowns), place(work),
        )  # fmt: skip
        _kernels().measure(asked, self.measures)

    @cached_property
    def months(self) -> list[tuple[int, int]]:
        """(months since 1970, last row) of each calendar month."""
        months = self.days.astype("datetime64[D]").astype("datetime64[M]").view(np.int64)
        last = [*np.flatnonzero(months[1:] != months[:-1]).tolist(), len(months) - 1]
        return list(zip(months[last].tolist(), last, strict=True))

    def monthly_returns(self) -> list[tuple[str, float | None]]:
        """(YYYY-MM, return) by calendar month, the first against the initial cash."""
        return self._returns_of([(f"{1970 + m // 12:04d}-{m % 12 + 1:02d}", row) for m, row in self.months])

    def yearly_returns(self) -> list[tuple[str, float | None]]:
        """(YYYY, return) by calendar year, the first against the initial cash."""
        return self._returns_of(list({f"{1970 + m // 12:04d}": row for m, row in self.months}.items()))

    def _returns_of(self, periods: list[tuple[str, int]]) -> list[tuple[str, float | None]]:
        ends = self.equity[[row for _, row in periods]].tolist()
        before = [self.initial_cash, *ends[:-1]]
        return [(name, e / b - 1 if b > 0 else None) for (name, _), e, b in zip(periods, ends, before, strict=True)]


class Trips:
    """Closed round trips (TRIP records) with their ages in calendar days, gains in won and as a part of the cost."""

    def __init__(self, records: np.ndarray, days: np.ndarray) -> None:
        count = len(records)
        self.records = records
        self.ages = days[records["exit_row"]] - days[records["entry_row"]]
        self.gains, self.parts, self.outcomes = np.empty(count), np.empty(count), _Outcomes()
        work, fields = np.empty(2 * count), TRIP.fields
        assert fields is not None  # noqa: S101 - it is a record
        _kernels().judge_trips(
            address(records, TRIP), count, TRIP.itemsize, fields["cost"][1], fields["brought"][1],
            address(self.ages, np.int32), place(self.gains), place(self.parts), place(work), self.outcomes,
        )  # fmt: skip


def statistics(course: Course, trips: Trips, totals: Totals, months: list[tuple[str, float | None]]) -> dict[str, Any]:
    """Every figure by name, in name order."""
    measured = course.measures
    rows, final = len(course.equity), float(course.equity[-1])
    growth = max(final, 0.0) / course.initial_cash
    cagr = growth ** (DAYS_A_YEAR / rows) - 1
    found: dict[str, Any] = {
        "total_return": final / course.initial_cash - 1,
        "cagr": cagr,
        "volatility": _annual(measured.deviation),
        "sharpe": _ratio_of_year(measured.excess, measured.deviation),
        "sortino": measured.excess * math.sqrt(DAYS_A_YEAR) / measured.below if measured.below > 0 else None,
        "best_day": measured.best,
        "worst_day": measured.worst,
        "idle_days": course.idle_days,
        "sharpe_active": _ratio_of_year(measured.active_excess, measured.active_deviation),
        "trades": totals.fills,
        "commission_paid": totals.commission,
        "tax_paid": totals.tax,
        "slippage_paid": totals.slippage,
        "turnover": totals.sales * DAYS_A_YEAR / rows / measured.equity if measured.equity > 0 else None,
        "exposure": measured.exposure,
    }
    month_returns = [value for _, value in months if value is not None]
    found["best_month"] = max(month_returns, default=None)
    found["worst_month"] = min(month_returns, default=None)
    found |= _drawdown(course)
    deepest = found["max_drawdown"]
    found["calmar"] = cagr / abs(deepest) if deepest else None
    found |= _against(course)
    found |= _round_trips(trips)
    return {name: _finite(found[name]) for name in sorted(found)}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _annual(deviation: float) -> float | None:
    return None if math.isnan(deviation) else deviation * math.sqrt(DAYS_A_YEAR)


def _ratio_of_year(excess: float, deviation: float) -> float | None:
    return excess / deviation * math.sqrt(DAYS_A_YEAR) if deviation > 0 else None


def _drawdown(course: Course) -> dict[str, Any]:
    """The deepest fall: from the last row at the peak before it (the window's first row when that is the initial cash)
    to the first row at the bottom, and the first row that regains the peak."""
    measured = course.measures
    names = ("max_drawdown_start", "max_drawdown_bottom", "max_drawdown_recovery")
    if measured.depth >= 0:
        return {"max_drawdown": 0.0, **dict.fromkeys(names)}
    rows = (measured.peak, measured.bottom, measured.regained)
    dates = [None if row < 0 else iso(int(course.days[row])) for row in rows]
    return {"max_drawdown": measured.depth, **dict(zip(names, dates, strict=True))}


def _against(course: Course) -> dict[str, Any]:
    found: dict[str, Any] = dict.fromkeys(("alpha", "beta", "tracking_error", "information_ratio"))
    measured = course.measures
    if measured.compared < 2:
        return found
    if measured.variance > 0:
        beta = measured.covariance / measured.variance
        found["beta"] = beta
        found["alpha"] = DAYS_A_YEAR * (measured.above - beta * measured.benchmark_above)
    error = _annual(measured.apart)
    found["tracking_error"] = error
    if error:
        found["information_ratio"] = measured.difference * DAYS_A_YEAR / error
    return found


def _round_trips(trips: Trips) -> dict[str, Any]:
    count, ended = len(trips.records), trips.outcomes
    if not count:
        names = ("win_rate", "profit_factor", "average_win", "average_loss", "average_holding_days")
        return dict.fromkeys(names)
    lost = -ended.lost_sum
    return {
        "win_rate": ended.won / count,
        "profit_factor": ended.won_sum / lost if lost > 0 else None,
        "average_win": ended.won_part,
        "average_loss": ended.lost_part,
        "average_holding_days": ended.days / count,
    }
