"""Service processes of a system: started, restarted when they exit or stop responding, and stopped."""

from __future__ import annotations

import asyncio
import pathlib
import signal
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ondol.local import processes
from ondol.local.forkserver import ForkServer
from ondol.local.log_files import Log
from ondol.local.ports import HOST, free_port, is_ok, reachable
from ondol.local.run_file import RunFile, Servers
from ondol.local.supervision import end, kill_unresponsive, must_run
from shared.errors import SetupError
from shared.settings import Settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
"""The folder with the packages `services` and `shared`."""

STOP_S = 15.0
_READY_S = 60.0
_POLL_S = 0.02
_PROBE_INTERVAL_S, _UNRESPONSIVE_S = 5.0, 40.0


@dataclass(kw_only=True)
class ServiceProcess:
    """One service process with its HTTP port, log and pool size."""

    process: processes.RestartingProcess
    port: int
    host: str
    log: Log
    pool_size: int
    health_check: asyncio.Task[None] | None = None


class Supervisor:
    """All service processes of a system by name; `simulator-1` is a process of the service `simulator`."""

    def __init__(
        self,
        *,
        settings: Settings,
        servers: Servers,
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
        """Names of the processes in the order of their start."""
        return list(self._services)

    @property
    def connections(self) -> int:
        """Largest number of PostgreSQL connections of all pools."""
        return sum(service.pool_size for service in self._services.values())

    def processes(self, names: Collection[str]) -> dict[str, int]:
        """Return the process ids by name."""
        running = {name: self._services[name].process.process for name in names}
        return {name: process.pid for name, process in running.items() if process is not None}

    def ports(self, names: Collection[str]) -> dict[str, int]:
        """Return the port of /readyz and /metrics by name."""
        return {name: self._services[name].port for name in names}

    async def start(self, names: Sequence[str], pool_size: int) -> None:
        """Start processes concurrently without supervising them yet; raise OSError when one cannot be started."""
        for name in names:
            self._services[name] = self._service_process(name, pool_size)
        ended = await asyncio.gather(*(self._services[name].process.start() for name in names), return_exceptions=True)
        for error in ended:
            if isinstance(error, BaseException):
                raise error

    async def until_ready(self, awaited: Collection[str], started: Collection[str]) -> None:
        """Wait until /readyz of all `awaited` returns 200; raise SetupError as soon as one of `started` exits."""
        waiting = list(awaited)
        try:
            async with asyncio.timeout(_READY_S):
                while waiting:
                    for name in started:
                        await self._require_running(name)
                    ready = await asyncio.gather(*(self._is_ready(name) for name in waiting))
                    waiting = [name for name, is_ready in zip(waiting, ready, strict=True) if not is_ready]
                    if waiting:
                        await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            log = self._services[waiting[0]].log.path
            raise SetupError(f"The service {waiting[0]} was not ready within {_READY_S:.0f} s; see {log}.") from error

    def supervise(self, names: Collection[str]) -> None:
        """From now on restart these processes when they exit or stop responding."""
        for name in names:
            service = self._services[name]
            service.process.supervise()
            healthy = partial(is_ok, service.port, "/healthz", service.host)
            service.health_check = must_run(
                f"{name} (health checks)",
                kill_unresponsive(
                    service.process, healthy, self._run_file.service, every_s=_PROBE_INTERVAL_S, after_s=_UNRESPONSIVE_S
                ),
            )

    async def stop(self, names: Collection[str]) -> dict[str, int | None]:
        """Send SIGTERM, then SIGKILL after a time limit; return the exit codes."""
        codes = await asyncio.gather(*(self._stop(name) for name in names))
        return dict(zip(names, codes, strict=True))

    async def _stop(self, name: str) -> int | None:
        service = self._services[name]
        if service.health_check is not None:
            await end(service.health_check)
        await service.process.stop()
        del self._services[name]
        service.log.close()
        return None if service.process.process is None else service.process.process.returncode

    async def _is_ready(self, name: str) -> bool:
        service = self._services[name]
        return await is_ok(service.port, host=service.host)

    async def _require_running(self, name: str) -> None:
        """Restart a process that a signal ended during the start; raise SetupError when it exited by itself."""
        service = self._services[name]
        code = None if service.process.process is None else service.process.process.returncode
        if code is not None and code >= 0:
            raise SetupError(
                f"The service {name} exited at its start ({service.log.last_line()}); see {service.log.path}."
            )
        if code is not None:
            process = await service.process.start()
            self._run_file.service(name, f"restarted as process {process.pid}")

    def _service_process(self, name: str, pool_size: int) -> ServiceProcess:
        service = name.partition("-")[0]
        broker_url, cache_url = self._servers.urls_of(service)
        port = self._settings.api_port if service == "api" else self._free_port()
        host = reachable(self._settings.api_host) if service == "api" else HOST
        own = replace(
            self._settings,
            broker_url=broker_url,
            cache_url=cache_url,
            metrics_port=0 if service == "api" else port,
            database_pool_size=pool_size,
        )
        variables = {**self._passed, **_with_own_keys(own, service, self._run_file.home).to_environment()}
        log = Log(self._run_file.home / "logs" / f"{name}.log")

        async def spawn() -> processes.Child:
            if service == "simulator":
                return await self._fork_server.fork(name, variables, log.address)
            return await processes.start(
                [sys.executable, "-m", f"services.{service}"], environment=variables, log=log.fileno(), folder=str(ROOT)
            )

        supervised = processes.RestartingProcess(
            name, spawn, stop_signal=signal.SIGTERM, stop_within_s=STOP_S, on_event=self._run_file.service
        )
        return ServiceProcess(process=supervised, port=port, host=host, log=log, pool_size=pool_size)

    def _free_port(self) -> int:
        """Return a port of no other process; one that was just started may not listen yet."""
        used = {service.port for service in self._services.values()}
        while (port := free_port()) in used:
            pass
        return port


def _with_own_keys(settings: Settings, service: str, home: pathlib.Path) -> Settings:
    """Return the settings of a service: keys of data sources for the preparer only, whether it uses them for all, and
    the key of the API for the warmer only."""
    if service != "warmer":
        settings = replace(settings, api_key=None)
    enabled = "true" if settings.fetches and settings.source_keys else "false"
    if service == "preparer":
        return replace(settings, fetch_enabled=enabled, fetch_dir=settings.fetch_dir or str(home / "fetch"))
    return replace(settings, fetch_enabled=enabled, krx_key=None, dart_key=None, kis_key=None, kis_secret=None)
