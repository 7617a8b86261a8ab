"""Whole reports: planted factors are found, noise is not, and no row knows later data."""

from __future__ import annotations

import numpy as np
import pytest

from bench.workload import raw_market
from shared.dataset.memory_panels import MemoryPanels
from shared.errors import RunError
from shared.model.panels import Panels
from shared.research.factor_reports.figures import half_life
from shared.research.factor_reports.forward_returns import Exit, forward_returns
from shared.research.factor_reports.native import Ordered, information_coefficients
from shared.research.factor_reports.report import factor_coefficients, factor_report, report_needs
from shared.research.statistics.newey_west import mean_test
from shared.simulation.panel_scans import order_rows
from tests.support.build_in_memory import stored_fields
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.unit.research.factor_reports.fixtures import options, request, world

ROWS, STOCKS, HORIZON = 300, 240, 5
FACTORS = ("pct_change(close, 5)", "sign(raw_close - lag(raw_close, 1))", "-raw_volume")


def planted(seed: int, strength: float) -> MemoryPanels:
    """Return a market whose PER is noise plus a part of the return of the five rows that follow, as PBR is noise."""
    raw = raw_market(STOCKS, ROWS, seed)
    fields = stored_fields(raw)
    random = np.random.default_rng(seed)
    noise = random.normal(size=(ROWS, STOCKS))
    other = noise.astype(np.float32)

    def panels(factor: np.ndarray) -> MemoryPanels:
        return MemoryPanels(
            days=raw.days, instruments=raw.instruments, fields=fields | {"PER": factor, "PBR": other},
            indices={}, dividends=raw.dividends, factors=frozenset({"PER", "PBR"}),
        )  # fmt: skip

    returns = forward_returns(panels(other), slice(0, ROWS), HORIZON, Exit()).astype(np.float64)
    known = np.nan_to_num(returns)
    known -= known.mean(axis=1, keepdims=True)
    scaled = known / known.std()
    return panels((strength * scaled + np.sqrt(1 - strength**2) * random.normal(size=known.shape)).astype(np.float32))


def test_a_planted_factor_is_found_and_noise_is_not() -> None:
    panels = planted(4, 0.05)
    report = factor_report(request(panels, "PER", 0), panels, options(horizons=(1, HORIZON), quantiles=5))
    at = report["horizons"][1]
    assert at["rank_ic"]["mean"] == pytest.approx(0.05, abs=0.015)
    assert at["rank_ic"]["t"] > 3
    assert at["spread"]["t"] > 3
    assert at["fama_macbeth"]["t"] > 3
    returns = [quantile["return"] for quantile in at["quantiles"]]
    assert returns[0] == min(returns)
    assert returns[-1] == max(returns)
    noise = factor_report(request(panels, "PBR", 0), panels, options(horizons=(1, HORIZON), quantiles=5))
    assert abs(noise["horizons"][1]["rank_ic"]["t"]) < 3


def test_shuffled_values_are_rarely_significant() -> None:
    panels = planted(7, 0.05)
    random = np.random.default_rng(11)
    by_code = panels.instruments.by_code
    returns = np.ascontiguousarray(forward_returns(panels, slice(0, ROWS), HORIZON, Exit()))
    orders = order_rows(returns, by_code, descending=False)
    values = np.array(panels.panel("PER", slice(0, ROWS)))
    far = 0
    for _ in range(100):
        factor = Ordered.by(random.permuted(values, axis=1), by_code)
        _, rank_ic, _ = information_coefficients(factor, returns, orders, 30)
        t = mean_test(rank_ic, HORIZON).t
        assert t is not None
        far += abs(t) >= 2
    assert far <= 12


