"""Shapes of answers about backtests, and of problem documents; further fields may be added in later versions.

Other resources: `market_responses.py`, `operation_responses.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from shared.model.request import about

Status = Literal["queued", "preparing", "running", "completed", "failed", "cancelled"]
Share = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
DateText = Annotated[str, Meta(extra_json_schema={"format": "date"})]
NEXT_CURSOR = about("Cursor of the next page; null: this is the last one.")
UTC = "instant, RFC 3339 in UTC"
DATE = "date, YYYY-MM-DD"


class ProblemItem(Struct, kw_only=True):
    """One problem of a request."""

    path: Annotated[str, about("Place in the request (strategy.buy.where), or name of a parameter or header.")]
    message: Annotated[str, about("What is wrong there, and what is allowed.")]
    line: Annotated[int | None, about("In an expression: line of the problem, from 1.")] = None
    column: Annotated[int | None, about("In an expression: column of the problem, from 1.")] = None
    suggestions: Annotated[list[str], about("Names that may have been meant, the nearest first.")] = []


class ProblemDocument(Struct, kw_only=True):
    """A problem document (RFC 9457) with every problem of the request."""

    type: Annotated[str, about("Stable name of the kind of problem: urn:ondol:problem:…")]
    title: Annotated[str, about("Title of the kind of problem.")]
    status: Annotated[int, about("HTTP status.")]
    detail: Annotated[str, about("What happened, and what to do.")]
    errors: Annotated[list[ProblemItem], about("Every problem of the request, by its place.")]


class RunProblem(ProblemDocument, kw_only=True):
    """Why a backtest ended without a result."""

    kind: Annotated[str, about("Stable word of the reason.")]


class EquityPoint(Struct, kw_only=True):
    """One day of the equity curve."""

    date: Annotated[DateText, about("Trading day.", DATE)]
    equity: Annotated[float | None, about("Cash and value of the positions in the evening.", "won")]
    cash: Annotated[float | None, about("Cash in the evening.", "won")]
    positions: Annotated[Count, about("Number of positions.", "stocks")]
    daily_return: Annotated[float | None, about("Return of the day.", "fraction")]
    drawdown: Annotated[float | None, about("Distance from the highest equity so far, 0 or below.", "fraction")]
    benchmark: Annotated[float | None, about("Value of the benchmark that began with the initial cash.", "won")]


class Trade(Struct, kw_only=True):
    """One fill."""

    date: Annotated[DateText, about("Trading day.", DATE)]
    stock_code: Annotated[str, about("Stock code.")]
    name: Annotated[str, about("Name of the stock.")]
    side: Annotated[Literal["buy", "sell"], about("Side of the trade.")]
    shares: Annotated[float, about("Number of shares.", "shares")]
    price: Annotated[float, about("Price of the fill.", "won")]
    commission: Annotated[float, about("Commission.", "won")]
    tax: Annotated[float, about("Sales tax.", "won")]
    reason: Annotated[
        str,
        about("Rule that made the trade: entry, stop_loss, trailing_stop, take_profit, max_hold, condition, timing, "
              "drawdown_stop, rebalance, delisted or corporate_action."),
    ]  # fmt: skip


class Provenance(Struct, kw_only=True):
    """What a result was computed from."""

    dataset_version: Annotated[str, about("Dataset version.")]
    engine_version: Annotated[str, about("Version of the simulation engine.")]
    rules_version: Annotated[str, about("Version of the market's rules (taxes, ticks, limits).")]
    request_digest: Annotated[str, about("SHA-256 of the canonical request.")]
    result_digest: Annotated[str, about("SHA-256 of the result.")]


class Timing(Struct, kw_only=True):
    """Time by stage."""

    queue_ms: Annotated[float, about("Time in the queue.", "ms")]
    load_ms: Annotated[float, about("Time to open the data.", "ms")]
    evaluate_ms: Annotated[float, about("Time to evaluate the expressions.", "ms")]
    simulate_ms: Annotated[float, about("Time to simulate the days.", "ms")]
    total_ms: Annotated[float, about("Time from the request to the result.", "ms")]


class CacheUse(Struct, kw_only=True):
    """Chunks that were read, and the tier that served them."""

    chunks_read: Annotated[Count, about("Number of chunks.", "chunks")]
    bytes_read: Annotated[Count, about("Size of the chunks.", "bytes")]
    bytes_by_tier: Annotated[dict[str, int], about("Size of the chunks by tier.", "bytes")]
    by_tier: Annotated[dict[str, int], about("Number of chunks by tier.", "chunks")]


class MonthlyReturn(Struct, kw_only=True):
    """Return of a month."""

    month: Annotated[str, about("Month.", "month, YYYY-MM")]
    return_: Annotated[float | None, about("Return of the month.", "fraction")] = field(name="return")


class YearlyReturn(Struct, kw_only=True):
    """Return of a year."""

    year: Annotated[str, about("Year.", "year, YYYY")]
    return_: Annotated[float | None, about("Return of the year.", "fraction")] = field(name="return")


class RoundTrip(Struct, kw_only=True):
    """A position from its first purchase to its last sale."""

    stock_code: Annotated[str, about("Stock code.")]
    entry_date: Annotated[DateText, about("Day of the first purchase.", DATE)]
    exit_date: Annotated[DateText, about("Day of the last sale.", DATE)]
    entry_price: Annotated[float | None, about("Mean entry price.", "won")]
    exit_price: Annotated[float | None, about("Price of the last fill.", "won")]
    shares: Annotated[float, about("Greatest number of shares that were held.", "shares")]
    gain: Annotated[float | None, about("What the position earned after costs.", "won")]
    return_: Annotated[float | None, about("Gain divided by cost.", "fraction")] = field(name="return")
    holding_days: Annotated[int, about("Age at the exit.", "calendar days")]
    reason: Annotated[str, about("Rule of the last sale.")]


class OpenPosition(Struct, kw_only=True):
    """A position that is held on the last day."""

    stock_code: Annotated[str, about("Stock code.")]
    shares: Annotated[float, about("Number of shares.", "shares")]
    entry_date: Annotated[DateText, about("Day of the first purchase.", DATE)]
    entry_price: Annotated[float | None, about("Mean entry price.", "won")]
    last: Annotated[float | None, about("Last close.", "won")]
    value: Annotated[float | None, about("Shares times last close.", "won")]


class Result(Struct, kw_only=True):
    """The result of a completed backtest."""

    statistics: Annotated[dict[str, Any], about("Figures of the run; returns are fractions, undefined is null.")]
    equity: Annotated[list[EquityPoint], about("The equity curve, by day.")]
    trades: Annotated[list[Trade], about("Trades, by day and then in order of execution.")]
    round_trips: Annotated[list[RoundTrip], about("Closed positions.")]
    open_positions: Annotated[list[OpenPosition], about("Positions that are held on the last day.")]
    monthly_returns: Annotated[list[MonthlyReturn], about("Returns by month.")]
    unfilled: Annotated[dict[str, int], about("Number of orders that could not fill, by reason.")]
    warnings: Annotated[
        list[dict[str, Any]], about("What a reader of the result must know: objects with code and message.")
    ]
    provenance: Annotated[Provenance, about("What the result was computed from.")]
    timing: Annotated[Timing, about("Time by stage.")]
    cache: Annotated[CacheUse, about("Chunks that were read.")]
    yearly_returns: Annotated[list[YearlyReturn], about("Returns by year.")] = []
    corporate_actions: Annotated[
        list[dict[str, Any]], about("Splits and dividends of the positions, by date and stock code.")
    ] = []


class BacktestHead(Struct, kw_only=True):
    """State of a backtest."""

    id: Annotated[str, about("Id of the backtest.")]
    status: Annotated[Status, about("State; completed, failed and cancelled are final.")]
    progress: Annotated[Share, about("Part of the days that are simulated.", "fraction")]
    cached: Annotated[bool, about("Whether a stored result answered the request.")]
    strategy_id: Annotated[str | None, about("Id of the strategy that the request named.")]
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
    result: Annotated[Result | None, about("Result of a completed backtest.")] = None
    error: Annotated[RunProblem | None, about("Problem of a failed backtest.")] = None


class BacktestItem(BacktestHead, kw_only=True):
    """A backtest in a list: its statistics instead of its result."""

    statistics: Annotated[dict[str, Any] | None, about("Figures of a completed backtest.")]
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


class ComparedBacktest(Struct, kw_only=True):
    """One of the compared backtests."""

    id: Annotated[str, about("Id of the backtest.")]
    strategy_id: Annotated[str | None, about("Id of the strategy that the request named.")]
    dataset: Annotated[str | None, about("Dataset version.")]
    statistics: Annotated[dict[str, Any], about("Figures of the run.")]
    equity: Annotated[list[float | None], about("Equity on the common dates.", "won")]


class Comparison(Struct, kw_only=True):
    """Backtests side by side."""

    dates: Annotated[list[DateText], about("Days that all the backtests have.", DATE)]
    items: Annotated[list[ComparedBacktest], about("The backtests, in the order of the request.")]


class Holding(Struct, kw_only=True):
    """A position on an evening."""

    stock_code: Annotated[str, about("Stock code.")]
    name: Annotated[str, about("Name of the stock on that day.")]
    shares: Annotated[float, about("Number of shares.", "shares")]
    entry_price: Annotated[float, about("Mean entry price on the share basis of that evening.", "won")]
    entry_date: Annotated[DateText, about("Day of the first purchase.", DATE)]
    price: Annotated[float, about("Last close.", "won")]
    value: Annotated[float, about("Shares times price.", "won")]
    weight: Annotated[float | None, about("Value divided by equity.", "fraction")]
    gain: Annotated[float, about("Value and proceeds so far less the cost.", "won")]
    return_: Annotated[float | None, about("Gain divided by cost.", "fraction")] = field(name="return")


class Holdings(Struct, kw_only=True):
    """The positions on the evening of a day; their values and the cash add up to the equity."""

    date: Annotated[DateText, about("The day.", DATE)]
    equity: Annotated[float, about("Equity of the evening.", "won")]
    cash: Annotated[float, about("Cash of the evening.", "won")]
    holdings: Annotated[list[Holding], about("Positions, by stock code.")]


class Explanation(Struct, kw_only=True):
    """Why each trade was made, and how many stocks passed each part of the condition."""


class Audit(Struct, kw_only=True):
    """Result of the look-ahead audit."""


class Replay(Struct, kw_only=True):
    """Whether a backtest gives the same result again."""

    outcome: Annotated[
        Literal["identical", "different", "dataset_gone"],
        about("identical, different, or dataset_gone (the dataset version was deleted)."),
    ]
    result_digest: Annotated[str | None, about("Digest of the new result.")]
    stored_result_digest: Annotated[str | None, about("Digest of the stored result.")]
    first_difference: Annotated[dict[str, Any] | None, about("Part, index and date of the first difference.")]
