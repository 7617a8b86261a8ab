"""Shapes of request bodies and query parameters; the OpenAPI document is generated from them.

The fields of a backtest are declared in `shared.model.request`; `BacktestBody` adds what only HTTP has.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.contracts.warm import PHASES, Phase
from shared.language.places import Place
from shared.language.tree import TreeNode
from shared.model.request import (
    BacktestOptions,
    Costs,
    Execution,
    Expression,
    Kind,
    ResearchName,
    Strategy,
    Text,
    Won,
    Word,
    about,
)

StrategyId = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Seed = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class NamedStrategy(Strategy, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole strategy, or with `id` the parts of that strategy that change."""

    id: Annotated[
        Word | None, about("Id of a strategy (catalogue, preset or the caller's own); the other fields change it.")
    ] = None


class BacktestBody(BacktestOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/backtests`."""

    strategy: Annotated[
        Word | NamedStrategy,
        about("A strategy, the id of one, or an object with an id and the parts to change.", examples=["peter_lynch"]),
    ]
    dataset: Annotated[Word | None, about("Dataset version; null: the current one.")] = None
    research: Annotated[
        ResearchName | None,
        about("Name of the research line that it is a trial of; null: none.", examples=["value-momentum"]),
    ] = None


class ResearchField(msgspec.Struct, frozen=True, kw_only=True):
    """The research line of a request."""

    research: ResearchName | None = None


class AccountBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/accounts`: a paper account, and the backtest that it equals."""

    name: Annotated[
        Annotated[Text, Meta(min_length=1, max_length=200)] | None,
        about("Name of the account; null: that of its strategy.", examples=["Value, 20 positions"]),
    ] = None
    strategy: Annotated[
        Word | NamedStrategy,
        about("A strategy, the id of one, or an object with an id and the parts to change.", examples=["peter_lynch"]),
    ]
    start: Annotated[
        dt.date | None,
        about("First day of the account; null: the next trading day whose orders are not due yet. Days that have a row "
              "already are computed at once, as history.", "date, YYYY-MM-DD"),
    ] = None  # fmt: skip
    public: Annotated[
        bool,
        about("Whether everyone may read it, without a key: an account of a catalogue strategy, made by a key with the "
              "role operator."),
    ] = False  # fmt: skip
    initial_cash: Annotated[Won, about("Cash before the first day.", "won")] = 100_000_000.0
    costs: Annotated[Costs, about("Costs in percent of the traded amount.")] = msgspec.field(default_factory=Costs)
    execution: Annotated[Execution, about("How orders meet the market.")] = msgspec.field(default_factory=Execution)
    benchmark: Annotated[Word | None, about("A loaded index (KOSPI, KOSDAQ, …), market, equal, or null for none.")] = (
        "KOSPI"
    )


class AccountChangeBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PATCH /v1/accounts/{id}`: any of the fields; one that is left out stays."""

    name: Annotated[Annotated[Text, Meta(min_length=1, max_length=200)] | None, about("Name of the account.")] = None
    strategy: Annotated[
        Word | NamedStrategy | None,
        about("Another strategy, or the id of one; the account is computed with it from its start.",
              examples=["peter_lynch"]),
    ] = None  # fmt: skip
    costs: Annotated[Costs | None, about("Costs in percent of the traded amount, from the start of the account.")] = (
        None
    )
    execution: Annotated[Execution | None, about("How orders meet the market, from the start of the account.")] = None
    paused: Annotated[
        bool | None, about("Whether it decides no orders; from the next day that is not decided yet.")
    ] = None


class CompareBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/compare`."""

    ids: Annotated[Annotated[tuple[Word, ...], Meta(min_length=1, max_length=20)], about("Ids of completed backtests.")]


class AuditBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/backtests/{id}/audit`."""

    cuts: Annotated[Annotated[int, Meta(ge=1, le=20)], about("Number of reruns on cut data.", "runs")] = 5
    seed: Annotated[Seed, about("Seed of the random days at which the data are cut.")] = 0


class RobustnessBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/backtests/{id}/robustness`."""

    random_draws: Annotated[
        Annotated[int, Meta(ge=0, le=5_000)], about("Random selections to compare with; 0: none.", "runs")
    ] = 1_000
    noise_draws: Annotated[
        Annotated[int, Meta(ge=0, le=1_000)], about("Runs with noise in the ranking; 0: none.", "runs")
    ] = 100
    noise_pct: Annotated[
        Annotated[float, Meta(gt=0, le=100)],
        about("Standard deviation of the noise of a candidate's position.", "% of the number of candidates"),
    ] = 10.0
    seed: Annotated[Seed, about("Seed of the random halves, selections, noise and resamples.")] = 0


class UserStrategyBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /v1/strategies/{id}`."""

    name: Annotated[Annotated[Text, Meta(min_length=1, max_length=200)], about("Name of the strategy.")]
    summary: Annotated[Annotated[Text, Meta(max_length=2000)], about("Description of the strategy.")] = ""
    tags: Annotated[Annotated[tuple[Word, ...], Meta(max_length=20)], about("Tags of the strategy.")] = ()
    strategy: Annotated[Strategy, about("The whole strategy.")]
    costs: Annotated[Costs, about("Costs of the strategy.")] = msgspec.field(default_factory=Costs)


class OwnFactorBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /v1/factors/mine/{key}`."""

    expression: Annotated[
        Expression,
        about("A number of the language; it may name other factors of the caller.",
              examples=["-rank(PBR) - rank(PER)"]),
    ]  # fmt: skip
    unit: Annotated[Annotated[Text, Meta(max_length=40)], about("Unit of the values.")] = ""
    summary: Annotated[Annotated[Text, Meta(max_length=2000)], about("Description.")] = ""


class NewStrategyBody(UserStrategyBody, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/strategies`."""

    id: Annotated[
        StrategyId, about("Id of the strategy: a lower-case letter, then up to 63 letters, digits and _.",
                          examples=["my_value"]),
    ]  # fmt: skip


class AnnotationBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PATCH /v1/backtests/{id}`: any of the fields; null removes."""

    name: Annotated[
        Annotated[Text, Meta(min_length=1, max_length=200)] | None,
        about("Name by which you find it again; names may repeat.", examples=["Value, 20 positions"]),
    ] = None
    note: Annotated[Annotated[Text, Meta(max_length=10_000)] | None, about("Note.")] = None
    starred: Annotated[bool | None, about("Star; a starred backtest is not deleted by retention.")] = None


class SessionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/session`."""

    key: Annotated[Annotated[Text, Meta(min_length=1, max_length=200)], about("API key.")]


class WarmRunBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/warm-runs`."""

    phases: Annotated[
        Annotated[tuple[Phase, ...], Meta(min_length=1, max_length=5)], about("Phases to run, always in this order.")
    ] = PHASES


class ExpressionBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/expressions/check`: a text or a tree."""

    text: Annotated[Expression | None, about("The expression.", examples=["PER < 10 and ROE > 10"])] = None
    tree: Annotated[
        TreeNode | None,
        about("Instead of `text`: a tree as this route answers it, for its text. A tree that is nested deeper than "
              "bodies may be has to be sent as text."),
    ] = None  # fmt: skip
    place: Annotated[Place, about("Place in the strategy that it is meant for.")] = "buy.where"


class Query(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters; an unknown parameter is an error."""


Limit = Annotated[int, Meta(ge=1, le=1000)]
Cursor = Annotated[str, Meta(max_length=200)]
CURSOR = about("`next_cursor` of the page before; left out: the first page.")
ROW_DATE = about("Row whose values are used; left out: the last row of the dataset.", "date, YYYY-MM-DD")


class AnyQuery(Query, frozen=True, kw_only=True):
    """Query of a screen of the web application, which reads it itself; the server reads none of it."""


class NoQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of a route without parameters."""


class BacktestsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/backtests`."""

    status: Annotated[
        Literal["queued", "preparing", "running", "completed", "failed", "cancelled"] | None,
        about("Only backtests of this status."),
    ] = None
    strategy: Annotated[Word | None, about("Only backtests of the strategy with this id.")] = None
    origin: Annotated[
        Literal["user", "preview", "warmer", "verify"] | None,
        about("Only backtests that a user requested, a preview, the warmer, or its verification."),
    ] = None
    name: Annotated[
        Annotated[Text, Meta(min_length=1, max_length=200)] | None,
        about("Only backtests whose name contains this text; case does not matter."),
    ] = None
    starred: Annotated[bool | None, about("Only those with a star, or only those without.")] = None
    cursor: Annotated[Cursor | None, CURSOR] = None
    limit: Annotated[Limit, about("Entries of a page.", "entries")] = 50


ResultPart = Literal[
    "window", "statistics", "equity", "trades", "round_trips", "open_positions", "monthly_returns", "yearly_returns",
    "corporate_actions", "unfilled", "warnings", "provenance", "timing", "cache",
]  # fmt: skip


class ResultQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of a route that answers a backtest with its result."""

    parts: Annotated[
        Annotated[tuple[ResultPart, ...], Meta(min_length=1, max_length=20)] | None,
        about("Parts of `result` that are answered, separated by commas; left out: all.",
              examples=["statistics,equity"]),
    ] = None  # fmt: skip
    format: Annotated[
        Literal["json", "columns"],
        about('columns: each list of objects in `result` is an object of arrays, {"date": […], "equity": […]}.'),
    ] = "json"
    digits: Annotated[
        Annotated[int, Meta(ge=4, le=12)] | None,
        about("Significant digits of the numbers in the lists of `result` (equity, trades, round trips …), which "
              "halves a large answer; left out: all digits.", examples=[8]),
    ] = None  # fmt: skip


class TableQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of a route that answers a table."""

    format: Annotated[Literal["json", "csv", "xlsx", "parquet"], about("Format of the answer.")] = "json"
    excel: Annotated[
        bool, about('CSV: stock codes as ="004140", which Excel reads as text when it opens the file directly.')
    ] = False


class ExportQuery(TableQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/backtests/{id}/trades` and `/equity`."""

    cursor: Annotated[Cursor | None, CURSOR] = None
    limit: Annotated[
        Annotated[int, Meta(ge=1, le=100_000)] | None,
        about("Rows of a page; left out: 1,000 rows of JSON, all rows of CSV, XLSX and Parquet.", "rows"),
    ] = None


Words = Annotated[tuple[Word, ...], Meta(min_length=1, max_length=200)]


class ScreenQuery(TableQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/screen`."""

    where: Annotated[
        Expression | None, about("Condition; left out: that of the strategy, or none.", examples=["PER < 10"])
    ] = None
    rank_by: Annotated[
        Expression | None, about("Number to rank by; left out: that of the strategy, or MARKET_CAP.")
    ] = None
    order: Annotated[
        Literal["asc", "desc"] | None, about("Order of the ranking; left out: that of the strategy, or desc.")
    ] = None
    date: Annotated[dt.date | None, ROW_DATE] = None
    limit: Annotated[
        Annotated[int, Meta(ge=0, le=10_000)], about("Number of stocks; 0: only the counts.", "stocks")
    ] = 50
    columns: Annotated[
        Expression | None,
        about("Further values of each stock: at most 50 factors, price fields and expressions, separated by commas "
              "outside of parentheses.", examples=["PER,ROE,pct_change(close, 20)"]),
    ] = None  # fmt: skip
    strategy: Annotated[Word | None, about("Id of a strategy whose rules are used.")] = None
    markets: Annotated[
        Words | None, about("Markets, separated by commas; left out: those of the strategy, or KOSPI and KOSDAQ.")
    ] = None
    kinds: Annotated[
        Annotated[tuple[Kind, ...], Meta(min_length=1, max_length=5)] | None,
        about("Kinds of stocks, separated by commas; left out: those of the strategy, or common and foreign."),
    ] = None
    sectors: Annotated[
        Words | None, about("Sectors, separated by commas; left out: those of the strategy, or all.")
    ] = None


class ExplainQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/backtests/{id}/explain`."""

    stock_code: Annotated[
        Word | None, about("With `date`: explain why this stock was not bought; left out: explain the trades.")
    ] = None
    date: Annotated[dt.date | None, about("With `stock_code`: a day of the backtest.", "date, YYYY-MM-DD")] = None


class StepQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `POST /v1/accounts/{id}/steps`."""

    scheduled: Annotated[
        bool,
        about("Whether only orders of today may be decided, as the schedule does; an admin key may step any account."),
    ] = False


class OrdersQuery(TableQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/accounts/{id}/orders`."""

    date: Annotated[
        dt.date | None, about("Day of the orders; left out: the last day that was decided.", "date, YYYY-MM-DD")
    ] = None


class HoldingsQuery(TableQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/backtests/{id}/holdings`."""

    date: Annotated[dt.date, about("A day of the backtest.", "date, YYYY-MM-DD")]


class RankingQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/rankings/{kind}`."""

    date: Annotated[dt.date | None, ROW_DATE] = None
    market: Annotated[Word | None, about("Only stocks of this market; left out: of every market.")] = None
    limit: Annotated[Annotated[int, Meta(ge=1, le=10_000)], about("Number of stocks.", "stocks")] = 100


class DistributionQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/factors/{key}/distribution`."""

    date: Annotated[dt.date | None, ROW_DATE] = None
    bins: Annotated[Annotated[int, Meta(ge=1, le=200)], about("Number of bins.", "bins")] = 40
    markets: Annotated[Words | None, about("Universe: markets, separated by commas; left out: KOSPI and KOSDAQ.")] = (
        None
    )
    kinds: Annotated[
        Annotated[tuple[Kind, ...], Meta(min_length=1, max_length=5)] | None,
        about("Universe: kinds of stocks, separated by commas; left out: common and foreign."),
    ] = None
    sectors: Annotated[Words | None, about("Universe: sectors, separated by commas; left out: all.")] = None


class StocksQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/stocks`."""

    market: Annotated[Word | None, about("Only stocks of this market.")] = None
    sector: Annotated[Word | None, about("Only stocks of this sector.")] = None
    query: Annotated[
        Annotated[Text, Meta(min_length=1, max_length=100)] | None,
        about("What someone types to pick a stock: a code, a part of a Korean or English name, or initial consonants "
              "(ㅅㅅㅈㅈ). The best finds come first, on one page.", examples=["ㅅㅅㅈㅈ"]),
    ] = None  # fmt: skip
    search: Annotated[
        Annotated[Text, Meta(min_length=1, max_length=100)] | None,
        about("Text that the code or a name of the stock contains; case does not matter."),
    ] = None
    cursor: Annotated[Cursor | None, CURSOR] = None
    limit: Annotated[Limit, about("Entries of a page.", "entries")] = 100


class PricesQuery(TableQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/stocks/{code}/prices`."""

    start: Annotated[
        dt.date | None, about("First day; left out: the last 250 rows up to `end`.", "date, YYYY-MM-DD")
    ] = None
    end: Annotated[dt.date | None, about("Last day; left out: the last row of the stock.", "date, YYYY-MM-DD")] = None


Codes = Annotated[tuple[Word, ...], Meta(min_length=1, max_length=10_000)]


class ValuesQuery(TableQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/values`."""

    fields: Annotated[
        Expression,
        about("Factors, price fields and expressions of the language, at most 50, separated by commas outside of "
              "parentheses.", examples=["PER,PBR,close,pct_rank(ROE)"]),
    ]  # fmt: skip
    codes: Annotated[Codes | None, about("Stock codes, separated by commas; left out: the stocks of the universe.")] = (
        None
    )
    start: Annotated[dt.date | None, about("First day; left out: the day of `end`.", "date, YYYY-MM-DD")] = None
    end: Annotated[dt.date | None, about("Last day; left out: the last row of the dataset.", "date, YYYY-MM-DD")] = None
    markets: Annotated[Words | None, about("Universe: markets, separated by commas; left out: KOSPI and KOSDAQ.")] = (
        None
    )
    kinds: Annotated[
        Annotated[tuple[Kind, ...], Meta(min_length=1, max_length=5)] | None,
        about("Universe: kinds of stocks, separated by commas; left out: common and foreign."),
    ] = None
    sectors: Annotated[Words | None, about("Universe: sectors, separated by commas; left out: all.")] = None


class SectorsQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/sectors`."""

    date: Annotated[dt.date | None, ROW_DATE] = None


class CalendarQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/calendar`."""

    year: Annotated[
        Annotated[int, Meta(ge=1900, le=2200)] | None, about("The year; left out: the current one in Seoul.")
    ] = None


class QualityQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/quality`."""

    revision: Annotated[
        Annotated[int, Meta(ge=1, le=2**31 - 1)] | None, about("Data revision; left out: the newest one with a report.")
    ] = None
    examples: Annotated[
        Annotated[int, Meta(ge=0, le=2000)], about("Examples of each check, the worst first.", "examples")
    ] = 5


class PageQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of a list with a cursor."""

    cursor: Annotated[Cursor | None, CURSOR] = None
    limit: Annotated[Limit, about("Entries of a page.", "entries")] = 50
