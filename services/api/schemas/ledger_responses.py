"""Shape of the statistics of a result that are corrected for the trials of its research line."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from services.api.schemas.field_types import Count
from shared.model.request import about


class RecordedTrials(Struct, kw_only=True):
    """What a request has recorded in its research line."""

    research: Annotated[str, about("Name of the line.")]
    new: Annotated[Count, about("Trials that the line did not have.", "trials")]
    repeated: Annotated[Count, about("Trials that it had, which count once.", "trials")]
    trials: Annotated[Count, about("Distinct trials of the line afterwards.", "trials")]


class Conclusion(Struct, kw_only=True):
    """Whether a record can be distinguished from luck, or what limits its figures."""

    code: Annotated[
        str,
        about("luck_within, luck_depends or luck_beyond: below, across or above 95 % of the deflated Sharpe ratio; "
              "luck_unknown; of warnings another."),
    ]  # fmt: skip
    message: Annotated[str, about("The sentence.")]


class IndependentTrials(Struct, kw_only=True):
    """Effective numbers of independent trials, by estimator."""

    average: Annotated[float, about("rho + (1 - rho) N with the mean correlation rho.", "trials")]
    participation: Annotated[float, about("N^2 over the sum of squared correlations.", "trials")]
    entropy: Annotated[float, about("Exponential of the entropy of the eigenvalues.", "trials")]
    li_ji: Annotated[float, about("Li and Ji 2005.", "trials")]


class IndependentOfLine(IndependentTrials, kw_only=True):
    """Effective numbers of independent trials of a line, extra trials included, by estimator."""


class Deflated(Struct, kw_only=True):
    """A result judged against all trials of its research line, from weekly returns."""

    research: Annotated[str, about("The line.")]
    trials: Annotated[Count, about("Distinct trials of the line so far, this one included.", "trials")]
    extra_trials: Annotated[Count, about("Trials that were made elsewhere.", "trials")]
    independent: Annotated[IndependentOfLine, about("Effective numbers of independent trials.")]
    weeks: Annotated[Count, about("Weeks of this result.", "weeks")]
    sharpe_annual: Annotated[
        float | None, about("Sharpe ratio of its weekly returns, for a year; null: they do not vary or have gaps.")
    ]
    psr: Annotated[float | None, about("Probability that its true ratio is above 0, were it the only trial.",
                                       "fraction")]  # fmt: skip
    sr0_annual: Annotated[
        list[float] | None,
        about("Sharpe ratio that the best of so many trials without skill shows: of the independent ones by "
              "participation, and of all, for a year."),
    ]  # fmt: skip
    dsr: Annotated[
        list[float] | None,
        about("Deflated Sharpe ratio against both: the probability that its true ratio is above the bar.", "fraction"),
    ]
    deviation_from: Annotated[
        Literal["trials", "null"], about("Deviation of the ratios: of the trials, or with fewer than 10 of no skill.")
    ]
    method: Annotated[str, about("Formula of psr and dsr.")]
    conclusion: Annotated[Conclusion, about("Whether it can be distinguished from luck.")]
