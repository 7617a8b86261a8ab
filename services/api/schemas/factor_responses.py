"""Shapes of factor reports."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct, field

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant, Share
from services.api.schemas.ledger_responses import RecordedTrials
from services.api.schemas.result_responses import ResultWarning
from shared.model.request import about


class MeanTest(Struct, kw_only=True):
    """A mean over rows and its t."""

    rows: Annotated[Count, about("Rows with the figure.", "rows")]
    mean: Annotated[float | None, about("Mean over the rows; null: no row has it.")]
    t: Annotated[float | None, about("Newey-West t of the mean; null: fewer than 2 rows, or no dispersion.")]
    lags: Annotated[Count, about("Lags of the kernel: max(horizon - 1, floor(4 (rows/100)^(2/9))).", "rows")]


class Coefficient(MeanTest, kw_only=True):
    """A correlation between values and returns by row."""

    deviation: Annotated[float | None, about("Sample standard deviation over the rows.")]
    ratio: Annotated[float | None, about("Mean divided by deviation (ICIR).")]
    ratio_annual: Annotated[float | None, about("ratio times sqrt(252 / horizon).")]
    positive: Annotated[Share | None, about("Share of the rows above 0.")]


class Quantile(Struct, kw_only=True):
    """The portfolio of one quantile: its stocks in equal parts, from open to open."""

    quantile: Annotated[int, about("Number; 1 has the smallest values.")]
    stocks: Annotated[float, about("Mean number of stocks with a value.", "stocks")]
    return_: Annotated[float | None, about("Mean return over the horizon.", "fraction")] = field(name="return")
    demeaned: Annotated[
        float | None, about("Mean return less that of all stocks of the row (neutral: of the sector).", "fraction")
    ]
    turnover: Annotated[float | None, about("Share of its stocks that were not in it `horizon` rows before.")]
    net: Annotated[float | None, about("return - 2 * turnover * cost.", "fraction")]


class QuantileSpread(MeanTest, kw_only=True):
    """Return of the highest quantile less that of the lowest."""

    turnover: Annotated[float | None, about("Turnover of both quantiles together.")]
    net: Annotated[float | None, about("mean - 2 * turnover * cost.", "fraction")]


class Excluded(Struct, kw_only=True):
    """Values of stocks and rows, and why some have no return."""

    cells: Annotated[Count, about("Values inside the universe.")]
    used: Annotated[Count, about("Those with a return.")]
    halted: Annotated[Count, about("No trading on the row after.")]
    limit_up: Annotated[Count, about("The row after opens at the upper limit.")]
    liquidation: Annotated[Count, about("The row after is one of liquidation trading.")]
    not_ended: Annotated[Count, about("The dataset ends before the exit.")]


class FactorHorizon(Struct, kw_only=True):
    """The figures of one holding time."""

    horizon: Annotated[int, about("Holding time.", "rows")]
    ic: Annotated[Coefficient, about("Correlation of values and returns.")]
    rank_ic: Annotated[Coefficient, about("Correlation of their ranks.")]
    quantiles: Annotated[list[Quantile], about("Portfolios, the smallest values first.")]
    spread: Annotated[QuantileSpread, about("Highest less lowest quantile.")]
    rank_autocorrelation: Annotated[
        float | None, about("Mean correlation of the ranks with those of `horizon` rows before.")
    ]
    fama_macbeth: Annotated[
        MeanTest,
        about("Slope of the row's regression of returns on the z-score of the factor.", "return per deviation"),
    ]
    excluded: Annotated[Excluded, about("Values without a return.")]


class FactorWindowRows(Struct, kw_only=True):
    """The rows of a report."""

    start: Annotated[DateText, about("First row.", DATE)]
    end: Annotated[DateText, about("Last row.", DATE)]
    rows: Annotated[Count, about("Number of rows.", "rows")]


class ReportCoverage(Struct, kw_only=True):
    """How many stocks have a value."""

    universe: Annotated[float, about("Mean number of stocks of the universe.", "stocks")]
    values: Annotated[float, about("Mean number of stocks with a value.", "stocks")]
    share: Annotated[Share | None, about("values / universe; null: the universe is empty.")]
    rows_without_value: Annotated[Count, about("Rows on which no stock has a value.", "rows")]


class DecayPoint(Struct, kw_only=True):
    """Mean coefficients of one horizon."""

    horizon: Annotated[int, about("Holding time.", "rows")]
    ic: Annotated[float | None, about("Mean IC.")]
    rank_ic: Annotated[float | None, about("Mean rank IC.")]
    t: Annotated[float | None, about("Newey-West t of the rank IC.")]


class Decay(Struct, kw_only=True):
    """Coefficients by horizon."""

    horizons: Annotated[list[DecayPoint], about("1, 2, 3, 5, 10, 20, 40 and 60 rows, and those of the request.")]
    half_life: Annotated[
        float | None,
        about("Horizon after that of the largest rank IC at which it is half of it; null: not reached.", "rows"),
    ]


class FactorGroup(Struct, kw_only=True):
    """A group of stocks at one horizon."""

    by: Annotated[Literal["sector", "market", "cap_group"], about("What the stocks are grouped by.")]
    group: Annotated[str, about("Name of the group; a stock belongs on a row to the group of that row.")]
    horizon: Annotated[int, about("Holding time.", "rows")]
    stocks: Annotated[float, about("Mean number of its stocks with a value and a return.", "stocks")]
    rank_ic: Annotated[MeanTest, about("Correlation of the ranks among its stocks; at least 30 on a row.")]
    spread: Annotated[
        MeanTest,
        about("Its stocks in the highest quantile of the universe less those in the lowest, on rows with both.",
              "fraction"),
    ]  # fmt: skip


class FactorYear(Struct, kw_only=True):
    """A calendar year and horizon."""

    year: Annotated[int, about("Calendar year of the rows.")]
    horizon: Annotated[int, about("Holding time.", "rows")]
    rows: Annotated[Count, about("Rows with a rank IC.", "rows")]
    rank_ic: Annotated[float | None, about("Mean rank IC.")]
    spread: Annotated[float | None, about("Mean return of the highest less the lowest quantile.", "fraction")]


class FactorCorrelation(Struct, kw_only=True):
    """Correlation with a factor of the catalogue."""

    factor: Annotated[str, about("Key of the factor.")]
    correlation: Annotated[
        float | None, about("Mean correlation of the ranks on the last row of each month; null: too few stocks.")
    ]
    rows: Annotated[Count, about("Rows with a correlation.", "rows")]


class FactorCheck(Struct, kw_only=True):
    """A bound that a factor is usually asked to keep."""

    check: Annotated[
        Literal["t", "turnover", "correlation"],
        about("t: of the rank IC, without sign; turnover: mean of the outer quantiles; correlation: the largest with "
              "another factor, without sign."),
    ]  # fmt: skip
    horizon: Annotated[int | None, about("Holding time; null: the check has none.", "rows")]
    value: Annotated[float | None, about("The figure; null: there is none.")]
    least: Annotated[float | None, about("Lower bound; null: none.")]
    most: Annotated[float | None, about("Upper bound; null: none.")]
    passes: Annotated[bool | None, about("Whether the figure is within the bounds; null: there is none.")]
    with_: Annotated[str | None, about("correlation: the other factor.")] = field(name="with")


class FactorSeries(Struct, kw_only=True):
    """Figures by row; the lists of a horizon have the order of `horizons`."""

    date: Annotated[list[DateText], about("The rows.", DATE)]
    values: Annotated[list[Count], about("Stocks with a value.", "stocks")]
    ic: Annotated[list[list[float | None]], about("IC by horizon and row.")]
    rank_ic: Annotated[list[list[float | None]], about("Rank IC by horizon and row.")]
    spread: Annotated[list[list[float | None]], about("Highest less lowest quantile by horizon and row.", "fraction")]


class FactorPortfolio(Struct, kw_only=True):
    """A trial of a research line: the ranks of a factor, bought above the mean rank and sold short below it."""

    factor: Annotated[str, about("Canonical text.")]
    horizon: Annotated[int, about("Holding time.", "rows")]
    weeks: Annotated[Count, about("Weeks of its returns.", "weeks")]
    sharpe_annual: Annotated[
        float | None, about("Sharpe ratio of its weekly returns before costs, for a year; null: they do not vary.")
    ]


class RecordedPortfolios(RecordedTrials, kw_only=True):
    """The portfolios that a request has recorded in its research line."""

    portfolios: Annotated[list[FactorPortfolio], about("The portfolios, by factor and horizon.")]


class FactorReport(Struct, kw_only=True):
    """What a factor says about the returns that follow."""

    id: Annotated[str, about("Id of the stored report.")]
    created_at: Annotated[Instant, about("When it was computed.", UTC)]
    engine_version: Annotated[str, about("Version of the engine that computed it.")]
    request: Annotated[dict[str, Any], about("Body of `POST /v1/factor-reports` that gives the same report.")]
    recorded: Annotated[
        RecordedPortfolios | None, about("What this request has recorded in a research line; null: it named none.")
    ]
    dataset_version: Annotated[str, about("Dataset version.")]
    factor: Annotated[str, about("Canonical text.")]
    window: Annotated[FactorWindowRows, about("Rows that are judged.")]
    coverage: Annotated[ReportCoverage, about("Stocks with a value.")]
    horizons: Annotated[list[FactorHorizon], about("Holding times, ascending.")]
    decay: Annotated[Decay, about("Coefficients by horizon.")]
    years: Annotated[list[FactorYear], about("By calendar year and horizon.")]
    groups: Annotated[
        list[FactorGroup] | None, about("Within sectors, markets and cap groups; null: no breakdown was asked for.")
    ]
    correlations: Annotated[list[FactorCorrelation] | None, about("With every factor; null: not asked for.")]
    checks: Annotated[list[FactorCheck], about("Usual bounds, and whether they are kept.")]
    series: Annotated[FactorSeries | None, about("By row; null: not asked for.")]
    warnings: Annotated[list[ResultWarning], about("Warnings.")]
    digest: Annotated[str, about("SHA-256 of the report.")]


class ListedHorizon(Struct, kw_only=True):
    """The rank IC of a report in a list."""

    horizon: Annotated[int, about("Holding time.", "rows")]
    rank_ic: Annotated[float | None, about("Mean rank IC; null: no row has it.")]
    t: Annotated[float | None, about("Its Newey-West t; null: fewer than 2 rows, or no dispersion.")]


class ListedFactorReport(Struct, kw_only=True):
    """A factor report in a list."""

    id: Annotated[str, about("Id of the report.")]
    factor: Annotated[str, about("Canonical text.")]
    window: Annotated[FactorWindowRows, about("Rows that are judged.")]
    horizons: Annotated[list[ListedHorizon], about("Holding times, ascending.")]
    dataset_version: Annotated[str, about("Dataset version.")]
    engine_version: Annotated[str, about("Version of the engine that computed it.")]
    digest: Annotated[str, about("SHA-256 of the report.")]
    created_at: Annotated[Instant, about("When it was computed.", UTC)]


class FactorReportList(Struct, kw_only=True):
    """A page of factor reports, the newest first."""

    items: Annotated[list[ListedFactorReport], about("Reports.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class CoefficientDifference(Struct, kw_only=True):
    """A coefficient that the cut data make otherwise."""

    date: Annotated[DateText, about("Row of the coefficient.", DATE)]
    horizon: Annotated[int, about("Holding time.", "rows")]
    figure: Annotated[Literal["ic", "rank_ic"], about("Coefficient.")]
    whole: Annotated[float | None, about("On the whole data; null: absent, as it has to be when its exit is cut away.")]
    cut: Annotated[float | None, about("On the cut data; null: absent.")]


class FactorCut(Struct, kw_only=True):
    """The coefficients on data that end on a day."""

    date: Annotated[DateText, about("Last day of the cut data.", DATE)]
    coefficients: Annotated[Count, about("Compared coefficients, which lie before the cut with their exit.")]
    absent: Annotated[Count, about("Coefficients whose exit is cut away, and which have to be absent.")]
    identical: Annotated[bool, about("Whether all are equal to the bit, and the others absent.")]
    first_difference: Annotated[CoefficientDifference | None, about("The first one that is not; null: none.")]


class FactorAudit(Struct, kw_only=True):
    """A report computed again, and on data that end earlier."""

    identical: Annotated[bool, about("Whether the digest is the stored one and every cut is identical.")]
    digest: Annotated[str, about("SHA-256 of the report that was computed now.")]
    stored_digest: Annotated[str, about("SHA-256 of the stored report.")]
    cuts: Annotated[list[FactorCut], about("Computations on cut data, by day.")]


class MatrixCell(Struct, kw_only=True):
    """A factor at one horizon."""

    horizon: Annotated[int, about("Holding time.", "rows")]
    ic: Annotated[Coefficient, about("Correlation of values and returns.")]
    rank_ic: Annotated[Coefficient, about("Correlation of their ranks.")]
    p: Annotated[Share | None, about("Two-sided p-value of the t of the rank IC; null: no t.")]
    p_holm: Annotated[Share | None, about("p adjusted for all cells of the matrix by Holm.")]
    p_bhy: Annotated[Share | None, about("p adjusted for all cells of the matrix by Benjamini and Yekutieli.")]


class FactorFailure(Struct, kw_only=True):
    """Why a factor has no figures."""

    code: Annotated[str, about("Stable identifier of the reason.")]
    params: Annotated[dict[str, Any], about("Parameters of the message.")]
    message: Annotated[str, about("The reason in the language of the answer.")]


class MatrixFactor(Struct, kw_only=True):
    """One factor at all horizons."""

    factor: Annotated[str, about("Canonical text.")]
    horizons: Annotated[list[MatrixCell], about("Holding times, ascending; empty after a failure.")]
    failure: Annotated[FactorFailure | None, about("Why there are none; null: there are.")]


class FactorMatrix(Struct, kw_only=True):
    """Rank IC of factors by horizon."""

    dataset_version: Annotated[str, about("Dataset version.")]
    start: Annotated[DateText, about("Start of the window.", DATE)]
    end: Annotated[DateText, about("End of the window.", DATE)]
    horizons: Annotated[list[int], about("Holding times, ascending.", "rows")]
    recorded: Annotated[
        RecordedPortfolios | None, about("What this request has recorded in a research line; null: it named none.")
    ]
    tests: Annotated[Count, about("Cells with a t: the number of tests that p-values are adjusted for.")]
    factors: Annotated[list[MatrixFactor], about("Factors, in the order of the request or of the catalogue.")]


class OwnFactor(Struct, kw_only=True):
    """A version of a factor of the caller."""

    key: Annotated[str, about("Its name in expressions.")]
    version: Annotated[int, about("Number of the version, from 1.")]
    expression: Annotated[str, about("The expression as it was written.")]
    canonical: Annotated[str, about("Canonical text, in which own factors are their expressions of that time.")]
    uses: Annotated[list[str], about("Own factors that the expression names.")]
    unit: Annotated[str, about("Unit of the values.")]
    summary: Annotated[str, about("Description.")]
    created_at: Annotated[Instant, about("When the version was made.", UTC)]


class OwnFactorList(Struct, kw_only=True):
    """The newest version of each factor of the caller."""

    items: Annotated[list[OwnFactor], about("Factors, by key.")]


class OwnCoverage(Struct, kw_only=True):
    """A calendar year."""

    year: Annotated[int, about("Calendar year.")]
    share: Annotated[
        Share | None, about("Share of the common and foreign stocks of KOSPI and KOSDAQ, over the days, with a value.")
    ]


class OwnFactorDetail(OwnFactor, kw_only=True):
    """A factor of the caller with its history."""

    versions: Annotated[list[OwnFactor], about("Every version, the newest first.")]
    coverage: Annotated[list[OwnCoverage], about("By year; empty without data.")]
    reason: Annotated[str | None, about("Why there is no coverage although there are data; null otherwise.")]
