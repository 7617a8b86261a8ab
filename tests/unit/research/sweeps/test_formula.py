"""Conditions on columns: values against plain Python, mistakes with their places."""

from __future__ import annotations

import numpy as np
import pytest

from shared.errors import RequestError
from shared.research.sweeps.formula import read_formula

COLUMNS = {
    "$a": np.array([1.0, 2.0, 3.0, np.nan]), "$b": np.array([3.0, 2.0, 1.0, 1.0]),
    "sharpe": np.array([-0.5, np.nan, 1.5, 2.0]), "trades": np.array([10.0, 60.0, 70.0, 80.0]),
}  # fmt: skip
NAMES = frozenset(COLUMNS)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("$a < $b", [True, False, False, False]),
        ("$a != $b", [True, False, True, False]),
        ("not $a < $b", [False, True, True, True]),
        ("trades >= 60 and sharpe > 0", [False, False, True, True]),
        ("sharpe > 1 or $a == 1", [True, False, True, True]),
        ("0 < $a <= 2 * $b - 1", [True, True, False, False]),
        ("max($a, $b, 2.5) < 3", [False, True, False, False]),
        ("abs(sharpe) >= 0.5 and -sharpe < 1e3", [True, False, True, True]),
        ("log(trades / 10) == 0", [True, False, False, False]),
        ("1 < 2", [True, True, True, True]),
    ],
)
def test_condition_holds_where_plain_arithmetic_says(text: str, held: list[bool]) -> None:
    assert read_formula(text, NAMES, "where").holds(COLUMNS).tolist() == held


@pytest.mark.parametrize(
    ("text", "code", "column"),
    [
        ("sharp > 1", "sweep_formula_name", 1),
        ("sharpe > $c", "sweep_formula_name", 10),
        ("sharpe", "sweep_formula_condition", 1),
        ("sharpe + ($a < 2) > 1", "sweep_formula_number", 14),
        ("$a and $b > 1", "sweep_formula_condition", 1),
        ("rank(sharpe) > 1", "sweep_formula_name", 1),
        ("max(sharpe) > 1", "sweep_formula_function", 1),
        ("sharpe >", "expression_ends", 9),
        ("sharpe > 1 and PER < 3", "sweep_formula_name", 16),
    ],
)
def test_mistake_is_reported_at_its_place(text: str, code: str, column: int) -> None:
    with pytest.raises(RequestError) as caught:
        read_formula(text, NAMES, "where")
    assert (caught.value.problems[0].code, caught.value.problems[0].column) == (code, column)
