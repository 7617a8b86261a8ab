"""Real servers for tests: one set per session, a database for every test."""

from __future__ import annotations

import itertools
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest_asyncio

from ondol.local import embedded_servers
from ondol.local.postgres import reachable
from ondol.local.run_file import Servers
from shared.infra.database.pool import migrate
from shared.infra.redis import client as redis_servers
from shared.settings import MIB, Settings
from tests.support.forked_simulators import end_fork_server

TEMPLATE = "template_ondol"
"""A migrated database without rows."""
_numbers = itertools.count(1)
_MEMORY = pathlib.Path("/dev/shm")  # noqa: S108  a folder in it is private
MAX_WAIT_MS = 30_000
"""How long a test waits for a connection of PostgreSQL: on a busy machine a connect takes longer than two seconds."""
_MEMORY_NEEDED = 4096 * MIB


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def others_can_run_python() -> bool:
    """Return whether a test can change to an unprivileged user that can run the interpreter."""
    return os.geteuid() == 0 and reachable(pathlib.Path(sys.executable).resolve().parent)


def temporary_folder(prefix: str) -> str:
    """Return a new folder in memory, if there is room: a database is then created in a tenth of the time."""
    has_room = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MEMORY_NEEDED
    return tempfile.mkdtemp(prefix=prefix, dir=_MEMORY if has_room else None)


@asynccontextmanager
async def temporary_servers() -> AsyncIterator[Servers]:
    """Run servers in a temporary home with the migrated database TEMPLATE."""
    home = pathlib.Path(temporary_folder("ondol-test-"))
    try:
        async with embedded_servers.servers(home, command="test", cache_bytes=256 * MIB, durable=False) as running:
            await _execute(running.database_url, f"create database {TEMPLATE}")
            await migrate(_named(running.database_url, TEMPLATE))
            yield running
    finally:
        pointer = home / "postgres.folder"
        if pointer.exists():
            shutil.rmtree(pointer.read_text(encoding="utf-8"), ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def copy_database(servers: Servers, source: str, name: str) -> None:
    """Create a database with the content of another one, which has no connections."""
    await _execute(servers.database_url, f"create database {name} template {source} strategy file_copy")


@asynccontextmanager
async def fresh_settings(servers: Servers, template: str = TEMPLATE) -> AsyncIterator[Settings]:
    """Yield settings with a copy of the database `template` and both Redis flushed; it is dropped at the end."""
    name = f"test_{next(_numbers)}"
    await copy_database(servers, template, name)
    for url in (servers.broker_url, servers.cache_url):
        client = redis_servers.client(url)
        await client.flushall()
        await client.aclose()
    panels = temporary_folder("ondol-test-panels-")
    try:
        yield replace(
            Settings(),
            database_url=_named(servers.database_url, name),
            database_acquire_timeout_ms=MAX_WAIT_MS,
            broker_url=servers.broker_url,
            cache_url=servers.cache_url,
            panel_dir=panels,
            metrics_port=0,
            api_port=0,
        )
    finally:
        shutil.rmtree(panels, ignore_errors=True)
        await _execute(servers.database_url, f"drop database {name} with (force)")


@pytest_asyncio.fixture(scope="session")
async def servers() -> AsyncIterator[Servers]:
    """Yield the servers of this test session (a conftest.py imports this name and `settings`)."""
    async with temporary_servers() as running:
        try:
            yield running
        finally:
            await end_fork_server()


@pytest_asyncio.fixture
async def settings(servers: Servers) -> AsyncIterator[Settings]:
    """Yield the settings of a test: a new migrated database, empty broker and cache, its own panel folder."""
    async with fresh_settings(servers) as running:
        yield running
