"""Text into trees and back: precedence, canonical text, limits, and text that wants to escape."""

from __future__ import annotations

import string
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors import Problem, RequestError
from shared.language import compile_expression, parse, render
from shared.language.ast import MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, depth, size, walk
from shared.language.typecheck import Role
from tests.unit.language.ast_strategies import ALL_FUNCTIONS, NUMBERS, conditions, numbers
from tests.unit.language.fixtures import INDICES

ROLES: tuple[Role, ...] = get_args(Role)
TREES = st.one_of(numbers(4, NUMBERS, ALL_FUNCTIONS), conditions(4, NUMBERS, ALL_FUNCTIONS))


@given(TREES)
@settings(max_examples=400, deadline=None)
def test_rendered_tree_parses_to_itself(tree: object) -> None:
    text = render(tree)  # type: ignore[arg-type]
    if len(text) <= MAX_BYTES and sum(map(size, walk(tree))) <= MAX_NODES:  # type: ignore[arg-type]
        assert parse(text, indices=frozenset(INDICES)) == tree
        assert parse(text, indices=None) == tree
        assert render(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("per<10 AND roe>10", "PER < 10 and ROE > 10"),
        ("not PER < 10 and ROE > 1", "not PER < 10 and ROE > 1"),
        ("not (PER < 10 and ROE > 1)", "not (PER < 10 and ROE > 1)"),
        ("(not PER < 10) and ROE > 1", "not PER < 10 and ROE > 1"),
        ("PER<1 or ROE>1 and PBR<1", "PER < 1 or ROE > 1 and PBR < 1"),
        ("(PER<1 or ROE>1) and PBR<1", "(PER < 1 or ROE > 1) and PBR < 1"),
        ("(PER<1 and ROE>1) and PBR<1", "PER < 1 and ROE > 1 and PBR < 1"),
        ("0<peg<2", "0 < PEG < 2"),
        ("PER-(PBR-ROE)", "PER - (PBR - ROE)"),
        ("(PER-PBR)-ROE", "PER - PBR - ROE"),
        ("PER/(PBR*ROE)", "PER / (PBR * ROE)"),
        ("-PER*2", "-PER * 2"),
        ("-(PER*2)", "-(PER * 2)"),
        ("- -PER", "--PER"),
        ("7e9 + .5 + 1. + 1e16 + 007", "7000000000 + 0.5 + 1 + 1e16 + 7"),
        ("TS_MEAN(Close, 6e1)/CLOSE", "ts_mean(close, 60) / close"),
        ("\tPER\n<\r\n10", "PER < 10"),
        ("if(PER<1,1,0)", "if(PER < 1, 1, 0)"),
    ],
)
def test_canonical_text_has_only_needed_parentheses(text: str, canonical: str) -> None:
    assert render(parse(text)) == canonical
    assert parse(canonical) == parse(text)


