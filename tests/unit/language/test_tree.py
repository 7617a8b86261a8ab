"""Trees as documents: to JSON, back to text, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.language import parse, render
from shared.language.ast import MAX_BYTES, MAX_DEPTH, MAX_NODES, Node, depth, size, walk
from shared.language.tree import TreeNode, document_of, text_of
from shared.strategies.catalogue import FAMOUS, PRESETS
from tests.unit.language.ast_strategies import ALL_FUNCTIONS, NUMBERS, conditions, numbers
from tests.unit.language.fixtures import INDICES

TREES = st.one_of(numbers(4, NUMBERS, ALL_FUNCTIONS), conditions(4, NUMBERS, ALL_FUNCTIONS))
TEXTS = [
    (entry.id, place, text)
    for entry in (*FAMOUS, *PRESETS)
    for part in ("buy", "sell", "universe", "portfolio")
    for place, text in entry.strategy.get(part, {}).items()
    if place in ("where", "rank_by", "when") and text
]


def _through_json(node: Node) -> str:
    sent = msgspec.json.encode(document_of(node))
    return text_of(msgspec.json.decode(sent, type=TreeNode))


@given(TREES)
@settings(max_examples=300, deadline=None)
def test_tree_becomes_its_text_again(tree: Node) -> None:
    text = render(tree)
    assert document_of(tree).text == text
    assert _through_json(tree) == text
    if len(text) <= MAX_BYTES and sum(map(size, walk(tree))) <= MAX_NODES and depth(tree) <= MAX_DEPTH:
        assert parse(_through_json(tree), indices=frozenset(INDICES)) == tree


@pytest.mark.parametrize(("strategy", "place", "text"), TEXTS)
def test_catalogue_expression_survives_its_tree(strategy: str, place: str, text: str) -> None:
    node = parse(text, indices=None)
    assert parse(_through_json(node), indices=None) == node


def test_every_famous_strategy_has_a_condition() -> None:
    assert {entry.id for entry in FAMOUS} == {identity for identity, place, _ in TEXTS if place == "where"} & {
        entry.id for entry in FAMOUS
    }
    assert len(FAMOUS) == 10


PER: dict[str, Any] = {"op": "field", "name": "PER"}
TEN: dict[str, Any] = {"op": "number", "value": 10.0}


@pytest.mark.parametrize(
    ("tree", "path", "words"),
    [
        ({"op": "compare", "args": [PER, TEN], "operators": ["<", "<"]}, "tree", "one operator fewer"),
        ({"op": "compare", "args": [PER, TEN], "operators": ["+"]}, "tree", "`operators` must be from"),
        ({"op": "arithmetic", "args": [PER, PER, TEN], "operators": ["+", "*"]}, "tree", "`operators` must be from"),
        ({"op": "and", "args": [PER]}, "tree", "2 or more arguments"),
        ({"op": "not", "args": []}, "tree", "needs 1 argument"),
        ({"op": "field", "name": "PER or 1"}, "tree", "`name` must be"),
        ({"op": "field", "name": "and"}, "tree", "`name` must be"),
        ({"op": "call", "function": "abs(PER) + abs", "args": [PER]}, "tree", "`function` must be"),
        ({"op": "number"}, "tree", "`value` must be"),
        ({"op": "not", "args": [{"op": "not", "args": [{"op": "index"}]}]}, "tree.args[0].args[0]", "`name` must be"),
    ],
)
def test_node_of_another_shape_is_refused_by_its_path(tree: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(RequestError) as caught:
        text_of(msgspec.convert(tree, TreeNode))
    assert [problem.path for problem in caught.value.problems] == [path]
    assert words in caught.value.problems[0].message


def test_nested_runs_become_one() -> None:
    inner = {"op": "and", "args": [PER, TEN]}
    assert text_of(msgspec.convert({"op": "and", "args": [inner, PER]}, TreeNode)) == "PER and 10 and PER"
    left = {"op": "arithmetic", "args": [PER, TEN], "operators": ["-"]}
    tree = {"op": "arithmetic", "args": [left, left], "operators": ["-"]}
    assert text_of(msgspec.convert(tree, TreeNode)) == "PER - 10 - (PER - 10)"
