"""Paper accounts on schedule: each account is claimed once, and late data leave a day without a decision."""

from __future__ import annotations

import asyncio
import datetime as dt
import pathlib
import tempfile
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import polars as pl
import pytest_asyncio
from prometheus_client import CollectorRegistry

from services.preparer.loading.load import load_market
from services.warmer import paper_accounts
from services.warmer.phases import WarmContext
from services.warmer.service import open_context
from shared.infra.api_client.client import ApiClient
from shared.infra.database.sql import statements
from shared.settings import Settings
from tests.support.system import publish_market

SQL, QUOTES = statements("paper"), statements("opening_quotes")
ROW, DAY = dt.date(2025, 3, 5), dt.date(2025, 3, 6)


def seoul(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(f"{text}+09:00")


def market(days: tuple[int, ...] = (3, 4, 5)) -> dict[str, Any]:
    row = {"stock_code": "000010", "open": 10, "high": 10, "low": 10, "close": 10, "volume": 1, "listed_shares": 1}
    prices = [row | {"date": f"2025-03-{day:02}"} for day in days]
    return {"prices": prices, "companies": [{"stock_code": "000010", "name": "a", "market": "KOSPI"}]}


async def load(settings: Settings, tables: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for table, rows in tables.items():
            pl.DataFrame(rows).write_csv(pathlib.Path(folder) / f"{table}.csv")
        await load_market(pathlib.Path(folder), settings.database_url or "")


@pytest_asyncio.fixture
async def context(settings: Settings) -> AsyncIterator[WarmContext]:
    await load(settings, market())
    await publish_market(settings, market(), ())
    async with open_context(settings, CollectorRegistry()) as found:
        async with found.database.connection() as connection:
            await connection.execute("update dataset_current set revision = (select max(id) from data_revision)")
            for number in range(5):
                values = (uuid.UUID(int=number), "local", "a", None, "{}", dt.date(2025, 3, 3))
                await connection.fetchrow(SQL["insert_account"], *values)
        yield found


class Steps(ApiClient):
    """Steps as the API writes them, noted by account."""

    def __init__(self, context: WarmContext, day: dt.date | None) -> None:
        self.context, self.day = context, day
        self.asked: list[str] = []

    async def call(self, method: str, path: str, **given: Any) -> Any:
        assert (method, given["query"]) == ("POST", {"scheduled": "true"})
        self.asked.append(path)
        async with self.context.database.transaction() as connection:
            account = uuid.UUID(path.split("/")[3])
            version, revision = await connection.fetchrow("select version, revision from dataset_current")
            await connection.fetchval(
                SQL["finish_step"], account, 0, version, revision, "2", ROW, 1.0, 1.0, 0, "d", b""
            )
            if self.day is not None:
                await connection.fetchval(
                    SQL["insert_decision"], account, self.day, ROW, False, version, revision, "2", "d", "{}",
                    seoul("2025-03-06T07:00:00"), 0,
                )  # fmt: skip


class QuotedSteps(Steps):
    """Steps that book a day from its opening quotes of a number."""

    def __init__(self, context: WarmContext, number: int) -> None:
        super().__init__(context, None)
        self.number = number

    async def call(self, method: str, path: str, **given: Any) -> Any:
        account = uuid.UUID(path.split("/")[3])
        async with self.context.database.connection() as connection:
            booked = await connection.fetchval(
                SQL["book_provisionally"], account, DAY, f"{self.number}", self.number, "[]"
            )
            assert booked == DAY
            await connection.execute("update paper_account set lease_until = null where id = $1", account)


async def statuses(context: WarmContext, day: dt.date = DAY) -> list[str]:
    async with context.database.connection() as connection:
        rows = await connection.fetch("select status from paper_step where day = $1", day)
    return [row["status"] for row in rows]


async def test_three_warmers_step_each_account_once_a_day(context: WarmContext) -> None:
    now = seoul("2025-03-06T07:00:00")
    warmers = [replace(context, client=Steps(context, DAY)) for _ in range(3)]
    assert await paper_accounts.is_due(context.database, now)
    skewed = [now, now + dt.timedelta(seconds=90), now + dt.timedelta(minutes=10)]
    stepped = await asyncio.gather(*map(paper_accounts.step_due, warmers, skewed))
    assert sum(stepped) == 5
    asked = [path for warmer in warmers for path in warmer.client.asked]  # type: ignore[attr-defined]
    assert sorted(asked) == [f"/v1/accounts/{uuid.UUID(int=number)}/steps" for number in range(5)]
    assert not await paper_accounts.is_due(context.database, now + dt.timedelta(hours=3))
    assert await statuses(context) == ["decided"] * 5


async def test_new_quotes_make_accounts_with_orders_due_once(context: WarmContext) -> None:
    """Each change of the quotes is one more step of every account that has not booked the day from them."""
    now = seoul("2025-03-06T07:00:00")
    await paper_accounts.step_due(replace(context, client=Steps(context, DAY)), now)
    for number in (1, 2):
        async with context.database.connection() as connection:
            await connection.execute(QUOTES["insert_day"], DAY)
            await connection.fetchrow(QUOTES["replace_quotes"], DAY, "{}")
        assert await paper_accounts.is_due(context.database, now)
        warmers = [replace(context, client=QuotedSteps(context, number)) for _ in range(3)]
        stepped = await asyncio.gather(*(paper_accounts.step_due(warmer, now) for warmer in warmers))
        assert sum(stepped) == 5
        assert not await paper_accounts.is_due(context.database, now)
    async with context.database.connection() as connection:
        await connection.execute("update paper_step set booked_at = now(), provisional_number = null")
    assert not await paper_accounts.is_due(context.database, now)


async def test_late_data_leave_the_day_without_a_decision(context: WarmContext) -> None:
    following = DAY + dt.timedelta(days=1)
    await paper_accounts.mark_day(context, seoul("2025-03-07T06:29:00"))
    assert await statuses(context, following) == []
    await paper_accounts.mark_day(context, seoul("2025-03-07T06:30:00"))
    await paper_accounts.mark_day(context, seoul("2025-03-07T06:31:00"))
    assert await statuses(context, following) == ["data_late"] * 5
    warmer = replace(context, client=Steps(context, following))
    assert await paper_accounts.step_due(warmer, seoul("2025-03-07T07:00:00")) == 5
    assert await statuses(context, following) == ["data_late"] * 5
    assert not await paper_accounts.is_due(context.database, seoul("2025-03-07T08:00:00"))


async def test_fetched_rows_are_decided_on_until_the_open(context: WarmContext) -> None:
    fetching = replace(context, settings=replace(context.settings, fetch_enabled="true"))
    following = DAY + dt.timedelta(days=1)
    for time in ("06:30:00", "07:00:00", "08:49:59"):
        await paper_accounts.mark_day(fetching, seoul(f"2025-03-07T{time}"))
        assert await statuses(context, following) == []
    warmer = replace(fetching, client=Steps(context, None))
    assert await paper_accounts.step_due(warmer, seoul("2025-03-07T07:00:00")) == 5  # books the days of the version
    assert not await paper_accounts.is_due(context.database, seoul("2025-03-07T08:11:00"))
    await load(context.settings, market(days=(3, 4, 5, 6)))
    async with context.database.connection() as connection:
        await connection.execute("update dataset_current set revision = (select max(id) from data_revision)")
        await connection.execute("update paper_account set lease_until = null, fence = 0")
    assert await paper_accounts.is_due(context.database, seoul("2025-03-07T08:11:00"))
    await paper_accounts.step_due(replace(fetching, client=Steps(context, following)), seoul("2025-03-07T08:11:00"))
    await paper_accounts.mark_day(fetching, seoul("2025-03-07T08:50:00"))
    assert await statuses(context, following) == ["decided"] * 5


async def test_orders_become_working_at_the_open(context: WarmContext) -> None:
    await paper_accounts.step_due(replace(context, client=Steps(context, DAY)), seoul("2025-03-06T07:00:00"))
    await paper_accounts.mark_day(context, seoul("2025-03-06T08:59:59"))
    assert await statuses(context) == ["decided"] * 5
    await paper_accounts.mark_day(context, seoul("2025-03-06T09:00:00"))
    assert await statuses(context) == ["working"] * 5


async def test_booked_days_are_not_due(context: WarmContext) -> None:
    now = seoul("2025-03-06T07:00:00")
    async with context.database.connection() as connection:
        await connection.execute(
            "update paper_account set as_of = $1, dataset_version = (select version from dataset_current)", DAY
        )
    assert not await paper_accounts.is_due(context.database, now)
