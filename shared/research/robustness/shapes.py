"""The parts of a robustness report as JSON has them; None is undefined or absent. Returns are fractions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict


class ChangedFigures(TypedDict):
    """Figures of a changed backtest."""

    total_return: float
    cagr: float | None
    sharpe: float | None
    max_drawdown: float | None
    trades: int


class Failure(TypedDict):
    """Why a changed backtest has no figures."""

    code: str
    params: Mapping[str, Any]
    message: str


class ChangedDocument(TypedDict):
    """A changed backtest; `request` is a body of `POST /v1/backtests`."""

    name: str
    parameter: str | None
    value: float | str | None
    figures: ChangedFigures | None
    failure: Failure | None
    request: dict[str, Any]


class SubUniverseDocument(ChangedDocument):
    """The backtest over a part of its universe."""

    mean_stocks: float | None
    least_sharpe: float | None
    passes: bool | None


class Spread(TypedDict):
    """A figure over several runs, of which `count` have it."""

    count: int
    min: float | None
    median: float | None
    mean: float | None
    max: float | None


class Placed(Spread):
    """A figure over random selections, and where the backtest lies among them."""

    percentile: float | None
    p_value: float | None


class Group(TypedDict):
    """Changed backtests of one kind."""

    lines: list[ChangedDocument]
    total_return: Spread
    sharpe: Spread


class NeighbourGroup(Group):
    """Each number of the strategy one step lower and higher."""

    kept_half: float | None
    cliffs: list[str]


class SlippageGroup(Group):
    """0, 1, 2 and 3 times the slippage."""

    break_even: ChangedDocument | None


class SubUniverseGroup(TypedDict):
    """Parts of the universe; `passing`: share of those that are judged."""

    lines: list[SubUniverseDocument]
    total_return: Spread
    sharpe: Spread
    mean_stocks: float
    passing: float | None


class RankNoise(TypedDict):
    """The backtest with noise in its ranking."""

    draws: int
    seed: int
    noise_pct: float
    kept_half: float | None
    total_return: Spread
    sharpe: Spread


class RandomSelection(TypedDict):
    """The backtest among random selections with the same exits."""

    draws: int
    seed: int
    buys: int
    mean_buys: float
    total_return: Placed
    sharpe: Placed


YearReturn = TypedDict("YearReturn", {"year": str, "return": float | None})
"""The return of a calendar year."""


class Regime(TypedDict):
    """Returns of the rows on which the benchmark was above or below its mean."""

    regime: str
    rows: int
    total_return: float
    mean_return_annual: float | None
    sharpe: float | None


class IntervalDocument(TypedDict):
    """An estimate and its interval."""

    estimate: float
    low: float
    high: float


class IntervalsDocument(TypedDict):
    """Bootstrap intervals with mean blocks of `block_rows` rows."""

    confidence: float
    block_rows: float
    sharpe: IntervalDocument
    sharpe_studentised: IntervalDocument
    cagr: IntervalDocument
    max_drawdown: IntervalDocument


class TrialDocument(TypedDict):
    """What the ledger records of a changed backtest; a week without a return is None."""

    digest: int
    weeks: list[int]
    returns: list[float | None]


class RobustnessDocument(TypedDict):
    """A robustness report."""

    backtest: ChangedDocument
    neighbours: NeighbourGroup
    slippage: SlippageGroup
    starts: Group
    phases: Group
    delay: Group
    sub_universes: SubUniverseGroup
    rank_noise: RankNoise | None
    random_selection: RandomSelection | None
    years: list[YearReturn]
    regimes: list[Regime] | None
    intervals: IntervalsDocument | None
    trials: NotRequired[list[TrialDocument]]
