"""Best variants, plateau and heat map of a table against slow loops; packed parts."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from shared.errors import DatasetError, RequestError
from shared.model.conversion import convert
from shared.research.sweeps.columns import SweepTable, extended, heatmap, table_of
from shared.research.sweeps.part import PartTable, unpack
from shared.research.sweeps.plan import FIGURES, SweepPlan, decode_plan, digest_of, encode_plan, plan_sweep
from shared.research.sweeps.plateau import plateau
from shared.research.sweeps.request import SweepBody
from shared.simulation import variants

BODY: dict[str, Any] = {
    "template": {
        "strategy": {"buy": {"where": "PER < $per and ROE > $roe"}, "sell": {"stop_loss_pct": "$stop"}},
        "start": "2024-01-02", "end": "2024-12-30",
    },
    "parameters": {
        "per": {"from": 4, "to": 20, "step": 4}, "roe": {"from": 0, "to": 12, "step": 3},
        "stop": {"values": [None, 5, 10]},
    },
}  # fmt: skip


def planned(**changes: Any) -> SweepPlan:
    found = convert(BODY | changes, SweepBody)
    assert found.value is not None
    assert not found.problems
    return plan_sweep(found.value)


def filled(plan: SweepPlan, seed: int = 0, *, failing: float = 0.1) -> SweepTable:
    """Return a table of random figures, some of them absent, in parts that end in another order."""
    random = np.random.default_rng(seed)
    points = plan.points
    figures = random.normal(size=(len(points), len(variants.FIGURES)))
    figures[random.random(len(points)) < failing] = np.nan
    failures = {int(row): {"code": "x"} for row in np.flatnonzero(np.isnan(figures[:, 0]))}
    parts = []
    for first in range(0, len(points), 20):
        rows = slice(first, first + 20)
        parts.append(
            (first, PartTable(
                points=points[rows], names=variants.FIGURES, figures=figures[rows],
                weekly=figures[rows, :2].astype(np.float32), week_ends=np.arange(2, dtype=np.int32),
                failures={row - first: found for row, found in failures.items() if first <= row < first + 20},
            ))
        )  # fmt: skip
    return table_of(plan, parts[::-1])


def test_table_is_in_the_order_of_the_variants() -> None:
    plan = planned()
    table = filled(plan)
    assert table.variants.tolist() == list(range(75))
    assert np.array_equal(table.points, plan.points)
    assert set(table.failures) == set(np.flatnonzero(np.isnan(table.scores)).tolist())


def test_table_is_extended_by_parts_in_any_order() -> None:
    table = filled(planned())
    first, last = (
        PartTable(
            points=table.points[rows], names=variants.FIGURES, figures=table.figures[rows], failures={},
            weekly=np.empty((10, 0), np.float32), week_ends=np.empty(0, np.int32),
        )
        for rows in (slice(0, 10), slice(10, 20))
    )  # fmt: skip
    found = extended(extended(table_of(table.plan, []), [(10, last)]), [(0, first)])
    assert found.variants.tolist() == list(range(20))
    assert np.array_equal(found.points, table.points[:20])
    assert np.array_equal(found.figures, table.figures[:20], equal_nan=True)


def test_best_are_ranked_by_the_objective() -> None:
    plan = planned(objective={"minimize": "volatility", "where": "sharpe > 0 and $per < 20"})
    table = filled(plan)
    volatility, sharpe, per = (table.columns[name] for name in ("volatility", "sharpe", "$per"))
    ranked = [row for row in range(75) if sharpe[row] > 0 and per[row] < 20]
    assert table.best(10).tolist() == sorted(ranked, key=lambda row: (volatility[row], row))[:10]


@pytest.mark.parametrize("failing", [0.0, 0.3])
def test_plateau_is_the_best_mean_of_a_neighbourhood(failing: float) -> None:
    table = filled(planned(), 3, failing=failing)
    rows = {tuple(point): row for row, point in enumerate(table.points.tolist())}
    levels = table.plan.space.levels
    expected: list[tuple[float, int, int]] = []
    for point, row in rows.items():
        around = [
            (*point[:i], point[i] + step, *point[i + 1 :]) for i, step in itertools.product(range(3), (-1, 1))
            if 0 <= point[i] + step < levels[i]
        ]  # fmt: skip
        scores = [table.scores[rows[near]] for near in around if not np.isnan(table.scores[rows[near]])]
        if not np.isnan(table.scores[row]) and 2 * len(scores) >= len(around):
            expected.append((float(np.mean([table.scores[row], *scores])), -row, len(scores)))
    mean, row, neighbours = max(expected)
    found = plateau(table)
    assert found is not None
    assert (found[0], found[2]) == (-row, neighbours)
    assert found[1] == pytest.approx(mean, abs=1e-12)


def test_sparse_sample_has_no_plateau() -> None:
    plan = planned(
        parameters=BODY["parameters"] | {"roe": {"from": 0, "to": 12}}, search={"method": "random", "runs": 30}
    )
    assert plateau(filled(plan)) is None


@pytest.mark.parametrize("reduce", ["median", "max", "min", "count"])
def test_heat_map_reduces_the_variants_of_a_cell(reduce: str) -> None:
    table = filled(planned(objective={"where": "sharpe > -1"}), 5)
    cells = heatmap(table, "per", "stop", "cagr", reduce)
    functions: dict[str, Any] = {"median": np.median, "max": np.max, "min": np.min, "count": len}
    for y, x in itertools.product(range(3), range(5)):
        inside = [
            table.columns["cagr"][row] for row, point in enumerate(table.points.tolist())
            if (point[0], point[2]) == (x, y) and table.columns["sharpe"][row] > -1
        ]  # fmt: skip
        assert cells[y][x] == (functions[reduce](inside) if inside else None)


def test_packed_part_is_unpacked_unchanged() -> None:
    random = np.random.default_rng(1)
    part = PartTable(
        points=random.integers(0, 9, (7, 3), np.int32), names=("a", "b"), figures=random.normal(size=(7, 2)),
        weekly=random.normal(size=(7, 4)).astype(np.float32), week_ends=np.arange(4, dtype=np.int32),
        failures={2: {"code": "x", "detail": "왜"}},
    )  # fmt: skip
    found = unpack(part.pack())
    for name in ("points", "figures", "weekly", "week_ends"):
        assert np.array_equal(getattr(found, name), getattr(part, name))
    assert (found.names, found.failures) == (part.names, part.failures)
    with pytest.raises(DatasetError):
        unpack(part.pack()[:-9])


def test_stored_plan_has_the_same_points_and_digest() -> None:
    plan = planned(search={"method": "sobol", "runs": 40, "seed": 3}, constraints=["$per > $roe or $stop == 5"])
    again = decode_plan(encode_plan(plan))
    assert np.array_equal(again.points, plan.points)
    assert digest_of(again, "v") == digest_of(plan, "v")
    assert digest_of(plan, "v") != digest_of(plan, "w")
    other = planned(search={"method": "sobol", "runs": 40, "seed": 4}, constraints=["$per > $roe or $stop == 5"])
    assert digest_of(other, "v") != digest_of(plan, "v")


def test_digest_depends_on_the_order_of_parameters() -> None:
    turned = dict(reversed(BODY["parameters"].items()))
    assert digest_of(planned(parameters=turned), "v") != digest_of(planned(), "v")


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"search": {"method": "random"}}, "search.runs", "sweep_runs_missing"),
        ({"search": {"runs": 10}}, "search.runs", "sweep_grid_runs"),
        ({"search": {"method": "tpe", "runs": 9_000}}, "search.runs", "out_of_range"),
        ({"constraints": ["$per > 100"]}, "constraints", "sweep_no_point"),
        ({"objective": {"maximize": "cagr", "minimize": "sharpe"}}, "objective", "sweep_objective_both"),
        ({"holdout": {"from": "2025-06-01"}}, "holdout.from", "sweep_holdout_empty"),
        ({"holdout": {"from": "2024-01-02"}}, "holdout.from", "sweep_holdout_all"),
    ],
)
def test_impossible_search_is_refused(changes: dict[str, Any], path: str, code: str) -> None:
    with pytest.raises(RequestError) as caught:
        planned(**changes)
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [(path, code)]


def test_grid_needs_steps() -> None:
    with pytest.raises(RequestError) as caught:
        planned(parameters=BODY["parameters"] | {"roe": {"from": 0, "to": 12}})
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [
        ("parameters.roe.step", "sweep_grid_step")
    ]


def test_figures_are_the_numbers_of_a_result() -> None:
    assert set(variants.FIGURES) - set(FIGURES) == {
        "max_drawdown_start",
        "max_drawdown_bottom",
        "max_drawdown_recovery",
    }
