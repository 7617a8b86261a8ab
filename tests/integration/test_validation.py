"""Problems over HTTP: those of every stage at once, by their place."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from ondol.local.run_file import Servers
from tests.support.api_with_market import FIRST, LAST, served
from tests.support.system import Client

PROBLEM = "application/problem+json"


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


async def test_screen_names_a_factor_without_values(client: Client) -> None:
    status, found, _ = await client.call("GET", "/v1/screen?where=MOMENTUM_3M%20%3E%200&limit=3")
    assert status == 200
    assert found["items"]
    assert found["warnings"] == []
    first = (await client.call("GET", "/v1/datasets/current"))[1]["first_day"]
    for query, path in (("where=MOMENTUM_3M%20%3E%200", "where"), ("rank_by=MOMENTUM_3M", "rank_by")):
        status, problem, headers = await client.call("GET", f"/v1/screen?{query}&date={first}")
        assert (status, headers["Content-Type"]) == (422, PROBLEM)
        assert [error["path"] for error in problem["errors"]] == [path]
        assert "MOMENTUM_3M has no value for any stock" in problem["errors"][0]["message"]


async def test_problems_of_every_stage_are_reported_at_once(client: Client) -> None:
    universe = {"markets": ["X1"], "sectors": ["nope"], "stock_codes": ["zzz"]}
    strategy = {"universe": universe, "buy": {"where": "RO > 1"}, "sell": {"stop_loss_pct": -1}}
    body = {"strategy": strategy, "start": FIRST, "end": LAST, "benchmark": "DAX", "initial_cash": "1"}
    due = {
        "benchmark", "initial_cash", "strategy.buy.where", "strategy.sell.stop_loss_pct",
        "strategy.universe.markets", "strategy.universe.sectors", "strategy.universe.stock_codes",
    }  # fmt: skip
    for more in ({}, {"dataset": "absent"}):
        status, problem, _ = await client.call("POST", "/v1/backtests", body | more)
        assert status == 422
        assert {error["path"].partition("[")[0] for error in problem["errors"]} == due | more.keys()
    right = body | {"initial_cash": 1e8, "strategy": {"universe": universe}, "dataset": "absent"}
    status, problem, _ = await client.call("POST", "/v1/backtests", right)
    wrong = {"initial_cash", "strategy.buy.where", "strategy.sell.stop_loss_pct"}
    assert {error["path"].partition("[")[0] for error in problem["errors"]} == (due - wrong) | {"dataset"}


async def test_unknown_codes_and_fields_have_suggestions(client: Client) -> None:
    stock = (await client.call("GET", "/v1/stocks?limit=1"))[1]["items"][0]
    universe = {"stock_codes": ["A" + stock["stock_code"]], "sectors": ["제 약"], "exclude_sector": []}
    body = {"strategy": {"universe": universe}, "start": FIRST, "end": LAST}
    status, problem, _ = await client.call("POST", "/v1/backtests", body)
    assert status == 422
    suggestions = {error["path"]: error["suggestions"][0] for error in problem["errors"]}
    assert suggestions == {
        "strategy.universe.stock_codes": stock["stock_code"], "strategy.universe.sectors": "제약",
        "strategy.universe.exclude_sector": "exclude_sectors",
    }  # fmt: skip


async def test_expression_problems_are_reported_with_the_shape(client: Client) -> None:
    status, problem, _ = await client.call("GET", "/v1/screen?where=RO%3C10&rank_by=ZZ&order=up&foo=1")
    assert status == 422
    assert sorted(error["path"] for error in problem["errors"]) == ["foo", "order", "rank_by", "where"]
    status, problem, _ = await client.call("GET", "/v1/screen?where=RO%3C10&date=2020-01-01")
    assert sorted(error["path"] for error in problem["errors"]) == ["date", "where"]
    kept = {"id": "m m", "name": "", "strategy": {"buy": {"where": "PE < 9"}, "z": 1}, "foo": 2}
    status, problem, _ = await client.call("POST", "/v1/strategies", kept)
    assert status == 422
    assert sorted(error["path"] for error in problem["errors"]) == [
        "foo", "id", "name", "strategy.buy.where", "strategy.z",
    ]  # fmt: skip
