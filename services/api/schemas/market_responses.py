"""Shapes of answers about the market's data: factors, stocks, datasets, screens, rankings, strategies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant, Share
from services.api.schemas.result_responses import ResultWarning
from shared.market.year_calendar import CalendarDay
from shared.model.request import about

RankingKind = Literal["market_cap", "trading_volume", "trading_value"]
Rank = Annotated[int, Meta(ge=1)]


class StrategyDocument(Struct, kw_only=True):
    """A strategy with its costs, in the shape of a backtest request."""

    id: Annotated[str, about("Id that a backtest request may name.")]
    kind: Annotated[Literal["famous", "preset", "own"], about("famous or preset (catalogue), or own.")]
    name_ko: Annotated[str, about("Korean name.")]
    name_en: Annotated[str, about("English name.")]
    summary: Annotated[str, about("What the strategy does, and where it loses, in the language of the caller.")]
    tags: Annotated[list[str], about("Tags.")]
    strategy: Annotated[dict[str, Any], about("Fields of the strategy that differ from the defaults.")]
    costs: Annotated[dict[str, Any], about("Costs of the strategy.")]
    period_days: Annotated[int | None, about("Presets: length of the window that a form offers.", "calendar days")]
    factors: Annotated[list[str], about("Factors that the strategy's expressions read.")]
    inputs: Annotated[list[str], about("Accounts of financial statements and prices that these factors need.")]
    missing_factors: Annotated[
        dict[str, str] | None,
        about("Factors without a value in the newest year of the dataset -> reason; null: there is no dataset yet."),
    ]
    created_at: Annotated[Instant | None, about("Own strategies: when it was stored.", UTC)]
    updated_at: Annotated[Instant | None, about("Own strategies: when it was changed.", UTC)]


class StrategyList(Struct, kw_only=True):
    """Strategies."""

    items: Annotated[list[StrategyDocument], about("Strategies.")]


class StrategyPage(StrategyList, kw_only=True):
    """A page of strategies: the catalogue in its order, then the caller's own by id."""

    next_cursor: Annotated[str | None, NEXT_CURSOR]
    note: Annotated[str, about("What a page that lists the famous strategies has to say.")]


class ScreenItem(Struct, kw_only=True):
    """A stock that passed the condition."""

    stock_code: Annotated[str, about("Stock code.")]
    name: Annotated[str, about("Name of the stock.")]
    name_en: Annotated[str | None, about("English name of the stock.")]
    market: Annotated[str, about("Market of the stock.")]
    sector: Annotated[str | None, about("Sector of the stock.")]
    rank: Annotated[Rank, about("Place in the ranking.")]
    value: Annotated[float | None, about("Value of `rank_by`; null: the stock has none and is ranked last.")]
    values: Annotated[
        dict[str, float | bool | None], about("Values of `columns`, by their canonical text; null: absent.")
    ]


class ScreenPart(Struct, kw_only=True):
    """How many stocks pass a part of the condition's outermost `and`."""

    condition: Annotated[str, about("Text of the part.")]
    passed: Annotated[Count, about("Stocks of the universe that pass it.", "stocks")]
    remaining: Annotated[Count, about("Those that pass it and every part before it.", "stocks")]


class Screen(Struct, kw_only=True):
    """The stocks that passed a condition on one row."""

    date: Annotated[DateText, about("Row whose values are used.", DATE)]
    universe: Annotated[Count, about("Number of stocks in the universe.", "stocks")]
    parts: Annotated[list[ScreenPart], about("Counts by part of the condition; empty without a condition.")]
    total: Annotated[Count, about("Number of stocks that passed.", "stocks")]
    rank_by: Annotated[str, about("Canonical text of the number that ranks.")]
    columns: Annotated[list[str], about("Canonical texts of `columns`, in the order of the query.")]
    items: Annotated[list[ScreenItem], about("The first of them, in the order of the ranking.")]
    warnings: Annotated[list[ResultWarning], about("Factors that few stocks of the universe have.")]


class RankingItem(Struct, kw_only=True):
    """A stock of a ranking."""

    rank: Annotated[Rank, about("Place in the ranking.")]
    stock_code: Annotated[str, about("Stock code.")]
    name: Annotated[str, about("Name of the stock.")]
    name_en: Annotated[str | None, about("English name of the stock.")]
    market: Annotated[str, about("Market of the stock.")]
    value: Annotated[float, about("Market capitalisation, or mean of volume or value.", "won or shares")]
    rows: Annotated[Count, about("Rows over which the value is a mean; fewer for a new stock.", "rows")]


