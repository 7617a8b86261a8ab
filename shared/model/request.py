"""The backtest request: the one declaration of its fields, bounds, defaults and descriptions.

The OpenAPI document, the validator (`shared.model.conversion`, `shared.simulation.validation`) and the command line
follow from the types of this module. A field is `Annotated[<type with bounds>, about(description, unit)]`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MAX_POSITIONS = 5_000
MAX_KEEP_RANK = 10_000
MAX_HOLD_DAYS = 36_500
MAX_LIST_LENGTH = 10_000
MAX_EXPRESSION_LENGTH = 8_192


def about(description: str, unit: str | None = None, **schema: Any) -> Meta:
    """Return the annotation of a field: its description, its unit, and further keywords of its JSON schema."""
    extra = schema | ({} if unit is None else {"x-unit": unit})
    return Meta(description=description, extra_json_schema=extra or None)


PositivePercent = Annotated[float, Meta(gt=0, le=100)]
Percent = Annotated[float, Meta(ge=0, le=100)]
CostPercent = Annotated[float, Meta(ge=0, le=50)]
Won = Annotated[float, Meta(ge=1, le=1e15)]
HoldDays = Annotated[int, Meta(ge=0, le=MAX_HOLD_DAYS)]
PositionCount = Annotated[int, Meta(ge=1, le=MAX_POSITIONS)]
Kind = Literal["common", "preferred", "spac", "reit", "foreign"]
Text = Annotated[str, Meta(pattern=r"^[^\x00]*$")]
Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[^\x00]*$")]
ResearchName = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9가-힣][A-Za-z0-9가-힣._ -]*$")]
Words = Annotated[tuple[Word, ...], Meta(min_length=1, max_length=MAX_LIST_LENGTH)]
WordsOrNone = Annotated[tuple[Word, ...], Meta(max_length=MAX_LIST_LENGTH)]
Expression = Annotated[str, Meta(min_length=1, max_length=MAX_EXPRESSION_LENGTH, pattern=r"^[^\x00]*$")]


class Buy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stocks may be bought, and in which order."""

    where: Annotated[
        Expression | None,
        about("Condition that a stock has to meet on the row before; null: every stock of the universe.",
              examples=["PER < 10 and ROE > 10"]),
    ] = None  # fmt: skip
    rank_by: Annotated[
        Expression | None,
        about("Number by which candidates are ranked; null ranks by MARKET_CAP.", examples=["MOMENTUM_3M"]),
    ] = "MARKET_CAP"
    order: Annotated[
        Literal["asc", "desc"], about("Order of the ranking: desc (greatest first) or asc (smallest first).")
    ] = "desc"


