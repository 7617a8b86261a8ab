"""A warm run followed over HTTP, with a real warmer and real servers."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from ondol.cli.commands.warm import follow
from ondol.cli.terminal import Bar
from services.api.routes.warm_run_events import Position, parse_position
from services.api.warm_subscriptions import WarmSubscription
from services.warmer.scheduler import enqueue_due
from services.warmer.warm_run import execute
from shared.contracts.events import EVENTS_STREAM, WarmProgressed
from shared.contracts.jobs import WARM_QUEUE
from shared.contracts.warm import PHASES
from shared.errors import OndolError
from shared.infra import arq_jobs
from shared.infra.api_client.client import ApiClient as Asking
from shared.infra.redis.streams import Broadcast, append, key_of
from shared.model.calendar import SEOUL
from tests.chaos.proxy import tcp_proxy
from tests.support.system import Client, api_of
from tests.unit.warmer.test_warm_run import World, world

__all__ = ["world"]

MAX_WAIT_S = 30.0
Received = tuple[str, str, Any]


@pytest_asyncio.fixture
async def api(world: World) -> AsyncIterator[Client]:
    async with api_of(replace(world.context.settings, api_url=None)) as client:
        yield client


async def events_of(client: Client, run: int, received: list[Received] | None = None, **headers: str) -> list[Received]:
    """Return all events of a run until its stream ends; `received` grows while they arrive."""
    found = [] if received is None else received
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        asyncio.timeout(MAX_WAIT_S),
        client.session.get(f"{client.url}/v1/warm-runs/{run}/events", headers=named) as answer,
    ):
        assert answer.status == 200, await answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        rest = b""
        async for piece in answer.content.iter_any():
            *blocks, rest = (rest + piece).split(b"\n\n")
            for block in blocks:
                lines = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
                if "event" in lines:
                    found.append((lines["id"], lines["event"], orjson.loads(lines["data"])))
    return found


async def until_received(received: list[Received], kind: str, **expected: Any) -> None:
    async with asyncio.timeout(MAX_WAIT_S):
        while not any(k == kind and expected.items() <= data.items() for _, k, data in received):  # noqa: ASYNC110  a list has no event
            await asyncio.sleep(0.01)


async def test_run_events_end_with_its_document(world: World, api: Client) -> None:
    run = await world.start()
    received: list[Received] = []
    reading = asyncio.ensure_future(events_of(api, run, received))
    await until_received(received, "status", status="queued")
    assert await execute(world.context, run) == "completed"
    await reading
    kinds = [kind for _, kind, _ in received]
    assert kinds[-1] == "completed"
    assert [data["status"] for _, kind, data in received if kind == "status"] == ["queued", "running"]
    ended = [data for _, kind, data in received if kind == "progress" and data["status"] == "completed"]
    assert [data["phase"] for data in ended] == list(PHASES)
    assert [(data["items"], data["done"], data["failed"]) for data in ended[-2:]] == [(4, 4, 0), (40, 40, 0)]
    positions = [parse_position(name) for name, kind, _ in received if kind == "progress"]
    assert positions == sorted(set(positions))
    assert received[-1][2]["summary"]["chunk_hit_rate"] == 1.0
    assert received[-1][2] == (await api.call("GET", f"/v1/warm-runs/{run}"))[1]


async def test_resumed_reader_gets_only_new_events(world: World, api: Client) -> None:
    world.failing["bill_ackman"] = "ROIC has no value: no statements with cash_and_equivalents"
    run = await world.start()
    assert await execute(world.context, run) == "partial"
    received = await events_of(api, run)
    assert [(kind, data["status"]) for _, kind, data in received] == [
        *[("progress", "completed")] * 4, ("progress", "partial"), ("partial", "partial"),
    ]  # fmt: skip
    for position, (name, _, _) in enumerate(received[:-1]):
        assert await events_of(api, run, Last_Event_ID=name) == received[position + 1 :]
    assert await events_of(api, run, Last_Event_ID=received[-1][0]) == received[-1:]


async def test_running_run_can_be_followed_at_any_time(world: World, api: Client) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def stop_here() -> None:
        if len(world.requests) == 20:
            reached.set()
            await go_on.wait()

    world.before = stop_here
    run = await world.start()
    early: list[Received] = []
    reading = asyncio.ensure_future(events_of(api, run, early))
    running = asyncio.ensure_future(execute(world.context, run))
    await reached.wait()
    await until_received(early, "progress", phase="strategies", status="running")
    late: list[Received] = []
    joining = asyncio.ensure_future(events_of(api, run, late))
    await until_received(late, "progress", phase="strategies", status="running")
    go_on.set()
    assert await running == "completed"
    await asyncio.gather(reading, joining)
    assert late[-1][1:] == early[-1][1:]


async def test_next_attempt_publishes_progress_again(world: World, api: Client) -> None:
    reached = asyncio.Event()

    async def stop_here() -> None:
        if len(world.requests) == 20:
            reached.set()
            await asyncio.Event().wait()

    world.before = stop_here
    run = await world.start()
    received: list[Received] = []
    reading = asyncio.ensure_future(events_of(api, run, received))
    first = asyncio.ensure_future(execute(world.context, run))
    await reached.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await until_received(received, "status", status="queued", attempt=1)
    world.before = None
    assert await execute(world.context, run) == "completed"
    await reading
    assert {data["attempt"] for _, kind, data in received if kind == "status"} >= {1, 2}
    positions = [parse_position(name) for name, kind, _ in received if kind == "progress"]
    assert positions == sorted(set(positions))
    assert {position.attempt for position in positions} == {1, 2}


async def test_events_come_from_rows_without_the_stream(world: World, api: Client) -> None:
    run = await world.start()
    received: list[Received] = []
    reading = asyncio.ensure_future(events_of(api, run, received))
    await until_received(received, "status", status="queued")
    async with world.context.database.connection() as connection:
        await connection.execute("update warm_run set status = 'failed', error = 'no', finished_at = now()")
    await reading
    assert (received[-1][1], received[-1][2]["error"]) == ("failed", "no")


async def test_lost_broker_does_not_stop_a_run(world: World) -> None:
    run = await world.start()
    assert await execute(world.context, run) == "completed"
    reader = Broadcast(world.context.broker, EVENTS_STREAM, positions={EVENTS_STREAM: "0-0"})
    facts = [event for _, event in await reader.read(block_ms=10) if isinstance(event, WarmProgressed)]
    assert (facts[0].status, facts[0].phase) == ("running", None)
    assert (facts[-1].status, facts[-1].phase) == ("completed", None)
    assert [fact.phase for fact in facts if fact.ended] == list(PHASES)
    assert len(facts) <= 2 + 5 * 2 + 60 / 0.2  # never one for each item of a fast phase
    await world.context.broker.unlink(key_of(EVENTS_STREAM))
    await world.context.broker.set(key_of(EVENTS_STREAM), b"planted: the fact finds no stream here")
    again = await world.start()
    assert await execute(world.context, again) == "completed"


@pytest.mark.parametrize("enabled", [True, False])
async def test_schedule_matches_the_warmer(world: World, enabled: bool) -> None:
    """With warming switched off the night makes no run; the picks of the morning are made all the same."""
    settings = replace(world.context.settings, warm_enabled=enabled)
    async with api_of(settings) as client:
        items = (await client.call("GET", "/v1/schedule"))[1]["items"]
        korean = (await client.call("GET", "/v1/schedule", **{"Accept-Language": "ko"}))[1]["items"]
        assert [item["name"] for item in korean] == [item["name"] for item in items]
        assert all(re.search("[가-힣]", item["title"]) and re.search("[가-힣]", item["rule"]) for item in korean)
    received = {job["name"]: job["enabled"] for job in items}
    assert received == {
        "warm": enabled,
        "picks": True,
        "refresh": True,
        "purge": True,
        "fetch": False,
        "filings": False,
        "paper_data": True,
        "paper_orders": True,
        "paper_open": True,
    }
    context = replace(world.context, settings=settings)

    async def morning() -> dt.datetime:
        return dt.datetime(2025, 12, 30, 7, 0, 5, tzinfo=SEOUL)

    async with arq_jobs.queue(settings.broker_url or "", WARM_QUEUE) as queue:
        await enqueue_due(context, queue, morning)
        queued = {job.function for job in await queue.queued_jobs(queue_name=WARM_QUEUE)}
    assert queued == ({"warm", "select_daily"} if enabled else {"select_daily"})
    async with world.context.database.connection() as connection:
        assert await connection.fetchval("select count(*) from warm_run") == int(enabled)


async def test_slow_subscriber_gets_the_newest_of_each_phase() -> None:
    subscription = WarmSubscription()

    def fact(place: int, done: int) -> WarmProgressed:
        return WarmProgressed(run_id=1, status="running", phase=PHASES[place], place=place, items=9, done=done)

    for event in (fact(0, 1), fact(1, 1), WarmProgressed(run_id=1, status="completed"), fact(0, 9), fact(1, 2)):
        subscription.put(event)
    events = await subscription.take(1)
    assert [(event.phase, event.done) for event in events] == [("prices", 9), ("factors", 2), (None, 0)]
    assert await subscription.take(0.01) == []


async def test_closed_subscriptions_are_removed(world: World, api: Client) -> None:
    run = await world.start()
    reading = asyncio.ensure_future(events_of(api, run))
    async with asyncio.timeout(MAX_WAIT_S):
        while not len(api.api.event_hub.warm):  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.01)
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading
    async with asyncio.timeout(MAX_WAIT_S):
        while len(api.api.event_hub.warm):
            await append(world.context.broker, WarmProgressed(run_id=run, status="running"))
            await asyncio.sleep(0.01)
    path = f"/v1/warm-runs/{run}/events"
    assert (await api.call("GET", path, Last_Event_ID="2025-01-02.3"))[0] == 422
    assert (await api.call("GET", path, Last_Event_ID="1.2.3"))[0] == 422
    assert (await api.call("GET", "/v1/warm-runs/999999/events"))[0] == 404
    assert (await api.call("GET", "/v1/warm-runs/x/events"))[0] == 404
    assert parse_position(None) == Position()


@pytest.mark.parametrize("cut", [False, True])
async def test_command_follows_a_run_by_its_events(world: World, api: Client, cut: bool) -> None:
    """The command resumes when the connection to the API is cut."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def stop_here() -> None:
        if len(world.requests) == 20:
            reached.set()
            await go_on.wait()

    class Seen(Bar):
        def __init__(self) -> None:
            super().__init__(quiet=True)
            self.seen: list[tuple[str, int, int | None]] = []

        def __call__(self, what: str, done: int, total: int | None) -> None:
            self.seen.append((what, done, total))

    world.before = stop_here
    run, bar = await world.start(), Seen()
    port = int(api.url.rpartition(":")[2])
    async with tcp_proxy("127.0.0.1", port) as (proxy, at), aiohttp.ClientSession() as session:
        client = Asking(session, f"http://127.0.0.1:{at}", origin="warmer")
        following = asyncio.ensure_future(follow(client, run, bar))
        running = asyncio.ensure_future(execute(world.context, run))
        await reached.wait()
        async with asyncio.timeout(MAX_WAIT_S):
            while not bar.seen:  # noqa: ASYNC110  there is no event to wait for
                await asyncio.sleep(0.01)
        if cut:
            assert proxy.cut()
        go_on.set()
        assert await running == "completed"
        async with asyncio.timeout(MAX_WAIT_S):
            assert (await following)["status"] == "completed"
        assert bar.seen[-1] == ("warming strategies", 40, 40)
        assert [what for what, done, total in bar.seen if done == total] == [f"warming {name}" for name in PHASES]
        with pytest.raises(OndolError, match="cannot be followed"):
            await follow(client, 999_999, bar)
