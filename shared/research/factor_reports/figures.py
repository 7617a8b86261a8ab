"""Figures of a report from those of its rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from shared.language import Expression
from shared.model.calendar import iso, years_of
from shared.research.factor_reports.options import Options
from shared.research.factor_reports.rows import HorizonRows, ReportRows
from shared.research.factor_reports.shapes import (
    CheckFigures,
    CoefficientFigures,
    CorrelationFigures,
    CoverageFigures,
    DecayFigures,
    DecayPoint,
    GroupFigures,
    HorizonFigures,
    MeanFigures,
    SeriesFigures,
    YearFigures,
)  # fmt: skip
from shared.research.statistics.families import T_HURDLE
from shared.research.statistics.newey_west import MeanTest, mean_test
from shared.simulation.statistics import DAYS_A_YEAR

Array = np.ndarray[Any, np.dtype[Any]]

TURNOVER_BOUNDS = (0.01, 0.7)
"""Share of the names of the outer quantiles that change between two rows of a horizon."""
CORRELATION_BOUND = 0.7


def coefficient(values: Array, horizon: int) -> CoefficientFigures:
    """Return mean, deviation and Newey-West t of a coefficient by row, and the ratios that are made of them."""
    test = mean_test(values, horizon)
    known = values[np.isfinite(values)]
    ratio = None
    if test.mean is not None and test.deviation is not None and test.deviation > 1e-12:
        ratio = test.mean / test.deviation
    return {
        "rows": test.rows, "mean": test.mean, "deviation": test.deviation, "t": test.t, "lags": test.lags,
        "ratio": ratio, "ratio_annual": None if ratio is None else ratio * math.sqrt(DAYS_A_YEAR / horizon),
        "positive": float(np.mean(known > 0)) if len(known) else None,
    }  # fmt: skip


def _test(test: MeanTest) -> MeanFigures:
    return {"rows": test.rows, "mean": test.mean, "t": test.t, "lags": test.lags}


def _column_means(values: Array) -> list[float | None]:
    """Return the mean of each column over the rows that have a value."""
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    return [float(total / count) if count else None for total, count in zip(sums, counts, strict=True)]


def horizon_figures(horizon: int, of: HorizonRows, found: ReportRows, options: Options) -> HorizonFigures:
    """Return correlations, quantile portfolios, spread, turnover, regression and exclusions of one horizon."""
    cost = options.cost_pct / 100
    returns, entered = of.whole("returns"), of.whole("entered")
    means, demeaned, turnover = (_column_means(values) for values in (returns, of.whole("demeaned"), entered))
    sizes = np.concatenate(found.sizes).mean(axis=0)
    spread = returns[:, -1] - returns[:, 0]
    both = _sum(turnover[-1], turnover[0])
    test = mean_test(spread, horizon)
    slopes = mean_test(of.whole("slope"), horizon)
    excluded = of.excluded
    correlation = _column_means(of.whole("rank_correlation")[:, None])[0]
    return {
        "horizon": horizon,
        "ic": coefficient(of.whole("ic"), horizon),
        "rank_ic": coefficient(of.whole("rank_ic"), horizon),
        "quantiles": [
            {"quantile": q + 1, "stocks": float(sizes[q]), "return": means[q], "demeaned": demeaned[q],
             "turnover": turnover[q], "net": _net(means[q], turnover[q], cost)}
            for q in range(options.quantiles)
        ],
        "spread": {**_test(test), "turnover": both, "net": _net(test.mean, both, cost)},
        "rank_autocorrelation": correlation,
        "fama_macbeth": _test(slopes),
        "excluded": excluded | {"used": excluded["cells"] - sum(v for k, v in excluded.items() if k != "cells")},
    }  # fmt: skip


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _net(mean: float | None, turnover: float | None, cost: float) -> float | None:
    """Return a mean return less the costs of the names that change: one sale and one purchase each."""
    return None if mean is None or turnover is None else mean - 2 * turnover * cost


def coverage_figures(found: ReportRows) -> CoverageFigures:
    """Return the mean numbers of stocks in the universe and with a value."""
    universe, values = np.concatenate(found.universe), np.concatenate(found.values)
    total = int(universe.sum())
    return {
        "universe": float(universe.mean()), "values": float(values.mean()),
        "share": float(values.sum() / total) if total else None,
        "rows_without_value": int(np.count_nonzero(values == 0)),
    }  # fmt: skip


def decay(found: ReportRows) -> DecayFigures:
    """Return the mean coefficients by horizon, and the horizon at which the rank IC is half of its largest."""
    points: list[DecayPoint] = []
    for horizon, of in found.horizons.items():
        test = mean_test(of.whole("rank_ic"), horizon)
        mean = mean_test(of.whole("ic"), horizon).mean
        points.append({"horizon": horizon, "ic": mean, "rank_ic": test.mean, "t": test.t})
    return {"horizons": points, "half_life": half_life([(point["horizon"], point["rank_ic"]) for point in points])}


def half_life(points: list[tuple[int, float | None]]) -> float | None:
    """Return the first horizon after that of the largest |rank IC| at which it is half of that, by linear interpolation
    between the horizons; None when it does not fall so far."""
    known = [(h, value) for h, value in points if value is not None]
    if not known:
        return None
    at = max(range(len(known)), key=lambda i: (abs(known[i][1]), -i))
    top = known[at][1]
    if top == 0:
        return None
    before = (float(known[at][0]), 1.0)
    for horizon, value in known[at + 1 :]:
        share = value / top
        if share <= 0.5:
            return before[0] + (before[1] - 0.5) / (before[1] - share) * (horizon - before[0])
        before = (float(horizon), share)
    return None


def year_figures(days: Array, found: ReportRows, options: Options) -> list[YearFigures]:
    """Return the mean rank IC and spread of each year and horizon."""
    of_row = years_of(days)
    rows: list[YearFigures] = []
    for year in np.unique(of_row).tolist():
        inside = of_row == year
        for horizon in options.horizons:
            of = found.horizons[horizon]
            returns = of.whole("returns")[inside]
            coefficients_ = of.whole("rank_ic")[inside]
            rows.append({
                "year": year, "horizon": horizon, "rows": int(np.isfinite(coefficients_).sum()),
                "rank_ic": _column_means(coefficients_[:, None])[0],
                "spread": _column_means((returns[:, -1] - returns[:, 0])[:, None])[0],
            })  # fmt: skip
    return rows


def group_figures(found: ReportRows, options: Options) -> list[GroupFigures] | None:
    """Return the rank IC and the spread within each group that has a stock with a value; None without breakdowns."""
    if not options.breakdowns:
        return None
    rows: list[GroupFigures] = []
    for (by, name), horizons in found.groups.items():
        for horizon, of in horizons.items():
            stocks = of.whole("stocks")
            if not stocks.any():
                continue
            test = mean_test(of.whole("rank_ic"), horizon)
            rows.append({
                "by": by, "group": name, "horizon": horizon, "stocks": float(stocks.mean()),
                "rank_ic": _test(test), "spread": _test(mean_test(of.whole("spread"), horizon)),
            })  # fmt: skip
    return rows


def series(days: Array, found: ReportRows, options: Options) -> SeriesFigures:
    """Return the figures by row: dates, stocks with a value, and lists by horizon, in the order of the horizons."""

    def listed(values: Array) -> list[float | None]:
        return [value if math.isfinite(value) else None for value in values.tolist()]

    of = [found.horizons[horizon] for horizon in options.horizons]
    return {
        "date": [iso(int(day)) for day in days],
        "values": np.concatenate(found.values).tolist(),
        "ic": [listed(one.whole("ic")) for one in of],
        "rank_ic": [listed(one.whole("rank_ic")) for one in of],
        "spread": [listed((returns := one.whole("returns"))[:, -1] - returns[:, 0]) for one in of],
    }


def checks(
    horizons: list[HorizonFigures], correlations: list[CorrelationFigures] | None, factor: Expression
) -> list[CheckFigures]:
    """Return what a factor is usually asked to pass: its figure, the bounds, and whether it does (null: no figure)."""
    found = []
    for of in horizons:
        t = of["rank_ic"]["t"]
        found.append(_check("t", of["horizon"], None if t is None else abs(t), T_HURDLE, None))
    for of in horizons:
        both = of["spread"]["turnover"]
        found.append(_check("turnover", of["horizon"], None if both is None else both / 2, *TURNOVER_BOUNDS))
    if correlations is not None:
        others = [
            (abs(one["correlation"]), one["factor"])
            for one in correlations
            if one["correlation"] is not None and one["factor"] != factor.text
        ]
        value, name = max(others, default=(None, None))
        check = _check("correlation", None, value, None, CORRELATION_BOUND)
        check["with"] = name
        found.append(check)
    return found


def _check(
    name: str, horizon: int | None, value: float | None, least: float | None, most: float | None
) -> CheckFigures:
    passes = None
    if value is not None:
        passes = (least is None or value >= least) and (most is None or value <= most)
    return {"check": name, "horizon": horizon, "value": value, "least": least, "most": most, "passes": passes,
            "with": None}  # fmt: skip
