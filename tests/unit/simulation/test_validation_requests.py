"""The canonical form of a request: equal requests have one digest, all problems are reported together."""

from __future__ import annotations

import numpy as np
import pytest

from shared.errors import RequestError
from shared.model.request import request_digest
from shared.simulation import canonical_request, plan, reads, request_of
from tests.unit.simulation.fixtures import request


def _digest(**changes: object) -> str:
    return request_digest(canonical_request(request_of(request(**changes))))


def test_spelling_does_not_change_the_request_digest() -> None:
    plain = _digest(buy={"where": "PER < 10 and ROE > 10", "rank_by": None}, universe={"stock_codes": ["B", "A", "B"]})
    assert plain == _digest(
        buy={"where": "(per<10.0)   and\n roe > 1e1", "rank_by": "market_cap"}, universe={"stock_codes": ["A", "B"]},
        initial_cash=100_000.0, dataset="some version",
    )  # fmt: skip
    assert plain != _digest(buy={"where": "PER < 10 and ROE > 11"}, universe={"stock_codes": ["A", "B"]})


def test_canonical_form_is_idempotent() -> None:
    once = canonical_request(request_of(request(buy={"where": "close>lag(close,3)"}, sell={"take_profit_pct": 20})))
    assert canonical_request(once) == once
    assert isinstance(once.strategy.sell.take_profit_pct, float)


def test_empty_exclusion_is_null() -> None:
    assert _digest(universe={"exclude": []}) == _digest()


def test_all_problems_are_reported_together() -> None:
    wrong = request(
        buy={"where": "PEX < 10", "rank_by": "close"},
        sell={"stop_loss_pct": 101, "where": "PER"},
        portfolio={"max_positions": 0, "weighting": "market_cap", "position_pct": 10},
        universe={"markets": [], "cap_groups": ["KOSPI_BIG"], "where": "1 <"},
        start="2023-02-01", end="2023-01-01", initial_cash=float("inf"),
    )  # fmt: skip
    with pytest.raises(RequestError) as refused:
        canonical_request(request_of(wrong))
    assert {problem.path for problem in refused.value.problems} == {
        "strategy.buy.where", "strategy.buy.rank_by", "strategy.sell.stop_loss_pct", "strategy.sell.where",
        "strategy.portfolio.max_positions", "strategy.portfolio.position_pct", "strategy.universe.markets",
        "strategy.universe.cap_groups", "strategy.universe.where", "start", "initial_cash",
    }  # fmt: skip


@pytest.mark.parametrize("body", [{"strategy": {}}, request(surprise=1), request(initial_cash="1")])
def test_wrong_shape_is_a_request_error(body: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        request_of(body)


def test_plan_reads_only_what_the_options_need() -> None:
    few = {"open", "high", "low", "volume", "split", "last", "idle", "MARKET_CAP"}
    assert reads(canonical_request(request_of(request()))) == few
    many = request(
        buy={"where": "PER < 10", "rank_by": "pct_change(close, 20)"}, sell={"trailing_stop_pct": 5},
        portfolio={"weighting": "inverse_volatility"},
    )  # fmt: skip
    found = reads(canonical_request(request_of(many)))
    assert found == few - {"MARKET_CAP"} | {"PER", "adj_close"}


def test_plan_reaches_back_to_the_deepest_window() -> None:
    days = np.arange(19_300, 19_700, dtype=np.int32)
    canonical = canonical_request(
        request_of(request(buy={"where": "ts_mean(ROE, 20) > 0"}, start="2023-03-01", end="2023-03-31"))
    )
    found = plan(canonical, days)
    first = int(np.searchsorted(days, 19_417))
    assert found.window == slice(first, first + 31)
    assert found.decisions == slice(first - 1, first + 30)
    assert found.warmup_rows == first
    assert found.needs["ROE"] == slice(first - 20, first + 31)
    assert found.needs["last"].start == first - 1
