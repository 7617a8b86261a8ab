"""`run.json` of a home: the running supervisor, its servers and services, updated as processes start and stop."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from ondol.local import processes
from ondol.local.supervision import report
from shared.infra.redis import acl
from shared.settings import Settings

LOCK = "lock"
_RETRY_S = 1.0


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
    home: str
    """The home that the supervisor serves; a copy of its files has the same `run.json` and is another home."""
    lock: tuple[int, int]
    """Device and inode of the home's lock file."""
    command: str
    servers: Servers
    port: int | None = None
    host: str = "127.0.0.1"
    """Address by which this machine reaches the API."""
    services: dict[str, int] = field(default_factory=dict)
    metrics: dict[str, int] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """Whether the supervisor runs."""
        return processes.started_at(self.process) == self.started


def running(home: pathlib.Path) -> Run | None:
    """Return the run file of the system that serves `home`, None without a running one."""
    run = read_run(home)
    return run if run and run.is_running else None


def read_run(home: pathlib.Path) -> Run | None:
    """Return the run file of a home, also that of a supervisor that was killed; None without a valid one.

    A file that was copied from another home is not valid: it names that home and its lock.
    """
    try:
        body = json.loads((home / "run.json").read_text(encoding="utf-8"))
        run = Run(**{**body, "lock": tuple(body["lock"]), "servers": Servers(**body["servers"])})
        return run if (run.home, run.lock) == (str(home.resolve()), lock_of(home)) else None
    except (OSError, ValueError, TypeError, KeyError):
        return None


def lock_of(home: pathlib.Path) -> tuple[int, int]:
    """Return device and inode of the lock file of a home; raise OSError without one."""
    found = (home / LOCK).stat()
    return found.st_dev, found.st_ino


def write_run(home: pathlib.Path, run: Run) -> None:
    """Replace `run.json` atomically; only its owner may read it."""
    text = json.dumps(asdict(run), indent=1)
    temporary = home / "run.json.new"
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(home / "run.json")


class RunFile:
    """Writer of `run.json`; updates are written once `run` is set."""

    def __init__(self, home: pathlib.Path) -> None:
        self.home = home
        self.run: Run | None = None
        self._is_behind = False

    def server(self, name: str, what: str) -> None:
        """Report an event of a server."""
        self._report(name, what, "servers")

    def service(self, name: str, what: str) -> None:
        """Report an event of a service."""
        self._report(name, what, "services")

    def parent(self, name: str, what: str) -> None:
        """Report an event of the fork server, which is not listed in `run.json`."""
        report(f"{name} {what}; see {self.home}/logs/{name}.log")

    def add(self, processes: Mapping[str, int], ports: Mapping[str, int]) -> None:
        """Add started services with their process ids and metrics ports."""
        if self.run is not None:
            self.run.services.update(processes)
            self.run.metrics.update(ports)
            self._write()

    def remove(self, name: str) -> None:
        """Remove a stopped service."""
        if self.run is not None:
            self.run.services.pop(name, None)
            self.run.metrics.pop(name, None)
            self._write()

    def _report(self, name: str, what: str, kind: str) -> None:
        report(f"{name} {what}; see {self.home}/logs/{name}.log")
        number = what.rpartition(" ")[2]
        if self.run is not None and what.startswith("restarted") and number.isdigit():
            target = self.run.services if kind == "services" else self.run.servers.processes
            target[name] = int(number)
            self._write()

    def _write(self) -> None:
        """Write the file; what cannot be written now is written by `keep_written`."""
        if self.run is None:
            return
        try:
            write_run(self.home, self.run)
        except OSError as error:
            if not self._is_behind:
                report(f"{self.home}/run.json cannot be written ({error.strerror}); it is tried again")
            self._is_behind = True
        else:
            self._is_behind = False

    async def keep_written(self) -> None:
        """Task: write again what could not be written, for example on a full disk."""
        while True:
            await asyncio.sleep(_RETRY_S)
            if self._is_behind:
                self._write()
