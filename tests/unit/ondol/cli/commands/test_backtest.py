"""Fields of a request that the command line changes."""

from __future__ import annotations

from typing import Any

import pytest

from ondol.cli.commands.backtest import change
from ondol.cli.terminal import value_of
from shared.errors import SetupError


@pytest.mark.parametrize(
    ("place", "value", "expected"),
    [
        ("portfolio.max_positions", 10, {"strategy": {"id": "x", "portfolio": {"max_positions": 10}}}),
        ("strategy.buy.where", "a", {"strategy": {"id": "x", "buy": {"where": "a"}}}),
        ("costs.tax_pct", None, {"strategy": "x", "costs": {"tax_pct": None}}),
        ("benchmark", "equal", {"strategy": "x", "benchmark": "equal"}),
    ],
)
def test_field_is_set_by_its_path(place: str, value: Any, expected: dict[str, Any]) -> None:
    body: dict[str, Any] = {"strategy": "x"}
    change(body, place, value)
    assert body == expected


def test_change_keeps_other_fields_and_the_original() -> None:
    part = {"max_positions": 5, "weighting": "equal"}
    body: dict[str, Any] = {"strategy": {"portfolio": part}}
    change(body, "portfolio.max_positions", 7)
    assert body["strategy"]["portfolio"] == {"max_positions": 7, "weighting": "equal"}
    assert part["max_positions"] == 5
    with pytest.raises(SetupError, match=r"costs\.a is not an object"):
        change({"costs": {"a": 1}}, "costs.a.b", 2)


def test_value_is_json_or_text() -> None:
    texts = ("10", "null", '["a"]', "open", "PER < 10")
    assert [value_of(text) for text in texts] == [10, None, ["a"], "open", "PER < 10"]
