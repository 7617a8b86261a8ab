"""docs/reference/language.md says what the program does."""

from __future__ import annotations

import pathlib
import re

from shared.language import FUNCTIONS, compile_expression, parse
from shared.language.compiler import OPCODES

ROOT = pathlib.Path(__file__).resolve().parents[3]
FAMILIES = {"cross_section": "across the row", "aggregate": "one a row", "window": "over time", "element": "by cell"}
SCALES = {"keep": "keeps", "none": "gives 0", "zero": "needs 0"}


def test_documented_functions_are_those_of_the_program() -> None:
    document = (ROOT / "docs/reference/language.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+\([^`]*\))` \| ([\w ]+) \| ([\w ]+) \| (.*) \|$", document, re.MULTILINE)
    expected = [
        (
            function.signature,
            FAMILIES[function.family],
            "any" if function.gives == "condition" else SCALES[function.scale],
            function.meaning
            + " (n from 2)" * (function.least_n == 2)
            + " (a condition)" * (function.gives == "condition"),
        )
        for function in FUNCTIONS
    ]
    assert rows == expected


def test_documented_examples_are_accepted() -> None:
    document = (ROOT / "docs/reference/language.md").read_text(encoding="utf-8")
    examples = re.findall(r"^    (\S.*)$", document, re.MULTILINE)
    assert len(examples) == 4
    for example in examples[:3]:
        assert compile_expression(example, role="condition", path="").node == parse(example)
    assert compile_expression(examples[3], role="number", path="").text == examples[3]


def test_market_wide_examples_are_accepted() -> None:
    document = (ROOT / "docs/reference/language.md").read_text(encoding="utf-8")
    section = document.partition("## Market-wide conditions")[2].partition("## Scale")[0]
    examples = re.findall(r"^\| `(.*?)` \|", section, re.MULTILINE)
    assert len(examples) == 3
    for example in examples:
        assert compile_expression(example, role="market", path="", indices=frozenset({"KOSPI"})).text == example


def test_opcodes_have_the_order_of_the_kernel() -> None:
    source = (ROOT / "shared/native/language.c").read_text(encoding="utf-8")
    (listed,) = re.findall(r"enum \{ /\* in the order of OPCODES.*?\*/(.*?)\};", source, re.DOTALL)
    names = [name.strip().lower() for name in listed.split(",")]
    other = {
        "+": "add", "-": "sub", "*": "mul", "/": "div", "<": "lt4", "<=": "le4", "==": "eq4", "!=": "ne4",
    }  # fmt: skip
    assert names == [other.get(operation, operation) for operation in OPCODES]
