"""Contradictions between fields of a request."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import RequestError
from shared.simulation.validation import canonical_request, read_request, request_of
from tests.unit.simulation.fixtures import request

REWEIGHT = {"on_rebalance": "reweight"}
ROTATE = {"on_rebalance": "rotate"}


@pytest.mark.parametrize(
    ("sell", "portfolio", "field", "remedy"),
    [
        (REWEIGHT, {"position_pct": 5}, "position_pct", "position_pct to null"),
        ({}, {"position_pct": 5, "weighting": "market_cap"}, "position_pct", "weighting to equal"),
        ({}, {"invest": "full"}, "invest", "use reweight"),
        (ROTATE, {"invest": "full"}, "invest", "invest to slots"),
        (ROTATE, {"rebalance_band_pct": 5}, "rebalance_band_pct", "band to 0"),
        ({}, {"keep_rank": 30}, "keep_rank", "use rotate"),
        (ROTATE, {"keep_rank": 10}, "keep_rank", "below max_positions (20)"),
        ({}, {"rebalance": {"months": [4], "rows": 5}}, "rebalance", "exactly one of three forms"),
        ({}, {"rebalance": {"day": 4, "weekday": "fri"}}, "rebalance", "several are given"),
        ({}, {"rebalance": {}}, "rebalance", "none is given"),
        ({}, {"rebalance": {"day": 32}}, "rebalance.day", "at most 31"),
        ({}, {"when": "PER < 10"}, "when", "PER"),
    ],
)
def test_contradiction_is_refused_with_the_remedy(
    sell: dict[str, Any], portfolio: dict[str, Any], field: str, remedy: str
) -> None:
    with pytest.raises(RequestError) as refused:
        canonical_request(request_of(request(sell=sell, portfolio=portfolio)))
    [problem] = refused.value.problems
    assert problem.path == f"strategy.portfolio.{field}"
    assert remedy in problem.message


@pytest.mark.parametrize(
    ("sell", "portfolio"),
    [
        (REWEIGHT, {"invest": "full", "rebalance_band_pct": 5, "keep_rank": 20}),
        (ROTATE, {"keep_rank": 20}),
        ({}, {"position_pct": 5, "rebalance": {"rows": 5}, "when": "KOSPI > 100", "when_false": "sell"}),
        ({"take_profit_pct": 0.2, "min_hold_days": 9, "max_hold_days": 3}, {}),
    ],
)
def test_fields_that_go_together_are_accepted(sell: dict[str, Any], portfolio: dict[str, Any]) -> None:
    canonical_request(request_of(request(sell=sell, portfolio=portfolio)))


def test_calendar_is_canonical_with_its_defaults() -> None:
    def calendar(rebalance: dict[str, Any]) -> Any:
        found = canonical_request(request_of(request(portfolio={"rebalance": rebalance})))
        return found.strategy.portfolio.rebalance

    assert calendar({"day": 16}) == calendar({"months": list(range(1, 13)), "day": 16})
    assert calendar({"months": [11, 4, 4]}) == calendar({"months": [4, 11], "day": 1})
    assert calendar({"weekday": "fri"}).months is None


def test_invalid_expression_leaves_its_default() -> None:
    found = read_request(request(buy={"where": "RO > 1", "rank_by": "1 +"}, sell={"stop_loss_pct": 5}))
    assert {problem.path for problem in found.problems} == {"strategy.buy.where", "strategy.buy.rank_by"}
    assert found.value is not None
    assert (found.value.strategy.buy.where, found.value.strategy.buy.rank_by) == (None, "MARKET_CAP")
