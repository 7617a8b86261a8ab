"""Expressions over random markets have the values that the reference gives them cell by cell."""

from __future__ import annotations

import random
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.language import compile_expression, evaluate, parse, render
from tests.reference import language, scale
from tests.reference import market as reference
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import Expressions, any_text

EACH = 10
ROLES: tuple[Literal["condition", "number"], ...] = ("condition", "number")
ROUNDING = 1e-9
"""What is left of a zero by the order of additions."""


def matrix(grid: language.Grid, role: str) -> np.ndarray[Any, Any]:
    """Rows of stocks -> [rows, stocks], bool or float32 with NaN."""
    if role == "condition":
        return np.array(grid, np.bool_)
    return np.array([[np.nan if v is None else v for v in row] for row in grid], np.float64).astype(np.float32)


def alike(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Where two matrices agree."""
    if expected.dtype == np.bool_:
        return np.asarray(found == expected)
    close = np.isclose(found.astype(np.float64), expected.astype(np.float64), rtol=1e-5, atol=ROUNDING, equal_nan=True)
    return np.asarray(close)


def assert_expressions_agree(seed: int) -> None:
    """Random conditions and numbers over a random market; cells that the last bit decides are left out."""
    market = random_market(seed)
    made, panels = reference.read(market), panels_of(market)
    order = [panels.instruments.ordinal[stock.code] for stock in made.stocks]
    rows = range(len(made.days))
    rng = random.Random(seed)
    inside = [[s.close[row] is not None and rng.random() < 0.9 for s in made.stocks] for row in rows]
    universe = np.zeros((len(made.days), len(order)), np.bool_)
    universe[:, order] = np.array(inside)
    expressions = Expressions(rng, market, len(made.days))
    for turn in range(EACH):
        role = ROLES[turn % 2]
        text = expressions.condition() if role == "condition" else expressions.ratio(3)
        compiled = compile_expression(text, role=role, path="text")
        assert render(parse(render(parse(text)))) == compiled.text == render(parse(text))
        found = evaluate(compiled, panels, slice(0, len(made.days)), lambda r: universe[r], f"{seed}")[:, order]
        tree = language.parse(text)
        expected = matrix(language.Evaluator(made, inside).run(tree), role)
        wrong = ~alike(found, expected)
        for noise in range(20):
            if not wrong.any():
                break
            moved = matrix(language.Evaluator(made, inside, random.Random(noise)).run(tree), role)
            wrong &= alike(moved, expected)
        assert not wrong.any(), (seed, text, np.argwhere(wrong)[:3], found[wrong][:3], expected[wrong][:3])


@pytest.mark.parametrize("block", range(6))
def test_expressions_over_random_markets_are_those_of_the_reference(block: int) -> None:
    for seed in range(block * 7, block * 7 + 7):
        assert_expressions_agree(seed)


def test_the_language_admits_what_the_reference_admits() -> None:
    counts = {True: 0, False: 0}
    for seed in range(4000):
        rng = random.Random(seed)
        text, role = any_text(rng, rng.randrange(1, 5)), ROLES[seed % 2]
        counts[expected := admitted(text, role)] += 1
        said = ""
        try:
            compile_expression(text, role=role, path="text")
        except RequestError as error:
            said = str(error)
        assert expected == (not said), (role, text, said)
    assert min(counts.values()) > 300


def admitted(text: str, role: str) -> bool:
    """What the reference says to a text."""
    try:
        kind = scale.kind_of(language.parse(text))
    except scale.RefusedError:
        return False
    return kind == scale.CONDITION if role == "condition" else kind == 0


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(10_000, 10_000_000))
def test_expressions_over_any_market_are_those_of_the_reference(seed: int) -> None:
    assert_expressions_agree(seed)
