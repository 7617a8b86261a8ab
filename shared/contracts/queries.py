"""The questions that a simulator answers while a client waits, each a type with its fields.

On the wire a query is the `kind` and the `payload` of a `QueryRequested` event, so that a newer sender may add fields.
`request` is the canonical JSON of a backtest request; rows are row numbers of the dataset.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar, Final, Literal

import msgspec
import orjson
from msgspec import Struct

from shared.errors import OndolError

QUERY_LIMIT_S: Final = 60.0
"""A client waits this long for an answer; the deadline of a query is as much after its acceptance."""


class QueryError(OndolError):
    """An unknown kind of query, or a payload without the fields of its kind."""


class Query(Struct, frozen=True, kw_only=True):
    """What every query has: the dataset version that it reads."""

    kind: ClassVar[str]
    failure: ClassVar[str] = "query-failed"
    """Word of the problem (`shared.contracts.http.PROBLEM_TYPES`) when it cannot be computed."""
    version: str


class RequestQuery(Query, frozen=True, kw_only=True):
    """A query about a backtest request."""

    request: str


class Ranking(Query, frozen=True, kw_only=True):
    """The first `limit` stocks of `day` (day number) in one of the rankings of `shared.contracts.rankings`."""

    kind: ClassVar[str] = "ranking"
    ranking: str
    day: int
    market: str | None
    limit: int


class Sectors(Query, frozen=True, kw_only=True):
    """How many stocks each sector has on `day` (day number)."""

    kind: ClassVar[str] = "sectors"
    day: int


class Prices(Query, frozen=True, kw_only=True):
    """The rows `first` to `stop` of a stock."""

    kind: ClassVar[str] = "prices"
    stock_code: str
    first: int
    stop: int


class Screen(RequestQuery, frozen=True, kw_only=True):
    """The stocks that pass the request's condition on its last row; `columns` are canonical texts of further values."""

    kind: ClassVar[str] = "screen"
    failure: ClassVar[str] = "screen-failed"
    limit: int
    columns: tuple[str, ...] = ()


class Values(RequestQuery, frozen=True, kw_only=True):
    """The `fields` (canonical texts) on rows `first` to `stop`, of the stocks `codes` or of the request's universe."""

    kind: ClassVar[str] = "values"
    fields: tuple[str, ...]
    codes: tuple[str, ...] | None
    first: int
    stop: int


class Distribution(RequestQuery, frozen=True, kw_only=True):
    """Quantiles and `bins` of the factor `key` over the request's universe on `row`."""

    kind: ClassVar[str] = "distribution"
    key: str
    unit: str
    row: int
    bins: int


class Explain(RequestQuery, frozen=True, kw_only=True):
    """Why each trade was made; with `stock_code` and `date` (ISO), why the stock was not bought on that day."""

    kind: ClassVar[str] = "explain"
    failure: ClassVar[str] = "analysis-failed"
    stock_code: str | None = None
    date: str | None = None


class Audit(RequestQuery, frozen=True, kw_only=True):
    """Repeat the run on data that end after each of `cuts` days of its window, drawn with `seed`."""

    kind: ClassVar[str] = "audit"
    failure: ClassVar[str] = "analysis-failed"
    seed: int
    cuts: int


class Robustness(RequestQuery, frozen=True, kw_only=True):
    """Run the request with changes that should not matter, and with candidates that are drawn with `seed`."""

    kind: ClassVar[str] = "robustness"
    failure: ClassVar[str] = "analysis-failed"
    random_draws: int
    noise_draws: int
    noise_pct: float
    seed: int
    trials: bool = False
    """Whether the answer has what the ledger records."""


class FactorReport(RequestQuery, frozen=True, kw_only=True):
    """What the request's `buy.rank_by` says about the returns over `horizons` rows; `controls` are canonical texts."""

    kind: ClassVar[str] = "factor_report"
    failure: ClassVar[str] = "factor-report-failed"
    horizons: tuple[int, ...]
    quantiles: int
    neutral: Literal["none", "sector"]
    controls: tuple[str, ...]
    cost_pct: float
    correlations: bool
    series: bool
    breakdowns: tuple[Literal["sector", "market", "cap_group"], ...] = ()


class FactorReportAudit(FactorReport, frozen=True, kw_only=True):
    """Compute a report again, and its coefficients on data that end after each of `cuts` rows, drawn with `seed`."""

    kind: ClassVar[str] = "factor_report_audit"
    stored_digest: str
    seed: int
    cuts: int


class FactorCoefficients(RequestQuery, frozen=True, kw_only=True):
    """The information coefficients of the request's `buy.rank_by` over `horizons` rows."""

    kind: ClassVar[str] = "factor_coefficients"
    failure: ClassVar[str] = "factor-report-failed"
    horizons: tuple[int, ...]
    neutral: Literal["none", "sector"]


