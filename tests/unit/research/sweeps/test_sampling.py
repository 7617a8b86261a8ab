"""Which points a sweep has: pure functions of the space and the seed, against slow enumerations and scipy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from shared.research.sweeps.formula import read_formula
from shared.research.sweeps.lattice import Lattice
from shared.research.sweeps.request import MAX_PARAMETERS
from shared.research.sweeps.sampling import grid_points, lhs_points, random_points, sobol_points, uniforms
from shared.research.sweeps.sobol_sequence import MAX_BITS, sobol_bits
from shared.research.sweeps.space import Space

SPACE = Space(
    {"a": Lattice(tuple(range(7))), "b": Lattice((0.5, 1.5, 2.5)), "c": Lattice(("x", "y", None))},
    [read_formula("$a < 2 * $b + 2", frozenset({"$a", "$b", "$c"}), "constraints[0]")],
)


def admitted(space: Space) -> list[tuple[int, ...]]:
    return [
        point for point in itertools.product(*(range(count) for count in space.levels))
        if (values := space.values(point))["a"] < 2 * values["b"] + 2  # type: ignore[operator]
    ]  # fmt: skip


def test_grid_has_every_admitted_combination_in_order() -> None:
    assert [tuple(point) for point in grid_points(SPACE).tolist()] == admitted(SPACE)


@pytest.mark.parametrize("draw", [random_points, sobol_points, lhs_points])
def test_points_are_distinct_admitted_and_repeatable(draw: object) -> None:
    assert callable(draw)
    found = draw(SPACE, 30, 5)
    points = {tuple(point) for point in found.tolist()}
    assert len(points) == len(found)
    assert points <= set(admitted(SPACE))
    assert np.array_equal(found, draw(SPACE, 30, 5))
    assert not np.array_equal(found, draw(SPACE, 30, 6))
    if draw is not lhs_points:
        assert len(found) == 30
        assert np.array_equal(draw(SPACE, 20, 5), found[:20])


@pytest.mark.parametrize("draw", [random_points, sobol_points])
def test_search_ends_when_the_space_is_exhausted(draw: object) -> None:
    assert callable(draw)
    assert {tuple(point) for point in draw(SPACE, 10_000, 1).tolist()} == set(admitted(SPACE))


def test_random_points_are_equally_likely() -> None:
    space = Space({"a": Lattice(tuple(range(100))), "b": Lattice(tuple(range(100)))})
    counts = np.bincount(random_points(space, 5_000, 3)[:, 0], minlength=100)
    assert 30 <= counts.min() <= counts.max() <= 70


def test_latin_hypercube_visits_every_share_once() -> None:
    space = Space({name: Lattice(tuple(range(1000))) for name in "abc"})
    found = lhs_points(space, 100, 9)
    assert len(found) == 100
    for column in found.T:
        assert sorted((column // 10).tolist()) == list(range(100))


def test_sobol_sequence_equals_scipy() -> None:
    from scipy.stats import qmc

    expected = qmc.Sobol(MAX_PARAMETERS, scramble=False, bits=MAX_BITS).random(512)
    assert np.array_equal(sobol_bits(0, 512, MAX_PARAMETERS) / 2.0**MAX_BITS, expected)
    assert np.array_equal(sobol_bits(100, 50, 3), sobol_bits(0, 512, 3)[100:150])


def test_shifted_sobol_is_more_even_than_random() -> None:
    from scipy.stats import qmc

    space = Space({name: Lattice(tuple(range(1 << 12))) for name in "abcd"})
    even, uneven = (qmc.discrepancy(draw(space, 256, 4) / (1 << 12)) for draw in (sobol_points, random_points))
    assert even < uneven / 2


def test_uniforms_are_addressed_by_position() -> None:
    assert np.array_equal(uniforms(3, 1, 100)[37:60], uniforms(3, 1, 23, 37))
    assert not np.array_equal(uniforms(3, 1, 10), uniforms(3, 2, 10))
    assert uniforms(7, 0, 3).tolist() == [0.8720734548204873, 0.29536538151378355, 0.4200976785072422]


def test_codes_are_equal_for_equal_points_of_a_huge_space() -> None:
    huge = Space({f"p{i}": Lattice(tuple(range(1000))) for i in range(8)})
    points = np.array([[1] * 8, [2] * 8, [1] * 8], np.int32)
    codes = huge.codes(points)
    assert codes[0] == codes[2]
    assert codes[0] != codes[1]
    assert len(random_points(huge, 500, 1)) == 500


@pytest.mark.parametrize("levels", [[3, 4, 5], [100_000] * 16])
def test_points_are_the_first_distinct_ones_of_the_draws(levels: list[int]) -> None:
    space = Space({f"p{i}": Lattice(tuple(range(count))) for i, count in enumerate(levels)}, [])
    found = random_points(space, 17_000, 3)
    count = (1 << 17) // 8
    drawn = np.concatenate([
        (uniforms(3, 0, count * len(levels), number * count * len(levels)).reshape(count, -1) * levels).astype(np.int32)
        for number in range(2)
    ])  # fmt: skip
    first = list(dict.fromkeys(map(tuple, drawn.tolist())))
    assert [tuple(point) for point in found.tolist()] == first[: min(17_000, space.size)]