def _refused(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        parse(text, "here")
    assert all(problem.path == "here" and problem.line and problem.column for problem in caught.value.problems)
    return caught.value


@pytest.mark.parametrize("text", [" " * (MAX_BYTES + 1), "PER" + " " * MAX_BYTES, "가" * (MAX_BYTES // 3 + 1)])
def test_text_of_more_than_8_kib_is_refused(text: str) -> None:
    assert "8192 bytes" in str(_refused(text))


def test_text_of_8_kib_is_accepted() -> None:
    assert parse("PER" + " " * (MAX_BYTES - 3)) == parse("PER")


def test_401_nodes_are_refused() -> None:
    text = "+".join(["1"] * 200)  # 200 numbers and 199 signs
    assert sum(map(size, walk(parse(f"-({text})")))) == MAX_NODES
    assert "400" in str(_refused(f"--({text})"))
    assert "400" in str(_refused(" or ".join(["a"] * 1000)))


def test_tree_of_41_levels_is_refused() -> None:
    def nested(levels: int) -> str:
        return "abs(" * (levels - 1) + "PER" + ")" * (levels - 1)

    assert depth(parse(nested(MAX_DEPTH))) == MAX_DEPTH
    for text in (nested(MAX_DEPTH + 1), "(" * 41 + "1" + ")" * 41, "-" * 41 + "1", "not " * 41 + "PER > 1"):
        assert "nested deeper than 40" in str(_refused(text))
    assert depth(parse(" and ".join(["PER > 1"] * 60))) == 3


@pytest.mark.parametrize(
    "deep", ["(" * 399, "-" * 399 + "1", "abs(" * 200, "not " * 399, "1" + "+(1" * 199, "((" * 4000]
)
def test_deep_nesting_is_refused(deep: str) -> None:
    _refused(deep)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "empty"),
        (" \n ", 1, 1, "empty"),
        ("PER <", 1, 6, "ends, but a value was expected"),
        ("PER < 10\n and (ROE > 3", 2, 14, "but `)` was expected"),
        ("PER ROE", 1, 5, "operator is expected"),
        ("PER < not ROE > 3", 1, 7, "parentheses"),
        ("ts_mean(PER 3)", 1, 13, "expected `)` or `,` after an argument but found `3`"),
        ("PER = 3", 1, 5, "write `==`"),
        ("PER > 1 &&\nROE > 2", 1, 9, "write `and`"),
        ("PER ** 2", 1, 5, "no power"),
        ("PER <> 2", 1, 5, "write `!=`"),
        ("1e999", 1, 1, "too large"),
        ("+PER", 1, 1, "expected a value but found `+`"),
        ("12PER", 1, 3, "letter follows a number"),
        ("()", 1, 2, "expected a value but found `)`"),
        ("1,2", 1, 2, "operator is expected"),
    ],
)
def test_syntax_mistake_has_line_and_column(text: str, line: int, column: int, words: str) -> None:
    problem = _refused(text).problems[0]
    assert (problem.line, problem.column) == (line, column)
    assert words in problem.message


def test_every_foreign_sign_is_reported() -> None:
    assert [problem.column for problem in _refused("PER # 3 ; ROE $ 1").problems] == [5, 9, 15]


def test_syntax_mistake_is_reported_with_unknown_names() -> None:
    problems = _refused("RO > 3 and (tsmean(close, 3)").problems
    assert [problem.suggestions for problem in problems] == [("ROE", "ROA"), ("ts_mean",), ()]


ESCAPES = [
    "__import__('os').system('id')", "().__class__.__bases__[0]", "PER.__class__",
    "eval(1)", "exec(PER)", "lambda: 1",
    "[PER for PER in 1]", "PER if ROE else 1", "{1: 2}", "PER; import os", "open('/etc/passwd')", "open(1)", "`id`",
    "getattr(PER, 1)", "PER := 3", "f'{PER}'", '"PER"',
    "PER[0]", "globals()", "__builtins__", "PER\0 < 3", "PER # \n < 3",
    "breakpoint()", "import os", "@PER", "PER @ ROE", "~PER",
    "PER // ROE", "PER % 2", "PER ^ 2", "1__000", "1_", "_1", "0x10", "1j",
    "None", "True", "nan", "inf", "NaN > 3",
    "ts_mean(close, n=3)", "ts_mean(*close)", "abs", "print(PER)", "PER\u200b<3",
    "PER\u200a\u2028< ３²", "PER ＜ ①", "ts_mean.__globals__", "%s", "{PER}",
    "$PER", "\\x41", "PER\ud800", "ΡΕR > 1", "١ > PER",
    "; DROP TABLE backtest", "<script>", "rank(rank)", "rank(PER).x", "...", "..", "1..2", "1.e", "e5", "_", "__",
]  # fmt: skip


@pytest.mark.parametrize("text", ESCAPES)
def test_nothing_outside_the_language_is_accepted(text: str) -> None:
    for role in ROLES:
        with pytest.raises(RequestError) as caught:
            compile_expression(text, role=role, path="x")
        assert all(len(problem.message) < 1000 for problem in caught.value.problems)


WORDS = (
    "PER close ROE ts_mean rank if ( ) , < >= == and or not + - * / 1 5 .5 lag winsorize && __class__ ema 1e308 가 "
    "row_mean row_count unknown_function("
)
PIECES = st.sampled_from(sorted(WORDS.split(" ")))


@given(
    st.one_of(
        st.lists(PIECES, max_size=60).map(" ".join), st.text(max_size=200), st.text(string.printable, max_size=80)
    ),
    st.sampled_from(ROLES),
)
@example("unknown_function(PER) > 0", "market")
@example("row_mean(unknown_function(PER)) > 0", "market")
@settings(max_examples=600, deadline=None)
def test_any_text_is_an_expression_or_refused_with_a_position(text: str, role: Role) -> None:
    problems: list[Problem] = []
    try:
        found = compile_expression(text, role=role, path="x")
    except RequestError as error:
        problems = error.problems
    else:
        assert all(isinstance(node, Node) for node in walk(found.node))
        assert parse(found.text) == found.node
        return
    assert problems
    assert all(problem.line and problem.column for problem in problems)