class FactorPortfolios(RequestQuery, frozen=True, kw_only=True):
    """The weekly returns of the portfolios of the request's `buy.rank_by` over `horizons` rows."""

    kind: ClassVar[str] = "factor_portfolios"
    failure: ClassVar[str] = "factor-report-failed"
    horizons: tuple[int, ...]
    neutral: Literal["none", "sector"]


class ExpressionCoverage(RequestQuery, frozen=True, kw_only=True):
    """The share of the stocks of the universe that have a value of the request's `buy.rank_by`, by calendar year."""

    kind: ClassVar[str] = "expression_coverage"


class Holdings(Query, frozen=True, kw_only=True):
    """The positions of the stored result of `computation` (UUID) on the evening of `date` (ISO)."""

    kind: ClassVar[str] = "holdings"
    failure: ClassVar[str] = "analysis-failed"
    computation: str
    date: str


class Replay(RequestQuery, frozen=True, kw_only=True):
    """Run the request again and compare it with the stored result of `computation` (UUID)."""

    kind: ClassVar[str] = "replay"
    failure: ClassVar[str] = "analysis-failed"
    computation: str
    result_digest: str | None


class AccountDay(RequestQuery, frozen=True, kw_only=True):
    """The ledger of a paper account up to the last row of the version, and its orders of the next trading day.

    Days are day numbers. The orders are decided when their day is at most `decide_until`; those of the days `recheck`
    are decided again; the fills after `since` get what they made. `ordered` has the stocks that were ordered on a day,
    whose prices are wanted, and why they were not bought; `quoted` those whose fills were booked from opening quotes.
    `quotes` is (day, number) of the opening quotes from which the fills of the day after the last row are booked.
    """

    kind: ClassVar[str] = "account_day"
    failure: ClassVar[str] = "account-step-failed"
    decide_until: int
    recheck: tuple[int, ...] = ()
    since: int
    ordered: tuple[tuple[int, tuple[str, ...]], ...] = ()
    quoted: tuple[tuple[int, tuple[str, ...]], ...] = ()
    quotes: tuple[int, int] | None = None


class OpeningQuotes(Query, frozen=True, kw_only=True):
    """Which opening prices of `day` (day number), the day after the last row, the rule book does not allow.

    `quotes` are (stock code, price in won; None: the stock does not trade).
    """

    kind: ClassVar[str] = "opening_quotes"
    day: int
    quotes: tuple[tuple[str, float | None], ...]


class AccountDrift(RequestQuery, frozen=True, kw_only=True):
    """What each cause of a difference of a paper account made.

    `request_before` and the version `before` are the earlier inputs, computed by the engine `engine_before`. The
    difference is that of the equity on the day number `until` (`stored_equity` before), or of the `orders` of the day
    number `day`, whose `fills` have won. `late_stocks`: statements of these stocks were loaded after their disclosure.
    """

    kind: ClassVar[str] = "account_drift"
    failure: ClassVar[str] = "account-step-failed"
    before: str
    request_before: str
    engine_before: str
    until: int
    stored_equity: float | None = None
    day: int | None = None
    orders: tuple[dict[str, Any], ...] = ()
    fills: tuple[dict[str, Any], ...] = ()
    late_stocks: tuple[str, ...] = ()


QUERIES: Final[tuple[type[Query], ...]] = (
    Ranking, Sectors, Prices, Screen, Values, Distribution, Explain, Audit, Robustness, FactorReport,
    FactorReportAudit, FactorCoefficients, FactorPortfolios, ExpressionCoverage, Holdings, Replay, AccountDay,
    OpeningQuotes, AccountDrift,
)  # fmt: skip

_BY_KIND = {query.kind: query for query in QUERIES}


def payload_of(query: Query) -> dict[str, Any]:
    """Return the fields of a query as the payload of its event."""
    found: dict[str, Any] = msgspec.to_builtins(query)
    return found


def content_name(kind: str, payload: dict[str, Any]) -> str:
    """Return the content name of a query: equal queries share an answer."""
    text = orjson.dumps([kind, payload], option=orjson.OPT_SORT_KEYS)
    return f"q-{kind}-{hashlib.sha256(text).hexdigest()[:40]}"


def is_named_by_content(name: str, kind: str, payload: dict[str, Any]) -> bool:
    """Return whether a query has its content name, with a suffix when its answer is not shared."""
    expected = content_name(kind, payload)
    return name == expected or name.startswith(expected + "-")


def failure_of(kind: str) -> str:
    """Return the word of the problem of a known kind of query that cannot be computed."""
    return _BY_KIND[kind].failure


def read_query(kind: str, payload: dict[str, Any]) -> Query:
    """Return the query of an event. Raises QueryError for an unknown kind or a malformed payload."""
    if kind not in _BY_KIND:
        raise QueryError(f"Unknown kind of query {kind[:64]!r}.")
    try:
        return msgspec.convert(payload, _BY_KIND[kind])
    except msgspec.ValidationError as error:
        raise QueryError(f"The query {kind} is malformed: {error}") from error
