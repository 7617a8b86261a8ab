"""From bodies to canonical requests, and the problems of invalid ones."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.backtests.canonicalize import InvalidBodyError, canonicalize
from shared.errors import Problem
from shared.strategies.catalogue import FAMOUS, PRESETS, Entry


def body(**strategy: Any) -> dict[str, Any]:
    """Return a request with these parts of a strategy."""
    return {"strategy": strategy, "start": "2023-01-02", "end": "2023-12-28"}


def problems(found: dict[str, Any]) -> list[Problem]:
    """Return the problems of a body."""
    try:
        canonicalize(found, {})
    except InvalidBodyError as error:
        return error.problems
    return []


def test_equal_requests_have_one_digest() -> None:
    one = canonicalize(body(universe={"markets": ["KOSPI", "KOSDAQ"]}, sell={"stop_loss_pct": 10}), {})
    other = canonicalize(body(universe={"markets": ["KOSDAQ", "KOSPI", "KOSPI"]}, sell={"stop_loss_pct": 10.0}), {})
    assert one.digest == other.digest
    assert one.text == other.text
    assert canonicalize(body(sell={"stop_loss_pct": 11}), {}).digest != one.digest


def test_null_is_the_default_of_rank_by_and_no_restriction() -> None:
    canonical = canonicalize(body(buy={"rank_by": None}, universe={"markets": None}), {})
    assert canonical.request.strategy.buy.rank_by == "MARKET_CAP"
    assert canonical.request.strategy.universe.markets is None


@pytest.mark.parametrize("entry", [*FAMOUS, *PRESETS], ids=lambda entry: entry.id)
def test_every_catalogue_strategy_is_valid(entry: Entry) -> None:
    canonical = canonicalize({"strategy": entry.id, "start": "2023-01-02", "end": "2023-12-28"}, {})
    assert canonical.strategy_id == entry.id


def test_own_strategy_can_be_named_and_changed() -> None:
    own = {"mine": Entry(id="mine", strategy={"buy": {"where": "PER < 7"}}, costs={"slippage_pct": 0.3})}
    changed = body() | {"strategy": {"id": "mine", "portfolio": {"max_positions": 3}}}
    request = canonicalize(changed, own).request
    assert request.strategy.buy.where == "PER < 7"
    assert request.strategy.portfolio.max_positions == 3
    assert request.costs.slippage_pct == 0.3


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
        (body() | {"dataset": 1}, ["dataset"]),
        (body() | {"strategy": []}, ["strategy"]),
        (body() | {"strategy": None}, ["strategy"]),
        (body() | {"strategy": "peter_linch", "initial_cash": 0}, ["initial_cash", "strategy"]),
        (body() | {"strategy": {"id": 7, "sell": {"x": 1}}}, ["strategy.id", "strategy.sell.x"]),
        (body(buy={"where": "PER <"}, sell={"where": "RO > 1"}), ["strategy.buy.where", "strategy.sell.where"]),
        (
            body(buy={"where": "RO > 1", "order": "up"}) | {"costs": {"tax_pct": -1}, "end": None},
            ["costs.tax_pct", "end", "strategy.buy.order", "strategy.buy.where"],
        ),
    ],
)
def test_every_problem_is_reported_at_its_place(wrong: dict[str, Any], paths: list[str]) -> None:
    assert sorted(problem.path for problem in problems(wrong)) == paths


def test_problems_say_what_is_allowed() -> None:
    wrong = body(
        buy={"where": "", "order": "up"}, portfolio={"max_positions": 1.5}, universe={"exclude_sector": ["제약"]}
    ) | {"start": "{x}", "initial_cash": "1", "risk_free_pct": 1e9}  # fmt: skip
    wrong["strategy"]["sell"] = None
    found = {problem.path: problem for problem in problems(wrong)}
    assert {path: problem.message for path, problem in found.items()} == {
        "strategy.buy.where": "must have 1 to 8192 characters; it has 0",
        "strategy.buy.order": "'up' is not allowed: must be one of asc, desc",
        "strategy.sell": "must be an object; omit it to use its defaults",
        "strategy.portfolio.max_positions": "must be a whole number at least 1 and at most 5,000",
        "strategy.universe.exclude_sector": "there is no such field; did you mean exclude_sectors?",
        "start": "must be a date of the form YYYY-MM-DD",
        "initial_cash": "must be a number at least 1 and at most 1e+15",
        "risk_free_pct": "1e+09 is out of range: must be at least -100 and at most 1,000",
    }
    assert (found["strategy.buy.where"].line, found["strategy.buy.where"].column) == (1, 1)
    assert found["strategy.universe.exclude_sector"].suggestions[0] == "exclude_sectors"


def test_rest_of_an_invalid_body_is_what_is_right() -> None:
    with pytest.raises(InvalidBodyError) as refused:
        canonicalize(body(buy={"where": "RO > 1"}, sell={"stop_loss_pct": 5}) | {"initial_cash": 0}, {})
    assert refused.value.rest is not None
    request = refused.value.rest.request
    assert (request.strategy.buy.where, request.strategy.sell.stop_loss_pct) == (None, 5.0)


def test_whole_numbers_may_have_a_decimal_point() -> None:
    assert canonicalize(body(portfolio={"max_positions": 10.0}), {}).request.strategy.portfolio.max_positions == 10
