"""The values of parameters: decimal lattices, logarithmic ranges, lists, and their mistakes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Problem
from shared.model.conversion import convert
from shared.research.sweeps.lattice import Lattice, lattice_of
from shared.research.sweeps.request import Parameter


def lattice(declared: object, *, whole: bool = False) -> Lattice | list[str]:
    problems: list[Problem] = []
    parameter = convert(declared, Parameter)
    assert not parameter.problems
    assert parameter.value is not None
    found = lattice_of(parameter.value, "p", whole=whole, problems=problems)
    return [problem.code for problem in problems] if found is None else found


def values(declared: object, *, whole: bool = False) -> tuple[object, ...]:
    found = lattice(declared, whole=whole)
    assert isinstance(found, Lattice), found
    return found.values


def test_steps_are_decimal() -> None:
    assert values({"from": 0.1, "to": 0.3, "step": 0.1}) == (0.1, 0.2, 0.3)
    assert values({"from": 4, "to": 20, "step": 2}) == (4, 6, 8, 10, 12, 14, 16, 18, 20)
    assert values({"from": 4, "to": 9.5, "step": 2}) == (4, 6, 8)
    assert values({"from": -1, "to": 1, "step": 0.5}) == (-1, -0.5, 0, 0.5, 1)


@given(st.integers(-1000, 1000), st.integers(1, 500), st.integers(1, 400), st.integers(0, 3))
def test_lattice_has_every_multiple_of_its_step(start: int, step: int, count: int, places: int) -> None:
    scale = Decimal(10) ** -places
    first, each = Decimal(start) * scale, Decimal(step) * scale
    found = values({"from": float(first), "to": float(first + each * count), "step": float(each)})
    assert found == tuple(float(first + each * k) for k in range(count + 1))
    assert all(isinstance(value, int) for value in found if value == int(value))


def test_logarithmic_ranges_have_equal_ratios() -> None:
    assert values({"from": 1, "to": 1000, "step": 10, "scale": "log"}) == (1, 10, 100, 1000)
    found = lattice({"from": 0.5, "to": 500, "scale": "log"})
    assert isinstance(found, Lattice)
    assert (found.values[0], found.values[-1], len(found), found.stepped) == (0.5, 500, 200, False)
    assert list(found.values) == sorted(set(found.values), key=float)


def test_range_without_step_is_whole_for_whole_fields() -> None:
    assert values({"from": 3, "to": 6}, whole=True) == (3, 4, 5, 6)
    found = lattice({"from": 0, "to": 20})
    assert isinstance(found, Lattice)
    assert (len(found), found.values[1], found.stepped) == (2001, 0.01, False)


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ({"from": 20, "to": 4, "step": 2}, "sweep_range_empty"),
        ({"from": 4}, "sweep_range_incomplete"),
        ({"values": [1, 2], "step": 1}, "sweep_values_and_range"),
        ({"values": [1, 1.0]}, "sweep_value_repeated"),
        ({"values": [[1]]}, "sweep_value_kind"),
        ({"from": 0, "to": 1, "step": 0.000001}, "sweep_range_long"),
        ({"from": 0, "to": 9, "scale": "log"}, "sweep_log_needs_positive"),
        ({"from": 1, "to": 9, "scale": "log", "step": 1}, "sweep_log_step"),
        ({"from": 1, "to": 9, "scale": "log", "step": 1.00001}, "sweep_range_long"),
    ],
)
def test_impossible_values_are_refused(declared: object, code: str) -> None:
    assert lattice(declared) == [code]


def test_true_is_not_one_and_null_is_a_value() -> None:
    assert values({"values": [1, True, None, "MARKET_CAP"]}) == (1, True, None, "MARKET_CAP")
