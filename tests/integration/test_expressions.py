"""Expressions over HTTP: index series of the dataset, Korean input, and what is refused with its remedy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from tests.support.api_with_market import FIRST, LAST, request, served
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


MISTAKES = (
    "", " ", "(", "PER <", "PER < 1 and", "unknown(PER) > 0", "unknown() > 0", "unknown(unknown(PER)) > 0", "NONE > 1",
    "row_mean(unknown(PER)) > 1", "ts_mean(unknown(PER), 5) > 1", "unknown(KOSPI) > 0", "NASDAQ > 1",
    "ts_mean(PER) > 1", "ts_mean(PER, 0) > 1", "ts_mean(PER, PER) > 1", "ts_mean(PER, 1e9) > 1", "close > 1",
    "close + PER > 1", "row_mean(close) > 1", "row_count(PER) > 1", "if(PER, 1, 2) > 1", "not PER",
    "(PER > 1) + 1 > 2", "winsorize(PER, 51) > 1", "업종 == '제약'", "'a' == 'b'", "PER in (1, 2)", "PER > 1e400",
    "rank > 1", "rank(rank) > 1", "PER > ١", "PER\x00 > 1", "-" * 50 + "PER > 1",
    "abs(" * 60 + "PER" + ")" * 60 + " > 1", " and ".join(["PER > 1"] * 300), "가" * 3000, "$n > 1",
)  # fmt: skip


def _requests(text: str) -> Iterator[tuple[str, str, Any]]:
    """Yield (method, path, body) of requests with an expression at each place that takes one."""
    days = {"start": FIRST, "end": LAST}
    exits, parameters = {"sell": {"stop_loss_pct": "$n"}}, {"n": {"values": [5, 10]}}
    strategies = [
        {"buy": {"where": text}}, {"buy": {"rank_by": text}}, {"sell": {"where": text}}, {"universe": {"where": text}},
        {"portfolio": {"when": text}},
    ]  # fmt: skip
    for strategy in strategies:
        yield "POST", "/v1/backtests", {"strategy": strategy, **days}
        yield "POST", "/v1/accounts", {"strategy": strategy, "start": FIRST}
        yield "POST", "/v1/strategies", {"id": "own", "name": "own", "strategy": strategy}
        swept = {
            "template": {"strategy": strategy | {"sell": strategy.get("sell", {}) | exits["sell"]}, **days},
            "parameters": parameters,
        }
        yield "POST", "/v1/sweeps", swept
        yield "POST", "/v1/walk-forwards", swept | {"windows": {"train": "3M", "test": "1M"}}
    swept = {"template": {"strategy": exits, **days}, "parameters": parameters}
    yield "POST", "/v1/sweeps", swept | {"objective": {"maximize": "sharpe", "where": text}}
    yield "POST", "/v1/sweeps", swept | {"constraints": [text]}
    yield "POST", "/v1/factor-reports", {"factor": text, **days}
    yield "POST", "/v1/factor-reports", {"factor": "PER", "controls": [text], **days}
    yield "POST", "/v1/factor-reports", {"factor": "PER", "universe": {"where": text}, **days}
    yield "POST", "/v1/factor-reports/matrix", {"factors": [text], **days}
    yield "PUT", "/v1/factors/mine/OWN_ONE", {"expression": text}
    yield "GET", f"/v1/screen?where={quote(text)}", None
    yield "GET", f"/v1/screen?rank_by={quote(text)}", None
    yield "GET", f"/v1/screen?columns={quote(text)}", None
    yield "GET", f"/v1/values?fields={quote(text)}", None


@pytest.mark.parametrize("text", MISTAKES)
async def test_mistakes_are_no_server_error_at_any_place(client: Client, text: str) -> None:
    for method, path, body in _requests(text):
        status, found, _ = await client.call(method, path, body)
        right = (200, 201, 202) if "unknown" not in text else ()  # some are right at some places
        assert status in (*right, 400, 414, 422), (status, method, path[:100], body, found)
        if status == 422:
            assert all(error["message"] and error["path"] for error in found.get("errors", ())), found


async def test_each_of_these_places_takes_an_expression(client: Client) -> None:
    right = ("PER > 1", "PER", "KOSPI > 1", "sharpe > 0", "$n > 1")
    for alternatives in zip(*map(_requests, right), strict=True):
        answers = [await client.call(method, path, body) for method, path, body in alternatives]
        assert any(status in (200, 201, 202, 409) for status, _, _ in answers), (
            alternatives[0],
            [found for _, found, _ in answers],
        )
