"""Shapes of answers about walk-forwards."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant
from services.api.schemas.ledger_responses import Deflated
from services.api.schemas.responses import RunProblem
from services.api.schemas.result_responses import (
    CorporateAction,
    EquityPoint,
    MonthlyReturn,
    OpenPosition,
    ResultWarning,
    RoundTrip,
    Statistics,
    Trade,
    Window,
    YearlyReturn,
)
from services.api.schemas.sweep_responses import Head, SweepHoldout, SweepObjective
from shared.model.request import about
from shared.research.walk_forward.request import Carry, Choose

WalkForwardStatus = Literal["queued", "running", "completed", "failed", "cancelled"]


class WalkForwardHead(Head, kw_only=True):
    """State of a walk-forward; variants are those of all its runs together."""

    status: Annotated[WalkForwardStatus, about("State; completed, failed and cancelled are final.")]


class WalkForwardList(Struct, kw_only=True):
    """A page of walk-forwards, the newest first."""

    items: Annotated[list[WalkForwardHead], about("Walk-forwards.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class RunDays(Struct, kw_only=True):
    """The trading days of a run."""

    first: Annotated[DateText, about("First day.", DATE)]
    last: Annotated[DateText, about("Last day.", DATE)]
    rows: Annotated[Count, about("Trading days.", "trading days")]


class TrainAndTest(Struct, kw_only=True):
    """A figure of the choice over both kinds of days."""

    train: Annotated[float | None, about("Over the days that chose.")]
    test: Annotated[float | None, about("Over the days that traded.")]


class WindowFigures(Struct, kw_only=True):
    """Main statistics of the choice over a run."""

    cagr: Annotated[float | None, about("Annual growth.", "fraction")]
    max_drawdown: Annotated[float | None, about("Deepest drawdown.", "fraction")]
    sharpe: Annotated[float | None, about("Sharpe ratio of daily returns, for a year.")]
    total_return: Annotated[float | None, about("Return.", "fraction")]
    trades: Annotated[Count | None, about("Fills.", "fills")]
    turnover: Annotated[float | None, about("Sales a year over the mean equity.", "a year")]
    volatility: Annotated[float | None, about("Deviation of daily returns, for a year.", "fraction")]


class WindowStatistics(Struct, kw_only=True):
    """Statistics of the choice as an account of its own, over both kinds of days."""

    train: Annotated[WindowFigures, about("Over the days that chose.")]
    test: Annotated[WindowFigures, about("Over the days that traded.")]


class OutOfSampleRank(Struct, kw_only=True):
    """Place of the choice among all variants over the test days, by the statistic of the objective."""

    rank: Annotated[float, about("Place; 1 is best, equal ones share the mean place.")]
    of: Annotated[Count, about("Variants whose statistic is defined.", "variants")]
    relative: Annotated[float, about("Share of the order below it; above 0.5 is better than the middle.", "fraction")]


class WalkForwardWindow(Struct, kw_only=True):
    """A window: what was chosen from its train, and how that fared over its test."""

    window: Annotated[Count, about("Number of the window, from 0.")]
    train: Annotated[RunDays, about("Days that chose.")]
    test: Annotated[RunDays, about("Days that traded the choice.")]
    variant: Annotated[Count | None, about("Chosen variant; null: not known yet, or nothing could be chosen.")]
    values: Annotated[dict[str, Any] | None, about("Its values by parameter.")]
    mean: Annotated[float | None, about("With plateau: mean objective over the choice and its neighbours.")]
    neighbours: Annotated[Count | None, about("With plateau: its ranked neighbours.", "variants")]
    objective: Annotated[TrainAndTest | None, about("Objective of the choice in sample and out of sample.")]
    statistics: Annotated[WindowStatistics | None, about("Statistics of the choice.")]
    rank: Annotated[OutOfSampleRank | None, about("Its place out of sample; null with fewer than two variants.")]
    request: Annotated[
        dict[str, Any] | None, about("Body of `POST /v1/backtests` that gives `statistics.test` of this window.")
    ]


class StitchedIntervals(Struct, kw_only=True):
    """Intervals by the stationary bootstrap of the daily returns."""

    confidence: Annotated[float, about("Confidence of each interval.", "fraction")]
    block_rows: Annotated[float, about("Mean block (Politis and White).", "trading days")]
    sharpe: Annotated[list[float], about("Of the Sharpe ratio, percentiles, for a year.")]
    sharpe_studentised: Annotated[list[float], about("Of the Sharpe ratio, studentised, for a year.")]
    cagr: Annotated[list[float], about("Of the annual growth.", "fraction")]
    max_drawdown: Annotated[list[float], about("Of the deepest drawdown.", "fraction")]


class StitchedSummary(Struct, kw_only=True):
    """The account over all test days."""

    carry: Annotated[Carry, about("positions: one account; cash: accounts chained by return.")]
    first: Annotated[DateText, about("First test day.", DATE)]
    last: Annotated[DateText, about("Last test day.", DATE)]
    rows: Annotated[Count, about("Test days.", "trading days")]
    statistics: Annotated[Statistics, about("Statistics as of a backtest.")]
    t: Annotated[float | None, about("t-statistic of the daily returns above the risk-free rate.")]
    intervals: Annotated[StitchedIntervals | None, about("Bootstrap intervals; null when returns do not vary.")]
    efficiency: Annotated[
        float | None,
        about("Annual growth over the tests against the mean over the trains of the choices; null when that mean is "
              "not above 0. For orientation only: judge by t and the intervals."),
    ]  # fmt: skip
    rank_mean: Annotated[float | None, about("Mean of the relative ranks out of sample; 0.5 is no skill.", "fraction")]
    below_middle: Annotated[
        float | None,
        about("Share of the windows whose choice is not above the median out of sample: the probability of "
              "overfitting of this way of choosing.", "fraction"),
    ]  # fmt: skip


class ParameterDrift(Struct, kw_only=True):
    """How the choice of a parameter moved from window to window."""

    changes: Annotated[Count, about("Windows that chose another value than the one before.", "windows")]
    mean_step: Annotated[
        float | None, about("Mean distance in places of the parameter's values, against their number.", "fraction")
    ]


class NextValues(Struct, kw_only=True):
    """The values that the last days choose for the days after the end."""

    train: Annotated[RunDays, about("Days that choose.")]
    variant: Annotated[Count, about("Chosen variant.")]
    values: Annotated[dict[str, Any], about("Its values by parameter.")]
    mean: Annotated[float | None, about("With plateau: mean objective over the choice and its neighbours.")]
    neighbours: Annotated[Count | None, about("With plateau: its ranked neighbours.", "variants")]
    strategy: Annotated[dict[str, Any], about("The strategy with these values.")]


class WalkForward(WalkForwardHead, kw_only=True):
    """A walk-forward."""

    objective: Annotated[SweepObjective, about("What the variants are ranked by.")]
    choose: Annotated[Choose, about("How a window chooses.")]
    carry: Annotated[Carry, about("What is carried from window to window.")]
    windows: Annotated[list[WalkForwardWindow], about("The windows, in order.")]
    stitched: Annotated[StitchedSummary | None, about("The account over all test days; null until it is completed.")]
    drift: Annotated[dict[str, ParameterDrift] | None, about("Movement of each parameter.")]
    next: Annotated[NextValues | None, about("Values to trade after the end; null: nothing could be chosen.")]
    deflated: Annotated[
        Deflated | None,
        about("Statistics of the account corrected for the trials of its line; null without line or account."),
    ]
    error: Annotated[RunProblem | None, about("Why it failed.")]
    holdout: Annotated[SweepHoldout | None, about("Days that no run has read; null: none.")]
    request: Annotated[dict[str, Any], about("The request, with the strategy of the template spelled out.")]
    links: Annotated[dict[str, str], about("Paths of the walk-forward's resources.")]


class StitchedResult(Struct, kw_only=True):
    """The account over all test days, in the shape of a backtest's result.

    With carry cash, tables are those of the windows' own accounts one after another, the curve and the returns are
    chained, and amounts of statistics are scaled to the chained account.
    """

    window: Annotated[Window, about("Test days.")]
    statistics: Annotated[Statistics, about("Statistics of the account.")]
    equity: Annotated[list[EquityPoint], about("The equity curve, by day.")]
    trades: Annotated[list[Trade], about("Trades, by day and then in order of execution.")]
    round_trips: Annotated[list[RoundTrip], about("Closed positions.")]
    open_positions: Annotated[list[OpenPosition], about("Positions that are held on the last day.")]
    monthly_returns: Annotated[list[MonthlyReturn], about("Returns by month.")]
    yearly_returns: Annotated[list[YearlyReturn], about("Returns by year.")]
    corporate_actions: Annotated[list[CorporateAction], about("Splits and dividends of the positions.")]
    unfilled: Annotated[dict[str, int], about("Number of orders that could not fill, by reason.")]
    warnings: Annotated[list[ResultWarning], about("What a reader of the result must know.")]


class WalkForwardHoldout(Struct, kw_only=True):
    """The one opening of a holdout."""

    walk_forward: Annotated[str, about("Id of the walk-forward.")]
    variant: Annotated[Count, about("Variant of `next`, which it was opened for.")]
    opened_at: Annotated[Instant, about("When it was opened.", UTC)]
    backtest: Annotated[str, about("Id of the backtest of the variant over the holdout.")]
