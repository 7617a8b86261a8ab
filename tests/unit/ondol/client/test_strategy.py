"""Strategies made in Python: their request, and their mistakes at once."""

from __future__ import annotations

import datetime as dt
import inspect

import numpy as np
import pytest

from ondol import Client
from ondol.client.strategy import _PARTS, PLACES, Strategy, StrategyFields
from ondol.errors import InvalidRequest, SetupError


def test_flat_names_are_all_fields_of_the_request() -> None:
    fields = {(part, name) for part, kind in _PARTS.items() for name in kind.__struct_fields__}
    assert set(PLACES.values()) == fields
    assert set(StrategyFields.__annotations__) == set(PLACES) - {"buy"}
    assert set(inspect.signature(Strategy).parameters) == set(PLACES) | {"base"}


def test_strategy_becomes_the_object_of_a_request() -> None:
    strategy = Strategy(buy="PER < 10", sell="PER > 20", max_positions=np.int64(5), markets={"KOSPI"}, universe="a > 1")
    assert strategy.to_dict() == {
        "buy": {"where": "PER < 10"},
        "sell": {"where": "PER > 20"},
        "portfolio": {"max_positions": 5},
        "universe": {"markets": ["KOSPI"], "where": "a > 1"},
    }
    assert strategy.expressions() == [
        ("buy.where", "PER < 10"),
        ("sell.where", "PER > 20"),
        ("universe.where", "a > 1"),
    ]
    assert Strategy.from_dict(strategy.to_dict()) == strategy
    assert eval(repr(strategy), {"Strategy": Strategy}) == strategy  # noqa: S307  our own text
    assert Strategy(base="peter_lynch", stop_loss_pct=None).to_dict() == {
        "id": "peter_lynch",
        "sell": {"stop_loss_pct": None},
    }


def test_replace_changes_named_fields_only() -> None:
    strategy = Strategy(buy="a > 1", max_positions=5, order="asc")
    assert strategy.replace(max_positions=7) == Strategy(buy="a > 1", max_positions=7, order="asc")
    assert strategy == Strategy(buy="a > 1", max_positions=5, order="asc")


def test_every_mistake_is_reported_at_once() -> None:
    fields = {"max_position": 3, "order": "up", "min_hold_days": -1, "stop_loss_pct": "much", "rebalance": {"day": 40}}
    with pytest.raises(InvalidRequest) as raised:
        Strategy("PER < 10", **fields)  # type: ignore[arg-type]
    found = {error.path: error for error in raised.value.errors}
    assert set(found) == {
        "max_position",
        "strategy.buy.order",
        "strategy.sell.min_hold_days",
        "strategy.sell.stop_loss_pct",
        "strategy.portfolio.rebalance.day",
    }
    assert found["max_position"].suggestions[0] == "max_positions"
    assert "at least 0" in found["strategy.sell.min_hold_days"].message


def test_document_with_an_unknown_field_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="did you mean where"):
        Strategy.from_dict({"buy": {"wher": "a"}})
    with pytest.raises(InvalidRequest, match="id of a strategy"):
        Strategy.from_dict({"id": 3, "buy": {"where": dt.date(2024, 1, 2).isoformat()}})


def test_mistakes_are_korean_where_the_environment_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDOL_LANGUAGE", "ko")
    with pytest.raises(InvalidRequest) as raised:
        Strategy("PER < 10", min_hold_days=-1, max_position=3)  # type: ignore[call-arg]
    messages = {error.path: error.message for error in raised.value.errors}
    assert messages["max_position"].startswith("존재하지 않는 항목입니다.")
    assert "이상" in messages["strategy.sell.min_hold_days"]


def test_unknown_languages_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONDOL_LANGUAGE", "jp")
    with pytest.raises(SetupError, match="ONDOL_LANGUAGE=jp"):
        Client("http://127.0.0.1:1")
