"""Batches of TPE: a pure function of the history, distinct points, and better than a random search."""

from __future__ import annotations

import math

import numpy as np
import pytest

from shared.research.sweeps.formula import read_formula
from shared.research.sweeps.lattice import Lattice
from shared.research.sweeps.sampling import random_points
from shared.research.sweeps.space import Space
from shared.research.sweeps.tpe import next_points, startup_runs

AXIS = tuple(i / 1000 for i in range(1001))
PLANE = Space({"x": Lattice(AXIS), "y": Lattice(AXIS)})


def branin(points: np.ndarray) -> np.ndarray:
    x, y = 15 * points[:, 0] / 1000 - 5, 15 * points[:, 1] / 1000
    valley = (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
    result: np.ndarray = valley + 10 * (1 - 1 / (8 * math.pi)) * np.cos(x) + 10
    return result


def searched(space: Space, runs: int, batch: int, seed: int, stop: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return points and scores of a search; with `stop` it begins again from its history at that many variants."""
    points, scores = np.empty((0, len(space.levels)), np.int32), np.empty(0)
    while len(points) < runs:
        if stop is not None and len(points) >= stop:
            points, scores, stop = points.copy(), scores.copy(), None
        count = min(batch, runs - len(points))
        chosen = next_points(space, points, scores, seed=seed, count=count, batch=batch)
        if not len(chosen):
            break
        points = np.concatenate([points, chosen])
        scores = np.concatenate([scores, -branin(chosen)])
    return points, scores


@pytest.mark.parametrize("batch", [8, 64])
def test_search_is_better_than_random(batch: int) -> None:
    best = sorted(-searched(PLANE, 200, batch, seed)[1].max() for seed in range(7))
    random = sorted(branin(random_points(PLANE, 2_000, seed)).min() for seed in range(7))
    assert best[3] < random[3]


def test_interrupted_search_continues_unchanged() -> None:
    whole, interrupted = searched(PLANE, 96, 16, 4), searched(PLANE, 96, 16, 4, stop=48)
    assert np.array_equal(whole[0], interrupted[0])
    assert len(np.unique(PLANE.codes(whole[0]))) == 96
    assert np.array_equal(whole[0][: startup_runs(PLANE, 16)], random_points(PLANE, startup_runs(PLANE, 16), 4))


def test_failed_variants_count_as_the_worst() -> None:
    points = random_points(PLANE, 64, 2)
    scores = np.full(64, np.nan)
    scores[:5] = np.arange(5.0)
    found = next_points(PLANE, points, scores, seed=2, count=16, batch=16)
    worse = next_points(PLANE, points, np.where(np.isnan(scores), -1e9, scores), seed=2, count=16, batch=16)
    assert len(found) == 16
    assert found.shape == worse.shape
    nothing = next_points(PLANE, points, np.full(64, np.nan), seed=2, count=4, batch=16)
    assert len(nothing) == 4


def test_small_constrained_space_is_exhausted() -> None:
    names = frozenset({"$x", "$c"})
    space = Space(
        {"x": Lattice(tuple(range(10))), "c": Lattice(("a", "b", None))},
        [read_formula("$x > 2", names, "constraints[0]")],
    )
    points, scores = np.empty((0, 2), np.int32), np.empty(0)
    while len(chosen := next_points(space, points, scores, seed=1, count=8, batch=8)):
        points = np.concatenate([points, chosen])
        scores = np.concatenate([scores, chosen[:, 0].astype(float)])
    assert len(points) == 21
    assert (points[:, 0] > 2).all()
