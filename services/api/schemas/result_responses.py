"""Shapes of the result of a backtest, whose values are encoded by `shared.simulation.result.tables`.

Further fields may be added in later versions.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from services.api.schemas.field_types import DATE, UTC, Count, DateText, Instant, Share
from shared.model.request import about

Figure = float | None
NotNegative = Annotated[float, Meta(ge=0)]
Fall = Annotated[float, Meta(le=0)]


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
    statistics_ms: Annotated[float, about("Time to compute the statistics.", "ms")] = 0.0
    encode_ms: Annotated[float, about("Time to write the result.", "ms")] = 0.0
    total_ms: Annotated[float, about("Time from the request to the result.", "ms")]
    started_at: Annotated[Instant | None, about("When the run began.", UTC)] = None
    finished_at: Annotated[Instant | None, about("When it ended.", UTC)] = None


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
    name: Annotated[str, about("Name of the stock.")]
    entry_date: Annotated[DateText, about("Day of the first purchase.", DATE)]
    exit_date: Annotated[DateText, about("Day of the last sale.", DATE)]
    entry_price: Annotated[float | None, about("Mean entry price.", "won")]
    exit_price: Annotated[float | None, about("Price of the last fill.", "won")]
    shares: Annotated[float, about("Greatest number of shares that were held.", "shares")]
    cost: Annotated[float, about("What its purchases cost, with commission.", "won")]
    proceeds: Annotated[float, about("What its sales, fractions and dividends brought after costs and tax.", "won")]
    gain: Annotated[float | None, about("proceeds - cost.", "won")]
    return_: Annotated[float | None, about("Gain divided by cost.", "fraction")] = field(name="return")
    holding_days: Annotated[int, about("Age at the exit.", "calendar days")]
    reason: Annotated[str, about("Rule of the last sale.")]


class OpenPosition(Struct, kw_only=True):
    """A position that is held on the last day."""

    stock_code: Annotated[str, about("Stock code.")]
    name: Annotated[str, about("Name of the stock.")]
    shares: Annotated[float, about("Number of shares.", "shares")]
    entry_date: Annotated[DateText, about("Day of the first purchase.", DATE)]
    entry_price: Annotated[float | None, about("Mean entry price.", "won")]
    holding_days: Annotated[int, about("Age on the last day.", "calendar days")]
    last_price: Annotated[float | None, about("Last close.", "won")]
    value: Annotated[float | None, about("Shares times last close.", "won")]
    cost: Annotated[float, about("What its purchases cost, with commission.", "won")]
    gain: Annotated[float | None, about("value and proceeds so far less cost.", "won")]
    return_: Annotated[float | None, about("Gain divided by cost.", "fraction")] = field(name="return")
    last: Annotated[float | None, about("Last close (the same as last_price).", "won")] = None


class Window(Struct, kw_only=True):
    """Rows that were simulated."""

    first: Annotated[DateText, about("First row.", DATE)]
    last: Annotated[DateText, about("Last row.", DATE)]
    rows: Annotated[Count, about("Number of rows.", "rows")]
    warmup_rows: Annotated[Count, about("Rows of the dataset before the first one.", "rows")]


class Statistics(Struct, kw_only=True):
    """Statistics of a run; a year has 252 days. What is undefined is null; results of engine version 1 lack the fields
    with a default."""

    total_return: Annotated[float, about("Final equity / initial cash - 1.", "fraction")]
    cagr: Annotated[Figure, about("Yearly growth rate; null when it overflows.", "fraction a year")]
    volatility: Annotated[Figure, about("Sample deviation of the daily returns * sqrt(252).", "fraction a year")]
    sharpe: Annotated[Figure, about("Mean excess return / deviation, for a year; null without dispersion.")]
    sharpe_active: Annotated[Figure, about("sharpe without the days before the first purchase.")]
    sortino: Annotated[Figure, about("Mean excess return / downside deviation, for a year; null without a loss.")]
    max_drawdown: Annotated[Fall, about("Deepest drawdown from a peak; the initial cash is the first.", "fraction")]
    max_drawdown_start: Annotated[DateText | None, about("Last day at the peak before it.", DATE)]
    max_drawdown_bottom: Annotated[DateText | None, about("Day of the deepest point.", DATE)]
    max_drawdown_recovery: Annotated[DateText | None, about("First day at the peak again; null: not yet.", DATE)]
    calmar: Annotated[Figure, about("cagr / |max_drawdown|; null without a drawdown.")]
    best_day: Annotated[Figure, about("Best daily return.", "fraction")]
    worst_day: Annotated[Figure, about("Worst daily return.", "fraction")]
    best_month: Annotated[Figure, about("Best monthly return.", "fraction")]
    worst_month: Annotated[Figure, about("Worst monthly return.", "fraction")]
    beta: Annotated[Figure, about("Covariance with the benchmark / variance of the benchmark.")]
    alpha: Annotated[Figure, about("Excess return that beta does not explain.", "fraction a year")]
    tracking_error: Annotated[
        Figure, about("Sample deviation of the return less the benchmark's * sqrt(252).", "fraction a year")
    ]
    information_ratio: Annotated[Figure, about("Mean return above the benchmark in a year / tracking_error.")]
    benchmark_total_return: Annotated[Figure, about("total_return of the benchmark.", "fraction")] = None
    benchmark_cagr: Annotated[Figure, about("cagr of the benchmark.", "fraction a year")] = None
    benchmark_max_drawdown: Annotated[Fall | None, about("max_drawdown of the benchmark.", "fraction")] = None
    excess_return: Annotated[Figure, about("total_return - benchmark_total_return.", "fraction")] = None
    win_rate: Annotated[Share | None, about("Round trips with a gain / round trips; null without one.", "fraction")]
    profit_factor: Annotated[Figure, about("Sum of the gains / sum of the losses; null without a loss.")]
    average_win: Annotated[Figure, about("Mean gain of the winning round trips / cost.", "fraction")]
    average_loss: Annotated[Figure, about("Mean gain of the other round trips / cost (negative).", "fraction")]
    average_holding_days: Annotated[Figure, about("Mean age of round trips at their end.", "calendar days")]
    trades: Annotated[Count, about("Fills of at least one share.", "fills")]
    turnover: Annotated[Figure, about("Sales in a year / mean equity.", "times a year")]
    exposure: Annotated[Figure, about("Mean of (equity - cash) / equity.", "fraction")]
    invested_days: Annotated[Share | None, about("Evenings with a position / evenings.", "fraction")] = None
    idle_days: Annotated[Count, about("Rows before the first purchase.", "rows")]
    participation_median: Annotated[
        Figure, about("Median of the purchases: shares / volume of the day; null without one.", "fraction")
    ] = None
    participation_max: Annotated[Figure, about("Greatest of these.", "fraction")] = None
    commission_paid: Annotated[NotNegative, about("Commission of all fills.", "won")]
    tax_paid: Annotated[NotNegative, about("Sales tax of all fills.", "won")]
    slippage_paid: Annotated[NotNegative, about("Sum of shares * |price - reference price|.", "won")]
    dividends_received: Annotated[NotNegative | None, about("Dividends after tax.", "won")] = None


class CorporateAction(Struct, kw_only=True):
    """A split or dividend of a position: with the trades it explains shares and cash of every day."""

    date: Annotated[DateText, about("Row on which it took effect.", DATE)]
    stock_code: Annotated[str, about("Stock code.")]
    kind: Annotated[Literal["split", "dividend"], about("split or dividend.")]
    ratio: Annotated[Figure, about("Shares that one share became; null for a dividend.")]
    shares_before: Annotated[Count, about("Shares of the evening before.", "shares")]
    shares_after: Annotated[Count, about("Shares after it; a dividend does not change them.", "shares")]
    dps: Annotated[Figure, about("Dividend a share before tax; null for a split.", "won")]
    cash: Annotated[float, about("Money credited: for the fraction of a share, or the dividend after tax.", "won")]


class ResultWarning(Struct, kw_only=True):
    """What a reader of the result must know; further fields are the figures of the code (reference page warnings)."""

    code: Annotated[str, about("Stable code of the warning.")]
    message: Annotated[str, about("Sentence that names the figures and the remedy.")]


class Result(Struct, kw_only=True):
    """The result of a completed backtest."""

    window: Annotated[Window, about("Rows that were simulated.")]
    statistics: Annotated[Statistics, about("Statistics of the run.")]
    equity: Annotated[list[EquityPoint], about("The equity curve, by day.")]
    trades: Annotated[list[Trade], about("Trades, by day and then in order of execution.")]
    round_trips: Annotated[list[RoundTrip], about("Closed positions.")]
    open_positions: Annotated[list[OpenPosition], about("Positions that are held on the last day.")]
    monthly_returns: Annotated[list[MonthlyReturn], about("Returns by month.")]
    unfilled: Annotated[dict[str, int], about("Number of orders that could not fill, by reason.")]
    warnings: Annotated[
        list[ResultWarning | str],
        about("What a reader of the result must know; texts in results of engine version 1."),
    ]
    provenance: Annotated[Provenance, about("What the result was computed from.")]
    timing: Annotated[Timing, about("Time by stage.")]
    cache: Annotated[CacheUse, about("Chunks that were read.")]
    yearly_returns: Annotated[list[YearlyReturn], about("Returns by year.")] = []
    corporate_actions: Annotated[
        list[CorporateAction], about("Splits and dividends of the positions, by date and stock code.")
    ] = []
