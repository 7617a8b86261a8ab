"""The HTTP client against a server that is busy, slow, or answers half."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from shared.infra.api_client.client import ApiClient, connected
from shared.infra.api_client.errors import (
    ApiError,
    InvalidRequest,
    NotFound,
    RateLimited,
    RunCancelled,
    RunFailed,
    Unavailable,
    WaitTimeout,
)
from tests.support.faulty_server import FakeTime, Script, busy, cut, document, half, scripted, silent, stream

OK = {"value": 1}
EVENTS = "/v1/backtests/1/events"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Script]:
    async with scripted() as script:
        yield script


def event(identity: str, kind: str, data: str = "{}") -> bytes:
    return f"id: {identity}\nevent: {kind}\ndata: {data}\n\n".encode()


async def run(server: Script, clock: FakeTime, states: list[Any], **options: Any) -> dict[str, Any]:
    """Run a backtest whose documents have these states."""
    first, *others = states
    server.on("POST /v1/backtests", document(first))
    server.on("GET /v1/backtests/1", *(document(state) for state in others or states))
    async with connected(server.url, policy=clock.policy()) as client:
        return await client.run({"strategy": "x"}, **options)


async def test_retry_after_of_429_is_waited_for(server: Script) -> None:
    clock = FakeTime()
    server.on("GET /x", busy(429, Retry_After="7"), busy(429, Retry_After="0"), document(OK))
    async with connected(server.url, policy=clock.policy()) as client:
        assert await client.call("GET", "/x") == OK
    assert clock.slept == [7.0, 0.5]


async def test_retry_after_beyond_the_budget_is_an_error_at_once(server: Script) -> None:
    clock = FakeTime()
    server.on("GET /x", busy(429, Retry_After="3600"))
    async with connected(server.url, policy=clock.policy()) as client:
        with pytest.raises(RateLimited, match="try again") as raised:
            await client.call("GET", "/x")
    assert (raised.value.retry_after_s, clock.slept) == (3600.0, [])


async def test_pauses_of_503_double_up_to_the_budget(server: Script) -> None:
    clock = FakeTime()
    server.on("GET /x", busy(503))
    async with connected(server.url, policy=clock.policy(budget_s=10, max_pause_s=4)) as client:
        with pytest.raises(Unavailable, match="try again"):
            await client.call("GET", "/x")
    assert clock.slept == [0.25, 0.5, 1.0, 2.0, 4.0]


async def test_error_500_is_not_retried(server: Script) -> None:
    server.on("GET /x", busy(500))
    async with connected(server.url, policy=FakeTime().policy()) as client:
        with pytest.raises(ApiError, match="try again"):
            await client.call("GET", "/x")
    assert len(server.requests) == 1


@pytest.mark.parametrize("broken", [half("application/json", b'{"value"'), cut()])
async def test_lost_answer_is_requested_again(server: Script, broken: Any) -> None:
    server.on("GET /x", broken, document(OK))
    async with connected(server.url, policy=FakeTime().policy()) as client:
        assert await client.call("GET", "/x") == OK


async def test_lost_answer_of_a_post_is_an_error(server: Script) -> None:
    server.on("POST /x", half("application/json", b"{"), document(OK))
    async with connected(server.url, policy=FakeTime().policy()) as client:
        with pytest.raises(Unavailable, match="is `ondol serve` running"):
            await client.call("POST", "/x", body={})
        assert await client.call("POST", "/x", body={}, repeatable=True) == OK


async def test_slow_answer_ends_with_a_timeout(server: Script) -> None:
    server.on("GET /x", silent())
    limits = aiohttp.ClientTimeout(total=0.05)
    async with connected(server.url, policy=FakeTime().policy(budget_s=0)) as client:
        with pytest.raises(Unavailable):
            await client._send("GET", "/x", lambda response: response.read(), timeout=limits)


async def test_address_without_a_server_fails_soon(unused_tcp_port: int) -> None:
    clock = FakeTime()
    async with connected(f"http://127.0.0.1:{unused_tcp_port}", policy=clock.policy()) as client:
        with pytest.raises(Unavailable, match="unavailable"):
            await client.call("GET", "/x")
    assert sum(clock.slept) <= 2.0


async def test_other_server_is_named(server: Script) -> None:
    server.on("GET /x", stream(b"<html>"))
    async with connected(server.url, policy=FakeTime().policy()) as client:
        with pytest.raises(ApiError, match="is not an Ondol API"):
            await client.call("GET", "/x")


async def test_problem_document_becomes_an_error_with_every_mistake(server: Script) -> None:
    mistake = {
        "path": "strategy.buy.where", "message": "unknown name RO", "line": 1, "column": 5, "suggestions": ["ROE"],
        "code": "unknown_name", "params": {"name": "RO"},
    }  # fmt: skip
    problem = {
        "title": "Invalid request",
        "code": "invalid_request",
        "errors": [mistake, {"path": "a", "message": "b"}],
    }
    server.on("GET /x", document(problem, 422))
    server.on("GET /y", document({"title": "Not found", "type": "urn:ondol:problem:not-found", "detail": "no"}, 404))
    async with connected(server.url) as client:
        with pytest.raises(InvalidRequest) as raised:
            await client.call("GET", "/x")
        with pytest.raises(NotFound) as missing:
            await client.call("GET", "/y")
    error = raised.value
    assert str(error) == "Invalid request: strategy.buy.where (line 1, column 5): unknown name RO; a: b"
    first = error.errors[0]
    assert (error.code, first.code, first.params, first.suggestions) == (
        "invalid_request", "unknown_name", {"name": "RO"}, ("ROE",),
    )  # fmt: skip
    assert (missing.value.code, str(missing.value)) == ("not_found", "no")


async def test_run_polls_until_the_end_and_reports_progress(server: Script) -> None:
    seen: list[float] = []
    states = [{"id": "1", "status": "running", "progress": p / 2} for p in range(2)]
    states.append({"id": "1", "status": "completed", "progress": 1.0})
    ended = await run(
        server, FakeTime(), states, idempotency_key="k", on_progress=lambda state: seen.append(state["progress"])
    )
    assert (ended["status"], seen) == ("completed", [0.0, 0.5, 1.0])
    assert server.requests[0].headers["Idempotency-Key"] == "k"


async def test_failed_and_cancelled_runs_are_errors(server: Script) -> None:
    problem = {"title": "Backtest failed", "detail": "no ROIC", "kind": "factor_absent", "errors": []}
    with pytest.raises(RunFailed, match="Backtest 1 failed: no ROIC") as raised:
        await run(server, FakeTime(), [{"id": "1", "status": "failed", "error": problem}])
    assert raised.value.lacks_data
    with pytest.raises(RunCancelled, match="1 was cancelled"):
        await run(server, FakeTime(), [{"id": "1", "status": "cancelled"}])


async def test_run_that_takes_too_long_is_an_error_with_its_id(server: Script) -> None:
    with pytest.raises(WaitTimeout) as raised:
        await run(server, FakeTime(), [{"id": "1", "status": "running", "progress": 0.0}], timeout_s=20)
    assert raised.value.id == "1"


async def test_events_resume_after_the_last_one(server: Script) -> None:
    server.on(
        f"GET {EVENTS}",
        half("text/event-stream", event("a.0", "status") + event("b.1", "trade") + b"id: c.2\nevent: tra"),
        busy(429, Retry_After="2"),
        stream(b": ping\n\n"),
        cut(),
        stream(event("c.2", "trade") + event("c.2", "completed")),
    )
    clock = FakeTime()
    async with connected(server.url, policy=clock.policy()) as client:
        found = [(e.id, e.kind) async for e in client.events(EVENTS)]
    assert found == [("a.0", "status"), ("b.1", "trade"), ("c.2", "trade"), ("c.2", "completed")]
    assert [r.headers.get("Last-Event-ID") for r in server.requests] == [None, *(4 * ["b.1"])]
    assert 2.0 in clock.slept


async def test_events_without_an_end_become_unavailable(server: Script) -> None:
    server.on(f"GET {EVENTS}", stream(event("a.0", "status")), stream(b""))
    async with connected(server.url, policy=FakeTime().policy()) as client:
        with pytest.raises(Unavailable, match="ended before the last event"):
            [e async for e in client.events(EVENTS)]


async def test_refused_events_are_an_error(server: Script) -> None:
    server.on(f"GET {EVENTS}", document({"title": "Not found", "detail": "no such backtest"}, 404))
    async with connected(server.url) as client:
        with pytest.raises(NotFound, match="no such backtest"):
            [e async for e in client.events(EVENTS)]


async def test_download_that_is_cut_is_read_again_or_an_error(server: Script) -> None:
    server.on("GET /x", half("text/csv", b"a,b"), stream(b"a,b\n1,2\n"), half("text/csv", b"a,b"))
    async with connected(server.url, policy=FakeTime().policy()) as client:
        assert await client.download("/x") == b"a,b\n1,2\n"
        with pytest.raises(Unavailable, match="in the middle"):
            async with client.opened("/x") as pieces:
                [piece async for piece in pieces]


async def test_headers_name_key_origin_and_language(server: Script) -> None:
    server.on("GET /x", document(OK))
    async with aiohttp.ClientSession() as session:
        await ApiClient(session, server.url, key="k", origin="warmer", language="ko").call("GET", "/x")
    headers = server.requests[0].headers
    assert (headers["Authorization"], headers["Ondol-Origin"], headers["Accept-Language"]) == (
        "Bearer k", "warmer", "ko",
    )  # fmt: skip
