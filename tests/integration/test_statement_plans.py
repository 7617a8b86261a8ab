"""The statements of a request read few rows, however many computations are queued."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from shared.infra.database.fast_pool import LIMITS
from shared.infra.database.sql import statements
from shared.settings import Settings

SQL = statements("backtest")
WAITING = 400
ROWS = """
insert into computation (id, request_digest, dataset_version, engine_version, rules_version, request, status,
                         attempts, lease, lease_until)
select lpad($1::text || i::text, 32, '0')::uuid, $1 || '-' || i::text, 'd', 'e', 'r', '{}', $2::text, 1, 1,
       case $2 when 'running' then now() + interval '1 hour' end
from generate_series(1, $3::integer) as i
"""
ONE = uuid.UUID("27".zfill(32))

EXECUTED = {
    "insert_backtest": f"""('{uuid.uuid4()}', '{uuid.uuid4()}', 'local', '{{}}', 'never seen', 'd', 'e', 'r', null,
                            'user', null, null, false, now(), 1, false, null, 1)""",
    "acquire_lease": f"('{uuid.UUID('37'.zfill(32))}', 4.0, 'worker', false, null, 'e', 'r')",
    "complete_optimistic": f"""('{uuid.UUID("37".zfill(32))}', '{{}}', 'd', 'e', 'result', 'digest', '{{}}', now(),
                           now(), 'r')""",
    "renew_lease": f"('{ONE}', 1, 4.0, 0.5, 'running')",
    "complete": f"('{ONE}', 1, 'result', 'digest', '{{}}', now())",
    "fail": f"('{ONE}', 1, '{{}}')",
    "release": f"('{ONE}', 1, 1)",
}
"""Statement -> its arguments."""


def _parts(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _parts(part)


@pytest.mark.parametrize("name", EXECUTED)
async def test_statement_reads_no_other_open_computations(settings: Settings, name: str) -> None:
    connection = await asyncpg.connect(settings.database_url, server_settings=LIMITS)
    try:
        await connection.execute(ROWS, "1", "queued", 3000)
        await connection.execute("update computation set status = 'completed'")
        await connection.execute("vacuum analyze computation")  # at a moment when nothing waits
        await connection.execute(ROWS, "2", "running", WAITING)
        await connection.execute(ROWS, "3", "queued", WAITING)
        await connection.execute(f"prepare statement as {SQL[name]}")
        text = await connection.fetchval(f"explain (analyze, format json) execute statement{EXECUTED[name]}")
    finally:
        await connection.close()
    parts = list(_parts(json.loads(text)[0]["Plan"]))
    tables = [part for part in parts if "Relation Name" in part]
    assert sum(part.get("Rows Removed by Filter", 0) for part in tables) == 0, text
    changed = [
        part for part in parts
        if part["Node Type"] == "ModifyTable" and part["Relation Name"] not in ("computation_waiter", "stored_bytes")
    ]  # fmt: skip
    assert all(part["Actual Rows"] == 1 for part in changed), text


async def test_reconciler_skips_rows_that_ended_earlier(settings: Settings) -> None:
    connection = await asyncpg.connect(settings.database_url, server_settings=LIMITS)

    async def visited_pages() -> int:
        found = 0
        async with connection.transaction():
            await connection.fetchval(SQL["try_reconcile_lock"])
            for name, values in (("fail_exhausted", ("{}",)), ("select_unannounced", (1.0, 5000))):
                statement = f"explain (analyze, buffers, format json) {_filled(SQL[name], values)}"
                plan = json.loads(await connection.fetchval(statement))[0]["Plan"]
                found += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        return found

    try:
        await connection.execute("alter table computation set (autovacuum_enabled = false)")
        await connection.execute(ROWS, "1", "queued", 6000)
        await connection.execute("update computation set created_at = now() - random() * interval '1 hour'")
        await connection.execute("vacuum full analyze computation")
        await connection.execute("update computation set status = 'completed'")
        assert await visited_pages() > 6000  # a visit to each row that has ended since
        # the next visits read the index and few others, once no snapshot is older, such as that of an autoanalyze
        async with asyncio.timeout(60):
            while await visited_pages() >= 600:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


def _filled(statement: str, values: tuple[object, ...]) -> str:
    for number, value in enumerate(values, 1):
        statement = statement.replace(f"${number}", repr(value))
    return statement
