"""A database of the released version migrates to the current schema and keeps its rows."""

from __future__ import annotations

import asyncpg
import pytest

from services.preparer.loading.earlier_rows import TABLES, MarketTable
from shared.infra.database.pool import MIGRATIONS, lone_connection, migrate
from shared.settings import Settings

RELEASED = "0007_retention"
ROWS = """
insert into own_strategy (owner, id, name, strategy) values ('k1', 's1', 'Mine', '{}');
insert into daily_pick (day, strategy, dataset_version, picks) values ('2025-01-02', 's1', 'v1', '[]');
insert into part_build (fence, part, preparer) values (3, 0, 'p1');
insert into chunk_part (name, bytes) values ('close-2025', '\\x01');
insert into warm_run (night, trigger, phases, status) values ('2025-01-02', 'nightly', '{prices}', 'partial');
insert into warm_phase (run, phase, place, items, fresh) values (1, 'prices', 2, 5, 4);
insert into warm_item (run, phase, item, status, fresh, seconds, lacking)
values (1, 'prices', 'a', 'failed', true, 1, true);
insert into instrument (ordinal, code, name, market) values (0, '000010', 'A', 'KOSPI');
insert into price_year (stock, year, rows, first_day, last_day, bars) values (0, 2025, 1, 20089, 20089, '\\x01');
insert into data_revision (source, rows) values ('market', 2);
insert into revision_scope (revision, kind, part, from_year) values (1, 'price', 0, 2025);
insert into computation (id, request_digest, dataset_version, engine_version, rules_version, request, status)
values ('00000000-0000-0000-0000-000000000001', 'd', 'v1', '1', 'r', '{}', 'completed');
"""
SELECTS = {
    "select owner, id, name from user_strategy": ("k1", "s1", "Mine"),
    "select strategy, picks from daily_selection": ("s1", "[]"),
    "select fence, preparer from part_claim": (3, "p1"),
    "select name, bytes from dataset_part": ("close-2025", b"\x01"),
    "select scheduled_date::text, status from warm_run": ("2025-01-02", "partial"),
    "select position, items, computed from warm_phase": (2, 5, 4),
    "select item, computed, missing_data from warm_item": ("a", True, True),
    "select stock, year, bars from price_year": (0, 2025, b"\x01"),
    "select source, rows, kind, same_as, revertible from data_revision": ("market", 2, "load", None, False),
    "select revision, kind, rows from revision_scope": (1, "price", None),
    "select count(*) from price_year_before": (0,),
    "select engine_version, status from computation": ("1", "completed"),
}


async def _create(connection: asyncpg.Connection, last: str) -> None:
    """Create the schema of a migration and those before it."""
    await connection.execute("drop schema public cascade; create schema public")
    await connection.execute("create table migration (name text primary key, applied_at timestamptz default now())")
    for file in sorted(MIGRATIONS.glob("[0-9]*.sql")):
        if file.stem <= last:
            await connection.execute(file.read_text(encoding="utf-8"))
            await connection.execute("insert into migration (name) values ($1)", file.stem)


async def test_released_database_migrates_with_its_rows(settings: Settings) -> None:
    url = settings.database_url or ""
    async with lone_connection(url) as connection:
        await _create(connection, RELEASED)
        await connection.execute(ROWS)
        applied = await migrate(url)
        assert "0009_table_names" in applied
        assert {query: tuple(await connection.fetchrow(query)) for query in SELECTS} == SELECTS
    assert await migrate(url) == []


OPENED = """
insert into research_line (owner, name) values ('k1', 'value');
insert into research_holdout (line, kind, source, variant, first_day, last_day, opened_at)
select id, 'sweep', '00000000-0000-0000-0000-000000000002', 7, '2023-01-02', '2023-12-28', now() from research_line;
"""


async def test_openings_of_holdouts_keep_their_line(settings: Settings) -> None:
    url = settings.database_url or ""
    async with lone_connection(url) as connection:
        await _create(connection, "0025_research_ledger")
        await connection.execute(OPENED)
        assert "0026_holdouts" in await migrate(url)
        found = await connection.fetchrow("select owner, research, strategy, variant from holdout_opening")
    assert tuple(found) == ("k1", "value", None, 7)


COLUMNS = """
select column_name, data_type from information_schema.columns
where table_schema = 'public' and table_name = $1 order by ordinal_position
"""


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_earlier_rows_have_every_column_of_their_table(settings: Settings, table: MarketTable) -> None:
    async with lone_connection(settings.database_url or "") as connection:
        columns = [tuple(row) for row in await connection.fetch(COLUMNS, table.name)]
        kept = [tuple(row) for row in await connection.fetch(COLUMNS, f"{table.name}_before")]
    assert kept == [("revision", "integer"), ("existed", "boolean"), *columns]
    assert {name for name, _ in columns} == {*table.key, *table.rest}
