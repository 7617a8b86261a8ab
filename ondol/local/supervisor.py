"""The services of a system as processes: started, started again when they end or fall silent, and stopped."""

from __future__ import annotations

import asyncio
import pathlib
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from ondol.local import embedded_servers, processes
from ondol.local.forkserver import Nursery
from ondol.local.log_files import Log
from ondol.local.ports import answers, free_port
from ondol.local.run_file import Notes
from shared.errors import SetupError
from shared.settings import Settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
"""The folder with the packages `services` and `shared`."""

LEAVE_S = 15.0
_READY_S = 60.0
_LOOK_S = 0.02
_LISTEN_S, _SILENT_S = 5.0, 40.0


@dataclass(kw_only=True)
class Member:
    """One service process: where it answers, its log, and the size of its pool."""

    kept: processes.Kept
    port: int
    log: Log
    pool_size: int
    watching: asyncio.Task[None] | None = None


class Members:
    """All service processes of a system by name; `simulator-1` is one of the service `simulator`."""

    def __init__(
        self,
        *,
        settings: Settings,
        servers: embedded_servers.Servers,
        passed: Mapping[str, str],
        nursery: Nursery,
        notes: Notes,
    ) -> None:
        self._settings = settings
        self._servers = servers
        self._passed = passed
        self._nursery = nursery
        self._notes = notes
        self._members: dict[str, Member] = {}

    @property
    def names(self) -> list[str]:
        """Those that are there, in the order in which they were started."""
        return list(self._members)

    @property
    def connections(self) -> int:
        """What their pools may take of PostgreSQL."""
        return sum(member.pool_size for member in self._members.values())

    def processes(self, names: Collection[str]) -> dict[str, int]:
        """Process ids by name."""
        found = {name: self._members[name].kept.process for name in names}
        return {name: process.pid for name, process in found.items() if process is not None}

    def ports(self, names: Collection[str]) -> dict[str, int]:
        """Where each answers /readyz and /metrics."""
        return {name: self._members[name].port for name in names}

    async def start(self, names: Sequence[str], pool_size: int) -> None:
        """Start new ones, all at once; they are watched from `keep` on. OSError when a process cannot be made."""
        for name in names:
            self._members[name] = self._made(name, pool_size)
        ended = await asyncio.gather(*(self._members[name].kept.start() for name in names), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    async def until_ready(self, asked: Collection[str], started: Collection[str]) -> None:
        """Wait until /readyz of those `asked` answers 200; SetupError as soon as one that was started ends instead."""
        waiting = list(asked)
        try:
            async with asyncio.timeout(_READY_S):
                while waiting:
                    for name in started:
                        await self._alive(name)
                    ready = await asyncio.gather(*(answers(self._members[name].port) for name in waiting))
                    waiting = [name for name, there in zip(waiting, ready, strict=True) if not there]
                    if waiting:
                        await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            log = self._members[waiting[0]].log.path
            raise SetupError(f"The service {waiting[0]} was not ready within {_READY_S:.0f} s; see {log}.") from error

    def keep(self, names: Collection[str]) -> None:
        """Start them again from now on when they end, and when they live and do not answer any more."""
        for name in names:
            member = self._members[name]
            member.kept.keep()
            member.watching = asyncio.create_task(_end_when_silent(member.kept, member.port, self._notes))

    async def stop(self, names: Collection[str]) -> dict[str, int | None]:
        """SIGTERM, and SIGKILL to what does not leave in time; returns the exit codes."""
        codes = await asyncio.gather(*(self._stop(name) for name in names))
        return dict(zip(names, codes, strict=True))

    async def _stop(self, name: str) -> int | None:
        member = self._members[name]
        if member.watching is not None:
            member.watching.cancel()
            await asyncio.gather(member.watching, return_exceptions=True)
        await member.kept.stop()
        del self._members[name]
        member.log.close()
        return None if member.kept.process is None else member.kept.process.returncode

    async def _alive(self, name: str) -> None:
        """Start it again when a signal ended it, which is no mistake of its own; SetupError when it ended by itself."""
        member = self._members[name]
        code = None if member.kept.process is None else member.kept.process.returncode
        if code is not None and code >= 0:
            raise SetupError(
                f"The service {name} ended at its start ({member.log.last_line()}); see {member.log.path}."
            )
        if code is not None:
            process = await member.kept.start()
            self._notes.service(name, f"started again as process {process.pid}")

    def _made(self, name: str, pool_size: int) -> Member:
        service = name.partition("-")[0]
        broker_url, cache_url = self._servers.urls_of(service)
        port = self._settings.api_port if service == "api" else self._free_port()
        own = replace(
            self._settings,
            broker_url=broker_url,
            cache_url=cache_url,
            metrics_port=0 if service == "api" else port,
            database_pool_size=pool_size,
        )
        variables = {**self._passed, **own.to_environment()}
        log = Log(self._notes.home / "logs" / f"{name}.log")

        async def spawn() -> processes.Child:
            if service == "simulator":
                return await self._nursery.fork(name, variables, log.address)
            return await processes.start(
                [sys.executable, "-m", f"services.{service}"], environment=variables, log=log.fileno(), folder=str(ROOT)
            )

        kept = processes.Kept(name, spawn, stop_signal=signal.SIGTERM, stop_within_s=LEAVE_S, told=self._notes.service)
        return Member(kept=kept, port=port, log=log, pool_size=pool_size)

    def _free_port(self) -> int:
        """One that none of them has: those that were started a moment ago do not listen yet."""
        taken = {member.port for member in self._members.values()}
        while (port := free_port()) in taken:
            pass
        return port


async def _end_when_silent(kept: processes.Kept, port: int, notes: Notes) -> None:
    """Task: kill a service that lives and has not answered /healthz for `_SILENT_S`; it is started again."""
    loop = asyncio.get_running_loop()
    heard, process = loop.time(), kept.process
    while True:
        await asyncio.sleep(_LISTEN_S)
        if kept.process is not process or await answers(port, "/healthz"):
            heard, process = loop.time(), kept.process
        elif loop.time() - heard > _SILENT_S and process is not None and process.returncode is None:
            notes.service(kept.name, f"has not answered for {_SILENT_S:.0f} s and is killed")
            with suppress(ProcessLookupError):
                process.kill()
