"""Shapes of answers about backtests, and of problem documents; further fields may be added in later versions.

Results: `result_responses.py`, analysis: `analysis_responses.py`; other resources: `market_responses.py`,
`operation_responses.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant, Share
from services.api.schemas.ledger_responses import Deflated
from services.api.schemas.result_responses import EquityPoint, Result, Statistics, Trade
from shared.model.request import about

Origin = Literal["user", "preview", "warmer", "verify"]
Status = Literal["queued", "preparing", "running", "completed", "failed", "cancelled"]


class ProblemItem(Struct, kw_only=True):
    """One problem of a request."""

    path: Annotated[str, about("Place in the request (strategy.buy.where), or name of a parameter or header.")]
    message: Annotated[str, about("What is wrong there, and what is allowed.")]
    line: Annotated[int | None, about("In an expression: line of the problem, from 1.")] = None
    column: Annotated[int | None, about("In an expression: column of the problem, from 1.")] = None
    suggestions: Annotated[list[str], about("Names that may have been meant, the nearest first.")] = []
    code: Annotated[str, about("Stable identifier of the message (reference page errors).")]
    params: Annotated[dict[str, Any], about("Values that the message names.")]


class ProblemDocument(Struct, kw_only=True):
    """A problem document (RFC 9457) with every problem of the request."""

    type: Annotated[str, about("Stable name of the kind of problem: urn:ondol:problem:…")]
    title: Annotated[str, about("Title of the kind of problem.")]
    status: Annotated[int, about("HTTP status.")]
    detail: Annotated[str, about("What happened, and what to do.")]
    code: Annotated[str, about("Stable identifier of the detail (reference page errors).")]
    params: Annotated[dict[str, Any], about("Values that the detail names.")]
    errors: Annotated[list[ProblemItem], about("Every problem of the request, by its place.")]
    kind: Annotated[str | None, about("Stable word of the reason why there is no result; absent: no run failed.")] = (
        None
    )


class RunProblem(ProblemDocument, kw_only=True):
    """Why a backtest ended without a result."""

    kind: Annotated[str, about("Stable word of the reason.")]


class BacktestHead(Struct, kw_only=True):
    """State of a backtest."""

    id: Annotated[str, about("Id of the backtest.")]
    status: Annotated[Status, about("State; completed, failed and cancelled are final.")]
    progress: Annotated[Share, about("Part of the days that are simulated.", "fraction")]
    cached: Annotated[bool, about("Whether a stored result answered the request.")]
    strategy_id: Annotated[str | None, about("Id of the strategy that the request named.")]
    origin: Annotated[
        Origin,
        about("What requested it: a user, the preview of a form, the warmer, or its verification."),
    ]
    name: Annotated[str | None, about("Name that its owner gave it.")]
    note: Annotated[str | None, about("Note of its owner.")]
    starred: Annotated[bool, about("Whether it has a star; it is not deleted by retention then.")]
    research: Annotated[str | None, about("Research line that it is a trial of; null: none.")]
    dataset: Annotated[str | None, about("Dataset version; null while the first one is prepared.")]
    engine_version: Annotated[
        str | None, about("Version of the engine that computes or computed it; null: not queued yet.")
    ]
    outdated: Annotated[
        bool, about("Whether an older version of the engine computed the result; the same request now gives another.")
    ]
    created_at: Annotated[Instant, about("When the request was accepted.", UTC)]
    started_at: Annotated[Instant | None, about("When the computation began.", UTC)]
    finished_at: Annotated[Instant | None, about("When the computation ended.", UTC)]
    request: Annotated[dict[str, Any], about("The request in canonical form, with every default.")]


class Backtest(BacktestHead, kw_only=True):
    """A backtest."""

    links: Annotated[dict[str, str], about("Paths of the backtest's resources.")]
    deflated: Annotated[
        Deflated | None,
        about("Statistics corrected for the trials of its research line; null: no line, or not completed."),
    ]
    result: Annotated[Result | None, about("Result of a completed backtest.")] = None
    error: Annotated[RunProblem | None, about("Problem of a failed backtest.")] = None


class BacktestItem(BacktestHead, kw_only=True):
    """A backtest in a list: its window, figures and statistics instead of its result; figures are null without one."""

    start: Annotated[DateText, about("First day of the request.", DATE)]
    end: Annotated[DateText, about("Last day of the request.", DATE)]
    total_return: Annotated[float | None, about("Final equity / initial cash - 1.", "fraction")]
    cagr: Annotated[float | None, about("Yearly growth rate.", "fraction a year")]
    max_drawdown: Annotated[float | None, about("Deepest drawdown from a peak.", "fraction")]
    sharpe: Annotated[float | None, about("Mean excess return / deviation, for a year.")]
    sortino: Annotated[float | None, about("Mean excess return / downside deviation, for a year.")]
    volatility: Annotated[float | None, about("Deviation of the daily returns, for a year.", "fraction a year")]
    win_rate: Annotated[float | None, about("Round trips with a gain / round trips.", "fraction")]
    trades: Annotated[Count | None, about("Fills of at least one share.", "fills")]
    benchmark_total_return: Annotated[float | None, about("total_return of the benchmark.", "fraction")]
    statistics: Annotated[Statistics | None, about("Statistics of a completed backtest.")]
    error: Annotated[RunProblem | None, about("Problem of a failed backtest.")] = None


class BacktestList(Struct, kw_only=True):
    """A page of backtests, the newest first."""

    items: Annotated[list[BacktestItem], about("Backtests.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class TradePage(Struct, kw_only=True):
    """A page of trades."""

    items: Annotated[list[Trade], about("Trades, in order of execution.")]
    total: Annotated[Count, about("Number of trades of the backtest.", "trades")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class EquityPage(Struct, kw_only=True):
    """A page of the equity curve."""

    items: Annotated[list[EquityPoint], about("Days.")]
    total: Annotated[Count, about("Number of days of the backtest.", "days")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class SharpeDifference(Struct, kw_only=True):
    """A difference of Sharpe ratios over common days, and whether it can be distinguished from 0."""

    difference: Annotated[float, about("Sharpe ratio less that of the first backtest, over the common days.", "a year")]
    error: Annotated[float, about("Standard error, which allows for autocorrelation (Ledoit and Wolf 2008).", "a year")]
    p: Annotated[float, about("Two-sided p-value: how often equal ratios differ so much by chance.", "fraction")]
    lags: Annotated[Count, about("Lags of the Bartlett kernel.", "days")]
    days: Annotated[Count, about("Daily returns that both have.", "days")]


class ComparedBacktest(Struct, kw_only=True):
    """One of the compared backtests."""

    id: Annotated[str, about("Id of the backtest.")]
    strategy_id: Annotated[str | None, about("Id of the strategy that the request named.")]
    dataset: Annotated[str | None, about("Dataset version.")]
    statistics: Annotated[Statistics, about("Statistics of the run.")]
    equity: Annotated[list[float | None], about("Equity on the common dates.", "won")]
    sharpe_difference: Annotated[
        SharpeDifference | None,
        about("Against the first backtest; null for the first, below 3 returns, and for an equity that does not vary."),
    ]


class Comparison(Struct, kw_only=True):
    """Backtests side by side."""

    dates: Annotated[list[DateText], about("Days that all the backtests have.", DATE)]
    items: Annotated[list[ComparedBacktest], about("The backtests, in the order of the request.")]
