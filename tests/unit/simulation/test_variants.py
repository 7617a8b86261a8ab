"""Variants in a table against plain runs of the same requests."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import msgspec
import numpy as np
import pytest

from shared.errors import CancelledRunError, RunError
from shared.model.calendar import from_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation import canonical_request, request_of, run
from shared.simulation.plan import plan
from shared.simulation.variants import COUNT_FIGURES, DATE_FIGURES, FIGURES, run_variants, variant_needs
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

DATES = ("start", "end")


def requests_over(market: dict[str, Any], seed: int, count: int, indices: frozenset[str]) -> list[BacktestRequest]:
    """Return random requests over one market with the same dates, of every kind that the contract has."""
    bodies = [random_request(100 * seed + k, market) for k in range(count)]
    for body in bodies:
        body |= {name: bodies[0][name] for name in DATES}
        body["strategy"].setdefault("universe", {})["kinds"] = None
    return [canonical_request(request_of(body), indices) for body in bodies]


def plain_result(request: BacktestRequest, panels: Panels) -> dict[str, Any] | RunError:
    """Return the result of a run, or the error that it ends with."""
    try:
        return run(request, panels).result
    except RunError as error:
        return error


def week_end_points(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the last equity point of each ISO week."""
    last = {dt.date.fromisoformat(point["date"]).isocalendar()[:2]: point for point in result["equity"]}
    return list(last.values())


@pytest.mark.parametrize("seed", range(30))
def test_a_variant_has_the_figures_of_its_plain_run(seed: int) -> None:
    market = random_market(seed)
    panels = panels_of(market)
    requests = requests_over(market, seed, 5, frozenset(panels.indices))
    table = run_variants(requests, panels)
    for k, request in enumerate(requests):
        result, failed = plain_result(request, panels), table.failures[k]
        if isinstance(result, RunError):
            assert failed is not None
            assert (failed.kind, failed.detail, failed.problems) == (result.kind, result.detail, result.problems)
            assert table.statistics(k) is None
            assert np.isnan(table.figures[k]).all()
            assert np.isnan(table.weekly_returns[k]).all()
            continue
        assert failed is None
        assert table.statistics(k) == result["statistics"]
        points = week_end_points(result)
        assert [from_day(int(day)).isoformat() for day in table.week_ends] == [point["date"] for point in points]
        before = request.initial_cash
        for found, point in zip(table.weekly_returns[k], points, strict=True):
            if before > 0:
                assert found == pytest.approx(point["equity"] / before - 1, rel=1e-6, abs=1e-9)
            else:
                assert np.isnan(found)
            before = point["equity"]


def test_division_into_parts_changes_no_bit() -> None:
    market = random_market(3)
    panels = panels_of(market)
    requests = requests_over(market, 3, 12, frozenset(panels.indices))
    whole = run_variants(requests, panels)
    cuts = sorted(random.Random(3).sample(range(1, 12), 3))
    parts = [run_variants(requests[a:b], panels) for a, b in zip([0, *cuts], [*cuts, 12], strict=True)]
    assert np.concatenate([part.figures for part in parts]).tobytes() == whole.figures.tobytes()
    assert np.concatenate([part.weekly_returns for part in parts]).tobytes() == whole.weekly_returns.tobytes()
    assert all(np.array_equal(part.week_ends, whole.week_ends) for part in parts)


def test_figures_are_those_of_a_result() -> None:
    panels = panels_of(random_market(5))
    request = requests_over(random_market(5), 5, 1, frozenset(panels.indices))[0]
    statistics = run(request, panels).result["statistics"]
    assert list(FIGURES) == sorted(statistics)
    assert set(FIGURES) >= DATE_FIGURES | COUNT_FIGURES


def test_rows_that_variants_read_are_named_before() -> None:
    market = random_market(8)
    panels = panels_of(market)
    requests = requests_over(market, 8, 6, frozenset(panels.indices))
    needs = variant_needs(requests, panels.days)
    for request in requests:
        for name, rows in plan(request, panels.days).needs.items():
            assert needs[name].start <= rows.start
            assert needs[name].stop >= rows.stop


def test_part_without_requests_is_an_empty_table() -> None:
    table = run_variants([], panels_of(random_market(8)))
    assert table.figures.shape == (0, len(FIGURES))
    assert table.weekly_returns.shape == (0, 0)
    assert table.failures == ()


def test_variants_of_a_part_have_the_same_dates() -> None:
    market = random_market(8)
    panels = panels_of(market)
    first, second = requests_over(market, 8, 2, frozenset(panels.indices))
    shorter = msgspec.structs.replace(second, end=first.start)
    with pytest.raises(ValueError, match="same start and end"):
        run_variants([first, shorter], panels)


def test_part_can_be_cancelled() -> None:
    market = random_market(8)
    panels = panels_of(market)
    requests = requests_over(market, 8, 3, frozenset(panels.indices))
    with pytest.raises(CancelledRunError):
        run_variants(requests, panels, cancelled=lambda: True)
