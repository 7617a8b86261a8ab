"""The catalogue of strategies: its data, and how a request refers to it."""

from __future__ import annotations

import datetime as dt
import itertools
import math

import msgspec
import pytest

from shared.errors import RequestError
from shared.model.request import BacktestRequest
from shared.strategies.catalogue import BY_ID, CAP_GROUPS, FAMOUS, PRESETS, SECTORS, STANDARD, strategy_request

BODY = {"start": "2023-01-02", "end": "2023-12-28"}


def test_catalogue_has_ten_strategies_and_four_presets() -> None:
    assert [len(x) for x in (FAMOUS, PRESETS, SECTORS, CAP_GROUPS)] == [10, 4, 29, 8]
    assert len(BY_ID) == 14


@pytest.mark.parametrize("entry", [*FAMOUS, *PRESETS, STANDARD], ids=lambda e: e.id)
def test_every_entry_is_a_request_once_it_has_a_window(entry: object) -> None:
    body = {**BODY, "strategy": entry.strategy, "costs": entry.costs}  # type: ignore[attr-defined]
    request = msgspec.convert(body, BacktestRequest)
    assert request.start == dt.date(2023, 1, 2)


@pytest.mark.parametrize("market", ["KOSPI", "KOSDAQ"])
def test_the_cap_groups_of_a_market_tile_it_without_gap(market: str) -> None:
    bands = sorted((g.lower, g.upper) for g in CAP_GROUPS.values() if g.market == market)
    assert len(bands) == 4
    assert bands[0][0] == 0
    assert bands[-1][1] == math.inf
    assert all(a[1] == b[0] for a, b in itertools.pairwise(bands))


def test_an_id_sets_strategy_and_costs() -> None:
    found = strategy_request("peter_lynch", {**BODY, "strategy": "peter_lynch"})
    assert found["strategy"] == BY_ID["peter_lynch"].strategy
    assert found["costs"] == {"commission_pct": 0.1, "slippage_pct": 0.0}


def test_named_fields_replace_single_fields_and_whole_lists() -> None:
    reference = {"id": "surge_stocks", "portfolio": {"max_positions": 3, "max_position_value": None},
                 "universe": {"markets": ["KOSDAQ"]}}  # fmt: skip
    found = strategy_request(reference, {**BODY, "costs": {"slippage_pct": 0.3}})
    assert found["strategy"]["portfolio"] == {
        "max_positions": 3, "max_position_value": None, "max_new_per_day": 5, "rebalance": "daily",
    }  # fmt: skip
    assert found["strategy"]["universe"] == {"markets": ["KOSDAQ"]}
    assert "id" not in found["strategy"]
    assert found["costs"] == {"commission_pct": 0.1, "slippage_pct": 0.3}


def test_the_catalogue_and_the_body_stay_as_they_were() -> None:
    before = msgspec.json.encode(BY_ID["surge_stocks"])
    body = {**BODY, "strategy": {"id": "surge_stocks", "sell": {"max_hold_days": 1}}}
    found = strategy_request(body["strategy"], body)
    found["strategy"]["buy"]["where"] = "changed"
    assert msgspec.json.encode(BY_ID["surge_stocks"]) == before
    assert body["strategy"] == {"id": "surge_stocks", "sell": {"max_hold_days": 1}}


def test_an_unknown_id_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(RequestError) as caught:
        strategy_request("peter_linch", BODY)
    assert caught.value.problems[0].suggestions[0] == "peter_lynch"
    assert caught.value.problems[0].path == "strategy"


@pytest.mark.parametrize("reference", [{"buy": {}}, 7, None, [1]])
def test_what_names_no_id_is_left_to_validation(reference: object) -> None:
    assert strategy_request(reference, BODY) == {**BODY, "strategy": reference}
