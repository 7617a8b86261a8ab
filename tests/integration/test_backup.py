"""Backups restored into another database: equal rows, equal dataset, equal results; damaged files change nothing."""

from __future__ import annotations

import pathlib
import stat
import zipfile
from typing import Any

import msgspec
import pytest

from ondol.local.run_file import Servers
from shared.errors import SetupError
from shared.infra.database import backup
from shared.infra.database.backup import restore_backup, write_backup
from shared.infra.database.pool import MIGRATIONS, apply_migrations, lone_connection, migrate
from shared.settings import Settings
from tests.integration.test_backtests_of_keys import make_key
from tests.support.api_helpers import connection_of, ended, prepared, submit
from tests.support.api_with_market import request
from tests.support.preparing import prepare_once
from tests.support.servers import fresh_settings
from tests.support.system import api_of, simulator

__all__ = ["prepared"]


def url_of(settings: Settings) -> str:
    assert settings.database_url
    return settings.database_url


async def version_of(settings: Settings) -> str:
    async with connection_of(settings) as connection:
        version: str = await connection.fetchval("select version from dataset_current")
        return version


def digest_of(document: dict[str, Any]) -> str:
    digest: str = document["result"]["provenance"]["result_digest"]
    return digest


async def test_restored_database_has_equal_rows_and_results(
    prepared: Settings, servers: Servers, tmp_path: pathlib.Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    later = request(initial_cash=20_000_000)
    key = await make_key(prepared, "desk", rate=1e6)
    async with api_of(prepared) as client:
        async with simulator(prepared):
            done = await submit(client, request(), Prefer="wait=30", Authorization=key)
            expected = await submit(
                client, request(initial_cash=20_000_000), Prefer="wait=30", Cache_Control="no-store"
            )
        strategy = {"id": "mine", "name": "mine", "strategy": {"buy": {"where": "PER < 3"}}}
        assert (await client.call("POST", "/v1/strategies", strategy, Authorization=key))[0] == 201
        opened = await submit(client, later, Authorization=key)
        assert opened["status"] == "queued"
    contents = await write_backup(url_of(prepared), first, "1.0")
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    async with fresh_settings(servers) as other:
        report = await restore_backup(url_of(other), first)
        assert (report.migrated, report.queued_again, report.cancelled_sweeps) == ([], 1, 0)
        again = await write_backup(url_of(other), second, "1.0")
        rows = {table.name: (table.rows, table.sha256) for table in contents.tables}
        changed = {t.name for t in again.tables if (t.rows, t.sha256) != rows[t.name]}
        assert changed == {"computation", "backtest"}, "only the unfinished backtest changes"
        assert again.dataset_version is None
        await prepare_once(other)
        assert await version_of(other) == contents.dataset_version == await version_of(prepared)
        async with api_of(other) as client, simulator(other):
            _, found, _ = await client.call("GET", f"/v1/backtests/{done['id']}", Authorization=key)
            assert digest_of(found) == digest_of(done)
            assert found["result"] == done["result"]
            hit = await submit(client, request(), Prefer="wait=30", Authorization=key)
            assert hit["cached"]
            assert digest_of(await ended(client, opened["id"], Authorization=key)) == digest_of(expected)
            assert (await client.call("GET", "/v1/strategies/mine", Authorization=key))[0] == 200
            fresh = await submit(client, request(), Prefer="wait=30", Cache_Control="no-store")
            assert digest_of(fresh) == digest_of(done)


async def test_every_table_is_backed_up_or_derived(settings: Settings) -> None:
    async with connection_of(settings) as connection:
        names = {row["table"] for row in await connection.fetch(backup.SQL["columns"])}
    assert names == {*backup.TABLES, *backup.DERIVED, "migration"}


async def test_restoration_into_a_database_with_data_is_refused(prepared: Settings, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "file"
    await write_backup(url_of(prepared), file, "1.0")
    with pytest.raises(SetupError, match="has data already"):
        await restore_backup(url_of(prepared), file)
    with pytest.raises(SetupError, match="exists"):
        await write_backup(url_of(prepared), file, "1.0")


async def test_restoration_beside_a_service_is_refused(
    prepared: Settings, servers: Servers, tmp_path: pathlib.Path
) -> None:
    await write_backup(url_of(prepared), tmp_path / "file", "1.0")
    async with fresh_settings(servers) as other, api_of(other):
        with pytest.raises(SetupError, match=r"Services are connected to this database \(api\)"):
            await restore_backup(url_of(other), tmp_path / "file")


def _copied(source: pathlib.Path, target: pathlib.Path, changed: dict[str, bytes | None]) -> pathlib.Path:
    """Copy an archive with other bytes of some entries, None: without the entry."""
    with zipfile.ZipFile(source) as archive, zipfile.ZipFile(target, "w") as copy:
        for name in archive.namelist():
            body = changed.get(name, archive.read(name))
            if body is not None:
                copy.writestr(name, body)
    return target


async def test_damaged_file_is_refused_and_changes_nothing(
    prepared: Settings, servers: Servers, tmp_path: pathlib.Path
) -> None:
    good = tmp_path / "good"
    await write_backup(url_of(prepared), good, "1.0")
    with zipfile.ZipFile(good) as archive:
        listing = archive.read(backup.CONTENTS)
        prices = archive.read("price_year.copy.zst")
    (tmp_path / "truncated").write_bytes(good.read_bytes()[:-2000])
    (tmp_path / "empty").touch()
    newer = listing.replace(b'"0001_market"', b'"9999_future", "0001_market"')
    files = {
        tmp_path / "truncated": "damaged",
        tmp_path / "empty": "damaged",
        tmp_path / "absent": "cannot be read",
        _copied(good, tmp_path / "1", {backup.CONTENTS: None}): "not a backup",
        _copied(good, tmp_path / "2", {backup.CONTENTS: b"[]"}): "not a backup",
        _copied(good, tmp_path / "3", {backup.CONTENTS: newer}): "written by ondol 1.0, which has migrations",
        _copied(good, tmp_path / "4", {backup.CONTENTS: listing.replace(b'"format": 1', b'"format": 2')}): "newer",
        _copied(good, tmp_path / "5", {"price_year.copy.zst": None}): "lacks the rows of price_year",
        _copied(good, tmp_path / "6", {"price_year.copy.zst": prices[:-100]}): "price_year|could not be restored",
        _copied(good, tmp_path / "7", {"price_year.copy.zst": b"none"}): "could not be restored",
        _copied(good, tmp_path / "8", {backup.CONTENTS: listing.replace(b'"delisted_on"', b'"other"')}): "no table",
    }
    async with fresh_settings(servers) as other:
        for file, message in files.items():
            with pytest.raises(SetupError, match=message):
                await restore_backup(url_of(other), file)
        async with lone_connection(url_of(other)) as connection:
            assert not await connection.fetchval("select exists (select from instrument)")
        assert await migrate(url_of(other)) == []
        await restore_backup(url_of(other), good)


async def test_backup_of_an_older_schema_is_migrated(
    settings: Settings, servers: Servers, tmp_path: pathlib.Path
) -> None:
    """The backup has the tables and columns of the schema before migration 0016; its tables are empty."""
    await write_backup(url_of(settings), tmp_path / "file", "1.0")
    contents = backup.read_contents(tmp_path / "file")
    older = [name for name in contents.migrations if name < "0016"]
    async with fresh_settings(servers) as other:
        async with lone_connection(url_of(other)) as connection:
            await connection.execute("drop schema public cascade; create schema public")
            await apply_migrations(connection, [f for f in sorted(MIGRATIONS.glob("0*.sql")) if f.stem in older])
            columns = await backup._columns(connection)
        contents.migrations = older
        contents.tables = [table for table in contents.tables if table.name in columns]
        for table in contents.tables:
            table.columns = [name for name in table.columns if name in columns[table.name]]
        file = _copied(tmp_path / "file", tmp_path / "older", {backup.CONTENTS: msgspec.json.encode(contents)})
        report = await restore_backup(url_of(other), file)
        assert report.migrated == [name for name in _names() if name not in older]
        assert await migrate(url_of(other)) == []


def _names() -> list[str]:
    return sorted(file.stem for file in MIGRATIONS.glob("[0-9]*.sql"))
