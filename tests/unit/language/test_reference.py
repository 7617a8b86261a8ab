"""The list of the language's words is complete, in both languages, and finds words by Korean ones."""

from __future__ import annotations

import re

from shared.factors.catalogue import BY_KEY
from shared.factors.korean_help import HELP
from shared.language import BY_NAME, compile_expression, known_names, parse
from shared.language import korean_help as korean
from shared.language.reference import Field, FunctionHelp, Language, language
from shared.model.fields import LANGUAGE_FIELDS

HANGUL = re.compile("[가-힣]")
LISTED: Language = language(frozenset(BY_KEY), ["KOSPI", "KOSDAQ"])


def test_every_name_and_function_is_listed_once() -> None:
    names = [field.name for field in LISTED.fields]
    assert names == list(known_names(None, frozenset({"KOSPI", "KOSDAQ"})))
    assert [function.name for function in LISTED.functions] == list(BY_NAME)


def test_korean_help_has_exactly_the_words_of_the_language() -> None:
    assert set(HELP) == set(BY_KEY)
    assert set(korean.FUNCTIONS) == set(korean.FUNCTION_WORDS) == set(BY_NAME)
    assert set(korean.FIELDS) == set(LANGUAGE_FIELDS)


def test_every_word_has_help_in_both_languages() -> None:
    words: list[Field | FunctionHelp] = [*LISTED.fields, *LISTED.functions]
    for word in words:
        assert HANGUL.search(word.help_ko), word.name
        assert word.help_en, word.name
        assert not HANGUL.search(word.help_en), word.name


def test_alias_of_a_field_is_read_as_the_field() -> None:
    for field in LISTED.fields:
        for alias in field.aliases:
            assert parse(alias, indices=frozenset({"KOSPI"})) == parse(field.name, indices=frozenset({"KOSPI"})), alias


def test_function_is_found_by_a_korean_word() -> None:
    found = [f.name for f in LISTED.functions if any(word.startswith("이동평") for word in f.aliases)]
    assert found == ["ts_mean"]


def test_constant_argument_accepts_its_default() -> None:
    shown = {"number": "PER", "condition": "PER < 1"}
    for function in LISTED.functions:
        arguments = [shown.get(a.kind) or f"{a.default:g}" for a in function.arguments]
        role = "condition" if function.result == "condition" else "number"
        compile_expression(f"{function.name}({', '.join(arguments)})", role=role, path="")  # type: ignore[arg-type]


def test_units_multiply_as_the_language_reads_them() -> None:
    assert {unit.unit: unit.factor for unit in LISTED.units} == {"만": 1e4, "억": 1e8, "조": 1e12}
