"""A research line: figures from plain definitions, and units of its trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import pytest

from shared.contracts.research import LEDGER_SAMPLE
from shared.errors import DatasetError
from shared.messages import render
from shared.research.ledger.line_trials import LineSums, LineTrials, family_of, line_trials_of, units_of
from shared.research.ledger.report import conclusion, deflated_document, figures_of, warnings_of
from shared.research.ledger.trials import (
    SCORE_UNIT,
    WeeklyReturns,
    score_of,
    scores_of,
    trial_digest,
    trials_of,
    unpack_returns,
    weekly_returns,
    weeks_of,
)
from shared.research.statistics.effective_trials import effective_trials_of_units
from shared.research.statistics.sharpe import WEEKS_A_YEAR, Moments, deflated_sharpe
from shared.simulation.validation import STANDARD_INDICES, canonical_request, request_of
from tests.support.effective_trials import effective_trials

NORMAL = NormalDist()
EULER = 0.57721566490153286


def trial(values: np.ndarray, first: int = 2800) -> WeeklyReturns:
    weeks = np.arange(first, first + len(values), dtype=np.int32)
    return WeeklyReturns(weeks=weeks, values=values.astype(np.float32))


def noise(trials: int, weeks: int = 157, seed: int = 0, common: float = 0.0) -> list[WeeklyReturns]:
    random = np.random.default_rng(seed)
    shared = random.normal(size=weeks)
    return [trial(0.02 * (common * shared + random.normal(size=weeks))) for _ in range(trials)]


def sums_of(sample: Sequence[WeeklyReturns], extra: int = 0) -> LineSums:
    scores = [score for one in sample if (score := score_of(one.values)) is not None]
    return LineSums(
        trials=len(sample), extra_trials=extra, scored=len(scores), score_sum=sum(scores),
        score_squares=sum(score * score for score in scores),
    )  # fmt: skip


def line_from(sample: Sequence[WeeklyReturns], extra: int = 0) -> LineTrials:
    return line_trials_of(sums_of(sample, extra), sample)


def plain_expected_maximum(count: float) -> float:
    if count <= 1:
        return 0.0
    return (1 - EULER) * NORMAL.inv_cdf(1 - 1 / count) + EULER * NORMAL.inv_cdf(1 - 1 / (count * math.e))


def plain_sharpe(values: Sequence[float]) -> tuple[float, float, float, int]:
    """Sharpe ratio, skewness, kurtosis and number of rows, by loops."""
    rows = len(values)
    mean = sum(values) / rows
    second, third, fourth = (sum((v - mean) ** power for v in values) / rows for power in (2, 3, 4))
    return mean / math.sqrt(second * rows / (rows - 1)), third / second**1.5, fourth / second**2, rows


def plain_probability(record: tuple[float, float, float, int], bar: float) -> float:
    sharpe, skewness, kurtosis, rows = record
    error = math.sqrt((1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (rows - 1))
    return NORMAL.cdf((sharpe - bar) / error)


def test_deflated_follows_from_plain_definitions() -> None:
    sample = noise(40, common=1.0)
    found = deflated_document("x", line_from(sample, extra=5), sample[3])
    rows = [[float(value) for value in one.values] for one in sample]
    records = [plain_sharpe(values) for values in rows]
    scores = [sharpe * math.sqrt(count - 1) for sharpe, _, _, count in records]
    mean = sum(scores) / 40
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / 39) / math.sqrt(156)
    matrix = np.corrcoef(np.array(rows))
    soft = 40**2 / sum(float(value) ** 2 for value in matrix.ravel()) + 5
    bars = [deviation * plain_expected_maximum(count) for count in (soft, 45)]
    assert found["independent"]["participation"] == pytest.approx(soft, rel=1e-6)
    assert found["sr0_annual"] == pytest.approx([bar * math.sqrt(WEEKS_A_YEAR) for bar in bars], rel=1e-6)
    assert found["dsr"] == pytest.approx([plain_probability(records[3], bar) for bar in (bars[1], bars[0])], rel=1e-6)
    assert found["psr"] == pytest.approx(plain_probability(records[3], 0.0), rel=1e-9)
    assert (found["trials"], found["extra_trials"], found["weeks"]) == (40, 5, 157)


def test_deflated_example_of_the_paper_has_its_value() -> None:
    # variance of the annual ratios 0.5, 100 trials, 1,250 days: the deviation of the scores is sqrt(0.5 / 250 * 1249)
    score = round(math.sqrt(0.5 / 250 * 1249) / SCORE_UNIT)
    # 50 trials at -d and 50 at d have the mean 0 and the deviation d sqrt(100/99)
    d = round(score * math.sqrt(99 / 100))
    line = line_trials_of(LineSums(trials=100, scored=100, score_sum=0, score_squares=100 * d * d), [])
    moments = Moments(rows=1250, sharpe=2.5 / math.sqrt(250), skewness=-3, kurtosis=10)
    assert line.bars(1250)[1] == pytest.approx(0.11317200186513, rel=1e-6)
    assert line.deflated(moments)[0] == pytest.approx(0.90039683444939, rel=1e-6)
    assert line.effective.participation == 100


def test_unit_of_a_trial_does_not_depend_on_the_others() -> None:
    random = np.random.default_rng(11)
    spans = (2800, 40), (2810, 25), (2795, 40), (2801, 2)
    sample = [trial(random.normal(size=weeks), first) for first, weeks in spans]
    sample.insert(2, trial(np.zeros(25)))
    units = units_of(sample)
    for row, one in enumerate(sample):
        alone = np.zeros(units.shape[1])
        if one.values.any():
            values = one.values.astype(np.float64)
            centred = values - values.mean()
            alone[one.weeks - 2795] = centred / centred.std(ddof=1) / math.sqrt(len(values) - 1)
        assert units[row].tobytes() == alone.tobytes()


def test_sample_estimates_the_effective_number_of_all() -> None:
    everyone = noise(4000, weeks=120, seed=2, common=1.0)
    units = units_of(everyone)
    whole = effective_trials_of_units(units, 4000)
    part = effective_trials_of_units(units[:LEDGER_SAMPLE], 4000)
    assert part.participation == pytest.approx(whole.participation, rel=0.03)
    assert part.average == pytest.approx(whole.average, rel=0.03)


def test_units_of_equal_weeks_give_the_correlations() -> None:
    sample = noise(30, weeks=60, seed=3, common=1.0)
    found = effective_trials_of_units(units_of(sample), 30)
    expected = effective_trials(np.corrcoef(np.array([one.values for one in sample], np.float64)))
    for name in ("average", "participation", "entropy", "li_ji"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9)


def test_trials_of_other_weeks_are_independent() -> None:
    one = noise(1, weeks=50)[0]
    later = WeeklyReturns(weeks=one.weeks + 50, values=one.values)
    assert effective_trials_of_units(units_of([one, one]), 2).participation == pytest.approx(1.0)
    assert effective_trials_of_units(units_of([one, later]), 2).participation == pytest.approx(2.0)


def test_weeks_of_a_family_are_those_of_most_trials() -> None:
    sample = [*noise(3, weeks=40, seed=1), *noise(5, weeks=60, seed=2)]
    found = family_of(sample)
    assert found is not None
    assert (found.trials, len(found.weeks), found.blocks) == (5, 60, 16)
    assert family_of(sample[:1]) is None
    assert family_of([trial(np.zeros(30)), *noise(1, weeks=30)]) is None


def test_score_is_the_ratio_times_the_root_of_its_weeks() -> None:
    values = np.array([0.01, -0.02, 0.03, 0.0], np.float32)
    sharpe, _, _, _ = plain_sharpe([float(value) for value in values])
    assert score_of(values) == round(sharpe * math.sqrt(3) / SCORE_UNIT)
    matrix = np.array([one.values for one in noise(50, weeks=83)])
    assert scores_of(matrix) == [score_of(row) for row in matrix]
    assert score_of(np.full(5, 0.1, np.float32)) is None
    assert score_of(np.zeros(5, np.float32)) is None
    assert score_of(np.array([0.1, np.nan], np.float32)) is None
    assert score_of(np.array([0.1], np.float32)) is None


def test_trial_does_not_depend_on_benchmark_and_rate() -> None:
    def digest(**changes: object) -> int:
        body = {"strategy": {"buy": {"where": "PER < 10"}}, "start": "2024-01-02", "end": "2024-12-30", **changes}
        return trial_digest(canonical_request(request_of(body, STANDARD_INDICES), STANDARD_INDICES))

    assert digest() == digest(benchmark="KOSDAQ", risk_free_pct=3) == digest(benchmark=None)
    others = [
        digest(end="2024-12-27"), digest(costs={"slippage_pct": 0.2}), digest(initial_cash=2e8),
        digest(execution={"price": "close"}), digest(strategy={"buy": {"where": "PER < 11"}}),
    ]  # fmt: skip
    assert len({digest(), *others}) == 6


def test_weekly_returns_follow_iso_weeks() -> None:
    days = np.array(["2024-12-30", "2024-12-31", "2025-01-02", "2025-01-06", "2025-01-10"], "datetime64[D]").astype(int)
    found = weekly_returns(days, np.array([101.0, 102.0, 104.0, 52.0, 78.0]), 100.0)
    assert found.weeks.tolist() == [int(weeks_of(days[:1])[0]), int(weeks_of(days[-1:])[0])]
    assert found.values.tolist() == pytest.approx([0.04, -0.25])
    packed = found.pack()
    assert packed is not None
    assert unpack_returns(packed).values.tolist() == found.values.tolist()
    lost = weekly_returns(days, np.array([101.0, 102.0, 0.0, 0.0, 0.0]), 100.0)
    assert not lost.is_complete
    assert lost.pack() is None
    assert trials_of([1], [lost], [0]).scores == [None]
    with pytest.raises(DatasetError, match="damaged"):
        unpack_returns(b"123")


def test_returns_that_do_not_vary_have_no_figures() -> None:
    still = trial(np.zeros(30))
    line = line_from([still])
    assert deflated_document("x", line, still)["dsr"] is None
    assert conclusion(line, still).code == conclusion(line, None).code == "luck_unknown"
    assert set(figures_of(line, still, None)) == set(figures_of(line, None, None))


def test_conclusion_follows_the_interval() -> None:
    sample = noise(60, seed=5)
    line = line_from(sample)
    lucky = trial(np.random.default_rng(1).normal(0.0005, 0.02, 157))
    skilled = trial(np.random.default_rng(1).normal(0.02, 0.02, 157))
    assert conclusion(line, lucky).code == "luck_within"
    assert conclusion(line, skilled).code == "luck_beyond"
    copies = line_trials_of(
        LineSums(trials=100_000, scored=60, score_sum=0, score_squares=59 * 10**12), noise(1000, seed=6, common=30.0)
    )
    between = trial(np.random.default_rng(2).normal(0.005, 0.02, 157))
    low, high = copies.deflated(Moments(rows=157, sharpe=0.3))
    assert low < 0.95 < high
    message = conclusion(copies, between)
    assert "시행 100,000회" in (render(message.code, message.params, "ko") or "")


def test_warnings_name_what_limits_the_figures() -> None:
    sample = noise(6, seed=7)
    line = line_trials_of(LineSums(trials=9, extra_trials=4, scored=6, score_sum=0, score_squares=6), sample)
    codes = [message.code for message in warnings_of(line, sample[0], family_of(sample))]
    assert codes[:3] == ["luck_few_trials", "luck_sample", "luck_extra_trials"]
    assert "luck_no_better" in codes


@pytest.mark.parametrize("weeks", [157])
def test_best_of_500_noise_strategies_does_not_pass(weeks: int) -> None:
    passed = probable = 0
    for simulation in range(200):
        random = np.random.default_rng(simulation)
        returns = 0.02 * random.standard_normal((500, weeks))
        mean, deviation = returns.mean(axis=1), returns.std(axis=1, ddof=1)
        scores = np.rint(mean / deviation * math.sqrt(weeks - 1) / SCORE_UNIT).astype(int).tolist()
        sums = LineSums(trials=500, scored=500, score_sum=sum(scores), score_squares=sum(s * s for s in scores))
        line = line_trials_of(sums, [trial(row) for row in returns])
        best = returns[int(np.argmax(mean / deviation))]
        sharpe, skewness, kurtosis, rows = plain_sharpe(best.tolist())
        moments = Moments(rows=rows, sharpe=sharpe, skewness=skewness, kurtosis=kurtosis)
        low, high = line.deflated(moments)
        assert low <= high
        passed += high > 0.95
        probable += deflated_sharpe(moments, 1, 0.0) > 0.95
    assert passed <= 10
    assert probable > 160
