"""Bodies of backtests."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from ondol.client.request import _FLAT, _OPTIONS, RequestFields, request_body
from ondol.client.strategy import Strategy
from ondol.errors import InvalidRequest


def test_request_fields_are_those_of_the_model() -> None:
    assert set(RequestFields.__annotations__) == {*_FLAT, *_OPTIONS}


def test_flat_fields_are_put_into_their_parts() -> None:
    body = request_body(
        Strategy(buy="a > 1"),
        dt.datetime(2024, 1, 2, 9, 30),
        pd.Timestamp("2024-03-01"),
        {"costs": {"tax_pct": 0.1}, "commission_pct": 0.02, "price": "close", "dataset": "d", "benchmark": None},
    )
    assert body == {
        "strategy": {"buy": {"where": "a > 1"}},
        "start": "2024-01-02",
        "end": "2024-03-01",
        "costs": {"tax_pct": 0.1, "commission_pct": 0.02},
        "execution": {"price": "close"},
        "dataset": "d",
        "benchmark": None,
    }
    assert request_body("peter_lynch", "2024-01-02", "2024-01-03", {})["strategy"] == "peter_lynch"


@pytest.mark.parametrize(
    ("fields", "paths"),
    [
        ({"comission_pct": 1}, ["comission_pct"]),
        ({"commission_pct": 60, "initial_cash": 0}, ["initial_cash", "costs.commission_pct"]),
        ({"execution": {"prize": "open"}}, ["execution.prize"]),
    ],
)
def test_mistakes_are_found_before_sending(fields: dict[str, Any], paths: list[str]) -> None:
    with pytest.raises(InvalidRequest) as raised:
        request_body("peter_lynch", "2024-01-02", "2024-13-03", fields)
    assert {error.path for error in raised.value.errors} == {"end", *paths}
