"""The portfolio of ranks equals a plain loop over stocks and rows, and counts once however a report shows it."""

from __future__ import annotations

import math
from dataclasses import asdict
from statistics import NormalDist

import msgspec
import numpy as np
import pytest

from shared.research.factor_reports import rows as rows_module
from shared.research.factor_reports.forward_returns import Exit, forward_returns, held_returns
from shared.research.factor_reports.portfolio import portfolio_digest, portfolios
from shared.research.ledger.line_trials import LineSums, line_trials_of
from shared.research.ledger.trials import WeeklyReturns, score_of, trial_digest
from shared.research.statistics.sharpe import moments_of
from tests.reference import factor_reports as plain
from tests.reference.market import read
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.unit.research.factor_reports.fixtures import options, request, world
from tests.unit.research.factor_reports.test_forward_returns import RULES
from tests.unit.research.factor_reports.test_rows import FACTORS, Plain, subject_of


@pytest.mark.parametrize("seed", range(24))
def test_held_returns_equal_the_plain_loop(seed: int) -> None:
    market = random_market(seed)
    panels, reference = panels_of(market), read(market)
    rule = RULES[seed % len(RULES)]
    found = held_returns(panels, slice(0, len(panels.days)), rule)
    for stock in reference.stocks:
        column = panels.instruments.ordinal[stock.code]
        for row in range(len(panels.days)):
            expected = plain.held_return(reference, stock, row, asdict(rule))
            got = float(found[row, column])
            if expected is None:
                assert np.isnan(got), (stock.code, row)
            else:
                assert got == pytest.approx(expected, rel=2e-7, abs=1e-7), (stock.code, row)