class Ranking(Struct, kw_only=True):
    """The greatest stocks of one row."""

    kind: Annotated[RankingKind, about("What is ranked.")]
    date: Annotated[DateText, about("Row whose values are used.", DATE)]
    market: Annotated[str | None, about("Market that the ranking is restricted to.")]
    mean_rows: Annotated[
        Count, about("Rows over which values are means, the last one included; 1 with market_cap.", "rows")
    ]
    total: Annotated[Count, about("Number of stocks that have a value.", "stocks")]
    items: Annotated[list[RankingItem], about("Stocks, the greatest first.")]


class Factor(Struct, kw_only=True):
    """Definition of a factor."""

    key: Annotated[str, about("Name in expressions.")]
    name_ko: Annotated[str, about("Korean name.")]
    name_en: Annotated[str, about("English name.")]
    category: Annotated[str, about("Group of the factor.")]
    unit: Annotated[str, about("Unit of its values.")]
    formula: Annotated[str, about("Formula.")]
    inputs: Annotated[str, about("Accounts and prices that it reads.")]
    null_when: Annotated[str, about("When a stock has no value.")]
    kind: Annotated[str, about("What it is computed from: prices or statements.")]
    lookback_rows: Annotated[int | None, about("Rows that it reads; null: as many as there are.", "rows")]
    version: Annotated[int, about("Version of the formula.")]
    available: Annotated[bool, about("Whether the current dataset version has it.")]


class FactorList(Struct, kw_only=True):
    """All factors."""

    items: Annotated[list[Factor], about("Factors.")]


class YearCoverage(Struct, kw_only=True):
    """How many values a factor has in a year."""

    year: Annotated[int, about("Year.")]
    share: Annotated[Share, about("Part of the stock-days that have a value.", "fraction")]
    reason: Annotated[str | None, about("Why others have none.")]


class Distribution(Struct, kw_only=True):
    """Values of a factor on the last row."""

    date: Annotated[DateText | None, about("The row.", DATE)]
    count: Annotated[Count, about("Number of stocks that have a value.", "stocks")]
    mean: Annotated[float | None, about("Mean.")]
    quantiles: Annotated[dict[str, float], about("Quantile -> value.")]


class Bin(Struct, kw_only=True):
    """A bin of a histogram."""

    lower: Annotated[float, about("Lower bound, included.")]
    upper: Annotated[float, about("Upper bound, not included but in the last bin.")]
    count: Annotated[Count, about("Stocks whose value lies in it.", "stocks")]


class FactorDistribution(Struct, kw_only=True):
    """Values of a factor over a universe on one row."""

    key: Annotated[str, about("Name in expressions.")]
    unit: Annotated[str, about("Unit of its values.")]
    date: Annotated[DateText, about("The row.", DATE)]
    universe: Annotated[Count, about("Number of stocks in the universe.", "stocks")]
    count: Annotated[Count, about("Number of them that have a value.", "stocks")]
    mean: Annotated[float | None, about("Mean; null without a value.")]
    deviation: Annotated[float | None, about("Sample deviation; null with fewer than two values.")]
    quantiles: Annotated[dict[str, float], about("Quantile (0 is the smallest value, 1 the largest) -> value.")]
    bins: Annotated[
        list[Bin], about("Bins of equal width from the quantile 0.01 to 0.99, so that a few values do not stretch it.")
    ]
    below: Annotated[Count, about("Stocks below the first bin.", "stocks")]
    above: Annotated[Count, about("Stocks above the last bin.", "stocks")]


class FactorDetail(Factor, kw_only=True):
    """A factor with its coverage and distribution."""

    reason: Annotated[str | None, about("Why the current dataset version lacks it.")]
    coverage: Annotated[list[YearCoverage], about("Coverage by year.")]
    distribution: Annotated[Distribution | None, about("Values of the last row.")]


class Stock(Struct, kw_only=True):
    """A stock."""

    stock_code: Annotated[str, about("Stock code.")]
    name: Annotated[str, about("Name.")]
    name_en: Annotated[str | None, about("English name.")]
    market: Annotated[str, about("Market.")]
    sector: Annotated[str | None, about("Sector.")]
    listed_on: Annotated[DateText | None, about("Day of the listing.", DATE)]
    delisted_on: Annotated[DateText | None, about("Day of the delisting.", DATE)]


