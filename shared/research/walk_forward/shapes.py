"""The parts of a walk-forward's answer as JSON has them; None is absent. Returns are fractions."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

from shared.research.sweeps.lattice import Value


class DatesDocument(TypedDict):
    """First and last day (YYYY-MM-DD) and number of rows."""

    first: str
    last: str
    rows: int


class ChoiceDocument(TypedDict):
    """A choice to trade: `mean` is that of the objective over its `neighbours`; `strategy` is that of a request."""

    train: DatesDocument
    variant: int
    values: dict[str, Value]
    mean: float | None
    neighbours: int | None
    strategy: Any


class ShownStatistics(TypedDict):
    """Statistics of a choice over a window."""

    cagr: float | None
    max_drawdown: float | None
    sharpe: float | None
    total_return: float | None
    trades: int | None
    turnover: float | None
    volatility: float | None


class ObjectiveDocument(TypedDict):
    """The objective of a choice over its train and its test."""

    train: float | None
    test: float | None


class StatisticsDocument(TypedDict):
    """The statistics of a choice over its train and its test."""

    train: ShownStatistics
    test: ShownStatistics


class RankDocument(TypedDict):
    """Place of a choice among the variants over the test."""

    rank: float
    of: int
    relative: float


class WindowDocument(TypedDict):
    """A window; everything but its dates is None without a choice. `request` is a body of `POST /v1/backtests`."""

    window: int
    train: DatesDocument
    test: DatesDocument
    variant: int | None
    values: dict[str, Value] | None
    mean: float | None
    neighbours: int | None
    objective: ObjectiveDocument | None
    statistics: StatisticsDocument | None
    rank: RankDocument | None
    request: dict[str, Any] | None


class DriftDocument(TypedDict):
    """How often and how far the choice of a parameter moved."""

    changes: int
    mean_step: float | None


class IntervalsDocument(TypedDict):
    """Bootstrap intervals of yearly figures, each [low, high]."""

    confidence: float
    block_rows: float
    sharpe: list[float]
    sharpe_studentised: list[float]
    cagr: list[float]
    max_drawdown: list[float]


class Significance(TypedDict):
    """The t of the daily returns above the risk-free rate over `rows`, and intervals."""

    rows: int
    t: float | None
    intervals: IntervalsDocument | None


class StitchedDocument(Significance):
    """The account over all tests; `statistics` are those of a result."""

    carry: Literal["positions", "cash"]
    first: str
    last: str
    statistics: dict[str, Any]
    efficiency: float | None
    rank_mean: float | None
    below_middle: float | None


class WalkForwardDocument(TypedDict):
    """What an answer has besides the head of the walk-forward."""

    windows: list[WindowDocument]
    stitched: StitchedDocument | None
    drift: dict[str, DriftDocument] | None
    next: ChoiceDocument | None
