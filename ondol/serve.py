"""The whole system on this machine: three servers and the four services as processes, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import pathlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

from ondol import embedded, processes
from ondol.logs import Log
from ondol.nursery import Nursery
from ondol.terminal import print_json
from shared.errors import SetupError
from shared.infra.lifecycle import stop_signal
from shared.infra.postgres import migrate
from shared.settings import Settings

_PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")
_READY_S = 60.0
_LEAVE_S = 15.0
_LISTEN_S, _SILENT_S = 5.0, 40.0
_CONNECTIONS = 180
"""What the pools of the services share of the embedded PostgreSQL's 400 connections; their watches, heartbeats and
copies, and the command line, take of the rest."""
HOST = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ondol serve`."""
    parser.add_argument(
        "--home",
        type=pathlib.Path,
        default=pathlib.Path("var"),
        metavar="DIR",
        help="where data are kept (default ./var)",
    )
    parser.add_argument(
        "--port", type=int, default=None, help="port of the API; 0 takes a free one (default ONDOL_API_PORT, 8000)"
    )
    parser.add_argument("--simulators", type=int, default=2, metavar="N", help="simulator processes (default 2)")
    parser.add_argument("--json", action="store_true", help="print the addresses as JSON when ready")


def main(args: argparse.Namespace) -> int:
    """Serve until a signal comes."""
    if args.settings.has_servers:
        raise SetupError(
            "ondol serve brings its own servers; with ONDOL_DATABASE_URL set start the services themselves "
            "(`python -m services.api`, preparer, simulator, warmer), or unset the three URLs."
        )
    if not 1 <= args.simulators <= 64:
        raise SetupError("--simulators must be from 1 to 64.")
    asyncio.run(_serve(args))
    return 0


async def _serve(args: argparse.Namespace) -> None:
    port = args.settings.api_port if args.port is None else args.port
    async with stop_signal() as stop:
        starting = asyncio.ensure_future(stop.wait())
        async with AsyncExitStack() as opened:
            coming = asyncio.ensure_future(
                opened.enter_async_context(
                    system(
                        args.settings, args.home, environment=args.environment, port=port, simulators=args.simulators
                    )
                )
            )
            try:
                await asyncio.wait({coming, starting}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)
                    return
                run = coming.result()
                address = f"http://{HOST}:{run.port}"
                if args.json:
                    print_json(
                        {"ready": address, "process": run.process, "services": run.services, "metrics": run.metrics}
                    )
                else:
                    print(f"ready {address}", flush=True)
                await stop.wait()
            finally:
                starting.cancel()


