"""A whole system in a home of its own: `ondol serve` as a process, observed and disturbed from outside."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import asyncpg
from redis.asyncio import Redis

from shared.infra.redis import client as redis_servers

_PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV")
READY_S = 90.0


class FaultError(AssertionError):
    """A check could not run, or an awaited condition did not hold in time."""


async def until(true: Callable[[], Awaitable[Any]], seconds: float, what: str, *, every_s: float = 0.05) -> float:
    """Wait until a condition holds and return the seconds; raise FaultError after the time limit."""
    began = time.monotonic()
    while not await true():
        if time.monotonic() - began > seconds:
            raise FaultError(f"{what}: not within {seconds:g} s")
        await asyncio.sleep(every_s)
    return time.monotonic() - began


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a process of the system, without settings of this process."""
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    return {**passed, "PYTHONWARNINGS": "ignore", **more}


async def ondol(*words: str, **more: str) -> str:
    """Run an `ondol` command and return its output; raise FaultError when it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ondol.main", *words, env=environment(**more),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        raise FaultError(f"ondol {' '.join(words)} ended with {process.returncode}: {output.decode()[-600:]}")
    return output.decode()


class System:
    """A running system over `home`."""

    def __init__(self, home: pathlib.Path, process: asyncio.subprocess.Process) -> None:
        self.home = home
        self.process = process

    @property
    def run(self) -> dict[str, Any]:
        """Content of `run.json`."""
        run: dict[str, Any] = json.loads((self.home / "run.json").read_text(encoding="utf-8"))
        return run

    @property
    def url(self) -> str:
        """URL of the API."""
        return f"http://127.0.0.1:{self.run['port']}"

    def pids(self) -> dict[str, int]:
        """Return the process ids of services and servers by name."""
        run = self.run
        return {**run["services"], **run["servers"]["processes"]}

    def simulators(self) -> list[str]:
        """Return the names of the simulators."""
        return [name for name in self.run["services"] if name.startswith("simulator")]

    def alive(self) -> dict[str, bool]:
        """Return by name whether each process runs."""
        return {name: is_alive(process) for name, process in self.pids().items()}

    async def send_signal(self, name: str, number: int, seconds: float = 30.0) -> int:
        """Send a signal to the living process of a name and return its id; a process that just ends is awaited.

        Raises:
            FaultError: no process of the name lived within `seconds`.
        """
        sent: list[int] = []

        async def delivered() -> bool:
            process = self.pids().get(name)
            if process is None or not is_alive(process):
                return False
            with suppress(ProcessLookupError):
                os.kill(process, number)
                sent.append(process)
            return bool(sent)

        await until(delivered, seconds, f"a living process of {name}")
        return sent[0]

    async def restarted(self, name: str, process: int, seconds: float = 60.0) -> float:
        """Wait until another process than `process` runs under a name; return the seconds."""

        async def replaced() -> bool:
            current = self.pids().get(name)
            return current not in (None, process) and is_alive(int(current or 0))

        return await until(replaced, seconds, f"a new process of {name}")

    def metric(self, text: str, name: str) -> float:
        """Return the sum of a metric over all its labels."""
        lines = [line for line in text.splitlines() if line.startswith(name) and line[len(name)] in " {"]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """Open a separate connection to the database."""
        connection = await asyncpg.connect(self.run["servers"]["database_url"], timeout=10)
        try:
            yield connection
        finally:
            with suppress(OSError, asyncpg.PostgresError, TimeoutError):
                await connection.close(timeout=3)

    async def fetch_value(self, statement: str, *values: object) -> Any:
        """Return the first value of a statement."""
        async with self.database() as connection:
            return await connection.fetchval(statement, *values)

    @asynccontextmanager
    async def redis(self, role: str) -> AsyncIterator[Redis]:
        """Open a client of broker or cache as the administrator."""
        client = redis_servers.client(self.run["servers"][f"{role}_url"])
        try:
            yield client
        finally:
            await client.aclose()

    async def ready(self) -> bool:
        """Return whether /readyz returns 200."""
        try:
            limit = aiohttp.ClientTimeout(total=3)
            async with aiohttp.ClientSession(timeout=limit) as session, session.get(self.url + "/readyz") as response:
                return response.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
            return False

    async def healthy(self, seconds: float = 30.0) -> float:
        """Wait until all processes run and the API is ready; return the seconds."""

        async def is_healthy() -> bool:
            return all(self.alive().values()) and await self.ready()

        return await until(is_healthy, seconds, "a healthy system")

    async def load(self, market: pathlib.Path) -> None:
        """Load a market and wait until its version is current."""
        await ondol("load", str(market), "--home", str(self.home))

        async def published() -> bool:
            wanted = await self.fetch_value("select max(id) from data_revision")
            return bool(await self.fetch_value("select revision >= $1 from dataset_current", wanted))

        await until(published, 120, "a dataset version")

    async def warm_run_ended(self) -> None:
        """Wait until no warm run is open, which would disturb measurements."""

        async def quiet() -> bool:
            return not await self.fetch_value(
                "select exists (select from warm_run where status in ('queued', 'running'))"
            )

        await until(quiet, 120, "the end of the warm run")

    async def stop(self) -> float:
        """Send SIGTERM, wait for the end and return the seconds."""
        began = time.monotonic()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self.process.wait(), 40)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()
                raise FaultError("the system did not stop within 40 s") from None
        return time.monotonic() - began


def is_alive(process: int) -> bool:
    """Return whether a process exists and is not a zombie."""
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


async def make_market(folder: pathlib.Path, *, stocks: int, years: int, seed: int = 1) -> pathlib.Path:
    """Return a folder with a synthetic market, written at the first call."""
    if not folder.exists():
        await ondol("synthesize", str(folder), "--stocks", str(stocks), "--years", str(years), "--seed", str(seed))
    return folder


@asynccontextmanager
async def serving(home: pathlib.Path, *, simulators: int = 3, **settings: str) -> AsyncIterator[System]:
    """Run `ondol serve` over `home` for the duration of the block."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "serve.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ondol.main", "serve", "--home", str(home), "--port", "0",
            "--simulators", str(simulators), env=environment(**settings), stdout=log, stderr=log,
        )  # fmt: skip
    system = System(home, process)
    try:

        async def up() -> bool:
            if process.returncode is not None:
                raise FaultError(f"serve exited: {(home / 'serve.log').read_text(encoding='utf-8')[-600:]}")
            written = (home / "run.json").exists() and system.run["process"] == process.pid  # not a copied one
            return written and system.run["port"] is not None and await system.ready()

        await until(up, READY_S, "a ready system")
        await until(lambda: _listed(system), 10, "the process ids of the services")
        yield system
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
            await system.stop()


async def _listed(system: System) -> bool:
    return bool(system.run["services"])


@asynccontextmanager
async def home_folder(name: str = "faults") -> AsyncIterator[pathlib.Path]:
    """Create a folder for a home; it is removed at the end with its PostgreSQL cluster."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"ondol-{name}-"))
    try:
        yield folder
    finally:
        for pointer in folder.rglob("postgres.folder"):
            shutil.rmtree(pointer.read_text(encoding="utf-8").strip(), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
