"""Shapes of answers about sweeps."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct, field

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant
from services.api.schemas.ledger_responses import Deflated, IndependentTrials
from services.api.schemas.research_responses import HoldoutOpening
from services.api.schemas.responses import RunProblem
from services.api.schemas.result_responses import Statistics
from shared.model.request import about

SweepStatus = Literal["queued", "running", "completed", "cancelled"]


class Head(Struct, kw_only=True):
    """What every answer about a sweep or a walk-forward has."""

    id: Annotated[str, about("Id.")]
    research: Annotated[str | None, about("Research line whose trials the variants are; null: none.")]
    method: Annotated[str, about("How the points were chosen.")]
    variants: Annotated[Count, about("Number of variants.", "variants")]
    done: Annotated[Count, about("Variants that have been run, failed ones included.", "variants")]
    failed: Annotated[Count, about("Variants that have no result; the table has the reason of each.", "variants")]
    parts: Annotated[Count, about("Parts in which the variants are computed.", "parts")]
    parts_done: Annotated[Count, about("Parts that have ended.", "parts")]
    runs_per_second: Annotated[float | None, about("Mean speed since the first part began; null: none has ended.",
                                                   "variants a second")]  # fmt: skip
    eta_seconds: Annotated[float | None, about("Estimated time to the end; null: not known, or it has ended.", "s")]
    partial: Annotated[bool, about("Whether variants are missing: everything below is of the `seen` ones only.")]
    seen: Annotated[Count, about("Variants that the answer is about.", "variants")]
    cost: Annotated[Count, about("Cost that counts against the limit of the key.", "variants x stocks x days")]
    digest: Annotated[str, about("SHA-256 of everything that the table follows from.")]
    dataset: Annotated[str, about("Dataset version.")]
    engine_version: Annotated[str, about("Version of the engine.")]
    rules_version: Annotated[str, about("Version of the market rules.")]
    created_at: Annotated[Instant, about("When it was accepted.", UTC)]
    started_at: Annotated[Instant | None, about("When its first part began.", UTC)]
    finished_at: Annotated[Instant | None, about("When it ended.", UTC)]


class SweepHead(Head, kw_only=True):
    """State of a sweep."""

    status: Annotated[SweepStatus, about("State; completed and cancelled are final.")]


class SweepList(Struct, kw_only=True):
    """A page of sweeps, the newest first."""

    items: Annotated[list[SweepHead], about("Sweeps.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class SweepVariant(Struct, kw_only=True):
    """A variant: the values of its parameters, and its statistics."""

    variant: Annotated[Count, about("Number of the variant, from 0.")]
    status: Annotated[Literal["completed", "failed"], about("Whether it has a result.")]
    ranked: Annotated[bool, about("Whether its objective is defined and it meets the objective's condition.")]
    values: Annotated[dict[str, Any], about("Values by parameter.")]
    statistics: Annotated[Statistics | None, about("Statistics of the backtest; null when it failed.")]
    error: Annotated[RunProblem | None, about("Why it failed.")] = None


class Plateau(SweepVariant, kw_only=True):
    """The variant whose neighbourhood is best."""

    mean: Annotated[float, about("Mean of the objective over the variant and its neighbours.")]
    neighbours: Annotated[Count, about("Ranked neighbours: variants that differ by one step of one parameter.",
                                       "variants")]  # fmt: skip


class BestTrial(Struct, kw_only=True):
    """The best variant, judged by its weekly returns and the number of trials."""

    variant: Annotated[Count, about("Number of the variant.")]
    sharpe_annual: Annotated[float, about("Sharpe ratio of its weekly returns, for a year.")]
    skewness: Annotated[float, about("Skewness of its weekly returns.")]
    kurtosis: Annotated[float, about("Kurtosis of its weekly returns; 3 for the normal distribution.")]
    psr: Annotated[
        float, about("Probability that its true Sharpe ratio is above 0, were it the only trial.", "fraction")
    ]
    dsr: Annotated[
        list[float],
        about("Deflated Sharpe ratio, from all trials (hard) to the independent ones by participation (soft): the "
              "probability that its true Sharpe ratio is above what the best of so many without skill shows.",
              "fraction"),
    ]  # fmt: skip
    minimum_track_record_years: Annotated[
        float | None, about("Years after which it exceeds the soft bar at 95 %; null: it is below the bar.", "years")
    ]
    minimum_backtest_years: Annotated[
        float | None,
        about("Years below which its ratio is expected of the best of the independent trials; null: not above 0.",
              "years"),
    ]  # fmt: skip
    years: Annotated[float, about("Years of its returns.", "years")]


class OverfittingProbability(Struct, kw_only=True):
    """Combinatorially symmetric cross-validation of the sample."""

    probability: Annotated[float, about("Share of splits whose best of one half is not above the median of the other.",
                                        "fraction")]  # fmt: skip
    slope: Annotated[float, about("Of the chosen trial's ratio outside on that inside.")]
    loss: Annotated[float, about("Share of splits in which the chosen trial has a ratio below 0 outside.", "fraction")]
    blocks: Annotated[Count, about("Blocks of weeks.", "blocks")]
    splits: Annotated[Count, about("Splits into halves.", "splits")]


class SuperiorAbility(Struct, kw_only=True):
    """p-values that no trial of the sample earns more than cash."""

    lower: Annotated[float, about("Lower bound of Hansen's SPA test.", "fraction")]
    consistent: Annotated[float, about("Hansen's SPA test; judge by this one.", "fraction")]
    upper: Annotated[float, about("Upper bound of the SPA test.", "fraction")]
    reality_check: Annotated[float, about("White's reality check.", "fraction")]
    against: Annotated[str, about("What the trials are compared with: cash, a return of 0.")]
    block_weeks: Annotated[float, about("Mean block of the stationary bootstrap.", "weeks")]


class TrialStatistics(Struct, kw_only=True):
    """What the trials of a sweep say about its best variant, from weekly returns."""

    method: Annotated[str, about("Formula of psr and dsr.")]
    weeks: Annotated[Count, about("Weeks of returns.", "weeks")]
    trials: Annotated[Count, about("Completed variants with a return in every week.", "trials")]
    independent: Annotated[IndependentTrials, about("Effective numbers of independent trials.")]
    sharpe_deviation_annual: Annotated[float, about("Standard deviation of the Sharpe ratios, for a year.")]
    deviation_from: Annotated[
        Literal["trials", "null"], about("trials, or with fewer than 10 that of a strategy without skill (null).")
    ]
    expected_maximum: Annotated[float, about("Expected greatest of so many standard normal numbers.")]
    sr0_annual: Annotated[
        list[float],
        about("Sharpe ratio that the best of so many trials without skill shows: of the independent ones by "
              "participation, and of all, for a year."),
    ]  # fmt: skip
    best: Annotated[BestTrial, about("The best variant.")]
    sample: Annotated[Count, about("Trials of the sample of pbo and spa, drawn by number.", "trials")]
    pbo: Annotated[OverfittingProbability | None, about("Probability of overfitting; null: too few weeks or trials.")]
    spa: Annotated[SuperiorAbility | None, about("Test of superior predictive ability; null: too few trials.")]


class SweepObjective(Struct, kw_only=True):
    """What the variants are ranked by."""

    statistic: Annotated[str, about("Statistic.")]
    direction: Annotated[Literal["maximize", "minimize"], about("Which end is better.")]
    where: Annotated[str | None, about("Condition that a ranked variant meets.")]


class SweepHoldout(Struct, kw_only=True):
    """The days that no variant has read."""

    from_: Annotated[DateText, about("First day.", DATE)] = field(name="from")
    to: Annotated[DateText, about("Last day.", DATE)]
    opened_at: Annotated[Instant | None, about("When it was opened; null: it has not been opened.", UTC)]
    variant: Annotated[Count | None, about("Variant that it was opened for.")]
    backtest: Annotated[str | None, about("Id of the backtest of that variant over the holdout.")]
    opened_before: Annotated[
        HoldoutOpening | None,
        about("An earlier opening of days of this holdout, for the same strategy or in the same research line, so that "
              "this one cannot be opened; null: none, or it is opened itself."),
    ]  # fmt: skip


class Sweep(SweepHead, kw_only=True):
    """A sweep."""

    objective: Annotated[SweepObjective, about("What the variants are ranked by.")]
    best: Annotated[list[SweepVariant], about("The best variants so far, at most 10, the best first.")]
    plateau: Annotated[
        Plateau | None,
        about("Variant with the greatest mean objective over its neighbourhood; null while no variant has at least "
              "half of its neighbours."),
    ]  # fmt: skip
    statistics: Annotated[
        TrialStatistics | None,
        about("How much of the best variant may be luck; null while the sweep runs and without weekly returns."),
    ]
    deflated: Annotated[
        Deflated | None,
        about("Statistics of the best variant corrected for the trials of its line; null without one, while "
              "the sweep runs, and without weekly returns."),
    ]  # fmt: skip
    holdout: Annotated[SweepHoldout | None, about("Days that no variant has read; null: none.")]
    request: Annotated[dict[str, Any], about("The request, with the strategy of the template spelled out.")]
    links: Annotated[dict[str, str], about("Paths of the sweep's resources.")]


class SweepQuote(Struct, kw_only=True):
    """What a sweep would do and cost; nothing is stored."""

    variants: Annotated[Count, about("Number of variants; with tpe at most.", "variants")]
    combinations: Annotated[
        Count, about("Combinations of values before constraints, 9223372036854775807 for more.", "combinations")
    ]
    stocks: Annotated[Count, about("Stocks of the dataset.", "stocks")]
    days: Annotated[Count, about("Trading days of the window.", "days")]
    cost: Annotated[Count, about("Cost of the sweep.", "variants x stocks x days")]
    open_cost: Annotated[Count, about("Cost of the caller's unfinished sweeps.", "variants x stocks x days")]
    max_cost: Annotated[Count, about("Limit of both together.", "variants x stocks x days")]
    max_variants: Annotated[Count, about("Limit of the number of variants.", "variants")]
    accepted: Annotated[bool, about("Whether the sweep would be accepted now.")]
    dataset: Annotated[str, about("Dataset version that it would read.")]
    digest: Annotated[str, about("SHA-256 of everything that the table follows from.")]


class SweepTablePage(Struct, kw_only=True):
    """Rows of a sweep."""

    partial: Annotated[bool, about("Whether variants are missing: the sweep is unfinished or was cancelled.")]
    seen: Annotated[Count, about("Variants that have been run.", "variants")]
    total: Annotated[Count, about("Variants that meet `where`.", "variants")]
    items: Annotated[list[SweepVariant], about("Variants in the order of `sort`.")]


class HeatmapAxis(Struct, kw_only=True):
    """An axis of a heat map."""

    parameter: Annotated[str, about("Parameter.")]
    values: Annotated[list[Any], about("Its values, in order.")]


class Heatmap(Struct, kw_only=True):
    """A statistic over two parameters, the others reduced."""

    x: Annotated[HeatmapAxis, about("Columns.")]
    y: Annotated[HeatmapAxis, about("Rows.")]
    value: Annotated[str, about("Statistic of the cells.")]
    reduce: Annotated[str, about("What a cell shows of its variants.")]
    partial: Annotated[bool, about("Whether variants are missing: the sweep is unfinished or was cancelled.")]
    seen: Annotated[Count, about("Variants that have been run.", "variants")]
    cells: Annotated[
        list[list[float | None]],
        about("Values [y][x] over the variants that meet the objective's condition; null: no such variant."),
    ]


class HoldoutOpened(Struct, kw_only=True):
    """The one opening of a holdout."""

    sweep: Annotated[str, about("Id of the sweep.")]
    variant: Annotated[Count, about("Variant that it was opened for.")]
    opened_at: Annotated[Instant, about("When it was opened.", UTC)]
    backtest: Annotated[str, about("Id of the backtest of the variant over the holdout.")]