def test_rank_ic_of_the_worked_cases() -> None:
    by_code = np.arange(4, dtype=np.int32)
    for values, returns, expected in (
        ((1, 2, 2, 4), (0.1, 0.3, 0.2, 0.4), 0.9486832980505138),
        ((1, 2, 3, 4), (4, 3, 2, 1), -1.0),
        ((1, 2, 3, 4), (5, 5, 5, 5), np.nan),
    ):
        row = np.array([returns], np.float32)
        factor = Ordered.by(np.array([values], np.float32), by_code)
        _, rank_ic, counts = information_coefficients(factor, row, order_rows(row, by_code, descending=False), 2)
        assert counts.tolist() == [4]
        assert rank_ic[0] == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_rows_before_a_cut_do_not_depend_on_later_data() -> None:
    whole, _ = world(3)
    first, cut = 5, 45
    kept = {field: whole.panel(field, slice(0, cut)) for field in _stored(whole)}
    short = MemoryPanels(
        days=whole.days[:cut], instruments=whole.instruments, fields=kept, indices={}, dividends=whole.dividends,
        factors=whole.factors, listings=whole.listings,
    )  # fmt: skip
    given = options(horizons=(1, 4))
    factor = "rank(pct_change(close, 5))"
    long_series, short_series = (
        factor_report(request(panels, factor, first, last), panels, given)["series"]
        for panels, last in ((whole, -1), (short, cut - 1))
    )
    for at, horizon in enumerate(given.horizons):
        known = cut - first - 1 - horizon
        for name in ("ic", "rank_ic", "spread"):
            assert short_series[name][at][:known] == long_series[name][at][:known]
            assert short_series[name][at][known:] == [None] * (horizon + 1)
    assert any(value is not None for value in short_series["rank_ic"][0])


def _stored(panels: Panels) -> list[str]:
    return [*panels._fields]  # type: ignore[attr-defined]


def test_a_report_has_the_same_digest_in_any_column_order() -> None:
    market = random_market(3, stocks=90, rows=60)
    digests = []
    for reverse in (False, True):
        companies = sorted(market["companies"], key=lambda company: company["stock_code"], reverse=reverse)
        panels = panels_of(market | {"companies": companies})
        given = options("log(raw_close)", correlations=True, horizons=(1, 4), neutral="sector")
        digests += [factor_report(request(panels, text), panels, given)["digest"] for text in FACTORS]
    assert digests[: len(FACTORS)] == digests[len(FACTORS) :]
    assert len(set(digests)) == len(FACTORS)


def test_coefficients_of_a_matrix_are_those_of_the_report() -> None:
    panels, _ = world(3)
    asked, given = request(panels, "pct_change(close, 5)"), options()
    report = factor_report(asked, panels, given)
    alone = factor_coefficients(asked, panels, given.horizons, given.neutral, given.rule)
    for of, other in zip(report["horizons"], alone["horizons"], strict=True):
        assert of["rank_ic"] == other["rank_ic"]
        assert of["ic"] == other["ic"]


def test_correlation_with_itself_is_one_and_checks_leave_it_out() -> None:
    panels = planted(4, 0.05)
    report = factor_report(request(panels, "PER", 0), panels, options(correlations=True))
    found = {one["factor"]: one["correlation"] for one in report["correlations"]}
    assert found["PER"] == pytest.approx(1)
    assert abs(found["PBR"]) < 0.1
    check = next(one for one in report["checks"] if one["check"] == "correlation")
    assert check["with"] == "PBR"
    assert check["passes"]


def test_a_factor_without_values_ends_the_report() -> None:
    panels = planted(4, 0.05)
    empty = MemoryPanels(
        days=panels.days, instruments=panels.instruments, indices={}, dividends=panels.dividends,
        fields={name: panels.panel(name, slice(0, ROWS)) for name in _stored(panels) if name != "PER"}
        | {"PER": np.full((ROWS, STOCKS), np.nan, np.float32)},
        factors=panels.factors,
    )  # fmt: skip
    with pytest.raises(RunError) as raised:
        factor_report(request(empty, "PER"), empty, options())
    assert [problem.path for problem in raised.value.problems] == ["factor"]


def test_needs_cover_everything_that_a_report_reads() -> None:
    panels = planted(4, 0.05)
    read: set[str] = set()

    class Recorder:
        def __getattr__(self, name: str) -> object:
            return getattr(panels, name)

        def panel(self, field: str, rows: slice) -> np.ndarray:
            read.add(field)
            return panels.panel(field, rows)

    asked = request(panels, "PER + ts_mean(PBR, 3)", 10, cap_groups=None)
    given = options("log(raw_close)", correlations=True, horizons=(7,))
    factor_report(asked, Recorder(), given)  # type: ignore[arg-type]
    assert read <= set(report_needs(asked, panels, given))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([(1, 0.04), (2, 0.03), (5, 0.01)], 2 + (0.75 - 0.5) / (0.75 - 0.25) * 3),
        ([(1, 0.01), (5, -0.04), (20, -0.01)], 5 + (1 - 0.5) / (1 - 0.25) * 15),
        ([(1, 0.04), (5, 0.03)], None),
        ([(1, None), (5, 0.0)], None),
        ([], None),
    ],
)
def test_half_life_is_interpolated(points: list[tuple[int, float | None]], expected: float | None) -> None:
    assert half_life(points) == (None if expected is None else pytest.approx(expected))
