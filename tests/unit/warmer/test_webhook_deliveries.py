"""Deliveries of webhooks: once claimed by one worker, retried, given up, and sent again by request."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from services.warmer import paper_accounts, webhook_deliveries
from services.warmer.phases import WarmContext
from services.warmer.service import open_context
from shared.infra.database.sql import statements
from shared.infra.webhook_sender import signature
from shared.model.calendar import SEOUL
from shared.settings import Settings
from tests.unit.infra.test_webhook_sender import Receiver, receiver

__all__ = ["receiver"]
PAPER, SQL = statements("paper"), statements("webhooks")
ACCOUNT, OTHER, DAY = uuid.UUID(int=1), uuid.UUID(int=2), dt.date(2025, 3, 6)


@pytest_asyncio.fixture
async def context(settings: Settings, receiver: Receiver) -> AsyncIterator[WarmContext]:
    allowed = replace(settings, webhook_allowed_hosts=("127.0.0.1",))
    async with open_context(allowed, CollectorRegistry()) as found:
        async with found.database.connection() as connection:
            for account in (ACCOUNT, OTHER):
                values = (account, "local", "a", None, "{}", dt.date(2025, 3, 3))
                await connection.fetchrow(PAPER["insert_account"], *values)
            await connection.fetchrow(SQL["set_webhook"], ACCOUNT, receiver.url, "s" * 16)
        yield found


async def add(context: WarmContext, change: str = "orders.decided") -> None:
    async with context.database.connection() as connection:
        await connection.execute(SQL["add_deliveries"], [ACCOUNT, OTHER], change, DAY)


async def rows(context: WarmContext) -> list[Any]:
    async with context.database.connection() as connection:
        found: list[Any] = await connection.fetch("select * from paper_delivery order by number")
    return found


async def make_due(context: WarmContext) -> None:
    async with context.database.connection() as connection:
        await connection.execute("update paper_delivery set due_at = now() where status = 'waiting'")


async def test_three_workers_send_each_delivery_once(context: WarmContext, receiver: Receiver) -> None:
    for _ in range(5):
        await add(context)
    assert await webhook_deliveries.is_due(context.database)
    assert sum(await asyncio.gather(*(webhook_deliveries.deliver_due(context) for _ in range(3)))) == 5
    assert not await webhook_deliveries.is_due(context.database)
    stored = await rows(context)
    assert [row["status"] for row in stored] == ["delivered"] * 5
    assert {row["account"] for row in stored} == {ACCOUNT}
    bodies = [orjson.loads(body) for _, body in receiver.received]
    assert sorted(body["event_id"] for body in bodies) == sorted(str(row["event_id"]) for row in stored)
    headers, body = receiver.received[0]
    timestamp = int(headers["Ondol-Signature"].partition(",")[0].removeprefix("t="))
    assert headers["Ondol-Signature"] == signature("s" * 16, timestamp, body)
    assert (bodies[0]["type"], bodies[0]["account_id"], bodies[0]["date"]) == (
        "orders.decided", str(ACCOUNT), "2025-03-06",
    )  # fmt: skip


async def test_failures_are_retried_then_given_up(context: WarmContext, receiver: Receiver) -> None:
    await add(context)
    receiver.answers = [503, 302] + [500] * 20
    for attempt in range(1, webhook_deliveries.ATTEMPTS + 1):
        assert await webhook_deliveries.deliver_due(context) == 0
        (row,) = await rows(context)
        status = "dead" if attempt == webhook_deliveries.ATTEMPTS else "waiting"
        assert (row["attempts"], row["status"]) == (attempt, status)
        assert not await webhook_deliveries.is_due(context.database)
        await make_due(context)
    assert (row["http_status"], row["error"]) == (500, "the receiver answered 500")
    receiver.answers = []
    async with context.database.connection() as connection:
        again = await connection.fetchrow(SQL["resend_delivery"], ACCOUNT, row["number"])
        assert await connection.fetchrow(SQL["resend_delivery"], OTHER, row["number"]) is None
    assert (again["status"], again["attempts"]) == ("waiting", 0)
    assert await webhook_deliveries.deliver_due(context) == 1
    ids = {orjson.loads(body)["event_id"] for _, body in receiver.received}
    assert ids == {str(row["event_id"])}


async def test_a_delivery_of_a_lost_worker_is_sent_after_its_lease(context: WarmContext) -> None:
    await add(context)
    async with context.database.connection() as connection:
        await connection.fetch(SQL["claim_deliveries"], 10, 30.0)
    assert await webhook_deliveries.deliver_due(context) == 0
    await make_due(context)
    assert await webhook_deliveries.deliver_due(context) == 1
    assert (await rows(context))[0]["attempts"] == 2


async def test_hosts_that_are_not_allowed_get_nothing(context: WarmContext, receiver: Receiver) -> None:
    await add(context)
    guarded = replace(context, settings=replace(context.settings, webhook_allowed_hosts=()))
    assert await webhook_deliveries.deliver_due(guarded) == 0
    assert receiver.received == []
    assert "RefusedAddressError" in (await rows(context))[0]["error"]


@pytest.mark.parametrize(("attempts", "pause"), [(1, 15.0), (2, 30.0), (9, 3840.0), (10, None), (11, None)])
def test_pauses_grow_up_to_the_last_attempt(attempts: int, pause: float | None) -> None:
    assert webhook_deliveries.pause_s(attempts) == pause


async def test_late_data_and_opens_are_delivered(context: WarmContext) -> None:
    await paper_accounts.mark_day(context, dt.datetime(2025, 3, 6, 6, 30, tzinfo=SEOUL))
    assert [(row["change"], row["account"], row["day"]) for row in await rows(context)] == [("data.late", ACCOUNT, DAY)]
