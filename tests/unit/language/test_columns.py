"""Columns are split at commas outside of parentheses, checked, and named by their canonical text."""

from __future__ import annotations

import pytest

from shared.errors import RequestError
from shared.factors.catalogue import BY_KEY
from shared.language.columns import Column, columns_of, read_columns, split_columns

FACTORS = frozenset(BY_KEY)


def _read(text: str, limit: int = 10) -> tuple[Column, ...]:
    return read_columns(text, "fields", ["KOSPI"], FACTORS, limit)


def test_commas_of_arguments_do_not_split() -> None:
    assert split_columns("PER, min(PBR, max(PSR, 1)),close") == ["PER", "min(PBR, max(PSR, 1))", "close"]
    assert split_columns("PER， ts_mean（PER， 20）") == ["PER", "ts_mean（PER， 20）"]


def test_columns_have_canonical_names_and_kinds() -> None:
    found = _read("per,종가,rank(roe),PER<10,is_null(ROE),KOSPI")
    assert [(c.name, c.kind, c.field) for c in found] == [
        ("PER", "number", None), ("close", "number", "adj_close"), ("rank(ROE)", "number", None),
        ("PER < 10", "condition", None), ("is_null(ROE)", "condition", None), ("KOSPI", "number", None),
    ]  # fmt: skip
    assert columns_of([column.name for column in found]) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PERR", "unknown name PERR"),
        ("PER,,ROE", "a column is empty"),
        ("PER, per", "given twice"),
        ("-close", "scale degree 1"),
        ("PER, ts_mean(close, 0)", "whole number"),
        (",".join(list(BY_KEY)[:11]), "11 columns; the limit is 10"),
    ],
)
def test_wrong_columns_are_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(RequestError, match=words.replace("(", r"\(")):
        _read(text)


def test_absent_factor_has_its_code() -> None:
    with pytest.raises(RequestError) as caught:
        read_columns("PER, PBR", "columns", [], FACTORS - {"PBR"}, 10)
    assert [(p.path, p.code) for p in caught.value.problems] == [("columns", "factor_absent")]