class StockList(Struct, kw_only=True):
    """A page of stocks, by code."""

    items: Annotated[list[Stock], about("Stocks.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class Sector(Struct, kw_only=True):
    """A sector."""

    sector: Annotated[str, about("Name of the sector.")]
    stocks: Annotated[Count, about("Stocks that it has on the row.", "stocks")]


class SectorList(Struct, kw_only=True):
    """The sectors of one row, by name."""

    date: Annotated[DateText, about("Row whose listings are used.", DATE)]
    items: Annotated[list[Sector], about("Sectors.")]
    without_sector: Annotated[Count, about("Stocks of the row that have no sector.", "stocks")]


class Calendar(Struct, kw_only=True):
    """The days of a year."""

    year: Annotated[int, about("The year.")]
    first_day: Annotated[DateText | None, about("First trading day of the dataset; null: there is none yet.", DATE)]
    last_day: Annotated[DateText | None, about("Last trading day of the dataset.", DATE)]
    covered: Annotated[
        bool,
        about("Whether the table of holidays has the year; otherwise every weekday outside the dataset counts as a "
              "trading day."),
    ]  # fmt: skip
    trading_days: Annotated[Count, about("Number of trading days.", "days")]
    days: Annotated[list[CalendarDay], about("Every day of the year.")]


class Dataset(Struct, kw_only=True):
    """A dataset version."""

    version: Annotated[str, about("Name of the version.")]
    current: Annotated[bool, about("Whether new requests use it.")]
    revision: Annotated[int, about("Data revision that it was built from.")]
    built_at: Annotated[Instant, about("When it was built.", UTC)]
    retired_at: Annotated[Instant | None, about("When a newer version replaced it.", UTC)]
    parts: Annotated[Count, about("Number of stored parts.", "parts")]
    manifest_bytes: Annotated[Count | None, about("Size of the manifest.", "bytes")]


class QualityExample(Struct, kw_only=True):
    """One place that a check found."""

    stock_code: Annotated[str, about("Code of the stock.")]
    date: Annotated[str, about("Day of the row, first day of the stretch, or day of the disclosure.", DATE)]
    detail: Annotated[str, about("What was found, in the language of the caller.")]
    code: Annotated[str, about("Code of the message; empty in reports of earlier versions.")]
    params: Annotated[dict[str, Any], about("Parameters of the message.")]
    severity: Annotated[float, about("Orders the examples of one check; the greatest is the worst.")]


class QualityFinding(Struct, kw_only=True):
    """What one check found."""

    check: Annotated[str, about("Name of the check.")]
    counts: Annotated[str, about("What the check counts.")]
    follows: Annotated[str, about("What follows for users of the data.")]
    count: Annotated[Count, about("How often it was found.")]
    stocks: Annotated[Count, about("On how many stocks.", "stocks")]
    examples: Annotated[list[QualityExample], about("The worst ones.")]


class Quality(Struct, kw_only=True):
    """The quality report of a data revision."""

    revision: Annotated[int, about("Data revision.")]
    counts: Annotated[dict[str, int], about("Check -> how often it was found, 0 included.")]
    findings: Annotated[list[QualityFinding], about("Checks that found something.")]


class DatasetList(Struct, kw_only=True):
    """Dataset versions, the newest first."""

    items: Annotated[list[Dataset], about("Versions.")]
    current: Annotated[str | None, about("Name of the current version.")]


class DatasetDetail(Dataset, kw_only=True):
    """A dataset version with its content."""

    first_day: Annotated[DateText | None, about("First trading day.", DATE)]
    last_day: Annotated[DateText | None, about("Last trading day.", DATE)]
    days: Annotated[Count, about("Number of trading days.", "rows")]
    stocks: Annotated[Count, about("Number of stocks.", "stocks")]
    indices: Annotated[list[str], about("Loaded indices.")]
    markets: Annotated[list[str], about("Markets of the stocks.")]
    factors: Annotated[list[str], about("Factors that it has.")]
    missing_factors: Annotated[list[str], about("Factors that it lacks.")]
    reasons: Annotated[dict[str, str], about("Factor that it lacks -> reason.")]
    chunks: Annotated[Count, about("Number of chunks.", "chunks")]
    sizes: Annotated[dict[str, Any], about("Sizes of the content.", "bytes")]
