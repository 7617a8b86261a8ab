"""Korean definitions of factors: no English word is left where a sentence is meant."""

from __future__ import annotations

import re

import pytest

from shared.factors import korean
from shared.factors.catalogue import FACTORS, Factor

ENGLISH = re.compile(
    r"\b(a|ago|an|and|any|each|either|fewer|in|is|missing|no|of|or|over|rows?|same|than|the|when|with)\b"
)


@pytest.mark.parametrize("factor", FACTORS, ids=lambda factor: factor.key)
def test_definitions_have_no_english_sentence(factor: Factor) -> None:
    for text in (korean.formula(factor), korean.null_when(factor)):
        assert not ENGLISH.search(text), text


@pytest.mark.parametrize("factor", FACTORS, ids=lambda factor: factor.key)
def test_formulas_keep_numbers_and_names_of_inputs(factor: Factor) -> None:
    """Numbers with three or more digits, and inputs in capitals, are those of the English formula."""
    numbers = re.compile(r"\b\d{3,}\b")
    if factor.formula.startswith("the same"):
        return
    for number in set(numbers.findall(factor.formula)) - {"100"}:
        assert number in korean.formula(factor)
    for name in re.findall(r"\b[A-Z]{2,}_ttm\b", factor.formula):
        assert name in korean.formula(factor)


def test_tables_name_what_the_catalogue_has() -> None:
    assert set(korean._FORMULAS) <= {factor.key for factor in FACTORS}
    assert set(korean._NULL_WHEN) == {factor.null_when for factor in FACTORS} - {""}
