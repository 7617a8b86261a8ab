"""Placeholders: where they may stand, what replaces them, and where mistakes are reported."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Problem
from shared.language.lexer import tokenize
from shared.research.sweeps.template import read_template, token

BODY: dict[str, Any] = {
    "strategy": {
        "buy": {"where": "PER < $a and\n close > ts_mean(close, $n)", "rank_by": "-$f", "order": "$way"},
        "sell": {"stop_loss_pct": "$stop", "max_hold_days": 60},
        "portfolio": {"max_positions": "$most", "rebalance": {"months": ["$month"], "day": "$day"}},
    },
    "start": "2024-01-02",
    "end": "2024-12-30",
    "execution": {"dividends": "$paid", "price": "$price"},
}
VALUES: dict[str, Any] = {
    "a": -2.5, "n": 20, "f": "MARKET_CAP", "way": "asc", "stop": None, "most": 3, "month": 4, "day": 1, "paid": False,
    "price": "close",
}  # fmt: skip


def test_values_stand_in_expressions_and_fields() -> None:
    before = copy.deepcopy(BODY)
    template = read_template(BODY, frozenset(VALUES))
    assert template.problems == ()
    found = template.of(VALUES)
    assert found["strategy"]["buy"] == {
        "where": "PER < (-2.5) and\n close > ts_mean(close, 20)", "rank_by": "-MARKET_CAP", "order": "asc",
    }  # fmt: skip
    assert found["strategy"]["sell"] == {"stop_loss_pct": None, "max_hold_days": 60}
    assert found["strategy"]["portfolio"] == {"max_positions": 3, "rebalance": {"months": [4], "day": 1}}
    assert found["execution"] == {"dividends": False, "price": "close"}
    assert before == BODY
    assert {use.name for use in template.uses if use.whole} == {"most", "month", "day"}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("start", "$a"), ("benchmark", "$a"), ("strategy.universe.markets", ["$a"]), ("dataset", "v$a"),
        ("initial_cash", "1$a"), ("strategy.universe.kinds", "$a"),
    ],
)  # fmt: skip
def test_placeholder_elsewhere_is_refused(path: str, text: Any) -> None:
    body = copy.deepcopy(BODY)
    *above, last = path.split(".")
    at = body
    for name in above:
        at = at.setdefault(name, {})
    at[last] = text
    codes = [
        (problem.path.partition("[")[0], problem.code) for problem in read_template(body, frozenset(VALUES)).problems
    ]
    assert codes == [(path, "sweep_placeholder_place")]


@pytest.mark.parametrize(
    "text", ["PER < 1$a", "$a.5 < PER", "PER$a < 3", "$f(close, 3) > 1", "PER < $a억", "$$a < PER"]
)
def test_placeholder_inside_a_word_is_refused(text: str) -> None:
    body = {"strategy": {"buy": {"where": text}}}
    found = read_template(body, frozenset(VALUES)).problems
    assert [(p.path, p.code, p.column) for p in found] == [
        ("strategy.buy.where", "sweep_placeholder_token", text.index("$a") + 1 if "$a" in text else 1)
    ]


def test_undeclared_parameter_is_named_with_its_place() -> None:
    found = read_template({"strategy": {"buy": {"where": "PER < 3 and\n ROE > $stap"}}}, frozenset({"step"})).problems
    assert [(p.code, p.line, p.column, p.suggestions) for p in found] == [
        ("sweep_parameter_undeclared", 2, 8, ("step",))
    ]


def test_mistakes_are_reported_at_the_placeholder() -> None:
    template = read_template(BODY, frozenset(VALUES))
    text = template.of(VALUES)["strategy"]["buy"]["where"]
    at = text.index("20")
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    problem = Problem(path="strategy.buy.where", message="m", line=line, column=column, code="x")
    (found,) = template.original_problems([problem], VALUES)
    original = BODY["strategy"]["buy"]["where"]
    assert (found.line, found.column) == (2, original.index("$n") - original.index("\n"))


@given(st.one_of(st.text(max_size=20), st.floats(allow_nan=False, allow_infinity=False, width=32), st.integers()))
def test_value_is_one_token_or_refused(value: Any) -> None:
    text = token(value)
    if text == "?":
        return
    words = tokenize(f"close > {text.removeprefix('(').removesuffix(')').removeprefix('-')}")
    assert len(words) == 4
    assert words[2].kind in ("number", "name", "keyword")
