"""The embedded servers: as any user, two homes side by side, and nothing left behind however they end."""

from __future__ import annotations

import asyncio
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import asyncpg
import pytest

from ondol.local import embedded_servers, processes
from ondol.local.run_file import running
from shared.errors import SetupError
from shared.infra.database.pool import migrate
from shared.infra.redis import client as redis_servers
from tests.support.servers import others_can_run_python

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def home() -> Iterator[pathlib.Path]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ondol-test-"))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder, ignore_errors=True)


async def _until(claim: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not claim() and time.monotonic() < end:  # noqa: ASYNC110 - other processes, no events
        await asyncio.sleep(0.02)
    assert claim(), what


def _exists(path: str) -> bool:
    return pathlib.Path(path).exists()


def _alive(numbers: list[int]) -> list[int]:
    return [number for number in numbers if processes.started_at(number) is not None]


async def test_broker_starts_empty_when_its_file_has_holes(home: pathlib.Path) -> None:
    happened: list[tuple[str, str]] = []
    async with embedded_servers.servers(home) as found:
        broker = redis_servers.client(found.broker_url)
        await broker.set("kept", "1" * 10_000)
        await broker.aclose()
    file = next((home / "broker" / "appendonlydir").glob("*.incr.aof"))
    file.write_bytes(b"\0" * file.stat().st_size)  # as after a loss of power
    for starts in (1, 2):  # what was set aside once stays so
        async with embedded_servers.servers(home, on_event=lambda name, what: happened.append((name, what))) as found:
            broker = redis_servers.client(found.broker_url)
            assert await broker.get("kept") == (None if starts == 1 else b"again")
            await broker.set("kept", "again")
            await broker.aclose()
        assert len(happened) == 1
    assert "damaged" in happened[0][1]
    assert (home / "broker" / "damaged").is_dir()


async def test_stored_backtests_exist_after_the_next_start(home: pathlib.Path) -> None:
    async with embedded_servers.servers(home) as found:
        await migrate(found.database_url)
        broker = redis_servers.client(found.broker_url)
        await broker.set("kept", "1")
        await broker.aclose()
        numbers = list(found.processes.values())
        assert len(_alive(numbers)) == 3
    assert not _alive(numbers)
    assert not _exists(found.sockets)
    assert not _exists(found.panel_dir)
    assert running(home) is None
    async with embedded_servers.servers(home) as found:
        assert await migrate(found.database_url) == []
        broker = redis_servers.client(found.broker_url)
        assert await broker.get("kept") == b"1"
        assert (await broker.info("memory"))["maxmemory_policy"] == "noeviction"
        await broker.aclose()


async def test_two_homes_serve_side_by_side_and_one_home_only_once(home: pathlib.Path) -> None:
    async with embedded_servers.servers(home) as first, embedded_servers.servers(home.with_name("second")) as second:
        assert first.database_url != second.database_url
        with pytest.raises(SetupError, match="in use by `ondol serve`"):
            async with embedded_servers.servers(home):
                pass


async def test_killed_server_restarts_at_its_address(home: pathlib.Path) -> None:
    happened: list[tuple[str, str]] = []
    async with embedded_servers.servers(home, on_event=lambda name, what: happened.append((name, what))) as found:
        connection = await asyncpg.connect(found.database_url)
        await connection.execute("create table kept (x integer); insert into kept values (7)")
        connection.terminate()
        for number in found.processes.values():
            os.kill(number, signal.SIGKILL)
        await _until(lambda: len([w for _, w in happened if w.startswith("restarted")]) >= 3, "all three restart")
        async with asyncio.timeout(20):
            while True:
                try:
                    connection = await asyncpg.connect(found.database_url)
                    break
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.05)
        assert await connection.fetchval("select x from kept") == 7
        await connection.close()


SUPERVISOR = """
import asyncio, pathlib, sys
from ondol.local import embedded_servers
async def main():
    async with embedded_servers.servers(pathlib.Path(sys.argv[1])):
        print("up", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


def _supervisor(home: pathlib.Path, **options: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(home.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        **options,  # type: ignore[call-overload]
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


async def _nothing_is_left_after_kill(home: pathlib.Path, process: subprocess.Popen[str]) -> None:
    run = running(home)
    assert run is not None
    numbers = list(run.servers.processes.values())
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    await _until(lambda: not _alive(numbers), "the servers end with their supervisor")
    await _until(lambda: not _exists(run.servers.sockets), "the sockets are removed")
    await _until(lambda: not _exists(run.servers.panel_dir), "the shared memory is freed")


async def test_kill_9_of_the_supervisor_leaves_nothing(home: pathlib.Path) -> None:
    await _nothing_is_left_after_kill(home, _supervisor(home))
    async with embedded_servers.servers(home) as found:  # and the home is usable at once
        await migrate(found.database_url)


@pytest.mark.skipif(
    not others_can_run_python(), reason="becomes another user: needs root and an interpreter open to all"
)
async def test_a_plain_user_needs_nothing_special(home: pathlib.Path) -> None:
    account = processes.unprivileged()
    assert account is not None
    os.chown(home.parent, account.user, account.group)
    process = _supervisor(home, user=account.user, group=account.group, extra_groups=[])
    await _nothing_is_left_after_kill(home, process)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
async def test_an_unreadable_home_points_to_its_data(home: pathlib.Path) -> None:
    home.parent.chmod(0o700)
    async with embedded_servers.servers(home) as found:
        await migrate(found.database_url)
    data = pathlib.Path((home / "postgres.folder").read_text(encoding="utf-8"))
    assert (data / "cluster" / "PG_VERSION").exists()
    shutil.rmtree(data)


@pytest.fixture
def blocked(home: pathlib.Path) -> pathlib.Path:
    home.write_text("a file", encoding="utf-8")
    return home


async def test_a_home_that_cannot_be_written_is_one_clear_sentence(blocked: pathlib.Path) -> None:
    with pytest.raises(SetupError, match="choose another with --home"):
        async with embedded_servers.servers(blocked):
            pass
