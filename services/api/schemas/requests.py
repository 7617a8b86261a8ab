"""The request bodies that the api validates; the OpenAPI document is generated from these same models."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Tag,
    WithJsonSchema,
)

from services.api.errors import EXPRESSIONS
from shared.errors import Problem, RequestError
from shared.language import compile_expression
from shared.simulation.validation import STANDARD_INDICES


def _whole(value: object) -> object:
    """`10.0` is the same number as `10`."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _date(value: object) -> object:
    """A date is exactly `YYYY-MM-DD`."""
    if isinstance(value, dt.date):
        return value
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError("a date is written YYYY-MM-DD")
    try:
        return dt.date.fromisoformat(value)
    except ValueError:
        raise ValueError("the calendar has no such date") from None


def _plain(value: str) -> str:
    if "\x00" in value:
        raise ValueError("text must not contain NUL")
    return value


Date = Annotated[dt.date, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Number = Annotated[float, Field(allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
PositivePercent = Annotated[float, Field(ge=1e-9, le=100, allow_inf_nan=False)]
CostPercent = Annotated[float, Field(ge=0, le=50, allow_inf_nan=False)]
Won = Annotated[float, Field(ge=1, le=1e15, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=0, le=36_500), BeforeValidator(_whole)]
Count = Annotated[int, Field(ge=1, le=5_000), BeforeValidator(_whole)]
Text = Annotated[str, BeforeValidator(lambda v: _plain(v) if isinstance(v, str) else v)]
Expression = Annotated[Text, Field(min_length=1, max_length=8192, examples=["PER < 10 and ROE > 10"])]
Ranking = Annotated[Text, Field(min_length=1, max_length=8192, examples=["MOMENTUM_3M"])]
Word = Annotated[Text, Field(min_length=1, max_length=64)]
Words = Annotated[list[Word], Field(max_length=10_000)]


class Model(BaseModel):
    """Strict types, and a field that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Itself: defaults that are models are not copied part by part for each request."""
        return self


class Buy(Model):
    """What may be bought, and which first."""

    where: Expression | None = Field(default=None, description="condition; null admits every stock of the universe")
    rank_by: Ranking | None = Field(default=None, description="a number; null ranks by MARKET_CAP")
    order: Literal["asc", "desc"] = "desc"


class Sell(Model):
    """When a holding is sold."""

    take_profit_pct: Annotated[float, Field(ge=1e-9, le=1e6, allow_inf_nan=False)] | None = None
    stop_loss_pct: PositivePercent | None = None
    trailing_stop_pct: PositivePercent | None = None
    min_hold_days: Days = Field(default=0, description="calendar days")
    max_hold_days: Days | None = Field(default=None, description="calendar days")
    where: Expression | None = None
    on_rebalance: Literal["hold", "rotate", "reweight"] = "hold"


class Portfolio(Model):
    """How many positions, of which size, chosen when."""

    max_positions: Count = 20
    weighting: Literal["equal", "market_cap", "inverse_volatility"] = "equal"
    position_pct: PositivePercent | None = Field(default=None, description="goes with equal weighting only")
    max_position_value: Won | None = Field(default=None, description="won")
    max_new_per_day: Count | None = None
    max_per_sector: Count | None = None
    rebalance: Literal["daily", "weekly", "monthly", "quarterly"] | dict[str, Any] = "daily"
    rebalance_band_pct: Percent = 0
    invest: Literal["slots", "full"] = "slots"
    keep_rank: Annotated[int, Field(ge=1, le=10_000), BeforeValidator(_whole)] | None = None
    when: Expression | None = None
    when_false: Literal["hold", "sell"] = "hold"
    stop_drawdown_pct: Annotated[float, Field(gt=0, lt=100, allow_inf_nan=False)] | None = None
    stop_resume_days: Annotated[int, Field(ge=1, le=3_650), BeforeValidator(_whole)] = 30


class Universe(Model):
    """Which stocks exist for the request; null does not restrict."""

    markets: Words | None = Field(default=["KOSPI", "KOSDAQ"])
    kinds: Words | None = Field(default=["common", "foreign"])
    sectors: Words | None = None
    exclude_sectors: Words | None = None
    cap_groups: Words | None = None
    stock_codes: Words | None = None
    exclude: Words | None = None
    where: Expression | None = None


class Strategy(Model):
    """A strategy; with `id` the parts that change in a strategy of the catalogue or of one's own."""

    id: Word | None = Field(default=None, description="a strategy whose parts are changed by what stands beside it")
    buy: Buy = Buy()
    sell: Sell = Sell()
    portfolio: Portfolio = Portfolio()
    universe: Universe = Universe()


class Costs(Model):
    """Costs in percent of the traded amount."""

    commission_pct: CostPercent = 0.015
    slippage_pct: CostPercent = 0.1
    tax_pct: Annotated[float, Field(ge=0, le=49, allow_inf_nan=False)] | None = Field(
        default=None, description="null: the dated table of the sales tax"
    )
    impact: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = None
    dividend_tax_pct: CostPercent | None = None


class Execution(Model):
    """How orders meet the market."""

    price: Literal["open", "close"] = "open"
    price_limits: bool | None = None
    tick_size: bool | None = None
    max_volume_pct: PositivePercent | None = 10
    dividends: bool = True
    delisting: Literal["liquidation", "last_price", "haircut", "zero"] = "liquidation"
    delisting_haircut_pct: Percent = 0
    stale_haircut_pct: Percent = 80


def _kind(value: object) -> str:
    return "id" if isinstance(value, str) else "strategy"


StrategyOrId = Annotated[
    Annotated[Word, Tag("id")] | Annotated[Strategy, Tag("strategy")],
    Discriminator(_kind),
]


class BacktestBody(Model):
    """`POST /v1/backtests`."""

    strategy: StrategyOrId = Field(
        description="a strategy, the id of one (catalogue, preset or one's own), or an id and the parts to change",
        examples=["peter_lynch"],
    )
    start: Date
    end: Date
    initial_cash: Won = 100_000_000
    costs: Costs = Costs()
    execution: Execution = Execution()
    benchmark: Word | None = Field(default="KOSPI", description="an index name, market, equal, or null")
    risk_free_pct: Annotated[float, Field(ge=-100, le=1000, allow_inf_nan=False)] = 0
    dataset: Word | None = Field(default=None, description="a dataset version; null is the current one")


class CompareBody(Model):
    """`POST /v1/compare`."""

    ids: Annotated[list[Word], Field(min_length=1, max_length=20)]


class AuditBody(Model):
    """`POST /v1/backtests/{id}/audit`."""

    cuts: Annotated[int, Field(ge=1, le=20), BeforeValidator(_whole)] = 5
    seed: Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(_whole)] = 0


StrategyId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["my_value"])]


