"""The statistics of a sweep's trials: the same from all cuts into parts, and from the definitions."""

from __future__ import annotations

import numpy as np
import pytest

from shared.research.statistics.sharpe import WEEKS_A_YEAR, best_of, deflated_sharpe, moments_of
from shared.research.sweeps.part import PartTable
from shared.research.sweeps.trial_statistics import SAMPLE, TrialSums, trial_statistics
from tests.support.effective_trials import effective_trials

WEEKS = 120


def returns_of(trials: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    common = random.normal(size=WEEKS)
    return (0.02 * (common + random.normal(size=(trials, WEEKS))) + 0.001).astype(np.float32)


def summed(returns: np.ndarray, best: int, size: int) -> TrialSums:
    sums = TrialSums.of(len(returns))
    for first in range(0, len(returns), size):
        rows = returns[first : first + size]
        part = PartTable(
            points=np.zeros((len(rows), 1), np.int32), names=(), figures=np.zeros((len(rows), 0)), weekly=rows,
            week_ends=np.arange(rows.shape[1], dtype=np.int32), failures={},
        )  # fmt: skip
        sums.add(first, part, best)
    return sums


def test_statistics_follow_from_their_definitions() -> None:
    returns = returns_of(60)
    found = trial_statistics(summed(returns, 7, 25), 7)
    assert found is not None
    rows = returns.astype(np.float64)
    ratios = rows.mean(axis=1) / rows.std(axis=1, ddof=1)
    deviation = float(ratios.std(ddof=1))
    independent = effective_trials(np.corrcoef(rows))
    for name in ("average", "participation", "entropy"):
        assert found["independent"][name] == pytest.approx(getattr(independent, name), rel=1e-6)
    moments = moments_of(rows[7])
    assert moments is not None
    year = WEEKS_A_YEAR**0.5
    assert found["best"]["sharpe_annual"] == pytest.approx(ratios[7] * year, rel=1e-9)
    assert found["sharpe_deviation_annual"] == pytest.approx(deviation * year, rel=1e-9)
    assert found["sr0_annual"][1] == pytest.approx(best_of(60, deviation) * year, rel=1e-9)
    expected = [deflated_sharpe(moments, n, deviation) for n in (60, independent.participation)]
    assert found["best"]["dsr"] == pytest.approx(expected, rel=1e-5)
    assert found["pbo"]["blocks"] == 16


@pytest.mark.parametrize("size", [1, 13, 60])
def test_statistics_do_not_depend_on_parts(size: int) -> None:
    returns = returns_of(60, 1)
    whole, cut = (trial_statistics(summed(returns, 3, count), 3) for count in (60, size))
    assert whole is not None
    assert cut is not None
    assert (cut["pbo"], cut["spa"], cut["best"]["psr"]) == (whole["pbo"], whole["spa"], whole["best"]["psr"])
    assert cut["independent"] == pytest.approx(whole["independent"], rel=1e-9)


def test_variants_without_every_week_are_no_trials() -> None:
    returns = returns_of(20, 2)
    returns[4, 5:] = np.nan
    returns[6] = 0.0
    found = trial_statistics(summed(returns, 1, 20), 1)
    assert found is not None
    assert (found["trials"], found["sample"]) == (19, 19)
    assert trial_statistics(summed(returns, 4, 20), 4) is None
    assert trial_statistics(summed(returns, 6, 20), 6) is None


def test_few_trials_have_the_deviation_of_no_skill() -> None:
    found = trial_statistics(summed(returns_of(5), 0, 5), 0)
    assert found is not None
    assert found["deviation_from"] == "null"
    assert found["sharpe_deviation_annual"] == pytest.approx((WEEKS_A_YEAR / (WEEKS - 1)) ** 0.5)


def test_sample_is_drawn_by_number() -> None:
    sums = TrialSums.of(5 * SAMPLE)
    assert len(sums.sampled) == SAMPLE
    assert sums.sampled == TrialSums.of(5 * SAMPLE).sampled
    assert 0.4 < np.mean([variant < 2.5 * SAMPLE for variant in sums.sampled]) < 0.6
