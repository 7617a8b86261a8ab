"""Expressions over HTTP: index series of the dataset, Korean input, and what is refused with its remedy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest_asyncio

from ondol.local.run_file import Servers
from tests.support.api_with_market import request, served
from tests.support.system import Client


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


async def test_korean_and_index_series_run_in_canonical_text(client: Client) -> None:
    where = "시가총액 ≥ 1억 그리고 KOSPI > ts_mean(kospi, 5) * 0.5"
    body = request(buy={"where": where, "rank_by": "등락률"})
    status, found, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=20")
    assert (status, found["status"]) == (200, "completed")
    buy = found["request"]["strategy"]["buy"]
    assert buy["where"] == "MARKET_CAP >= 100000000 and KOSPI > ts_mean(KOSPI, 5) * 0.5"
    assert buy["rank_by"] == "CHANGE_RATE"
    assert found["result"]["trades"]
    body = request(buy={"where": "KOSPI < 0 and row_count(PER > 0) > 0"})
    status, found, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=20")
    assert found["result"]["trades"] == []


async def test_screen_reads_aggregates_and_index_series(client: Client) -> None:
    every = (await client.call("GET", "/v1/screen?limit=1"))[1]["total"]
    for where, low, high in (
        ("KOSPI > 0 and KOSDAQ > 0", every, every),
        ("시가총액 > row_median(시가총액)", every * 0.4, every * 0.6),
    ):
        status, found, _ = await client.call("GET", f"/v1/screen?where={quote(where)}&limit=5")
        assert status == 200
        assert low <= found["total"] <= high


async def test_refused_expressions_name_the_remedy(client: Client) -> None:
    body = request(buy={"where": "DOW > 5 or 업종 == '제약'"}, portfolio={"when": "KOSPI > 1 and PER < 10"})
    status, found, _ = await client.call("POST", "/v1/backtests", body)
    assert status == 422
    errors = {error["path"]: error for error in found["errors"]}
    assert errors["strategy.buy.where"]["suggestions"] == ["universe.sectors"]
    when = errors["strategy.portfolio.when"]
    assert (when["line"], when["column"], when["suggestions"]) == (1, 15, ["row_mean(PER)"])
    status, found, _ = await client.call("POST", "/v1/backtests", request(buy={"where": "NASDAQ > 5"}))
    assert (status, found["errors"][0]["message"][:19]) == (422, "unknown name NASDAQ")
    assert found["errors"][0]["suggestions"] == ["KOSDAQ"]
