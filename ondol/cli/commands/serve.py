"""Run the whole system on this machine: three servers and the four services as processes, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import secrets
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from ondol.cli.terminal import print_json
from ondol.local import control_socket, embedded_servers, processes
from ondol.local.forkserver import ForkServer
from ondol.local.log_files import Log
from ondol.local.ports import HOST, checked_port, free_port, reachable, url_of
from ondol.local.postgres import data_folder
from ondol.local.run_file import Run, RunFile, with_servers, write_run
from ondol.local.scaling import SimulatorScaler, checked, names_of, pool_size
from ondol.local.supervision import FORK_SERVER_UNRESPONSIVE_S, failures, kill_unresponsive, must_run, watched
from ondol.local.supervisor import ROOT, STOP_S, Supervisor
from services.api.auth import hash_of, requires_key
from services.api.http.request_source import is_loopback
from shared.errors import OndolError, SetupError
from shared.infra.database.pool import database, migrate
from shared.infra.database.sql import statements
from shared.infra.lifecycle import stop_signal
from shared.settings import Settings

_PING_EVERY_S = 3.0
_WARMER_KEY = "key_warmer"
_PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol serve`."""
    parser.add_argument(
        "--home",
        type=pathlib.Path,
        default=pathlib.Path("var"),
        metavar="DIR",
        help="data directory (default ./var)",
    )
    parser.add_argument(
        "--port", type=int, default=None, help="port of the API; 0 chooses a free one (default ONDOL_API_PORT, 8000)"
    )
    parser.add_argument("--simulators", type=int, default=2, metavar="N", help="simulator processes (default 2)")
    parser.add_argument("--json", action="store_true", help="print the addresses as JSON when ready")


def main(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    if args.settings.has_servers:
        raise SetupError(
            "ondol serve starts its own servers; with ONDOL_DATABASE_URL set start the services themselves "
            "(`python -m services.api`, preparer, simulator, warmer), or unset the three URLs."
        )
    checked(args.simulators)
    asyncio.run(_serve(args))
    if failures:
        raise OndolError(failures[0])
    return 0


async def _serve(args: argparse.Namespace) -> None:
    port = args.settings.api_port if args.port is None else args.port
    async with stop_signal() as stop:
        stopped = asyncio.ensure_future(stop.wait())
        async with AsyncExitStack() as opened:
            started = asyncio.ensure_future(
                opened.enter_async_context(
                    system(
                        args.settings, args.home, environment=args.environment, port=port, simulators=args.simulators
                    )
                )
            )
            try:
                await asyncio.wait({started, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not started.done():
                    started.cancel()
                    await asyncio.gather(started, return_exceptions=True)
                    return
                run = started.result()
                address = url_of(run.host, run.port or 0)
                if args.json:
                    print_json(
                        {"ready": address, "process": run.process, "services": run.services, "metrics": run.metrics}
                    )
                else:
                    print(f"ready {address}", flush=True)
                await stop.wait()
            finally:
                stopped.cancel()


@asynccontextmanager
async def system(
    settings: Settings,
    home: pathlib.Path,
    *,
    environment: Mapping[str, str],
    port: int,
    simulators: int,
    command: str = "serve",
) -> AsyncIterator[Run]:
    """Start servers and services in order, yield when all are ready, and stop everything at the end."""
    host = settings.api_host
    needs_key = requires_key(settings)
    home = embedded_servers.make_home(home)
    port = free_port(host) if port == 0 else checked_port(port, host)
    names = ["api", "preparer", *names_of(simulators), "warmer"]
    run_file = RunFile(home)
    async with AsyncExitStack() as opened:
        embedded = await opened.enter_async_context(
            embedded_servers.servers(home, command=command, cache_bytes=settings.cache_bytes, on_event=run_file.server)
        )
        await migrate(embedded.database_url)
        shared = replace(with_servers(settings, embedded), api_port=port, metrics_host=HOST)
        if not shared.disk_folders:
            folders = (str(home), str(data_folder(home, processes.unprivileged())))
            # a comma separates the names of the setting
            shared = replace(shared, disk_folders=tuple(folder for folder in folders if "," not in folder))
        if needs_key:
            shared = replace(shared, api_key=await _warmer_key(shared))
        passed = {key: environment[key] for key in _PASSED if key in environment}
        fork_server = ForkServer(passed, ROOT, opened.enter_context(Log(home / "logs" / "simulators.log")).address)
        parent = processes.RestartingProcess(
            "simulators", fork_server.start, stop_signal=signal.SIGTERM, stop_within_s=STOP_S, on_event=run_file.parent
        )
        await parent.start()
        opened.push_async_callback(_stop_fork_server, parent, fork_server)
        parent.supervise()
        await opened.enter_async_context(
            watched(
                must_run("run.json", run_file.keep_written()),
                must_run("simulators (responses)", kill_unresponsive(
                    parent, fork_server.responds, run_file.parent,
                    every_s=_PING_EVERY_S, after_s=FORK_SERVER_UNRESPONSIVE_S,
                )),
            )
        )  # fmt: skip
        supervisor = Supervisor(
            settings=shared, servers=embedded, passed=passed, fork_server=fork_server, run_file=run_file
        )
        opened.push_async_callback(_stop_all, supervisor)
        await supervisor.start(names, pool_size(settings.database_pool_size, used=0, new=len(names)))
        run = replace(
            embedded_servers.new_run(home, command, embedded),
            port=port,
            host=reachable(host),
            services=supervisor.processes(names),
            metrics=supervisor.ports(names),
        )
        run_file.run = run
        write_run(home, run)
        await supervisor.until_ready(["api"], names)
        supervisor.supervise(names)
        scaler = SimulatorScaler(
            supervisor, run_file, database_url=embedded.database_url, max_pool_size=settings.database_pool_size
        )
        await opened.enter_async_context(control_socket.listening(embedded.sockets, scaler.scale))
        yield run


async def _warmer_key(settings: Settings) -> str:
    """Return the key of the warmer, made anew at each start; raise SetupError beyond loopback without another key."""
    sql = statements("accounts")
    async with database(settings.database_url or "", size=1) as pool, pool.connection() as connection:
        if not is_loopback(settings.api_host) and not await connection.fetchval(sql["count_keys"]):
            raise SetupError(
                f"ondol serve does not listen on {settings.api_host} without keys: every host of the network could use "
                "it. Create one with `ondol keys create NAME`, or listen on 127.0.0.1."
            )
        if settings.api_key:
            return settings.api_key
        key = "ondol_" + secrets.token_urlsafe(32)
        await connection.execute(sql["replace_key"], _WARMER_KEY, "warmer of ondol serve", hash_of(key))
    return key


async def _stop_fork_server(parent: processes.RestartingProcess, fork_server: ForkServer) -> None:
    await parent.stop()
    await fork_server.close()


async def _stop_all(supervisor: Supervisor) -> None:
    await supervisor.stop(supervisor.names)
