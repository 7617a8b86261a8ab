"""Shapes of the analysis of a completed backtest: explanation, holdings, audit, replay."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct, field

from services.api.schemas.field_types import DATE, Count, DateText
from services.api.schemas.ledger_responses import RecordedTrials
from services.api.schemas.result_responses import (
    CorporateAction,
    EquityPoint,
    MonthlyReturn,
    OpenPosition,
    Provenance,
    ResultWarning,
    RoundTrip,
    Statistics,
    Trade,
    Window,
    YearlyReturn,
)
from shared.model.request import about


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
    cost: Annotated[float, about("What the purchases cost, with commission.", "won")]
    days: Annotated[Count, about("Age of the position.", "calendar days")]
    gain: Annotated[float, about("Value and proceeds so far less the cost.", "won")]
    return_: Annotated[float | None, about("Gain divided by cost.", "fraction")] = field(name="return")


class Holdings(Struct, kw_only=True):
    """The positions on the evening of a day; their values and the cash add up to the equity."""

    date: Annotated[DateText, about("The day.", DATE)]
    equity: Annotated[float, about("Equity of the evening.", "won")]
    cash: Annotated[float, about("Cash of the evening.", "won")]
    holdings: Annotated[list[Holding], about("Positions, by stock code.")]


class ConditionPart(Struct, kw_only=True):
    """A part of a condition for one stock on one row."""

    condition: Annotated[str, about("Text of the part.")]
    passed: Annotated[bool, about("Whether it was true.")]
    values: Annotated[dict[str, float | None], about("The numbers that it compares, by their text; null: absent.")]
    operator: Annotated[Literal["and", "or"] | None, about("How the operands are combined; null: there are none.")]
    operands: Annotated[list[ConditionPart], about("Parts that this part combines.")]


class Why(Struct, kw_only=True, omit_defaults=True):
    """Why a trade was made."""

    rule: Annotated[str, about("The rule in words.")]
    level: Annotated[float | None, about("Stop or target; null: the rule has none.", "won")]
    reference: Annotated[float | None, about("Price before slippage, ticks and limits.", "won")]
    decided_on: Annotated[DateText | None, about("Row whose values decided; absent for prices.", DATE)] = None
    parts: Annotated[list[ConditionPart] | None, about("Parts of the condition behind the trade.")] = None
    values: Annotated[dict[str, float | None] | None, about("All numbers that the parts compared.")] = None
    rank: Annotated[int | None, about("Rank among the candidates, from 1; null: it was no candidate.")] = None
    candidates: Annotated[Count | None, about("Number of candidates.", "stocks")] = None
    held_days: Annotated[int | None, about("Age of the position at a sale.", "calendar days")] = None
    equity: Annotated[float | None, about("Drawdown stop: equity of the evening that decided.", "won")] = None
    equity_level: Annotated[float | None, about("Drawdown stop: equity at which it stops.", "won")] = None
    highest_equity: Annotated[float | None, about("Drawdown stop: highest equity before.", "won")] = None


class ExplainedTrade(Trade, kw_only=True):
    """A trade and its reason."""

    why: Annotated[Why, about("Why it was made.")]


class PassedPart(Struct, kw_only=True):
    """How many stocks fulfilled a part of the condition."""

    condition: Annotated[str, about("Text of the part.")]
    passed: Annotated[Count, about("Stocks of the universe that fulfilled it.", "stocks")]


class Rebalance(Struct, kw_only=True):
    """What passed on a rebalance day."""

    date: Annotated[DateText, about("Rebalance day.", DATE)]
    decided_on: Annotated[DateText, about("The row before it.", DATE)]
    universe: Annotated[Count, about("Stocks in the universe.", "stocks")]
    parts: Annotated[list[PassedPart], about("Parts of buy.where.")]
    candidates: Annotated[Count, about("Stocks that fulfilled all parts and have a rank.", "stocks")]


class UniversePart(Struct, kw_only=True):
    """A part of the universe for one stock on one row."""

    part: Annotated[str, about("Field of strategy.universe, price, delisted_on, or `where: <condition>`.")]
    passed: Annotated[bool, about("Whether the stock fulfilled it.")]
    value: Annotated[Any, about("The stock's own value.")]


class Explanation(Struct, kw_only=True, omit_defaults=True):
    """The result with `why` at each trade and `rebalances`; or with stock_code and date, why the stock was not bought:
    the fields from `stock_code` on. Prices are raw."""

    trades: Annotated[list[ExplainedTrade] | None, about("Trades with their reasons.")] = None
    window: Annotated[Window | None, about("Rows that were simulated.")] = None
    statistics: Annotated[Statistics | None, about("Statistics of the run.")] = None
    round_trips: Annotated[list[RoundTrip] | None, about("Closed positions.")] = None
    open_positions: Annotated[list[OpenPosition] | None, about("Positions that are held on the last day.")] = None
    monthly_returns: Annotated[list[MonthlyReturn] | None, about("Returns by month.")] = None
    yearly_returns: Annotated[list[YearlyReturn] | None, about("Returns by year.")] = None
    corporate_actions: Annotated[list[CorporateAction] | None, about("Splits and dividends of the positions.")] = None
    unfilled: Annotated[dict[str, int] | None, about("Number of orders that could not fill, by reason.")] = None
    warnings: Annotated[list[ResultWarning] | None, about("What a reader of the result must know.")] = None
    rebalances: Annotated[list[Rebalance] | None, about("What passed on each rebalance day.")] = None
    stock_code: Annotated[str | None, about("Stock code.")] = None
    name: Annotated[str | None, about("Name of the stock on that day.")] = None
    date: Annotated[DateText | None, about("The day.", DATE)] = None
    decided_on: Annotated[DateText | None, about("The row before it; null: there is none.", DATE)] = None
    outcome: Annotated[
        str | None,
        about("bought, no_signal, no_rebalance_day, when_false, drawdown_stop, held, sold_today, not_in_universe, "
              "condition, no_rank_value, not_in_target_list, no_slot, max_new_per_day, sector_cap, halted, limit_up, "
              "volume or cash: what stopped the purchase."),
    ] = None  # fmt: skip
    message: Annotated[str | None, about("The outcome in words.")] = None
    rebalance_day: Annotated[bool | None, about("Whether stocks are bought on that day.")] = None
    universe: Annotated[list[UniversePart] | None, about("Parts of the universe.")] = None
    condition: Annotated[list[ConditionPart] | None, about("Parts of buy.where.")] = None
    rank_by: Annotated[str | None, about("The number that is ranked by.")] = None
    value: Annotated[float | None, about("Its value for the stock; null: absent.")] = None
    rank: Annotated[int | None, about("Rank among the candidates, from 1; null: it was no candidate.")] = None
    candidates: Annotated[Count | None, about("Number of candidates.", "stocks")] = None
    target_list: Annotated[Count | None, about("Length of the target list; null with on_rebalance hold.", "stocks")] = (
        None
    )
    positions: Annotated[Count | None, about("Positions when purchases began.", "stocks")] = None
    slots: Annotated[Count | None, about("Free slots when purchases began.", "stocks")] = None
    bought: Annotated[Count | None, about("Stocks bought on that day.", "stocks")] = None
    cash: Annotated[float | None, about("Cash when purchases began.", "won")] = None
    equity: Annotated[
        list[EquityPoint] | float | None,
        about("The equity curve; with stock_code: equity at the first purchase.", "won"),
    ] = None
    price: Annotated[float | None, about("Open (or close) of the day; null: it did not trade.", "won")] = None
    upper_limit: Annotated[float | None, about("Upper price limit; null: none.", "won")] = None
    mean_volume: Annotated[float | None, about("Mean volume of the 20 rows before; null: none.", "shares")] = None


class Audit(Struct, kw_only=True):
    """Result of the look-ahead audit."""


class ChangedFigures(Struct, kw_only=True):
    """Figures of a changed backtest."""

    total_return: Annotated[float | None, about("Return over the window.", "fraction")]
    cagr: Annotated[float | None, about("Growth a year.", "fraction")]
    sharpe: Annotated[float | None, about("Annual Sharpe ratio; null: undefined.")]
    max_drawdown: Annotated[float | None, about("Largest drawdown, 0 or below.", "fraction")]
    trades: Annotated[Count, about("Number of fills.")]


class ChangedFailure(Struct, kw_only=True):
    """Why a changed backtest has no figures."""

    code: Annotated[str, about("Stable identifier of the reason.")]
    params: Annotated[dict[str, Any], about("Parameters of the message.")]
    message: Annotated[str, about("The reason in the language of the answer.")]


class ChangedBacktest(Struct, kw_only=True):
    """A plain backtest: `POST /v1/backtests` of `request` gives the same figures."""

    name: Annotated[str, about("Name, unique in its group.")]
    parameter: Annotated[
        str | None,
        about("What was changed, `buy.where#2` being the second number of that text; null: no single value."),
    ]
    value: Annotated[float | str | None, about("The changed value.")]
    figures: Annotated[ChangedFigures | None, about("Its figures; null: it has no result.")]
    failure: Annotated[ChangedFailure | None, about("Why it has no result; null: it has one.")]
    request: Annotated[dict[str, Any], about("The request, as `POST /v1/backtests` takes it.")]


class SubUniverseBacktest(ChangedBacktest, kw_only=True):
    """The backtest over a part of its universe."""

    mean_stocks: Annotated[float | None, about("Mean number of stocks on the decision rows.", "stocks")]
    least_sharpe: Annotated[
        float | None,
        about("0.75 * sqrt(share of the stocks) * Sharpe ratio of the backtest; null: that is not above 0."),
    ]
    passes: Annotated[bool | None, about("Whether the Sharpe ratio is at least `least_sharpe`; null: not judged.")]


class Spread(Struct, kw_only=True):
    """A figure over several runs; runs without it are left out."""

    count: Annotated[Count, about("Runs with the figure.")]
    min: Annotated[float | None, about("Smallest.")]
    median: Annotated[float | None, about("Median.")]
    mean: Annotated[float | None, about("Mean.")]
    max: Annotated[float | None, about("Largest.")]


class Placed(Spread, kw_only=True):
    """A figure over random selections, and where the backtest lies among them."""

    percentile: Annotated[float | None, about("Share of the draws below the backtest, equal ones counted half.")]
    p_value: Annotated[float | None, about("(1 + draws at or above the backtest) / (1 + draws).")]


class RobustnessGroup(Struct, kw_only=True):
    """Changed backtests of one kind."""

    lines: Annotated[list[ChangedBacktest], about("The runs.")]
    total_return: Annotated[Spread, about("Return over the runs.")]
    sharpe: Annotated[Spread, about("Sharpe ratio over the runs.")]


class Neighbours(RobustnessGroup, kw_only=True):
    """Each number of the strategy one step lower and higher."""

    kept_half: Annotated[
        float | None, about("Share of runs with at least half of the Sharpe ratio; null: that is not above 0.")
    ]
    cliffs: Annotated[list[str], about("Parameters with a neighbour below half of the Sharpe ratio.")]


class SlippageBacktests(RobustnessGroup, kw_only=True):
    """0, 1, 2 and 3 times the slippage."""

    break_even: Annotated[
        ChangedBacktest | None,
        about("The last slippage without a loss, by bisection to 0.005 %; null: a loss without slippage already."),
    ]


class SubUniverses(Struct, kw_only=True):
    """Parts of the universe."""

    lines: Annotated[list[SubUniverseBacktest], about("The runs.")]
    total_return: Annotated[Spread, about("Return over the lines.")]
    sharpe: Annotated[Spread, about("Sharpe ratio over the lines.")]
    mean_stocks: Annotated[float, about("Mean number of stocks of the whole universe.", "stocks")]
    passing: Annotated[float | None, about("Share of the judged lines that pass; null: none is judged.")]


class RankNoise(Struct, kw_only=True):
    """Runs with noise in the ranking. They are no plain backtests: a request has no random numbers."""

    draws: Annotated[Count, about("Runs.")]
    seed: Annotated[int, about("Seed.")]
    noise_pct: Annotated[float, about("Standard deviation of the noise.", "% of the number of candidates")]
    kept_half: Annotated[float | None, about("Share of runs with at least half of the Sharpe ratio.")]
    total_return: Annotated[Spread, about("Return over the runs.")]
    sharpe: Annotated[Spread, about("Sharpe ratio over the runs.")]


class RandomSelection(Struct, kw_only=True):
    """Runs that buy random stocks on the same days. They are no plain backtests."""

    draws: Annotated[Count, about("Runs.")]
    seed: Annotated[int, about("Seed.")]
    buys: Annotated[Count, about("Purchases of the backtest, for each of which a stock is drawn.")]
    mean_buys: Annotated[float, about("Mean number of purchases of a run; some are halted, held already or too dear.")]
    total_return: Annotated[Placed, about("Return over the runs.")]
    sharpe: Annotated[Placed, about("Sharpe ratio over the runs.")]


class Regime(Struct, kw_only=True):
    """The days of one regime."""

    regime: Annotated[
        Literal["above", "below", "unknown"],
        about("Close of the benchmark index on the row before against its mean of 200 rows; unknown: fewer rows."),
    ]
    rows: Annotated[Count, about("Days.")]
    total_return: Annotated[float, about("Product of the daily returns less 1.", "fraction")]
    mean_return_annual: Annotated[float | None, about("Mean daily return times 252.", "fraction")]
    sharpe: Annotated[float | None, about("Annual Sharpe ratio of the days, without a risk-free rate.")]


class Bounds(Struct, kw_only=True):
    """An estimate with its interval."""

    estimate: Annotated[float, about("Estimate.")]
    low: Annotated[float, about("Lower bound.")]
    high: Annotated[float, about("Upper bound.")]


class BootstrapIntervals(Struct, kw_only=True):
    """Stationary-bootstrap intervals of the daily returns."""

    confidence: Annotated[float, about("Confidence of the intervals.", "fraction")]
    block_rows: Annotated[float, about("Mean block length (Politis and White).", "rows")]
    sharpe: Annotated[Bounds, about("Annual Sharpe ratio without a risk-free rate, percentile interval.")]
    sharpe_studentised: Annotated[Bounds, about("The same, studentised interval.")]
    cagr: Annotated[Bounds, about("Growth a year.", "fraction")]
    max_drawdown: Annotated[Bounds, about("Largest drawdown.", "fraction")]


class Robustness(Struct, kw_only=True):
    """What the figures of a backtest become when something is changed that should not matter."""

    backtest: Annotated[ChangedBacktest, about("The backtest itself.")]
    neighbours: Annotated[Neighbours, about("Each number of the strategy a tenth lower and higher.")]
    slippage: Annotated[SlippageBacktests, about("Other slippage.")]
    starts: Annotated[RobustnessGroup, about("Starts 0 to 19 rows later.")]
    phases: Annotated[RobustnessGroup, about("Weekly, monthly and quarterly calendars on other days.")]
    delay: Annotated[RobustnessGroup, about("Decisions one row later; the universe is not delayed.")]
    sub_universes: Annotated[SubUniverses, about("Markets, halves by capitalisation and code, random halves.")]
    rank_noise: Annotated[RankNoise | None, about("Noise in the ranking; null: no draws.")]
    random_selection: Annotated[
        RandomSelection | None,
        about("Random stocks with the same exits; null: no draws, or on_rebalance is not hold."),
    ]
    years: Annotated[list[YearlyReturn], about("Returns by calendar year.")]
    regimes: Annotated[list[Regime] | None, about("Returns by market trend; null: the benchmark is no loaded index.")]
    intervals: Annotated[BootstrapIntervals | None, about("Intervals; null: fewer than 2 days, or a total loss.")]
    recorded: Annotated[
        RecordedTrials | None,
        about("What this report has recorded in the research line of the backtest; null: it belongs to none."),
    ]


class Replay(Struct, kw_only=True):
    """Whether a backtest gives the same result again."""

    outcome: Annotated[
        Literal["identical", "different", "dataset_gone"],
        about("identical, different, or dataset_gone (the dataset version was deleted)."),
    ]
    result_digest: Annotated[str | None, about("Digest of the new result.")]
    stored_result_digest: Annotated[str | None, about("Digest of the stored result.")]
    first_difference: Annotated[dict[str, Any] | None, about("Part, index and date of the first difference.")]
    provenance: Annotated[Provenance | None, about("What the new result was computed from; null: there is none.")]
    stored_provenance: Annotated[
        Provenance | None, about("What the stored result was computed from; null: the dataset version was deleted.")
    ]