@asynccontextmanager
async def system(
    settings: Settings,
    home: pathlib.Path,
    *,
    environment: Mapping[str, str],
    port: int,
    simulators: int,
    verb: str = "serve",
) -> AsyncIterator[embedded.Run]:
    """Everything, started in order and ready; at the end everything that was started is gone."""
    home = embedded.make_home(home)
    port = free_port() if port == 0 else _checked_port(port)
    names = ["api", "preparer", *(f"simulator-{n + 1}" for n in range(simulators)), "warmer"]
    notes = _Notes(home)
    async with AsyncExitStack() as opened:
        found = await opened.enter_async_context(
            embedded.servers(home, verb=verb, cache_bytes=settings.cache_bytes, told=notes.server)
        )
        await migrate(found.database_url)
        pool_size = max(2, min(settings.pool_size, _CONNECTIONS // len(names)))
        shared = replace(
            embedded.with_servers(settings, found), api_host=HOST, api_port=port, metrics_host=HOST, pool_size=pool_size
        )
        ports = {name: free_port() for name in names if name != "api"}
        passed = {key: environment[key] for key in _PASSED if key in environment}
        logs = {name: opened.enter_context(Log(home / "logs" / f"{name}.log")) for name in (*names, "simulators")}
        nursery = Nursery(passed, _root(), logs["simulators"].address)
        parent = processes.Kept(
            "simulators", nursery.start, stop_signal=signal.SIGTERM, stop_within_s=_LEAVE_S, told=notes.parent
        )
        await parent.start()
        opened.push_async_callback(_stop_nursery, parent, nursery)
        parent.keep()
        kept = []
        for name in names:
            broker_url, cache_url = found.urls_of(name.partition("-")[0])
            own = replace(shared, broker_url=broker_url, cache_url=cache_url, metrics_port=ports.get(name, 0))
            variables = {**passed, **own.to_environment()}
            kept.append(_service(name, variables, logs[name].address, nursery, notes.service))
        opened.push_async_callback(_stop_all, kept)
        started = await asyncio.gather(*(one.start() for one in kept))
        run = embedded.Run(
            process=os.getpid(),
            started=processes.started_at(os.getpid()) or "",
            verb=verb,
            servers=found,
            port=port,
            services={one.name: process.pid for one, process in zip(kept, started, strict=True)},
            metrics={"api": port, **ports},
        )
        notes.run = run
        embedded.write_run(home, run)
        await _until_ready(port, kept, logs)
        for one in kept:
            one.keep()
        watching = [asyncio.create_task(_end_when_silent(one, run.metrics[one.name], notes)) for one in kept]
        try:
            yield run
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)


class _Notes:
    """Keeps `run.json` true while processes come and go, and says on standard error what went."""

    def __init__(self, home: pathlib.Path) -> None:
        self.home = home
        self.run: embedded.Run | None = None

    def server(self, name: str, what: str) -> None:
        self._note(name, what, "servers")

    def service(self, name: str, what: str) -> None:
        self._note(name, what, "services")

    def parent(self, name: str, what: str) -> None:
        """The process that simulators are forked from is no service."""
        sys.stderr.write(f"{name} {what}; see {self.home}/logs/{name}.log\n")

    def _note(self, name: str, what: str, kind: str) -> None:
        sys.stderr.write(f"{name} {what}; see {self.home}/logs/{name}.log\n")
        number = what.rpartition(" ")[2]
        if self.run is not None and what.startswith("started") and number.isdigit():
            target = self.run.services if kind == "services" else self.run.servers.processes
            target[name] = int(number)
            embedded.write_run(self.home, self.run)


def _service(
    name: str, variables: Mapping[str, str], log_path: pathlib.Path, nursery: Nursery, told: processes.Told
) -> processes.Kept:
    service = name.partition("-")[0]

    async def spawn() -> processes.Child:
        if service == "simulator":
            return await nursery.fork(name, variables, log_path)
        with log_path.open("ab") as log:
            return await processes.start(
                [sys.executable, "-m", f"services.{service}"],
                environment=variables,
                log=log,
                folder=str(_root()),
            )

    return processes.Kept(name, spawn, stop_signal=signal.SIGTERM, stop_within_s=_LEAVE_S, told=told)


async def _stop_nursery(parent: processes.Kept, nursery: Nursery) -> None:
    await parent.stop()
    await nursery.close()


def _root() -> pathlib.Path:
    """The folder with the packages `services` and `shared`."""
    return pathlib.Path(__file__).resolve().parent.parent


async def _stop_all(kept: list[processes.Kept]) -> None:
    await asyncio.gather(*(one.stop() for one in kept))


def free_port() -> int:
    """A port of the loopback that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _checked_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise SetupError(
                f"Port {port} cannot be used ({error}); choose another with --port, or --port 0."
            ) from error
    return port


async def _until_ready(port: int, kept: list[processes.Kept], logs: Mapping[str, Log]) -> None:
    """Wait until /readyz answers 200; SetupError as soon as a service ends instead."""
    try:
        async with asyncio.timeout(_READY_S):
            while not await _answers(port):
                for one in kept:
                    code = None if one.process is None else one.process.returncode
                    if code is not None and code >= 0:
                        raise SetupError(_ended(one.name, logs[one.name]))
                    if code is not None:  # a signal ended it, not a mistake of its own
                        await one.start()
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise SetupError(f"The API was not ready within {_READY_S:.0f} s; see {logs['api'].path}.") from error


def _ended(name: str, log: Log) -> str:
    return f"The service {name} ended at its start ({log.last_line()}); see {log.path}."


async def _end_when_silent(kept: processes.Kept, port: int, notes: _Notes) -> None:
    """Task: kill a service that lives and has not answered /healthz for `_SILENT_S`; it is started again."""
    loop = asyncio.get_running_loop()
    heard, process = loop.time(), kept.process
    while True:
        await asyncio.sleep(_LISTEN_S)
        if kept.process is not process or await _answers(port, "/healthz"):
            heard, process = loop.time(), kept.process
        elif loop.time() - heard > _SILENT_S and process is not None and process.returncode is None:
            notes.service(kept.name, f"has not answered for {_SILENT_S:.0f} s and is killed")
            with suppress(ProcessLookupError):
                process.kill()


async def _answers(port: int, path: str = "/readyz") -> bool:
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode())
        status = await asyncio.wait_for(reader.readline(), timeout=5)
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
    return b" 200 " in status
