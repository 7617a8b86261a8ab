"""Own names are replaced by their expressions, and mistakes stay where they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.language import compile_expression
from shared.language.own_names import inline, is_word_of_the_language, names_in

CHEAP = {"CHEAP": "-rank(PBR) - rank(PER)", "SIZE": "log(MARKET_CAP)"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CHEAP", "(-rank(PBR) - rank(PER))"),
        ("2 * cheap - size", "2 * (-rank(PBR) - rank(PER)) - (log(MARKET_CAP))"),
        ("CHEAPER + _CHEAP + CHEAP2 + $CHEAP", "CHEAPER + _CHEAP + CHEAP2 + $CHEAP"),
        ("cheap(PER) > 1 and 가CHEAP < 2", "cheap(PER) > 1 and 가CHEAP < 2"),
        ("ts_mean(SIZE, 5) > $n", "ts_mean((log(MARKET_CAP)), 5) > $n"),
        ("PER < 10", "PER < 10"),
        ("ＣＨＥＡＰ ＞ １ and ｓｉｚｅ>2", "(-rank(PBR) - rank(PER)) ＞ １ and (log(MARKET_CAP))>2"),
    ],
)
def test_names_are_replaced_as_whole_words(text: str, expected: str) -> None:
    assert inline(text, CHEAP).text == expected


@given(st.lists(st.sampled_from(["CHEAP", "size", "PER", "RO", "2", "ROE\n"]), min_size=1, max_size=6))
def test_a_mistake_is_placed_where_it_was_written(words: list[str]) -> None:
    text = " + ".join(words)
    found = inline(text, CHEAP)
    try:
        compile_expression(found.text, role="number", path="factor")
    except RequestError as error:
        placed = [found.restored(problem) for problem in error.problems]
    else:
        placed = []
    lines = text.split("\n")
    for problem in placed:
        assert problem.line is not None
        assert problem.column is not None
        assert lines[problem.line - 1][problem.column - 1 :].startswith("RO")
    assert len(placed) == words.count("RO")


def test_a_mistake_inside_a_definition_is_placed_at_its_name() -> None:
    found = inline("PER + LEVEL", {"LEVEL": "close"})
    with pytest.raises(RequestError) as raised:
        compile_expression(found.text, role="number", path="factor")
    placed = [found.restored(problem) for problem in raised.value.problems]
    assert {(problem.line, problem.column) for problem in placed} <= {(1, 1), (1, 5), (1, 7)}
    assert max(problem.column or 0 for problem in placed) <= len("PER + LEVEL")


@pytest.mark.parametrize(("text", "other"), [("1 - CHEAP * 2", "1 - (-rank(PBR) - rank(PER)) * 2")])
def test_a_name_means_its_expression_in_parentheses(text: str, other: str) -> None:
    one, two = (compile_expression(t, role="number", path="") for t in (inline(text, CHEAP).text, other))
    assert one.text == two.text


def test_names_in_a_text_are_those_that_may_be_own() -> None:
    assert names_in("ts_mean(cheap, 5) + $x - PER") == {"CHEAP", "PER"}


@pytest.mark.parametrize("key", ["PER", "CLOSE", "TS_MEAN", "AND", "IN", "SECTOR"])
def test_words_of_the_language_are_taken(key: str) -> None:
    assert is_word_of_the_language(key)
    assert not is_word_of_the_language("CHEAP")
