"""The embedded servers of a home: PostgreSQL and two Valkeys from wheels, supervised and removed at the end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pathlib
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager

from ondol.local import processes
from ondol.local.postgres_server import postgres_server
from ondol.local.redis_server import valkey_server
from ondol.local.run_file import LOCK, Run, Servers, lock_of, read_run, running, write_run
from shared.errors import SetupError
from shared.infra.redis import acl
from shared.settings import MIB

SOCKETS = "ondol-"
_SHARED_MEMORY = pathlib.Path("/dev/shm")  # noqa: S108


def make_home(home: pathlib.Path) -> pathlib.Path:
    """Create the data directory and return its absolute path; raise SetupError when it cannot be written."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close_to_others(home)
        (home / "logs").mkdir(mode=0o700, exist_ok=True)
        (home / "logs").chmod(0o700)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise SetupError(
            f"The home {home} cannot be written ({error.strerror}); choose another with --home."
        ) from error
    return home.resolve()


@contextmanager
def _locked(home: pathlib.Path) -> Iterator[None]:
    """Hold the lock of a home; the kernel releases it when the process ends."""
    with open(os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            other = running(home)
            holder = f"`ondol {other.command}` (process {other.process})" if other else "another process"
            raise SetupError(
                f"The home {home} is in use by {holder}; stop it or choose another with --home."
            ) from error
        yield


@asynccontextmanager
async def servers(
    home: pathlib.Path,
    *,
    command: str = "serve",
    cache_bytes: int = 512 * MIB,
    on_event: processes.OnEvent = lambda name, what: None,
    durable: bool = True,
) -> AsyncIterator[Servers]:
    """Start the three servers of a home and stop them at the end; other commands read their addresses from `run.json`.

    A server that exits is restarted at the same address with the same data (the cache empty). Without `durable`
    PostgreSQL does not flush to disk: for tests, whose data are removed.

    Raise SetupError when the home is in use or not writable, or a server does not start.
    """
    home = make_home(home)
    async with AsyncExitStack() as opened:
        opened.enter_context(_locked(home))
        _sweep(home)
        sockets = _socket_folder()
        opened.callback(shutil.rmtree, sockets, ignore_errors=True)
        panels = _panel_folder(home, sockets.name)
        opened.callback(shutil.rmtree, panels, ignore_errors=True)
        passwords = {user: secrets.token_urlsafe(24) for user in acl.USERS}
        administrator = f"unix://{acl.KEEPER}:{passwords[acl.KEEPER]}@{sockets}/redis"
        addresses = Servers(
            database_url=f"postgresql://ondol@/ondol?host={sockets}/postgres",
            broker_url=f"{administrator}/broker.sock?db=0",
            cache_url=f"{administrator}/cache.sock?db=0",
            sockets=str(sockets),
            panel_dir=str(panels),
            passwords=passwords,
        )
        (sockets / "redis").mkdir(mode=0o700)
        users = sockets / "redis" / "users.acl"
        users.touch(mode=0o600)
        users.write_text(acl.rendered(passwords), encoding="utf-8")
        _write_addresses(
            home, command, addresses
        )  # before the start, so that the next start can remove the folders of a killed one
        opened.callback((home / "run.json").unlink, missing_ok=True)
        await opened.enter_async_context(processes.cleaner([str(sockets), str(panels)]))
        starting = {
            "postgres": postgres_server(home, sockets, on_event, durable=durable),
            "broker": valkey_server(home, addresses.broker_url, sockets, "broker", None, on_event),
            "cache": valkey_server(home, addresses.cache_url, sockets, "cache", cache_bytes, on_event),
        }
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {name: group.create_task(opened.enter_async_context(one)) for name, one in starting.items()}
        except* SetupError as errors:
            raise errors.exceptions[0] from None
        addresses.processes.update({name: task.result() for name, task in tasks.items()})
        _write_addresses(home, command, addresses)
        yield addresses


def _write_addresses(home: pathlib.Path, command: str, addresses: Servers) -> None:
    write_run(home, new_run(home, command, addresses))


def new_run(home: pathlib.Path, command: str, addresses: Servers) -> Run:
    """Return the run file of a home that this process has locked."""
    process = os.getpid()
    return Run(
        process=process, started=processes.started_at(process) or "", home=str(home.resolve()), lock=lock_of(home),
        command=command, servers=addresses,
    )  # fmt: skip


def _close_to_others(home: pathlib.Path) -> None:
    """Let only this user enter the home, and PostgreSQL's account if that is another (its group may pass through)."""
    account = processes.unprivileged()
    if account is not None:
        os.chown(home, -1, account.group)
    home.chmod(0o700 if account is None else 0o710)


def _sweep(home: pathlib.Path) -> None:
    """Remove the folders of a killed supervisor of this home; those of a home of which this one is a copy are kept."""
    old = read_run(home)
    if old is None or old.is_running:
        (home / "run.json").unlink(missing_ok=True)
        return
    for text, parents in (
        (old.servers.sockets, {tempfile.gettempdir()}),
        (old.servers.panel_dir, {str(_SHARED_MEMORY), str(home)}),
    ):
        folder = pathlib.Path(text)
        if str(folder.parent) in parents and (folder.name.startswith(SOCKETS) or folder.name == "panels"):
            shutil.rmtree(folder, ignore_errors=True)
    (home / "run.json").unlink(missing_ok=True)


def _socket_folder() -> pathlib.Path:
    """Create a folder with a short path (socket paths are limited) that only this user and PostgreSQL's may enter."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=SOCKETS))
    _close_to_others(folder)
    return folder


def _panel_folder(home: pathlib.Path, name: str) -> pathlib.Path:
    """Create the panel folder: in shared memory when that is writable, else in the home."""
    memory = _SHARED_MEMORY
    folder = memory / name if os.access(memory, os.W_OK) else home / "panels"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