def test_held_rows_compound_to_the_return_of_a_holding() -> None:
    panels = panels_of(random_market(7, rows=80) | {"dividends": []})
    rows = slice(0, 70)
    whole = forward_returns(panels, rows, 5, Exit()).astype(np.float64)
    held = held_returns(panels, slice(0, 76), Exit()).astype(np.float64)
    compounded = np.prod([1 + held[k : k + 70] for k in range(5)], axis=0) - 1
    both = np.isfinite(whole) & np.isfinite(compounded)
    assert both.sum() > 100
    np.testing.assert_allclose(compounded[both], whole[both], rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("neutral", ["none", "sector"])
def test_portfolios_equal_plain_loops(factor: str, neutral: str, monkeypatch: pytest.MonkeyPatch) -> None:
    panels, market = world(3)
    given = options(neutral=neutral)
    subject, rows = subject_of(request(panels, factor), panels, given)
    slow = Plain(subject, market, neutral == "sector")
    values = {row: slow.values(row) for row in range(rows.start, rows.stop)}
    monkeypatch.setattr(rows_module, "BLOCK_ROWS", 17)
    found = portfolios(subject, rows, (1, 4, 20), Exit())
    for horizon, got in found.items():
        daily = plain.portfolio_returns(market, values, range(rows.start, rows.stop), horizon, asdict(Exit()))
        weeks: dict[tuple[int, int], float] = {}
        for row, value in zip(range(rows.start, rows.stop), daily, strict=False):
            week = market.days[row + 1].isocalendar()[:2]
            weeks[week] = weeks.get(week, 0.0) + value
        assert len(got.weeks) == len(weeks)
        tolerance = 1e-6 if neutral == "none" else 1e-4
        assert got.values.tolist() == pytest.approx(list(weeks.values()), abs=tolerance), horizon
        assert np.abs(got.values).max() > 1e-4


def test_blocks_and_other_horizons_change_no_portfolio(monkeypatch: pytest.MonkeyPatch) -> None:
    panels, _ = world(3)
    subject, rows = subject_of(request(panels, FACTORS[0]), panels, options())
    alone = portfolios(subject, rows, (4,), Exit())[4]
    monkeypatch.setattr(rows_module, "BLOCK_ROWS", 7)
    beside = portfolios(subject, rows, (1, 4, 20), Exit())[4]
    assert alone.values.tobytes() == beside.values.tobytes()
    assert alone.weeks.tobytes() == beside.weeks.tobytes()


def test_opposite_factor_has_the_opposite_returns() -> None:
    panels, _ = world(3)
    found = []
    for text in ("pct_change(close, 5)", "-pct_change(close, 5)"):
        subject, rows = subject_of(request(panels, text), panels, options())
        found.append(portfolios(subject, rows, (4,), Exit())[4].values)
    np.testing.assert_allclose(found[0], -found[1], atol=1e-7)
    scores = [score_of(values) for values in found]
    assert scores[0] == pytest.approx(-(scores[1] or 0), abs=2)


def test_rows_after_the_last_open_are_left_out() -> None:
    panels, _ = world(3)
    days = panels.days
    subject, rows = subject_of(request(panels, FACTORS[0], last=-1), panels, options())
    before, shorter = subject_of(request(panels, FACTORS[0], last=-3), panels, options())
    assert rows.stop == len(days)
    assert portfolios(subject, rows, (4,), Exit())[4].values.tobytes() == (
        portfolios(before, shorter, (4,), Exit())[4].values.tobytes()
    )
    last, one = subject_of(request(panels, FACTORS[0], first=-1, last=-1), panels, options())
    assert len(portfolios(last, one, (4,), Exit())[4].values) == 0


def test_digest_is_of_factor_window_universe_and_horizon() -> None:
    panels, _ = world(3)
    asked = request(panels, FACTORS[0])
    same = msgspec.structs.replace(asked, benchmark="KOSDAQ")
    digest = portfolio_digest(asked, "none", 4)
    assert portfolio_digest(same, "none", 4) == digest
    others = {
        portfolio_digest(asked, "none", 5), portfolio_digest(asked, "sector", 4), trial_digest(asked),
        portfolio_digest(request(panels, FACTORS[1]), "none", 4),
        portfolio_digest(request(panels, FACTORS[0], first=6), "none", 4),
        portfolio_digest(request(panels, FACTORS[0], markets=["KOSPI"]), "none", 4),
    }  # fmt: skip
    assert len(others) == 6
    assert digest not in others


def test_line_of_portfolios_equals_plain_definitions() -> None:
    panels, _ = world(3, rows=150)
    returns: dict[int, WeeklyReturns] = {}
    for text in (*FACTORS, "pct_change(close, 20)"):
        asked = request(panels, text)
        subject, rows = subject_of(asked, panels, options())
        for horizon, found in portfolios(subject, rows, (1, 4, 20), Exit()).items():
            returns[portfolio_digest(asked, "none", horizon)] = found
    sample = [returns[digest] for digest in sorted(returns)]
    scores = [score for one in sample if (score := score_of(one.values)) is not None]
    assert len(scores) == len(sample) == 12
    sums = LineSums(
        trials=12, scored=12, score_sum=sum(scores), score_squares=sum(score * score for score in scores)
    )  # fmt: skip
    line = line_trials_of(sums, sample)
    columns = np.array([one.values for one in sample], np.float64)
    weeks = columns.shape[1]
    ratios = columns.mean(axis=1) / columns.std(axis=1, ddof=1)
    deviation = float((ratios * math.sqrt(weeks - 1)).std(ddof=1))
    assert line.deviation == pytest.approx(deviation, rel=1e-5)
    participation = 12**2 / float((np.corrcoef(columns) ** 2).sum())
    assert 1 < participation < 12
    assert line.effective_count == pytest.approx(participation, rel=1e-9)
    best = columns[int(np.argmax(ratios))]
    moments = moments_of(best)
    assert moments is not None
    centred = best - best.mean()
    sharpe, spread = float(ratios.max()), float((centred**2).mean())
    skew, kurtosis = float((centred**3).mean()) / spread**1.5, float((centred**4).mean()) / spread**2
    expected = []
    for count in (12.0, participation):
        normal = NormalDist()
        most = (1 - 0.5772156649015329) * normal.inv_cdf(1 - 1 / count) + 0.5772156649015329 * normal.inv_cdf(
            1 - 1 / (count * math.e)
        )
        bar = deviation / math.sqrt(weeks - 1) * most
        error = math.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)
        expected.append(normal.cdf((sharpe - bar) * math.sqrt(weeks - 1) / error))
    assert line.deflated(moments) == pytest.approx(sorted(expected), rel=1e-5)
