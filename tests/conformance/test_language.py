"""Expressions over random markets have the values that the reference gives them cell by cell."""

from __future__ import annotations

import random
from typing import Any, Literal

import numpy as np
import pytest

from shared.errors import RequestError
from shared.language import compile_expression, evaluate, evaluate_market, index_names, parse, render
from tests.reference import language, scale
from tests.reference import market as reference
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import Expressions, any_text

EACH = 10
ROLES: tuple[Literal["condition", "number"], ...] = ("condition", "number")
ROUNDING = 1e-9
"""What the order of additions leaves of a zero."""


def matrix(grid: language.Grid, role: str) -> np.ndarray[Any, Any]:
    """Return rows of stocks as [rows, stocks], bool or float32 with NaN."""
    if role == "condition":
        return np.array(grid, np.bool_)
    return np.array([[np.nan if v is None else v for v in row] for row in grid], np.float64).astype(np.float32)


def alike(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return where two matrices agree."""
    if expected.dtype == np.bool_:
        return np.asarray(found == expected)
    close = np.isclose(found.astype(np.float64), expected.astype(np.float64), rtol=1e-5, atol=ROUNDING, equal_nan=True)
    return np.asarray(close)


def assert_expressions_agree(seed: int) -> None:
    """Compare random conditions and numbers over a random market, but for cells that the last bit decides."""
    market = random_market(seed)
    loaded, panels = reference.read(market), panels_of(market)
    order = [panels.instruments.ordinal[stock.code] for stock in loaded.stocks]
    indices = index_names(loaded.indices)
    rows = range(len(loaded.days))
    rng = random.Random(seed)
    inside = [[s.close[row] is not None and rng.random() < 0.9 for s in loaded.stocks] for row in rows]
    universe = np.zeros((len(loaded.days), len(order)), np.bool_)
    universe[:, order] = np.array(inside)
    expressions = Expressions(rng, market, len(loaded.days))
    for turn in range(EACH):
        role = ROLES[turn % 2]
        if role == "number":
            text = expressions.ratio(3)
        else:
            text = expressions.market_wide() if turn % 4 == 0 else expressions.condition()
        compiled = compile_expression(text, role=role, path="text", indices=indices)
        canonical = render(parse(text, indices=indices))
        assert render(parse(canonical, indices=indices)) == compiled.text == canonical
        found = evaluate(compiled, panels, slice(0, len(loaded.days)), lambda r: universe[r], f"{seed}")[:, order]
        tree = language.parse(text)
        assert compiled.market_wide == scale.Scale(indices).is_market_wide(tree), text
        if compiled.market_wide:
            wide = evaluate_market(compiled, panels, slice(0, len(loaded.days)), lambda r: universe[r], f"{seed}")
            np.testing.assert_array_equal(np.broadcast_to(wide[:, None], found.shape), found, err_msg=text)
        expected = matrix(language.Evaluator(loaded, inside).run(tree), role)
        wrong = ~alike(found, expected)
        for noise in range(20):
            if not wrong.any():
                break
            moved = matrix(language.Evaluator(loaded, inside, random.Random(noise)).run(tree), role)
            wrong &= alike(moved, expected)
        assert not wrong.any(), (seed, text, np.argwhere(wrong)[:3], found[wrong][:3], expected[wrong][:3])


@pytest.mark.parametrize("block", range(6))
def test_expressions_equal_the_reference_on_random_markets(block: int) -> None:
    for seed in range(block * 7, block * 7 + 7):
        assert_expressions_agree(seed)


def test_language_admits_what_the_reference_admits() -> None:
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
    """Return whether the reference admits a text."""
    try:
        kind = scale.Scale().kind_of(language.parse(text))
    except scale.RefusedError:
        return False
    return kind == scale.CONDITION if role == "condition" else kind == 0
