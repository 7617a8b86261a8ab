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
from ondol.local.forkserver import ForkServer
from ondol.local.log_files import Log
from ondol.local.ports import answers, free_port
from ondol.local.run_file import RunFile
from shared.errors import SetupError
from shared.settings import Settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
"""The folder with the packages `services` and `shared`."""

LEAVE_S = 15.0
_READY_S = 60.0
_LOOK_S = 0.02
_LISTEN_S, _SILENT_S = 5.0, 40.0


@dataclass(kw_only=True)
class ServiceProcess:
    """One service process: where it answers, its log, and the size of its pool."""

    kept: processes.RestartingProcess
    port: int
    log: Log
    pool_size: int
    watching: asyncio.Task[None] | None = None


class Supervisor:
    """All service processes of a system by name; `simulator-1` is one of the service `simulator`."""

    def __init__(
        self,
        *,
        settings: Settings,
        servers: embedded_servers.Servers,
        passed: Mapping[str, str],
        fork_server: ForkServer,
        run_file: RunFile,
    ) -> None:
        self._settings = settings
        self._servers = servers
        self._passed = passed
        self._fork_server = fork_server
        self._run_file = run_file
        self._services: dict[str, ServiceProcess] = {}

    @property
    def names(self) -> list[str]:
        """Those that are there, in the order in which they were started."""
        return list(self._services)

    @property
    def connections(self) -> int:
        """What their pools may take of PostgreSQL."""
        return sum(service.pool_size for service in self._services.values())

    def processes(self, names: Collection[str]) -> dict[str, int]:
        """Process ids by name."""
        found = {name: self._services[name].kept.process for name in names}
        return {name: process.pid for name, process in found.items() if process is not None}

    def ports(self, names: Collection[str]) -> dict[str, int]:
        """Where each answers /readyz and /metrics."""
        return {name: self._services[name].port for name in names}

    async def start(self, names: Sequence[str], pool_size: int) -> None:
        """Start new ones, all at once; they are watched from `keep` on. OSError when a process cannot be made."""
        for name in names:
            self._services[name] = self._made(name, pool_size)
        ended = await asyncio.gather(*(self._services[name].kept.start() for name in names), return_exceptions=True)
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
                    ready = await asyncio.gather(*(answers(self._services[name].port) for name in waiting))
                    waiting = [name for name, there in zip(waiting, ready, strict=True) if not there]
                    if waiting:
                        await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            log = self._services[waiting[0]].log.path
            raise SetupError(f"The service {waiting[0]} was not ready within {_READY_S:.0f} s; see {log}.") from error

    def keep(self, names: Collection[str]) -> None:
        """Start them again from now on when they end, and when they live and do not answer any more."""
        for name in names:
            service = self._services[name]
            service.kept.keep()
            service.watching = asyncio.create_task(_end_when_silent(service.kept, service.port, self._run_file))

    async def stop(self, names: Collection[str]) -> dict[str, int | None]:
        """SIGTERM, and SIGKILL to what does not leave in time; returns the exit codes."""
        codes = await asyncio.gather(*(self._stop(name) for name in names))
        return dict(zip(names, codes, strict=True))

    async def _stop(self, name: str) -> int | None:
        service = self._services[name]
        if service.watching is not None:
            service.watching.cancel()
            await asyncio.gather(service.watching, return_exceptions=True)
        await service.kept.stop()
        del self._services[name]
        service.log.close()
        return None if service.kept.process is None else service.kept.process.returncode

    async def _alive(self, name: str) -> None:
        """Start it again when a signal ended it, which is no mistake of its own; SetupError when it ended by itself."""
        service = self._services[name]
        code = None if service.kept.process is None else service.kept.process.returncode
        if code is not None and code >= 0:
            raise SetupError(
                f"The service {name} ended at its start ({service.log.last_line()}); see {service.log.path}."
            )
        if code is not None:
            process = await service.kept.start()
            self._run_file.service(name, f"started again as process {process.pid}")

    def _made(self, name: str, pool_size: int) -> ServiceProcess:
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
        log = Log(self._run_file.home / "logs" / f"{name}.log")

        async def spawn() -> processes.Child:
            if service == "simulator":
                return await self._fork_server.fork(name, variables, log.address)
            return await processes.start(
                [sys.executable, "-m", f"services.{service}"], environment=variables, log=log.fileno(), folder=str(ROOT)
            )

        kept = processes.RestartingProcess(
            name, spawn, stop_signal=signal.SIGTERM, stop_within_s=LEAVE_S, on_event=self._run_file.service
        )
        return ServiceProcess(kept=kept, port=port, log=log, pool_size=pool_size)

    def _free_port(self) -> int:
        """One that none of them has: those that were started a moment ago do not listen yet."""
        taken = {service.port for service in self._services.values()}
        while (port := free_port()) in taken:
            pass
        return port


async def _end_when_silent(kept: processes.RestartingProcess, port: int, run_file: RunFile) -> None:
    """Task: kill a service that lives and has not answered /healthz for `_SILENT_S`; it is started again."""
    loop = asyncio.get_running_loop()
    heard, process = loop.time(), kept.process
    while True:
        await asyncio.sleep(_LISTEN_S)
        if kept.process is not process or await answers(port, "/healthz"):
            heard, process = loop.time(), kept.process
        elif loop.time() - heard > _SILENT_S and process is not None and process.returncode is None:
            run_file.service(kept.name, f"has not answered for {_SILENT_S:.0f} s and is killed")
            with suppress(ProcessLookupError):
                process.kill()
