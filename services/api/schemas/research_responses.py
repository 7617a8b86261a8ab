"""Shapes of answers about research lines."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct, field

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant
from services.api.schemas.ledger_responses import Conclusion
from shared.model.request import about

Kind = Literal["backtest", "sweep", "walk_forward", "factor_report", "factor_matrix", "robustness"]


class ResearchLineHead(Struct, kw_only=True):
    """A research line and its counts."""

    name: Annotated[str, about("Name of the line.")]
    created_at: Annotated[Instant, about("When its first request was accepted.", UTC)]
    updated_at: Annotated[Instant, about("When its last trial was recorded, or it was changed.", UTC)]
    closed_at: Annotated[Instant | None, about("When it was closed; null: it takes further trials.", UTC)]
    evaluations: Annotated[Count, about("Runs with a result, repetitions of a trial included.", "runs")]
    trials: Annotated[Count, about("Distinct trials: equal ones count once, deleted ones stay.", "trials")]
    extra_trials: Annotated[Count, about("Trials that were made elsewhere, as its owner says.", "trials")]
    best_sharpe_annual: Annotated[
        float | None, about("Sharpe ratio of the weekly returns of its best trial, for a year; null: none varies.")
    ]


class ResearchLineList(Struct, kw_only=True):
    """A page of research lines, the newest first."""

    items: Annotated[list[ResearchLineHead], about("Lines.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]


class ResearchLineBest(Struct, kw_only=True):
    """The trial with the greatest Sharpe ratio times sqrt(weeks - 1)."""

    kind: Annotated[Kind | None, about("What evaluated it first.")]
    id: Annotated[
        str | None,
        about("Id of that backtest, sweep, walk-forward or factor report, and of the backtest of a robustness report; "
              "it may be deleted by now. Null: a matrix."),
    ]  # fmt: skip
    variant: Annotated[
        Count | None, about("Number of the variant; of a walk-forward over all its runs. Null: there are no variants.")
    ]
    factor: Annotated[str | None, about("Canonical text of the factor of a portfolio; null: a backtest.")]
    horizon: Annotated[int | None, about("Holding time of a portfolio; null: a backtest.", "rows")]
    weeks: Annotated[Count, about("Weeks of its returns.", "weeks")]
    years: Annotated[float, about("The same in years.", "years")]
    sharpe_annual: Annotated[float, about("Sharpe ratio of its weekly returns, for a year.")]
    skewness: Annotated[float, about("Skewness of its weekly returns.")]
    kurtosis: Annotated[float, about("Kurtosis of its weekly returns; 3 for the normal distribution.")]


class ResearchLineFigure(Struct, kw_only=True):
    """A statistic with its formula and the inputs that it was computed from."""

    value: Annotated[float | None, about("Its value; null: it is an interval, or not defined.")]
    low: Annotated[
        float | None, about("Lower end; of bars, counts and lengths that of the independent trials by participation.")
    ]
    high: Annotated[float | None, about("Upper end; of bars, counts and lengths that of all trials.")]
    unit: Annotated[str, about("Unit; empty: a pure number.")]
    formula: Annotated[str, about("Formula; SR, T and moments are of weekly returns, N trials, Z and Phi normal.")]
    source: Annotated[str, about("Paper that defines it.")]
    inputs: Annotated[dict[str, float | None], about("Inputs by name.")]


class ResearchLineFamily(Struct, kw_only=True):
    """The trials that pbo and spa read."""

    trials: Annotated[Count, about("Trials of the sample that share these weeks and vary.", "trials")]
    weeks: Annotated[Count, about("Weeks that they share.", "weeks")]


class HoldoutOpening(Struct, kw_only=True):
    """A holdout that was opened."""

    kind: Annotated[Literal["sweep", "walk_forward"], about("What had the holdout.")]
    id: Annotated[str, about("Its id.")]
    variant: Annotated[Count, about("Variant that it was opened for.")]
    from_: Annotated[DateText, about("First day of the holdout.", DATE)] = field(name="from")
    to: Annotated[DateText, about("Last day of the holdout.", DATE)]
    opened_at: Annotated[Instant, about("When it was opened.", UTC)]
    backtest: Annotated[str | None, about("Id of the backtest of the variant over the holdout; null: not submitted.")]


class ResearchLine(ResearchLineHead, kw_only=True):
    """A research line, and how much of its best trial may be luck."""

    counted: Annotated[Count, about("trials + extra_trials, against which every record of the line is judged.",
                                    "trials")]  # fmt: skip
    sample: Annotated[Count, about("Trials whose correlations are known, drawn by digest; at most 1,000.", "trials")]
    family: Annotated[ResearchLineFamily | None, about("What pbo and spa read; null: fewer than 2 trials share weeks.")]
    best: Annotated[ResearchLineBest | None, about("The best trial; null: no trial has returns that vary.")]
    statistics: Annotated[
        dict[str, ResearchLineFigure],
        about("Statistics by name: score_deviation, independent_average, independent_participation, "
              "independent_entropy, independent_li_ji, expected_maximum; of the best trial sr0_annual, psr, dsr, "
              "minimum_track_record_years, minimum_backtest_years, expected_best_annual, sharpe_after_haircut; of the "
              "family pbo, spa."),
    ]  # fmt: skip
    holdouts: Annotated[list[HoldoutOpening], about("Holdouts that were opened, the first 100.")]
    conclusion: Annotated[Conclusion, about("Whether the best trial can be distinguished from luck.")]
    warnings: Annotated[list[Conclusion], about("What limits the figures, and what speaks against the best trial.")]