class OwnStrategyBody(Model):
    """A strategy that a user keeps (`PUT`)."""

    name: Annotated[Text, Field(min_length=1, max_length=200)]
    summary: Annotated[Text, Field(max_length=2000)] = ""
    tags: Annotated[list[Word], Field(max_length=20)] = []
    strategy: Strategy
    costs: Costs = Costs()


class NewStrategyBody(OwnStrategyBody):
    """A strategy that a user keeps (`POST`)."""

    id: StrategyId


Phase = Literal["prices", "factors", "rankings", "popular", "strategies"]


class WarmRunBody(Model):
    """`POST /v1/warm-runs`."""

    phases: Annotated[list[Phase], Field(min_length=1, max_length=5)] = [
        "prices", "factors", "rankings", "popular", "strategies",
    ]  # fmt: skip


def mentioned(body: BaseModel) -> dict[str, Any]:
    """What the caller named, as plain values; defaults are left out."""
    return body.model_dump(exclude_unset=True)


class Query(BaseModel):
    """Query parameters: text in, typed values out; a parameter that nobody knows is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def also(cls, _values: Mapping[str, str]) -> list[Problem]:
        """Mistakes in refused parameters beside those of their types."""
        return []


Instant = Annotated[dt.datetime, PlainSerializer(lambda v: v.isoformat())]
Limit = Annotated[int, Field(ge=1, le=1000)]
Cursor = Annotated[str, Field(max_length=200)]


class NoQuery(Query):
    """A route without parameters."""


class ListQuery(Query):
    """`GET /v1/backtests`."""

    status: Literal["queued", "preparing", "running", "completed", "failed", "cancelled"] | None = None
    strategy: Word | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


class ExportQuery(Query):
    """`GET /v1/backtests/{id}/trades|equity`."""

    format: Literal["json", "csv", "parquet"] = "json"
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=100_000)] | None = None


class ScreenQuery(Query):
    """`GET /v1/screen`."""

    where: Expression | None = None
    rank_by: Ranking | None = None
    order: Literal["asc", "desc"] | None = None
    date: Date | None = None
    limit: Annotated[int, Field(ge=0, le=10_000)] = 50
    strategy: Word | None = None

    @classmethod
    def also(cls, values: Mapping[str, str]) -> list[Problem]:
        """Those of the expressions."""
        found: list[Problem] = []
        for name, role in EXPRESSIONS.items():
            if values.get(name):
                try:
                    compile_expression(values[name], role=role, path=name, indices=STANDARD_INDICES)
                except RequestError as error:
                    found += error.problems
        return found


class RankingQuery(Query):
    """`GET /v1/rankings/{kind}`."""

    date: Date | None = None
    market: Word | None = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 100


class StocksQuery(Query):
    """`GET /v1/stocks`."""

    market: Word | None = None
    sector: Word | None = None
    search: Annotated[Text, Field(min_length=1, max_length=100)] | None = None
    cursor: Cursor | None = None
    limit: Limit = 100


class PageQuery(Query):
    """A list with a cursor."""

    cursor: Cursor | None = None
    limit: Limit = 50
