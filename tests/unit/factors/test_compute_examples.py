"""The factor tables of the worked examples, and what the catalogue declares."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

from shared.factors import docs
from shared.factors.catalogue import BY_KEY, FACTORS
from shared.factors.compute import FORMULAS
from shared.factors.native import PRICE_FACTORS
from shared.model.calendar import iso
from tests.support.markets import panels_of

DATA = pathlib.Path(__file__).parents[2] / "data"
EXAMPLES = [
    example
    for file, rows_of_version_2 in (("examples.json", False), ("examples.json", True))
    for example in json.loads((DATA / file).read_text(encoding="utf-8"))["factors"]
    if (example["name"] == "price_factors_and_halt_1") == rows_of_version_2
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["name"])
def test_the_table_is_the_worked_one_and_all_else_is_absent(example: dict[str, Any]) -> None:
    panels = panels_of(example["market"])
    days = [iso(day) for day in panels.days]
    assert set(example["expected_factors"]) <= set(days)
    for date, expected in example["expected_factors"].items():
        row = days.index(date)
        for column, code in enumerate(panels.instruments.code):
            for factor in FACTORS:
                value = float(panels.panel(factor.key, slice(row, row + 1))[0, column])
                wanted = expected.get(code, {}).get(factor.key)
                where = (date, code, factor.key, value)
                if wanted is None:
                    assert np.isnan(value), where
                else:
                    assert value == pytest.approx(wanted, rel=1e-5), where


def test_the_catalogue_has_57_factors_in_7_categories() -> None:
    counts: dict[str, int] = {}
    for factor in FACTORS:
        counts[factor.category] = counts.get(factor.category, 0) + 1
    assert counts == {
        "value": 14, "quality": 10, "growth": 8, "momentum": 8, "stability": 8, "technical": 6, "extra": 3,
    }  # fmt: skip
    assert len(BY_KEY) == 57


def test_every_declared_factor_is_computed_once() -> None:
    assert sorted([*PRICE_FACTORS, *FORMULAS]) == sorted(BY_KEY)


def test_the_reference_page_has_the_tables_of_the_catalogue() -> None:
    page = (pathlib.Path(__file__).parents[3] / docs.PAGE).read_text(encoding="utf-8")
    assert docs.updated(page) == page, "run `python -m shared.factors.docs`"
    assert all(f"| `{factor.key}` |" in page for factor in FACTORS)


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no tables between"):
        docs.updated("# Factors")
