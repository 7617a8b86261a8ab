"""Results, explanations and holdings have the declared shapes, and no field that is not declared."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from services.api.schemas.analysis_responses import ConditionPart, Explanation, Holding, Holdings, Why
from services.api.schemas.result_responses import (
    CorporateAction,
    EquityPoint,
    OpenPosition,
    Result,
    RoundTrip,
    Statistics,
    Trade,
    Window,
)
from shared.simulation import canonical_request, explain, request_of, run, why_not
from shared.simulation.holdings import holdings_on
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import DAYS, market, request

BARS = market(
    {"A": [1_000, 1_000, 1_000, (500, 500, 500, 500, 1e6, 2), 600, 650, 600, 600], "B": [900] * 8, "C": [300] * 8},
    dividends=[{"stock_code": "A", "ex_date": DAYS[4], "dps": 10}],
    indices=[{"date": day, "index": "KOSPI", "close": 100 + i} for i, day in enumerate(DAYS)],
)
REQUEST = canonical_request(
    request_of(
        request(
            buy={"where": "raw_close > 500 or raw_close < 200"}, sell={"where": "raw_close > 640 and raw_close < 700"},
            portfolio={"max_positions": 2}, benchmark="KOSPI",
        )
    )
)  # fmt: skip
BESIDE = {
    "timing": {"queue_ms": 0.0, "load_ms": 0.0, "evaluate_ms": 0.0, "simulate_ms": 0.0, "total_ms": 0.0},
    "cache": {"chunks_read": 0, "bytes_read": 0, "bytes_by_tier": {}, "by_tier": {}},
}


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    """The result of a run with every kind of row."""
    found = run(REQUEST, panels_of(BARS)).result
    assert all(found[part] for part in ("trades", "round_trips", "open_positions", "corporate_actions", "warnings"))
    return found


def fields(shape: type[msgspec.Struct]) -> set[str]:
    """The names of a shape in JSON."""
    return {field.encode_name for field in msgspec.structs.fields(shape)}


def test_result_converts_to_its_shape(result: dict[str, Any]) -> None:
    converted = msgspec.convert({**result, **BESIDE}, Result)
    assert len(converted.trades) == len(result["trades"])


def test_every_field_of_a_result_is_declared(result: dict[str, Any]) -> None:
    assert set(result) | set(BESIDE) == fields(Result)
    assert set(result["statistics"]) == fields(Statistics)
    assert set(result["window"]) == fields(Window)
    rows = {"equity": EquityPoint, "trades": Trade, "round_trips": RoundTrip, "open_positions": OpenPosition,
            "corporate_actions": CorporateAction}  # fmt: skip
    for part, shape in rows.items():
        assert set(result[part][0]) == fields(shape), part


def test_explanation_converts_to_its_shape() -> None:
    found = explain(REQUEST, panels_of(BARS))
    converted = msgspec.convert(found, Explanation)
    assert converted.trades
    assert converted.rebalances
    for trade in found["trades"]:
        assert set(trade["why"]) <= fields(Why)
        for part in trade["why"].get("parts", ()):
            assert set(part) == fields(ConditionPart)


def test_why_not_converts_to_its_shape() -> None:
    found = why_not(REQUEST, panels_of(BARS), "C", dt.date.fromisoformat(DAYS[2]))
    assert msgspec.convert(found, Explanation).outcome == "condition"
    assert set(found) <= fields(Explanation)


def test_holdings_convert_to_their_shape(result: dict[str, Any]) -> None:
    found = holdings_on(result, panels_of(BARS), dt.date.fromisoformat(DAYS[2])).document()
    assert msgspec.convert(found, Holdings).holdings
    assert set(found) == fields(Holdings)
    assert set(found["holdings"][0]) == fields(Holding)
