"""The synchronous client against a server that is busy, slow or answers half."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ondol import AsyncClient, Client, RetryPolicy, Strategy
from ondol.errors import InvalidRequest, RunFailed, SetupError, Unavailable, WaitTimeout
from tests.support.faulty_server import FakeTime, Script, busy, cut, document, half, scripted, stream
from tests.support.result_documents import completed

WINDOW = ("2024-01-02", "2024-12-30")
DONE = completed()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Script]:
    async with scripted() as script:
        yield script


async def in_thread(work: Any) -> Any:
    """Run blocking code while the server of this loop answers."""
    return await asyncio.to_thread(work)


async def test_backtest_survives_429_503_and_half_answers(server: Script) -> None:
    clock = FakeTime()
    running = {"id": DONE["id"], "status": "running", "progress": 0.5}
    server.on(
        "POST /v1/backtests", busy(429, Retry_After="3"), busy(503), half("application/json", b"{"), document(running)
    )
    server.on(f"GET /v1/backtests/{DONE['id']}", cut(), document(running), document(DONE))

    def work() -> Any:
        with Client(server.url, retry=clock.policy(), progress=False) as client:
            return client.backtest(Strategy(buy="PER < 10"), *WINDOW)

    result = await in_thread(work)
    assert result.trades.height == 2
    keys = {r.headers["Idempotency-Key"] for r in server.requests if r.method == "POST"}
    assert len(keys) == 1
    assert 3.0 in clock.slept


async def test_mistakes_are_found_without_a_request(server: Script) -> None:
    with Client(server.url) as client, pytest.raises(InvalidRequest):
        client.backtest("x", *WINDOW, commission_pct=90)
    assert server.requests == []


async def test_errors_of_the_loop_reach_the_caller(server: Script) -> None:
    problem = {"id": "1", "status": "failed", "error": {"title": "Backtest failed", "detail": "no", "kind": "k"}}
    server.on("POST /v1/backtests", document(problem), document({"id": "1", "status": "queued", "progress": 0.0}))
    server.on("GET /v1/backtests/1", document({"id": "1", "status": "running", "progress": 0.0}))

    def work() -> Any:
        with Client(server.url, retry=FakeTime().policy(), progress=False) as client:
            with pytest.raises(RunFailed) as failed:
                client.backtest("x", *WINDOW)
            with pytest.raises(WaitTimeout) as late:
                client.backtest("x", *WINDOW, timeout=5)
            return failed.value.code, late.value.id

    assert await in_thread(work) == ("k", "1")


async def test_events_are_followed_over_a_lost_connection(server: Script) -> None:
    trade, end = (f'id: {kind}\nevent: {kind}\ndata: {{"n": 1}}\n\n'.encode() for kind in ("trade", "completed"))
    server.on("GET /v1/backtests/1/events", half("text/event-stream", trade), stream(end))

    def work() -> list[str]:
        with Client(server.url, retry=FakeTime().policy()) as client:
            first = next(iter(client.events("1", after="0")))
            return [first.kind, *(event.kind for event in client.events("1", after=first.id))]

    assert await in_thread(work) == ["trade", "completed"]
    assert [request.headers["Last-Event-ID"] for request in server.requests] == ["0", "trade"]


async def test_absent_server_is_named(unused_tcp_port: int) -> None:
    client = Client(f"http://127.0.0.1:{unused_tcp_port}", retry=RetryPolicy(connect_s=0))
    with pytest.raises(Unavailable, match="is `ondol serve` running"):
        client.dataset()
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.dataset()


async def test_collected_client_ends_its_thread(server: Script) -> None:
    server.on("GET /v1/datasets/current", document({"version": "d"}))

    def work() -> None:
        client = Client(server.url)
        client.dataset()
        del client
        gc.collect()

    await in_thread(work)
    assert not [thread for thread in threading.enumerate() if thread.name == "ondol-client"]


def test_address_that_is_no_url_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SetupError, match="is not the URL"):
        Client("127.0.0.1:8000")
    monkeypatch.setenv("ONDOL_API_URL", "http://127.0.0.1:9/")
    monkeypatch.setenv("ONDOL_API_KEY_FILE", "/nonexistent/key")
    with pytest.raises(SetupError, match="ONDOL_API_KEY_FILE"):
        AsyncClient()
    assert AsyncClient(key="k").url == "http://127.0.0.1:9"


async def test_async_client_shares_the_requests(server: Script) -> None:
    server.on("POST /v1/backtests", document(DONE))
    server.on("GET /v1/backtests", document({"items": [DONE | {"statistics": {"sharpe": 1.0}}], "next_cursor": None}))
    server.on("GET /v1/screen", document({"date": "2024-01-02", "total": 0, "items": [], "warnings": []}))
    server.on("GET /v1/stocks", stream(b"<html>"))
    async with AsyncClient(server.url) as client:
        result = await client.backtest("x", *WINDOW)
        assert (await client.backtests())["sharpe"].to_list() == [1.0]
        assert (await client.screen(markets=["KOSPI", "KOSDAQ"], date="2024-01-02")).total == 0
    assert server.requests[-1].query["markets"] == "KOSPI,KOSDAQ"
    assert "where" not in server.requests[-1].query
    assert result.statistics.sharpe == 1.5
