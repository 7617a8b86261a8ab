"""The figures of each row equal plain loops over its stocks, with and without sectors."""

from __future__ import annotations

import math
from dataclasses import asdict

import numpy as np
import pytest

from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.research.factor_reports import rows as module
from shared.research.factor_reports.forward_returns import Exit
from shared.research.factor_reports.options import Options
from shared.research.factor_reports.rows import ReportRows, Subject, coefficients, report_rows
from shared.simulation.plan import expressions_of, window_of
from shared.simulation.universe import universe_rows
from tests.reference import factor_reports as plain
from tests.reference.market import Market
from tests.unit.research.factor_reports.fixtures import options, request, world

FACTORS = ("pct_change(close, 5)", "sign(raw_close - lag(raw_close, 1))", "-raw_volume")
Row = dict[str, float]


def subject_of(asked: BacktestRequest, panels: Panels, given: Options) -> tuple[Subject, slice]:
    expressions = expressions_of(asked)
    universe = universe_rows(asked.strategy.universe, panels, expressions.universe)
    subject = Subject(panels=panels, factor=expressions.rank_by, universe=universe, neutral=given.neutral)
    return subject, window_of(asked, panels.days)


class Plain:
    """Values and returns of a row as dicts by stock code."""

    def __init__(self, subject: Subject, market: Market, neutral: bool) -> None:
        self.subject, self.market, self.neutral = subject, market, neutral

    def raw(self, row: int) -> Row:
        found = self.subject.plain_values(self.subject.factor, slice(row, row + 1))[0]
        code = self.subject.panels.instruments.code
        return {code[at]: float(found[at]) for at in np.flatnonzero(np.isfinite(found))}

    def values(self, row: int) -> Row:
        raw = self.raw(row)
        if not self.neutral:
            return raw
        found = plain.less_group_means(raw, self.sectors(row))
        return {code: float(np.float32(value)) for code, value in found.items()}

    def sectors(self, row: int) -> dict[str, str | None]:
        return {stock.code: stock.sector[row] for stock in self.market.stocks}

    def returns(self, row: int, horizon: int, among: Row) -> Row:
        found = {}
        for stock in self.market.stocks:
            if stock.code in among:
                value = plain.forward_return(self.market, stock, row, horizon, asdict(Exit()))
                if value is not None:
                    found[stock.code] = float(np.float32(value))
        return found

    def coefficients(self, row: int, horizon: int) -> tuple[float | None, float | None]:
        values = self.values(row)
        returns = self.returns(row, horizon, values)
        if self.neutral:
            of = plain.less_group_means(returns, self.sectors(row))
            returns = {code: float(np.float32(value)) for code, value in of.items()}
        return plain.coefficients([(values[code], value) for code, value in returns.items()])


