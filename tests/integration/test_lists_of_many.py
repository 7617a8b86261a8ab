"""Lists of an owner with many backtests: the right rows, read from an index, whatever the filter."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio

from shared.infra.database.fast_pool import LIMITS
from shared.infra.database.sql import statements
from shared.settings import Settings
from tests.support.owners import MANY_BACKTESTS

SQL = statements("backtest")
NEWEST = uuid.UUID(int=(1 << 128) - 1)
LIMIT = 51
ROWS = 20_000
FILTERS = {
    "failed": {"status": "failed"}, "cancelled": {"status": "cancelled"}, "completed": {"status": "completed"},
    "queued": {"status": "queued"}, "running": {"status": "running"}, "preparing": {"status": "preparing"},
    "strategy": {"strategy": "rare"}, "origin": {"origin": "verify"}, "name": {"name": "%few%"},
    "starred": {"starred": True}, "everything": {},
}  # fmt: skip


@pytest_asyncio.fixture
async def connection(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    found = await asyncpg.connect(settings.database_url, server_settings=LIMITS)
    await found.execute(MANY_BACKTESTS, "many", ROWS, "{}")
    await found.execute(SQL["record_ends"], ROWS)
    await found.execute("update backtest set ended = null where id in (select id from backtest limit 300)")
    await found.execute("vacuum analyze backtest")
    yield found
    await found.close()


async def read(connection: asyncpg.Connection, prefix: str = "", **query: Any) -> Any:
    """Return the rows of a page, or with a prefix what PostgreSQL says of its plan."""
    filters = (query.get("origin"), query.get("name"), query.get("starred"))
    values = ["many", NEWEST, query.get("strategy"), LIMIT, *filters]
    statement = SQL["select_newest"]
    if "status" in query:
        statement, values = SQL["select_newest_of_status"], [*values, query["status"]]
    async with connection.transaction():
        await connection.execute(SQL["force_custom_plan"])
        return await connection.fetch(prefix + statement, *values)


async def test_page_has_the_newest_matching_rows_and_reads_few(connection: asyncpg.Connection) -> None:
    every = await connection.fetch(
        "select b.*, c.status from backtest b left join computation c on c.id = b.computation order by b.id desc"
    )

    def matches(row: Any, name: str) -> bool:
        status = "cancelled" if row["cancelled_at"] else row["status"] or "preparing"
        wanted = FILTERS[name]
        return (
            wanted.get("status") in (None, status) and wanted.get("strategy") in (None, row["strategy_id"])
            and wanted.get("origin") in (None, row["origin"]) and wanted.get("starred") in (None, row["starred"])
            and ("name" not in wanted or "few" in (row["name"] or ""))
        )  # fmt: skip

    for name, query in FILTERS.items():
        expected = [row["id"] for row in every if matches(row, name)][:LIMIT]
        assert [row["id"] for row in await read(connection, **query)] == expected, name
        (plan,) = await read(connection, "explain (analyze, buffers, format json) ", **query)
        found = json.loads(plan[0])[0]["Plan"]
        assert found["Shared Hit Blocks"] + found["Shared Read Blocks"] < 3000, (name, plan[0])


async def test_ends_are_recorded_once_and_in_bounded_steps(connection: asyncpg.Connection) -> None:
    await connection.execute("update backtest set ended = null")
    expected = dict(await connection.fetch(
        """select case when b.cancelled_at is not null then 'cancelled' else c.status end, count(*)
           from backtest b join computation c on c.id = b.computation
           where b.cancelled_at is not null or c.status in ('completed', 'failed', 'cancelled') group by 1"""
    ))  # fmt: skip
    assert await connection.execute(SQL["record_ends"], 100) == "UPDATE 100"
    await connection.execute(SQL["record_ends"], ROWS)
    recorded = await connection.fetch("select ended, count(*) from backtest where ended is not null group by 1")
    assert dict(recorded) == expected
    assert await connection.execute(SQL["record_ends"], ROWS) == "UPDATE 0"
