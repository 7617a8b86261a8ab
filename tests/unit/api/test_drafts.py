"""What a body becomes, and what is said about a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.backtests.canonicalize import draft_of
from services.api.errors import ApiProblem
from shared.errors import RequestError
from shared.strategies.catalogue import FAMOUS, PRESETS, Entry


def body(**strategy: Any) -> dict[str, Any]:
    return {"strategy": strategy, "start": "2023-01-02", "end": "2023-12-28"}


def mistakes(found: dict[str, Any]) -> list[str]:
    try:
        draft_of(found, {})
    except ApiProblem as problem:
        return sorted(error.path for error in problem.errors)
    except RequestError as error:
        return sorted(problem.path for problem in error.problems)
    return []


def test_the_same_request_written_differently_has_the_same_digest() -> None:
    one = draft_of(body(universe={"markets": ["KOSPI", "KOSDAQ"]}, sell={"stop_loss_pct": 10}), {})
    other = draft_of(body(universe={"markets": ["KOSDAQ", "KOSPI", "KOSPI"]}, sell={"stop_loss_pct": 10.0}), {})
    assert one.digest == other.digest
    assert one.text == other.text
    assert draft_of(body(sell={"stop_loss_pct": 11}), {}).digest != one.digest


def test_null_takes_the_default_of_rank_by_and_lifts_the_restriction_of_a_list() -> None:
    draft = draft_of(body(buy={"rank_by": None}, universe={"markets": None}), {})
    assert draft.request.strategy.buy.rank_by == "MARKET_CAP"
    assert draft.request.strategy.universe.markets is None


@pytest.mark.parametrize("entry", [*FAMOUS, *PRESETS], ids=lambda entry: entry.id)
def test_every_strategy_of_the_catalogue_is_a_valid_request(entry: Entry) -> None:
    draft = draft_of({"strategy": entry.id, "start": "2023-01-02", "end": "2023-12-28"}, {})
    assert draft.strategy_id == entry.id


def test_a_strategy_of_ones_own_can_be_named_and_changed() -> None:
    own = {"mine": Entry(id="mine", strategy={"buy": {"where": "PER < 7"}}, costs={"slippage_pct": 0.3})}
    changed = {
        "strategy": {"id": "mine", "portfolio": {"max_positions": 3}},
        "start": "2023-01-02",
        "end": "2023-12-28",
    }
    draft = draft_of(changed, own)
    assert draft.request.strategy.buy.where == "PER < 7"
    assert draft.request.strategy.portfolio.max_positions == 3
    assert draft.request.costs.slippage_pct == 0.3


@pytest.mark.parametrize(
    ("wrong", "paths"),
    [
        ({}, ["end", "start", "strategy"]),
        (body() | {"nothing": 1}, ["nothing"]),
        (body(sell={"stop_loss_pct": "10"}), ["strategy.sell.stop_loss_pct"]),
        (body(sell={"stop_loss_pct": True}), ["strategy.sell.stop_loss_pct"]),
        (body(sell={"stop_loss_pct": 0}), ["strategy.sell.stop_loss_pct"]),
        (body(portfolio={"max_positions": 2.5}), ["strategy.portfolio.max_positions"]),
        (body(portfolio={"weighting": "market_cap", "position_pct": 5}), ["strategy.portfolio.position_pct"]),
        (body(universe={"markets": [1]}), ["strategy.universe.markets[0]"]),
        (body(universe={"cap_groups": ["KOSPI_HUGE"]}), ["strategy.universe.cap_groups"]),
        (body() | {"start": "2023-13-01"}, ["start"]),
        (body() | {"start": 20230102}, ["start"]),
        (body() | {"strategy": []}, ["strategy"]),
        (body() | {"strategy": None}, ["strategy"]),
        (body(buy={"where": "PER <"}, sell={"where": "RO > 1"}), ["strategy.buy.where", "strategy.sell.where"]),
        (
            body(buy={"where": "RO > 1", "order": "up"}) | {"costs": {"tax_pct": -1}, "end": None},
            ["costs.tax_pct", "end", "strategy.buy.order", "strategy.buy.where"],
        ),
    ],
)
def test_every_mistake_is_named_at_its_place(wrong: dict[str, Any], paths: list[str]) -> None:
    assert mistakes(wrong) == paths


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert draft_of(body(portfolio={"max_positions": 10.0}), {}).request.strategy.portfolio.max_positions == 10
