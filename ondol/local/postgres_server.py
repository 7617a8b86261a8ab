"""The PostgreSQL server of a home on a unix socket: created once, supervised, stopped at the end."""

from __future__ import annotations

import asyncio
import os
import pathlib
import pwd
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import asyncpg

from ondol.local import processes
from ondol.local.log_files import Log, raise_if_exited
from ondol.local.postgres import Binaries, binaries, data_folder, forget_stale_pid
from ondol.local.supervision import SERVER_UNRESPONSIVE_S, kill_unresponsive, must_run, watched
from shared.errors import SetupError

_READY_S = 30.0
_CHECK_INTERVAL_S = 0.7


@asynccontextmanager
async def postgres_server(
    home: pathlib.Path, sockets: pathlib.Path, on_event: processes.OnEvent, *, durable: bool
) -> AsyncIterator[int]:
    """Run PostgreSQL on a unix socket, as the account `nobody` under root; initdb creates the cluster once."""
    account = processes.unprivileged()
    tools = binaries(account)
    data = data_folder(home, account) / "cluster"
    login = _login_options(data.parent, account)
    folder = sockets / "postgres"
    folder.mkdir(mode=0o700)
    if account:
        os.chown(folder, account.user, account.group)

    async def spawn() -> asyncio.subprocess.Process:
        forget_stale_pid(data)
        return await processes.start(
            [tools.postgres, "-D", str(data), "-k", str(folder), *server_options(durable=durable), *login],
            environment=tools.environment,
            account=account,
            log=log.fileno(),
            on_parent_death=signal.SIGQUIT,
            folder=str(data),
        )

    supervised = processes.RestartingProcess(
        "postgres", spawn, stop_signal=signal.SIGINT, stop_within_s=20, on_event=on_event
    )
    with Log(home / "logs" / "postgres.log") as log:
        if not data.exists():
            await _initdb(tools, data, log, account, durable=durable)
        try:
            process = await supervised.start()
            await _until_postgres(process, folder, log)
            supervised.supervise()
            async with watched(
                must_run("postgres (shutdowns)", _complete_shutdowns(supervised, folder, on_event)),
                must_run("postgres (responses)", kill_unresponsive(
                    supervised, partial(_responds, folder), on_event,
                    every_s=_CHECK_INTERVAL_S, after_s=SERVER_UNRESPONSIVE_S,
                )),
            ):  # fmt: skip
                yield process.pid
        finally:
            if not await supervised.stop():
                on_event("postgres", "did not stop in time and was killed; PostgreSQL recovers at its next start")


async def _complete_shutdowns(
    supervised: processes.RestartingProcess, folder: pathlib.Path, on_event: processes.OnEvent
) -> None:
    """Task: complete a smart shutdown (SIGTERM), which otherwise waits for pooled connections that never close."""
    refused = 0
    while True:
        await asyncio.sleep(_CHECK_INTERVAL_S)
        refused = refused + 1 if "shutting down" in (await _answer(folder) or "") else 0
        if refused >= 2 and supervised.process is not None and supervised.process.returncode is None:
            on_event("postgres", "was shut down from outside; restarting")
            with suppress(ProcessLookupError):
                supervised.process.send_signal(signal.SIGINT)
            refused = 0


async def _responds(folder: pathlib.Path) -> bool:
    """Return whether the server answers a connection, be it with a refusal (starting, recovering, too many)."""
    return await _answer(folder) is not None


async def _answer(folder: pathlib.Path) -> str | None:
    """Return the server's refusal of a connection, empty when it accepts one, None without an answer."""
    try:
        connection = await asyncpg.connect(host=str(folder), user="ondol", database="postgres", timeout=2)
    except asyncpg.PostgresError as error:
        return str(error)
    except (OSError, TimeoutError, asyncpg.InterfaceError):
        return None
    connection.terminate()
    return ""


def server_options(*, durable: bool) -> list[str]:
    """Return the command line options of the server; without `durable` it does not flush to disk."""
    options = {
        "listen_addresses": "",
        "max_connections": "500",
        "shared_buffers": "128MB",
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "max_wal_size": "256MB",  # bounds the log that is replayed after a crash
        "checkpoint_timeout": "15min",
        "wal_writer_delay": "50ms",  # longest time before asynchronous commits are flushed
        "jit": "off",
        "huge_pages": "off",
        "dynamic_shared_memory_type": "mmap",
        "log_min_messages": "warning",
        "unix_socket_permissions": "0700",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "max_parallel_workers_per_gather": "1",
        "password_encryption": "scram-sha-256",
    }
    if not durable:
        options |= {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
    return [text for name, value in options.items() for text in ("-c", f"{name}={value}")]


def _login_options(folder: pathlib.Path, account: processes.Account | None) -> list[str]:
    """Return options by which only this user may log in, and not other processes of PostgreSQL's account.

    Without another account the folder of the socket is closed to other users.
    """
    if account is None:
        return []
    user = pwd.getpwuid(os.geteuid()).pw_name
    options = []
    for name, text in (("hba", "local all all peer map=ondol\n"), ("ident", f"ondol {user} ondol\n")):
        path = folder / f"pg_{name}.conf"
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)  # in a folder that only the account may enter
        options += ["-c", f"{name}_file={path}"]
    return options


async def _initdb(
    tools: Binaries, data: pathlib.Path, log: Log, account: processes.Account | None, *, durable: bool
) -> None:
    """Create the cluster in a temporary folder and rename it when complete; an interrupted one is created again.

    With `durable` it is on disk when this returns: PostgreSQL never flushes what initdb wrote and it does not change.
    """
    new = data.with_name("cluster.new")
    shutil.rmtree(new, ignore_errors=True)
    process = await processes.start(
        [tools.initdb, "-D", str(new), "-U", "ondol", "--auth=trust", "-E", "UTF8", "--locale=C", *_sync(durable)],
        environment=tools.environment,
        account=account,
        log=log.fileno(),
        folder=str(data.parent),
    )
    try:
        code = await process.wait()
    finally:
        await processes.stop(process, signal.SIGKILL, within_s=5)
    if code != 0:
        raise SetupError(f"The embedded PostgreSQL cluster could not be created ({log.last_line()}); see {log.path}.")
    new.rename(data)
    if durable:
        for folder in (data.parent, data.parent.parent):
            _flush_folder(folder)


def _sync(durable: bool) -> list[str]:
    if not durable:
        return ["--no-sync"]
    return ["--sync-method=syncfs"] if sys.platform == "linux" else []  # one call instead of a thousand


def _flush_folder(folder: pathlib.Path) -> None:
    """Flush the names in a folder to disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


async def _until_postgres(process: processes.Child, folder: pathlib.Path, log: Log) -> None:
    """Wait until PostgreSQL accepts connections, and create the database `ondol` on the first start."""
    try:
        async with asyncio.timeout(_READY_S):
            while True:
                raise_if_exited(process, "postgres", log)
                with suppress(OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError):
                    connection = await asyncpg.connect(host=str(folder), user="ondol", database="postgres", timeout=5)
                    break
                await asyncio.sleep(0.02)
            try:
                if not await connection.fetchval("select true from pg_database where datname = 'ondol'"):
                    await connection.execute("create database ondol")
            finally:
                await connection.close()
    except TimeoutError as error:
        raise SetupError(f"The embedded PostgreSQL was not ready in time; see {log.path}.") from error
