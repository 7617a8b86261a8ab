"""The parts of a factor report as JSON has them; a figure that is None is absent. Returns are fractions."""

from __future__ import annotations

from typing import TypedDict


class MeanFigures(TypedDict):
    """A mean over `rows` rows, its Newey-West t with `lags` lags."""

    rows: int
    mean: float | None
    t: float | None
    lags: int


class CoefficientFigures(MeanFigures):
    """A correlation by row; ratio: mean / deviation; positive: share of the rows above 0."""

    deviation: float | None
    ratio: float | None
    ratio_annual: float | None
    positive: float | None


QuantileFigures = TypedDict(
    "QuantileFigures",
    {
        "quantile": int, "stocks": float, "return": float | None, "demeaned": float | None, "turnover": float | None,
        "net": float | None,
    },
)  # fmt: skip
"""The portfolio of a quantile, from 1."""


class SpreadFigures(MeanFigures):
    """The highest less the lowest quantile; turnover is that of both."""

    turnover: float | None
    net: float | None


class HorizonFigures(TypedDict):
    """The figures of one holding time in rows; `excluded`: reason -> cells."""

    horizon: int
    ic: CoefficientFigures
    rank_ic: CoefficientFigures
    quantiles: list[QuantileFigures]
    spread: SpreadFigures
    rank_autocorrelation: float | None
    fama_macbeth: MeanFigures
    excluded: dict[str, int]


class CoverageFigures(TypedDict):
    """Mean numbers of stocks in the universe and with a value."""

    universe: float
    values: float
    share: float | None
    rows_without_value: int


class DecayPoint(TypedDict):
    """Mean coefficients of a horizon, and the t of the rank IC."""

    horizon: int
    ic: float | None
    rank_ic: float | None
    t: float | None


class DecayFigures(TypedDict):
    """Coefficients by horizon; half_life in rows."""

    horizons: list[DecayPoint]
    half_life: float | None


class YearFigures(TypedDict):
    """A calendar year and horizon."""

    year: int
    horizon: int
    rows: int
    rank_ic: float | None
    spread: float | None


class GroupFigures(TypedDict):
    """A group of stocks at one horizon."""

    by: str
    group: str
    horizon: int
    stocks: float
    rank_ic: MeanFigures
    spread: MeanFigures


class CorrelationFigures(TypedDict):
    """Correlation with a factor of the catalogue over `rows` rows."""

    factor: str
    correlation: float | None
    rows: int


class SeriesFigures(TypedDict):
    """Figures by row; lists by horizon and row."""

    date: list[str]
    values: list[int]
    ic: list[list[float | None]]
    rank_ic: list[list[float | None]]
    spread: list[list[float | None]]


CheckFigures = TypedDict(
    "CheckFigures",
    {
        "check": str, "horizon": int | None, "value": float | None, "least": float | None, "most": float | None,
        "passes": bool | None, "with": str | None,
    },
)  # fmt: skip
"""A bound, the figure, and whether it is kept; with: the other factor of a correlation."""