class Sell(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a holding is sold."""

    take_profit_pct: Annotated[
        Annotated[float, Meta(gt=0, le=1e6)] | None,
        about("Sell when the price is this far above the entry price; null: never.", "%"),
    ] = None
    stop_loss_pct: Annotated[
        PositivePercent | None, about("Sell when the price is this far below the entry price; null: never.", "%")
    ] = None
    trailing_stop_pct: Annotated[
        PositivePercent | None,
        about("Sell when the price is this far below the highest close since the entry; null: never.", "%"),
    ] = None
    min_hold_days: Annotated[
        HoldDays, about("Age from which `where` and rebalancing may sell a holding; stops ignore it.", "calendar days")
    ] = 0
    max_hold_days: Annotated[
        HoldDays | None, about("Age at which a holding is sold; null: no limit.", "calendar days")
    ] = None
    where: Annotated[
        Expression | None, about("Sell a holding that meets this condition on the row before; null: never.")
    ] = None
    on_rebalance: Annotated[
        Literal["hold", "rotate", "reweight"],
        about("What a rebalance day does to holdings: hold (leave them), rotate (sell what left the target list) or "
              "reweight (rotate, then bring every position to its target weight)."),
    ] = "hold"  # fmt: skip


class RebalanceCalendar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rebalance days by one of three forms: `months` and `day`, or `weekday`, or `rows`.

    In canonical form exactly one is set: `months` (ascending) together with `day`, or `weekday`, or `rows`.
    """

    months: Annotated[
        Annotated[tuple[Annotated[int, Meta(ge=1, le=12)], ...], Meta(min_length=1, max_length=12)] | None,
        about("Months of the year (1 to 12); with `day`. Left out beside `day`: every month."),
    ] = None
    day: Annotated[
        Annotated[int, Meta(ge=1, le=31)] | None,
        about("First row on or after this day of the month (its last day when the month is shorter); with `months`. "
              "Left out beside `months`: 1.", "day of the month"),
    ] = None  # fmt: skip
    weekday: Annotated[
        Literal["mon", "tue", "wed", "thu", "fri"] | None,
        about("First row on or after this weekday in each ISO week that has one."),
    ] = None
    rows: Annotated[
        Annotated[int, Meta(ge=1, le=500)] | None,
        about("Every n-th row, counted from the first row of the window.", "rows"),
    ] = None


class Portfolio(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many positions of which size, and on which days they are chosen."""

    max_positions: Annotated[PositionCount, about("Maximum number of positions.", "stocks")] = 20
    weighting: Annotated[
        Literal["equal", "market_cap", "inverse_volatility"], about("How money is divided between positions.")
    ] = "equal"
    position_pct: Annotated[
        PositivePercent | None,
        about("Size of a purchase; null: equity divided by max_positions. Equal weighting only, not with reweight.",
              "% of equity"),
    ] = None  # fmt: skip
    max_position_value: Annotated[Won | None, about("Maximum size of a purchase; null: no limit.", "won")] = None
    max_new_per_day: Annotated[
        PositionCount | None, about("Maximum number of new positions a day; null: no limit.", "stocks")
    ] = None
    max_per_sector: Annotated[
        PositionCount | None,
        about("Maximum number of positions of one sector; null: no limit. Stocks without a sector are not limited.",
              "stocks"),
    ] = None  # fmt: skip
    rebalance: Annotated[
        Literal["daily", "weekly", "monthly", "quarterly"] | RebalanceCalendar,
        about("Days on which stocks are bought and the target list is applied: every row, the first row of each ISO "
              "week, month or quarter, or a calendar object. The first row of the window is always one."),
    ] = "daily"  # fmt: skip
    rebalance_band_pct: Annotated[
        Percent,
        about("With reweight: a position within this distance of its target is left as it is.", "% of the target"),
    ] = 0.0
    invest: Annotated[
        Literal["slots", "full"],
        about("With reweight: slots (each position gets its share of max_positions, the rest stays in cash) or full "
              "(all equity is divided between the positions of the target list)."),
    ] = "slots"  # fmt: skip
    keep_rank: Annotated[
        Annotated[int, Meta(ge=1, le=MAX_KEEP_RANK)] | None,
        about("With rotate or reweight: a holding stays in the target list while it ranks among this many; at least "
              "max_positions. null: max_positions.", "stocks"),
    ] = None  # fmt: skip
    when: Annotated[
        Expression | None,
        about("Market-wide condition; nothing is bought while it is false on the row before. null: always true.",
              examples=["KOSPI > ts_mean(KOSPI, 200)"]),
    ] = None  # fmt: skip
    when_false: Annotated[
        Literal["hold", "sell"], about("What happens to holdings while `when` is false: hold or sell.")
    ] = "hold"
    stop_drawdown_pct: Annotated[
        Annotated[float, Meta(gt=0, lt=100)] | None,
        about("Sell everything when equity is this far below its highest value; null: never.", "%"),
    ] = None
    stop_resume_days: Annotated[
        Annotated[int, Meta(ge=1, le=3_650)],
        about("Time without purchases after a drawdown stop.", "calendar days"),
    ] = 30


class Universe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which stocks are part of the market for a request; null does not restrict. Lists are sets: sorted, unique."""

    markets: Annotated[Words | None, about("Markets whose stocks are admitted; null: every market of the dataset.")] = (
        "KOSDAQ",
        "KOSPI",
    )
    kinds: Annotated[
        Annotated[
            tuple[Kind, ...],
            Meta(min_length=1, max_length=MAX_LIST_LENGTH),
        ]
        | None,
        about("Kinds of stocks that are admitted; null: every kind."),
    ] = ("common", "foreign")
    sectors: Annotated[
        Words | None, about("Sectors whose stocks are admitted (see /v1/sectors); null: every sector.")
    ] = None
    exclude_sectors: Annotated[WordsOrNone | None, about("Sectors whose stocks are left out; null: none.")] = None
    cap_groups: Annotated[
        Words | None, about("Groups of market capitalisation that are admitted; null: every size.")
    ] = None
    stock_codes: Annotated[Words | None, about("The only stocks that are admitted; null: all.")] = None
    exclude: Annotated[WordsOrNone | None, about("Stock codes that are left out; null: none.")] = None
    where: Annotated[
        Expression | None, about("Condition that a stock of the universe meets on the row; null: none.")
    ] = None


class Strategy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole strategy."""

    buy: Annotated[Buy, about("Which stocks may be bought, and in which order.")] = msgspec.field(default_factory=Buy)
    sell: Annotated[Sell, about("When a holding is sold.")] = msgspec.field(default_factory=Sell)
    portfolio: Annotated[Portfolio, about("How many positions of which size, chosen when.")] = msgspec.field(
        default_factory=Portfolio
    )
    universe: Annotated[Universe, about("Which stocks are part of the market.")] = msgspec.field(
        default_factory=Universe
    )


class Costs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Costs in percent of the traded amount."""

    commission_pct: Annotated[CostPercent, about("Commission of each fill.", "% of the amount")] = 0.015
    slippage_pct: Annotated[CostPercent, about("Distance of a fill from its reference price.", "% of the price")] = 0.1
    tax_pct: Annotated[
        Annotated[float, Meta(ge=0, le=49)] | None,
        about("Sales tax; null: the dated table of the market.", "% of a sale"),
    ] = None
    impact: Annotated[
        Annotated[float, Meta(ge=0, le=10)] | None,
        about("Factor of the square-root market impact that is added to the slippage; null: none.", "factor"),
    ] = None
    dividend_tax_pct: Annotated[
        CostPercent | None,
        about("Tax on dividends; null: by market (15.4 for KOSPI, KOSDAQ and KONEX, else 0).", "% of a dividend"),
    ] = None


class Execution(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How orders meet the market."""

    price: Annotated[Literal["open", "close"], about("Price at which orders of a day fill.")] = "open"
    price_limits: Annotated[
        bool | None,
        about("Whether daily price limits forbid fills; null: by market (KOSPI, KOSDAQ and KONEX have them)."),
    ] = None
    tick_size: Annotated[
        bool | None,
        about("Whether fills are rounded to the tick; null: by market (KOSPI, KOSDAQ and KONEX have ticks)."),
    ] = None
    max_volume_pct: Annotated[
        PositivePercent | None,
        about("Maximum size of a purchase against the mean volume of the 20 rows before; null: no cap.",
              "% of the volume"),
    ] = 10.0  # fmt: skip
    dividends: Annotated[bool, about("Whether dividends are credited.")] = True
    delisting: Annotated[
        Literal["liquidation", "last_price", "haircut", "zero"],
        about("How a holding of a delisted stock ends: liquidation (sold in liquidation trading, else at the last "
              "price less, when that is stale, stale_haircut_pct), last_price, haircut (last price less "
              "delisting_haircut_pct) or zero."),
    ] = "liquidation"  # fmt: skip
    delisting_haircut_pct: Annotated[
        Percent, about("With delisting haircut: reduction of the last price.", "% of the price")
    ] = 0.0
    stale_haircut_pct: Annotated[
        Percent,
        about("With delisting liquidation: reduction of a last price of more than 30 days before the delisting.",
              "% of the price"),
    ] = 80.0  # fmt: skip


class BacktestOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a backtest consists of besides its strategy."""

    start: Annotated[dt.date, about("First day of the window.", "date, YYYY-MM-DD")]
    end: Annotated[dt.date, about("Last day of the window; not before the start.", "date, YYYY-MM-DD")]
    initial_cash: Annotated[Won, about("Cash before the first day.", "won")] = 100_000_000.0
    costs: Annotated[Costs, about("Costs in percent of the traded amount.")] = msgspec.field(default_factory=Costs)
    execution: Annotated[Execution, about("How orders meet the market.")] = msgspec.field(default_factory=Execution)
    benchmark: Annotated[Word | None, about("A loaded index (KOSPI, KOSDAQ, …), market, equal, or null for none.")] = (
        "KOSPI"
    )
    risk_free_pct: Annotated[
        Annotated[float, Meta(ge=-100, le=1_000)], about("Risk-free rate of the statistics.", "% per year")
    ] = 0.0


class BacktestRequest(BacktestOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request in canonical form: every default filled, expressions in canonical text, sets sorted, numbers floats.

    `dataset` is resolved at acceptance and is not part of the digest.
    """

    strategy: Annotated[Strategy, about("The strategy.")]


_REQUESTS = msgspec.json.Decoder(BacktestRequest)
"""Built at import: msgspec prepares a type at its first use and is not thread-safe while it does (SIGSEGV)."""


def request_from_json(text: str | bytes) -> BacktestRequest:
    """Return the request that `canonical_json` encoded."""
    return _REQUESTS.decode(text)


def canonical_json(value: Any) -> bytes:
    """Return JSON with sorted keys and shortest round-trip numbers, the input of digests."""
    return msgspec.json.encode(value, order="sorted")


def request_digest(request: BacktestRequest) -> str:
    """Return the SHA-256 (hex) of the canonical JSON of a request."""
    return hashlib.sha256(canonical_json(request)).hexdigest()