def computed(
    seed: int, factor: str, given: Options, block: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Subject, slice, Plain, ReportRows]:
    panels, market = world(seed)
    subject, rows = subject_of(request(panels, factor), panels, given)
    monkeypatch.setattr(module, "BLOCK_ROWS", block)
    of_rows = report_rows(subject, rows, (1, 2, 4), given)
    return subject, rows, Plain(subject, market, given.neutral == "sector"), of_rows


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("neutral", ["none", "sector"])
def test_coefficients_equal_plain_loops(factor: str, neutral: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, rows, slow, found = computed(3, factor, options(neutral=neutral), 17, monkeypatch)
    checked = 0
    for at, row in enumerate(range(rows.start, rows.stop, 5)):
        for horizon in (1, 2, 4):
            of = found.horizons[horizon]
            for name, expected in zip(("ic", "rank_ic"), slow.coefficients(row, horizon), strict=True):
                got = float(of.whole(name)[5 * at])
                if expected is None:
                    assert math.isnan(got), (row, horizon, name)
                else:
                    # demeaned float32 values that are equal in one order of summation may not be in another
                    assert got == pytest.approx(expected, abs=1e-9 if neutral == "none" else 1e-5), (row, horizon, name)
                    checked += 1
    assert checked > 20


@pytest.mark.parametrize("factor", FACTORS)
def test_quantiles_and_turnover_equal_plain_loops(factor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = options()
    _, rows, slow, found = computed(3, factor, given, 7, monkeypatch)
    sizes = np.concatenate(found.sizes)
    values = {row: slow.values(row) for row in range(rows.start, rows.stop)}
    quantiles = {
        row: {code: plain.quantile(list(of.values()), value, 5) for code, value in of.items()}
        for row, of in values.items()
    }
    for row in range(rows.start, rows.stop, 3):
        at = row - rows.start
        names = [{code for code, q in quantiles[row].items() if q == wanted} for wanted in range(1, 6)]
        assert sizes[at].tolist() == [len(of) for of in names]
        for horizon in given.horizons:
            returns = slow.returns(row, horizon, values[row])
            of = found.horizons[horizon]
            everything = list(returns.values())
            for q in range(5):
                inside = [returns[code] for code in names[q] if code in returns]
                got = of.whole("returns")[at, q]
                if inside:
                    assert got == pytest.approx(sum(inside) / len(inside), abs=1e-12)
                    mean = sum(everything) / len(everything)
                    assert of.whole("demeaned")[at, q] == pytest.approx(sum(inside) / len(inside) - mean, abs=1e-12)
                else:
                    assert math.isnan(got)
            before = row - horizon
            if before < rows.start:
                assert np.isnan(of.whole("entered")[at]).all()
                continue
            for q in range(5):
                came = [code for code in names[q] if quantiles[before].get(code) != q + 1]
                expected = len(came) / len(names[q]) if names[q] else math.nan
                assert of.whole("entered")[at, q] == pytest.approx(expected, nan_ok=True)
            common = sorted(values[row].keys() & values[before].keys())
            ranks = [
                dict(zip(one, plain.average_ranks(list(one.values())), strict=True))
                for one in (values[row], values[before])
            ]
            expected_correlation = plain.pearson([(ranks[0][code], ranks[1][code]) for code in common])
            got = of.whole("rank_correlation")[at]
            assert got == pytest.approx(math.nan if expected_correlation is None else expected_correlation, nan_ok=True)


@pytest.mark.parametrize("neutral", ["none", "sector"])
def test_slopes_equal_least_squares(neutral: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = options("log(raw_close)", neutral=neutral)
    subject, rows, slow, found = computed(6, "pct_change(close, 5)", given, 256, monkeypatch)
    regressors = module._regressors(subject, rows, given)
    codes = subject.panels.instruments.code
    checked = 0
    for at in range(0, rows.stop - rows.start, 4):
        row = rows.start + at
        x = [dict(zip(codes, plane[at].tolist(), strict=True)) for plane in regressors]
        returns = slow.returns(row, 4, slow.raw(row))
        sectors = slow.sectors(row)
        sample = [
            code
            for code in returns
            if not any(math.isnan(of[code]) for of in x) and (neutral == "none" or sectors[code] is not None)
        ]
        groups = sorted({sectors[code] or "" for code in sample}) if neutral == "sector" else [""]
        got = float(found.horizons[4].whole("slope")[at])
        if len(sample) < 2 + len(groups) + 10:
            assert math.isnan(got)
            continue
        table = [
            [of[code] for of in x] + [float(neutral == "none" or sectors[code] == group) for group in groups]
            for code in sample
        ]
        assert got == pytest.approx(plain.least_squares(table, [returns[code] for code in sample])[0], rel=1e-6)
        checked += 1
    assert checked > 3


def test_regressors_are_z_scores_of_winsorised_values() -> None:
    panels, _ = world(6)
    given = options()
    subject, rows = subject_of(request(panels, "pct_change(close, 5)"), panels, given)
    plane = module._regressors(subject, rows, given)[0]
    values = subject.plain_values(subject.factor, rows).astype(np.float64)
    for at in range(0, rows.stop - rows.start, 9):
        known = values[at][np.isfinite(values[at])]
        if len(known) > 2 and known.std() > 0:
            low, high = np.quantile(known, [0.01, 0.99])
            cut = np.clip(known, low, high)
            expected = (cut - cut.mean()) / cut.std(ddof=1)
            np.testing.assert_allclose(plane[at][np.isfinite(plane[at])], expected, rtol=1e-5, atol=1e-6)


def test_a_horizon_does_not_change_with_the_others() -> None:
    panels, _ = world(3)
    subject, rows = subject_of(request(panels, FACTORS[0]), panels, options())
    alone = coefficients(subject, rows, (4,), Exit())[4]
    beside = coefficients(subject, rows, (1, 2, 4, 20), Exit())[4]
    assert alone.whole("rank_ic").tobytes() == beside.whole("rank_ic").tobytes()
    assert alone.whole("ic").tobytes() == beside.whole("ic").tobytes()


def test_rank_ic_survives_a_monotone_map() -> None:
    panels, _ = world(3)
    first, rows = subject_of(request(panels, FACTORS[0]), panels, options())
    second, _ = subject_of(request(panels, f"({FACTORS[0]}) * 4"), panels, options())
    one, other = (coefficients(subject, rows, (4,), Exit())[4].whole("rank_ic") for subject in (first, second))
    assert one.tobytes() == other.tobytes()
    assert np.isfinite(one).any()
