"""What a line says in an answer: each statistic with its formula, its source and the inputs that it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from shared.messages import Message, say
from shared.research.ledger.line_trials import Family, LineTrials
from shared.research.ledger.trials import WeeklyReturns
from shared.research.statistics.effective_trials import EffectiveTrials
from shared.research.statistics.haircut import haircut
from shared.research.statistics.sharpe import (
    METHOD,
    WEEKS_A_YEAR,
    Moments,
    best_of,
    expected_maximum,
    minimum_backtest_years,
    minimum_track_record,
    moments_of,
    probabilistic_sharpe,
)

YEAR: Final = math.sqrt(WEEKS_A_YEAR)
CONFIDENCE: Final = 0.95
"""Deflated Sharpe ratio from which a record counts as more than luck."""

_NOTICES = "Bailey, Borwein, López de Prado and Zhu, Notices of the AMS 61(5), 2014"
_DSR = "Bailey and López de Prado, Journal of Portfolio Management 40(5), 2014"
_PSR = "Bailey and López de Prado, Journal of Risk 15(2), 2012"
_HAIRCUT = "Harvey and Liu, Journal of Portfolio Management 42(1), 2015; Lo, Financial Analysts Journal 58(4), 2002"
_ERROR = "sqrt(1 - g3 SR + (g4 - 1)/4 SR^2)"

Inputs = Mapping[str, float | None]
Figure = dict[str, Any]


def deflated_document(name: str, line: LineTrials, returns: WeeklyReturns) -> dict[str, Any]:
    """Return the `deflated` of a backtest: its weekly returns against all trials of its line.

    Figures of returns that do not vary, or have gaps, are None.
    """
    moments = _moments(returns)
    document: dict[str, Any] = {
        "research": name,
        "trials": line.sums.trials,
        "extra_trials": line.sums.extra_trials,
        "independent": _effective(line.effective),
        "weeks": len(returns.values),
        "sharpe_annual": None, "psr": None, "sr0_annual": None, "dsr": None,
        "deviation_from": "trials" if line.is_deviation_of_trials else "null",
        "method": METHOD,
    }  # fmt: skip
    if moments is not None:
        document |= {
            "sharpe_annual": moments.sharpe * YEAR,
            "psr": probabilistic_sharpe(moments),
            "sr0_annual": [bar * YEAR for bar in line.bars(moments.rows)],
            "dsr": list(line.deflated(moments)),
        }
    return document


def conclusion(line: LineTrials, returns: WeeklyReturns | None) -> Message:
    """Return in a sentence whether a record can be distinguished from the best of so many trials without skill."""
    moments = None if returns is None else _moments(returns)
    if moments is None:
        return say("luck_unknown", trials=line.sums.counted)
    soft, hard = line.bars(moments.rows)
    low, high = line.deflated(moments)
    code = "luck_beyond" if low > CONFIDENCE else "luck_depends" if high > CONFIDENCE else "luck_within"
    return say(
        code, trials=line.sums.counted, sharpe=moments.sharpe * YEAR, soft=soft * YEAR, hard=hard * YEAR, low=low * 100,
        high=high * 100,
    )  # fmt: skip


def warnings_of(line: LineTrials, best: WeeklyReturns | None, family: Family | None) -> list[Message]:
    """Return what limits the figures of a line, and what speaks against its best trial."""
    found: list[Message] = []
    sums = line.sums
    if not line.is_deviation_of_trials:
        found.append(say("luck_few_trials", scored=sums.scored))
    if line.sample < sums.trials:
        found.append(say("luck_sample", sample=line.sample, trials=sums.trials))
    if sums.extra_trials:
        found.append(say("luck_extra_trials", extra=sums.extra_trials))
    moments = None if best is None else _moments(best)
    if moments is not None:
        needed = minimum_track_record(moments, line.bars(moments.rows)[1])
        years = moments.rows / WEEKS_A_YEAR
        if needed is not None and needed > moments.rows:
            found.append(say("luck_short_record", years=years, needed=needed / WEEKS_A_YEAR))
    if family is not None and family.overfitting is not None and family.overfitting.probability >= 0.5:
        found.append(say("luck_overfitting", probability=family.overfitting.probability * 100))
    if family is not None and family.superiority is not None and family.superiority.consistent > 1 - CONFIDENCE:
        found.append(say("luck_no_better", p=family.superiority.consistent))
    return found


def figures_of(line: LineTrials, best: WeeklyReturns | None, family: Family | None) -> dict[str, Figure]:
    """Return the statistics of a line by name; those of the best trial need returns that vary."""
    figures = dict(_trial_figures(line))
    moments = None if best is None else _moments(best)
    if best is not None and moments is not None:
        figures |= _best_figures(line, moments)
        figures["sharpe_after_haircut"] = _haircut_figure(line, moments, best)
    if family is not None:
        figures |= _family_figures(family)
    return figures


def best_document(returns: WeeklyReturns) -> dict[str, Any] | None:
    """Return the moments of the best trial, None when its returns do not vary."""
    moments = _moments(returns)
    if moments is None:
        return None
    return {
        "weeks": moments.rows, "years": moments.rows / WEEKS_A_YEAR, "sharpe_annual": moments.sharpe * YEAR,
        "skewness": moments.skewness, "kurtosis": moments.kurtosis,
    }  # fmt: skip


def _moments(returns: WeeklyReturns) -> Moments | None:
    return moments_of(returns.values.astype("f8")) if returns.is_complete else None


def _effective(found: EffectiveTrials) -> dict[str, float]:
    return {
        "average": found.average, "participation": found.participation, "entropy": found.entropy,
        "li_ji": found.li_ji,
    }  # fmt: skip


def _figure(
    unit: str, formula: str, source: str, inputs: Inputs, *, value: float | None = None,
    interval: Sequence[float | None] = (None, None),
) -> Figure:  # fmt: skip
    return {
        "value": value, "low": interval[0], "high": interval[1], "unit": unit, "formula": formula, "source": source,
        "inputs": dict(inputs),
    }  # fmt: skip


def _trial_figures(line: LineTrials) -> dict[str, Figure]:
    sums, effective = line.sums, line.effective
    sample = {"trials": sums.trials, "extra_trials": sums.extra_trials, "sample": line.sample}
    counts = {"soft_trials": line.effective_count, "hard_trials": sums.counted}
    return {
        "score_deviation": _figure(
            "", "standard deviation (n - 1) of SR sqrt(T - 1) over the trials; 1 with fewer than 10",
            _DSR, {"scored": sums.scored}, value=line.deviation,
        ),
        "independent_average": _figure(
            "trials", "rho + (1 - rho) N + extra_trials, rho: mean correlation", _DSR, sample,
            value=effective.average,
        ),
        "independent_participation": _figure(
            "trials", "N^2 / sum C_ij^2 + extra_trials, C: correlations", "participation ratio", sample,
            value=effective.participation,
        ),
        "independent_entropy": _figure(
            "trials", "exp(-sum p ln p) + extra_trials, p: eigenvalues of C over their sum",
            "Roy and Vetterli, EUSIPCO 2007", sample, value=effective.entropy,
        ),
        "independent_li_ji": _figure(
            "trials", "sum of [l >= 1] + (l - floor l) + extra_trials over the eigenvalues l of C",
            "Li and Ji, Heredity 95, 2005", sample, value=effective.li_ji,
        ),
        "expected_maximum": _figure(
            "", "(1 - g) Z(1 - 1/N) + g Z(1 - 1/(N e)), g = 0.5772", _NOTICES, counts,
            interval=[expected_maximum(line.effective_count), expected_maximum(sums.counted)],
        ),
    }  # fmt: skip


def _best_figures(line: LineTrials, moments: Moments) -> dict[str, Figure]:
    counts = {"soft_trials": line.effective_count, "hard_trials": line.sums.counted}
    deviation = line.deviation / math.sqrt(moments.rows - 1)
    record = {
        "sharpe": moments.sharpe, "skewness": moments.skewness, "kurtosis": moments.kurtosis, "weeks": moments.rows,
    }  # fmt: skip
    bars = line.bars(moments.rows)
    soft, hard = bars
    tracks = [minimum_track_record(moments, bar, CONFIDENCE) for bar in bars]
    annual = moments.sharpe * YEAR
    return {
        "sr0_annual": _figure(
            "a year", "score_deviation / sqrt(T - 1) * E[max of N] * sqrt(weeks a year)", _DSR,
            {**counts, "score_deviation": line.deviation, "weeks": moments.rows, "weeks_a_year": WEEKS_A_YEAR},
            interval=[bar * YEAR for bar in bars],
        ),
        "psr": _figure(
            "fraction", f"Phi(SR sqrt(T - 1) / {_ERROR})", _PSR, record, value=probabilistic_sharpe(moments),
        ),
        "dsr": _figure(
            "fraction", f"Phi((SR - SR0) sqrt(T - 1) / {_ERROR}), SR0 = s E[max of N]", _DSR,
            {**record, "sharpe_deviation": deviation, "soft_bar": soft, "hard_bar": hard},
            interval=line.deflated(moments),
        ),
        "minimum_track_record_years": _figure(
            "years", "(1 + (1 - g3 SR + (g4 - 1)/4 SR^2) (Z(0.95) / (SR - SR0))^2) / weeks a year; null below SR0",
            _PSR, {**record, "soft_bar": soft, "hard_bar": hard, "confidence": CONFIDENCE},
            interval=[None if track is None else track / WEEKS_A_YEAR for track in tracks],
        ),
        "minimum_backtest_years": _figure(
            "years", "(E[max of N] / SR a year)^2; null for a ratio of 0 or less", _NOTICES,
            {**counts, "sharpe_annual": annual},
            interval=[minimum_backtest_years(count, annual) for count in (line.effective_count, line.sums.counted)],
        ),
        "expected_best_annual": _figure(
            "a year", "E[max of N] / sqrt(T - 1) * sqrt(weeks a year): trials without any skill", _NOTICES,
            {**counts, "weeks": moments.rows},
            interval=[
                best_of(count, 1 / math.sqrt(moments.rows - 1)) * YEAR
                for count in (line.effective_count, line.sums.counted)
            ],
        ),
    }  # fmt: skip


def _haircut_figure(line: LineTrials, moments: Moments, best: WeeklyReturns) -> Figure:
    autocorrelation = _autocorrelation(best.values.astype("f8"))
    cuts = [
        haircut(
            moments.sharpe * YEAR, rows=moments.rows, rows_a_year=WEEKS_A_YEAR, tests=max(tests, 1.0),
            autocorrelation=autocorrelation,
        )
        for tests in (line.effective_count, line.sums.counted)
    ]  # fmt: skip
    return _figure(
        "a year", "F^-1(1 - min(1, N p) / 2) / sqrt(years), p = 2 (1 - F(SR sqrt(years))), F: t distribution, T - 1; "
        "SR a year over Lo's factor of the autocorrelation", _HAIRCUT,
        {"soft_trials": line.effective_count, "hard_trials": line.sums.counted, "weeks": moments.rows,
         "sharpe_annual": moments.sharpe * YEAR, "autocorrelation": autocorrelation, "p": cuts[0].p},
        interval=[cut.sharpe_adjusted for cut in cuts],
    )  # fmt: skip


def _autocorrelation(values: np.ndarray) -> float:
    """Return the autocorrelation of first order of float64 [T] values that vary."""
    centred = values - values.mean()
    return float(centred[1:] @ centred[:-1] / (centred @ centred))


def _family_figures(family: Family) -> dict[str, Figure]:
    inputs: dict[str, float | None] = {"trials": family.trials, "weeks": len(family.weeks)}
    found: dict[str, Figure] = {}
    if family.overfitting is not None:
        judged = family.overfitting
        found["pbo"] = _figure(
            "fraction", "share of splits with logit(rank outside of the best inside) <= 0",
            "Bailey, Borwein, López de Prado and Zhu, Journal of Computational Finance 20(4), 2017",
            {**inputs, "blocks": family.blocks, "splits": judged.splits, "slope": judged.slope, "loss": judged.loss},
            value=judged.probability,
        )  # fmt: skip
    if family.superiority is not None:
        tested = family.superiority
        found["spa"] = _figure(
            "p-value", "P(max_k sqrt(T) (d*_k - c_k) / w_k >= max_k sqrt(T) d_k / w_k), d: returns less those of cash",
            "Hansen, Journal of Business & Economic Statistics 23, 2005; White, Econometrica 68, 2000",
            {**inputs, "block_weeks": family.block_weeks, "reality_check": tested.reality_check},
            value=tested.consistent, interval=[tested.lower, tested.upper],
        )  # fmt: skip
    return found
