"""Choices, ranks and drift against slow loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.research.walk_forward.choice import choose, drift, rank_of, statistics_of
from shared.simulation.variants import FIGURES
from tests.unit.research.sweeps.test_columns import filled, planned


def test_rank_counts_those_above_and_half_of_the_equal_ones() -> None:
    for seed, objective in ((1, {"maximize": "cagr", "where": "sharpe > 0"}), (2, {"minimize": "volatility"})):
        plan = planned(objective=objective)
        table = filled(plan, seed)
        column = table.figures[:, FIGURES.index(plan.objective.statistic)]
        column[5] = column[9] = column[11]
        known = [value for value in column.tolist() if value == value]  # noqa: PLR0124
        for variant in (0, 5, 9, len(column) - 1):
            own = column[variant]
            found = rank_of(table, variant)
            if np.isnan(own):
                assert found is None
                continue
            better = sum(value > own if plan.objective.descending else value < own for value in known)
            equal = sum(value == own for value in known)
            assert found is not None
            assert found.rank == better + (equal + 1) / 2
            assert found.of == len(known)
            below = len(known) - better - equal
            assert found.relative == pytest.approx((below + (equal + 1) / 2) / (len(known) + 1))


def test_best_is_the_first_and_plateau_has_its_mean() -> None:
    plan = planned(objective={"maximize": "cagr"})
    table = filled(plan, 3)
    best = choose(table, "best")
    assert best is not None
    assert best.variant == int(np.nanargmax(table.figures[:, FIGURES.index("cagr")]))
    assert plan.points[best.variant].tolist() == list(best.point)
    middle = choose(table, "plateau")
    assert middle is not None
    assert middle.mean is not None
    assert middle.neighbours
    lowest = choose(filled(planned(objective={"minimize": "cagr"}), 3), "plateau")
    assert lowest is not None
    assert lowest.mean is not None
    assert lowest.mean < middle.mean


def test_nothing_is_chosen_where_nothing_is_ranked() -> None:
    table = filled(planned(objective={"maximize": "cagr", "where": "trades > 1e9"}), 4)
    assert choose(table, "best") is None
    assert choose(table, "plateau") is None


def test_statistics_have_null_for_what_is_undefined() -> None:
    table = filled(planned(), 5, failing=0.5)
    failed = next(iter(table.failures))
    assert set(statistics_of(table, failed).values()) == {None}
    assert statistics_of(table, 0 if failed else 1).keys() == set(FIGURES)


def test_drift_is_the_mean_way_through_the_values() -> None:
    expected: dict[str, Any] = {
        "a": {"changes": 2, "mean_step": (4 + 0 + 2) / 3 / 4}, "b": {"changes": 0, "mean_step": 0.0},
    }  # fmt: skip
    assert drift((5, 1), [(0, 0), (4, 0), (4, 0), (2, 0)], ["a", "b"]) == expected
    assert drift((5,), [(1,)], ["a"]) == {"a": {"changes": 0, "mean_step": None}}
