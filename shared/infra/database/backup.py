"""Backups: all rows that cannot be computed again, in one file, and their restoration into an empty database.

A file is a ZIP archive with an entry `NAME.copy.zst` for each table (binary COPY, rows in the order of the primary
key, compressed) and `backup.json`, which lists the applied migrations, the position of each sequence, and rows and
SHA-256 of each table. Everything is read in one transaction, so that a system may serve meanwhile.

Dataset versions and their parts are derived from the market tables and are not in it: the preparer builds them again,
with the same names.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import os
import pathlib
import zipfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

import asyncpg
import msgspec
import zstandard

from shared.errors import SetupError
from shared.infra.database.pool import LOST, MIGRATIONS, apply_migrations, lone_connection
from shared.infra.database.sql import statements

SQL = statements("backup")
FORMAT = 1
CONTENTS = "backup.json"

TABLES = (
    "instrument", "listing", "price_year", "statement", "dividend", "index_close",
    "data_revision", "revision_scope", "quality_report",
    "instrument_before", "listing_before", "price_year_before", "statement_before", "dividend_before",
    "index_close_before",
    "computation", "backtest", "sweep", "sweep_part", "sweep_variant",
    "research_line", "research_trial", "holdout_opening", "factor_report",
    "warm_run", "warm_phase", "warm_item", "daily_selection",
    "api_key", "user_strategy", "user_factor", "paper_account", "paper_step", "paper_drift", "paper_change",
    "paper_earlier", "paper_webhook", "paper_delivery", "opening_quotes", "stored_bytes",
)  # fmt: skip
"""The tables of a backup; one that refers to another stands after it."""

DERIVED = (
    "dataset_part",
    "dataset_version",
    "dataset_current",
    "part_claim",
    "computation_waiter",
    "queue_share",
    "analysis",
    "engine_version",
    "secret",
)
"""Tables that are built from others, state what waits at a moment, or have the key of seals, which every database has
of its own."""

_PIECE = 1 << 20
OnTable = Callable[[str, int, int | None], None]
"""Called with (what, tables done, tables in total)."""


class Table(msgspec.Struct, kw_only=True):
    """A table of a backup."""

    name: str
    columns: list[str]
    rows: int
    sha256: str
    """Digest of the rows as binary COPY."""


class Sequence(msgspec.Struct, kw_only=True):
    """Position of a sequence."""

    name: str
    value: int
    is_called: bool


class Contents(msgspec.Struct, kw_only=True):
    """`backup.json`."""

    format: int
    program: str
    created_at: dt.datetime
    migrations: list[str]
    dataset_version: str | None
    tables: list[Table]
    sequences: list[Sequence]


_DECODER = msgspec.json.Decoder(Contents)


@dataclass(frozen=True, kw_only=True)
class RestoreReport:
    """What a restoration did beside copying the rows."""

    contents: Contents
    migrated: list[str] = field(default_factory=list)
    """Migrations that the backup did not have yet."""
    queued_again: int = 0
    """Unfinished backtests, which wait for the dataset."""
    cancelled_sweeps: int = 0
    """Unfinished sweeps on another dataset version than that of the backup."""


async def write_backup(
    url: str, path: pathlib.Path, program: str, on_table: OnTable = lambda what, done, total: None
) -> Contents:
    """Write a backup of the database to a new file that only its owner may read; SetupError when that fails.

    The file appears under its name when it is complete and on disk.
    """
    with _new_file(path) as file:
        try:
            async with (
                lone_connection(url, statement_timeout="0", idle_in_transaction_session_timeout="0") as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                    return await _write(connection, archive, program, on_table)
        except (*LOST, asyncpg.PostgresError) as error:
            raise SetupError(f"The backup {path} could not be written ({error}).") from error


async def _write(connection: asyncpg.Connection, archive: zipfile.ZipFile, program: str, on_table: OnTable) -> Contents:
    columns = await _columns(connection)
    absent = [name for name in (*TABLES, *DERIVED) if name not in columns]
    if absent:
        raise SetupError(f"The database lacks {', '.join(absent)}; run `ondol migrate`.")
    contents = Contents(
        format=FORMAT, program=program, created_at=dt.datetime.now(dt.UTC),
        migrations=[row["name"] for row in await connection.fetch(statements("migrate")["done"])],
        dataset_version=await connection.fetchval("select version from dataset_current"),
        tables=[],
        sequences=[await _sequence(connection, row["name"]) for row in await connection.fetch(SQL["sequences"])],
    )  # fmt: skip
    for number, name in enumerate(TABLES):
        on_table(f"table {name}", number, len(TABLES))
        with archive.open(_entry(name), "w", force_zip64=True) as entry:
            contents.tables.append(await _copy_out(connection, name, columns[name], entry))
    archive.writestr(CONTENTS, msgspec.json.format(msgspec.json.encode(contents), indent=1))
    on_table("tables", len(TABLES), len(TABLES))
    return contents


async def _copy_out(
    connection: asyncpg.Connection, name: str, columns: Mapping[str, int | None], entry: IO[bytes]
) -> Table:
    digest = hashlib.sha256()
    packer = zstandard.ZstdCompressor(level=3).compressobj()

    async def write(piece: bytes) -> None:
        digest.update(piece)
        entry.write(packer.compress(piece))

    key = sorted((position, column) for column, position in columns.items() if position is not None)
    query = f"select {_listed(columns)} from {_quoted(name)} order by {_listed(column for _, column in key)}"  # noqa: S608
    status: str = await connection.copy_from_query(query, output=write, format="binary")
    entry.write(packer.flush())
    return Table(name=name, columns=list(columns), rows=int(status.rsplit(maxsplit=1)[-1]), sha256=digest.hexdigest())


async def _columns(connection: asyncpg.Connection) -> dict[str, dict[str, int | None]]:
    """Return by table and column the position of the column in the primary key."""
    found: dict[str, dict[str, int | None]] = {}
    for row in await connection.fetch(SQL["columns"]):
        found.setdefault(row["table"], {})[row["column"]] = row["key_position"]
    return found


async def _sequence(connection: asyncpg.Connection, name: str) -> Sequence:
    row = await connection.fetchrow(f"select last_value, is_called from {_quoted(name)}")  # noqa: S608
    return Sequence(name=name, value=row["last_value"], is_called=row["is_called"])


@contextmanager
def _new_file(path: pathlib.Path) -> Iterator[IO[bytes]]:
    """Yield a file that gets its name at the end of the block; SetupError when it exists or cannot be written."""
    if path.exists() or path.is_symlink():
        raise SetupError(f"{path} exists; name another file or remove it.")
    part = path.with_name(f"{path.name}.part")
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SetupError(f"The backup {path} could not be written ({error.strerror}).") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_contents(path: pathlib.Path) -> Contents:
    """Return the contents of a backup; SetupError when the file is none, or a newer program wrote it."""
    with _opened(path) as archive:
        return _contents(path, archive)


def _contents(path: pathlib.Path, archive: zipfile.ZipFile) -> Contents:
    try:
        body = archive.read(CONTENTS)
        if msgspec.json.decode(body).get("format") != FORMAT:
            raise SetupError(f"{path} has a format that this program does not know; restore it with a newer one.")
        contents = _DECODER.decode(body)
    except (KeyError, AttributeError, msgspec.MsgspecError, zipfile.BadZipFile) as error:
        raise SetupError(f"{path} is not a backup of Ondol, or is damaged ({error}).") from error
    unknown = sorted(set(contents.migrations) - {file.stem for file in _files()})
    if unknown:
        raise SetupError(
            f"{path} was written by ondol {contents.program}, which has migrations that this program does not have "
            f"({', '.join(unknown)}); restore it with that version or a newer one."
        )
    return contents


@contextmanager
def _opened(path: pathlib.Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except OSError as error:
        raise SetupError(f"{path} cannot be read ({error.strerror}).") from error
    except zipfile.BadZipFile as error:
        raise SetupError(f"{path} is not a backup of Ondol, or is damaged ({error}).") from error


async def restore_backup(
    url: str, path: pathlib.Path, on_table: OnTable = lambda what, done, total: None
) -> RestoreReport:
    """Restore a backup into a database without data, in one transaction, and migrate it to the current schema.

    SetupError, and nothing changes, when the database has data or services are connected to it, when the file is
    damaged, or when a newer program wrote it.
    """
    with _opened(path) as archive:
        contents = _contents(path, archive)
        try:
            async with lone_connection(
                url, statement_timeout="0", idle_in_transaction_session_timeout="0", lock_timeout="60s"
            ) as connection, connection.transaction():  # fmt: skip
                report = await _restore(connection, archive, path, contents, on_table)
            async with lone_connection(url, statement_timeout="0") as connection:
                await connection.execute("analyze")
        except (*LOST, asyncpg.PostgresError, zstandard.ZstdError, zipfile.BadZipFile) as error:
            raise SetupError(f"{path} could not be restored ({error}); nothing was changed.") from error
    return report


async def _restore(
    connection: asyncpg.Connection, archive: zipfile.ZipFile, path: pathlib.Path, contents: Contents, on_table: OnTable
) -> RestoreReport:
    await connection.execute(statements("migrate")["lock"])
    await _require_empty(connection)
    await _drop_schema(connection)
    await apply_migrations(connection, [file for file in _files() if file.stem in contents.migrations])
    columns = await _columns(connection)
    for number, table in enumerate(contents.tables):
        on_table(f"table {table.name}", number, len(contents.tables))
        if table.name in DERIVED or not set(table.columns) <= set(columns.get(table.name, ())):
            raise SetupError(f"{path} is damaged: its migrations have no table {table.name} with these columns.")
        await _copy_in(connection, archive, path, table)
    on_table("tables", len(contents.tables), len(contents.tables))
    known = {row["name"] for row in await connection.fetch(SQL["sequences"])}
    for sequence in contents.sequences:
        if sequence.name in known:
            await connection.execute(SQL["set_sequence"], sequence.name, sequence.value, sequence.is_called)
    migrated = await apply_migrations(connection, [f for f in _files() if f.stem not in contents.migrations])
    queued = await connection.execute(SQL["queue_open_backtests"])
    await connection.execute(SQL["delete_open_computations"])
    sweeps = await connection.fetch(SQL["cancel_other_sweeps"], contents.dataset_version)
    return RestoreReport(
        contents=contents, migrated=migrated, queued_again=int(queued.split()[-1]), cancelled_sweeps=len(sweeps)
    )


async def _require_empty(connection: asyncpg.Connection) -> None:
    """Raise SetupError when services are connected, or a table has rows that the migrations did not insert."""
    services = [row["service"] for row in await connection.fetch(SQL["connected_services"])]
    if services:
        raise SetupError(f"Services are connected to this database ({', '.join(services)}); stop them first.")
    here = await _columns(connection)
    for name in TABLES:
        if name in here and await connection.fetchval(f"select exists (select from {_quoted(name)})"):  # noqa: S608
            raise SetupError(
                f"The database has data already (rows in {name}); restore into a new home or an empty database."
            )


async def _drop_schema(connection: asyncpg.Connection) -> None:
    """Drop the empty tables, views and sequences of the migrations, which may be newer than the backup."""
    here = await _columns(connection)
    for row in await connection.fetch(SQL["views"]):
        if row["name"] in _VIEWS:
            await connection.execute(f"drop view {_quoted(row['name'])}")
    for name in (*TABLES, *DERIVED, "migration"):
        if name in here:
            await connection.execute(f"drop table {_quoted(name)} cascade")
    await connection.execute("drop sequence if exists dataset_fence")


_VIEWS = ("trading_day",)


async def _copy_in(connection: asyncpg.Connection, archive: zipfile.ZipFile, path: pathlib.Path, table: Table) -> None:
    digest = hashlib.sha256()

    async def pieces(entry: IO[bytes]) -> AsyncIterator[bytes]:
        reader = zstandard.ZstdDecompressor().stream_reader(entry)
        while piece := await asyncio.to_thread(reader.read, _PIECE):
            digest.update(piece)
            yield piece

    try:
        entry = archive.open(_entry(table.name))
    except KeyError as error:
        raise SetupError(f"{path} is damaged: it lacks the rows of {table.name}.") from error
    with entry:
        status = await connection.copy_to_table(
            table.name, source=pieces(entry), columns=table.columns, format="binary"
        )
    if digest.hexdigest() != table.sha256 or int(status.split()[-1]) != table.rows:
        raise SetupError(f"{path} is damaged: the rows of {table.name} are not those that were backed up.")


def _files() -> list[pathlib.Path]:
    return sorted(MIGRATIONS.glob("[0-9]*.sql"))


def _entry(table: str) -> str:
    return f"{table}.copy.zst"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _listed(names: Iterable[str]) -> str:
    return ", ".join(_quoted(name) for name in names)
