"""The number of simulators of a running system: it grows, shrinks, and is what the last order said."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
import pytest_asyncio

from ondol.local import embedded_servers
from ondol.local.control_socket import FOLDER
from ondol.local.forkserver import ForkServer
from ondol.local.ports import is_ok
from ondol.local.processes import started_at
from ondol.local.run_file import RunFile, Servers
from ondol.local.scaling import SimulatorScaler
from ondol.local.supervisor import ROOT, Supervisor
from shared.errors import SetupError
from shared.infra.database.pool import database, lone_connection
from shared.infra.database.sql import statements
from shared.settings import Settings
from tests.support.commands import serving

MAX_WAIT_S = 60.0
OURS = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}


@dataclass(frozen=True)
class Home:
    """A home that is served, and the command on it."""

    folder: pathlib.Path

    @property
    def run(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads((self.folder / "run.json").read_bytes())
        return found

    @property
    def simulators(self) -> dict[str, int]:
        """Process ids by name, as `run.json` has them."""
        return {name: pid for name, pid in self.run["services"].items() if name.startswith("simulator-")}

    def forked(self) -> set[int]:
        """Return the process ids of all running simulators, by their parent."""
        stat_line = pathlib.Path(f"/proc/{self.simulators['simulator-1']}/stat").read_text(encoding="utf-8")
        parent = stat_line.rpartition(")")[2].split()[1]
        children = pathlib.Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8").split()
        return {int(child) for child in children if started_at(int(child)) is not None}

    def access(self) -> int:
        """Return the permissions of the folder through which orders come."""
        return stat.S_IMODE((pathlib.Path(self.run["servers"]["sockets"]) / FOLDER).stat().st_mode)

    async def scale(self, count: int | str, **environment: str) -> tuple[int, Any, str]:
        """(exit code, what was printed, what was wrong)."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ondol", "scale", "--home", str(self.folder), "--json", "--", str(count),
            env=OURS | environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await asyncio.wait_for(process.communicate(), MAX_WAIT_S)
        assert process.returncode is not None
        return process.returncode, orjson.loads(out) if out else None, error.decode()

    async def scaled(self, count: int) -> dict[str, Any]:
        """The outcome of an order that must go well."""
        code, found, error = await self.scale(count)
        assert code == 0, error
        assert isinstance(found, dict)
        return found

    async def ready(self) -> list[bool]:
        """Whether each simulator answers on the port that `run.json` has."""
        return [await is_ok(self.run["metrics"][name]) for name in self.simulators]


@pytest_asyncio.fixture(scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Home]:
    folder = tmp_path_factory.mktemp("scale") / "home"
    async with serving(folder):
        yield Home(folder)


@pytest_asyncio.fixture
async def home(served: Home) -> Home:
    """The served home of this module with one simulator."""
    await served.scaled(1)
    return served


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(MAX_WAIT_S):
        while not claim():  # noqa: ASYNC110  another process makes it true
            await asyncio.sleep(0.02)


async def test_simulators_start_and_stop_in_order_while_serving(home: Home) -> None:
    first = home.simulators
    grown = await home.scaled(4)
    assert (grown["simulators"], grown["before"], grown["stopped"]) == (4, 1, {})
    assert await home.ready() == [True] * 4
    four = home.simulators
    assert four == first | grown["started"]
    assert home.forked() == set(four.values())
    assert len(set(home.run["metrics"].values())) == len(home.run["metrics"]) == 7

    shrunk = await home.scaled(2)
    assert (shrunk["started"], shrunk["stopped"]) == ({}, {"simulator-3": 0, "simulator-4": 0})
    assert home.simulators == {name: four[name] for name in ("simulator-1", "simulator-2")}
    assert home.forked() == set(home.simulators.values())
    assert {name for name in home.run["metrics"] if "simulator" in name} == set(home.simulators)

    same = await home.scaled(2)
    assert (same["before"], same["started"], same["stopped"]) == (2, {}, {})
    again = await home.scaled(3)
    assert set(again["started"]) == {"simulator-3"}
    assert await home.ready() == [True] * 3


async def test_added_simulator_is_restarted_and_removed_one_is_not(home: Home) -> None:
    await home.scaled(3)
    await home.scaled(2)
    killed = home.simulators["simulator-2"]
    os.kill(killed, signal.SIGKILL)
    await until(lambda: home.simulators["simulator-2"] != killed)
    await until(lambda: len(home.forked()) == 2)
    assert set(home.simulators) == {"simulator-1", "simulator-2"}
    assert home.forked() == set(home.simulators.values())
    async with asyncio.timeout(MAX_WAIT_S):
        while not all(await home.ready()):  # noqa: ASYNC110  another process makes it true
            await asyncio.sleep(0.02)


async def test_concurrent_scale_commands_apply_in_order(home: Home) -> None:
    outcomes = await asyncio.gather(*(home.scaled(count) for count in (5, 3, 5, 2)))
    befores = [one["before"] for one in outcomes]
    last = [count for count in (5, 3, 5, 2) if befores.count(count) < [5, 3, 5, 2].count(count)]
    assert [one["simulators"] for one in outcomes] == [5, 3, 5, 2]
    assert befores.count(1) == 1
    assert len(home.simulators) == len(home.forked()) == last[0]
    assert home.forked() == set(home.simulators.values())


async def test_the_next_start_takes_its_own_number(tmp_path: pathlib.Path) -> None:
    found = Home(tmp_path / "home")
    async with serving(found.folder):
        await found.scaled(3)
        assert found.access() == 0o700
    async with serving(found.folder, simulators=2):
        assert set(found.simulators) == {"simulator-1", "simulator-2"}


async def test_number_beyond_max_connections_is_refused(home: Home) -> None:
    url = home.run["servers"]["database_url"]
    before = home.run
    async with lone_connection(url) as connection:
        usage = await connection.fetchrow(statements("connections")["connection_usage"])
    async with database(url, size=usage["available"] - usage["reserved"] - 25):
        code, _, error = await home.scale(64)
        assert (code, home.run) == (2, before), error
        assert all(part in error for part in ("PostgreSQL admits 497 connections", "63 more simulators", "start fewer"))
        await home.scaled(2)
    assert (await home.scaled(3))["before"] == 2


@pytest.mark.parametrize(("count", "said"), [("0", "1 to 64"), ("65", "1 to 64"), ("-1", "1 to 64"), ("x", "'x'")])
async def test_a_number_that_no_system_has_is_refused(tmp_path: pathlib.Path, count: str, said: str) -> None:
    code, found, error = await Home(tmp_path).scale(count)
    assert (code, found) == (2, None)
    assert said in error
    assert "Traceback" not in error


async def test_without_a_system_there_is_nothing_to_scale(tmp_path: pathlib.Path) -> None:
    code, _, error = await Home(tmp_path / "absent").scale(2)
    assert (code, "start `ondol serve`" in error) == (2, True)
    urls = {"ONDOL_DATABASE_URL": "postgresql://x/y", "ONDOL_BROKER_URL": "redis://x", "ONDOL_CACHE_URL": "redis://y"}
    code, _, error = await Home(tmp_path).scale(2, **urls)
    assert (code, "python -m services.simulator" in error) == (2, True)


async def test_home_used_by_another_command_has_no_simulators(tmp_path: pathlib.Path) -> None:
    async with embedded_servers.servers(tmp_path / "home", command="load", durable=False):
        code, _, error = await Home(tmp_path / "home").scale(2)
    assert (code, "in use by `ondol load`" in error) == (2, True)


async def test_simulators_that_fail_to_start_are_refused(settings: Settings, tmp_path: pathlib.Path) -> None:
    (tmp_path / "logs").mkdir()
    absent = replace(settings, database_url=f"postgresql://ondol@/ondol?host={tmp_path}")
    servers = Servers(
        database_url="", broker_url=settings.broker_url or "", cache_url=settings.cache_url or "", sockets="",
        panel_dir="", passwords={"simulator": "unknown"},
    )  # fmt: skip
    fork_server = ForkServer({}, ROOT, tmp_path / "fork_server.log")
    process = await fork_server.start()
    run_file = RunFile(tmp_path)
    supervisor = Supervisor(settings=absent, servers=servers, passed={}, fork_server=fork_server, run_file=run_file)
    simulators = SimulatorScaler(supervisor, run_file, database_url=settings.database_url or "", max_pool_size=8)
    with pytest.raises(SetupError, match=r"simulator-\d exited at its start .+ is still 0\."):
        await simulators.scale(3)
    assert supervisor.names == []
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
    await until(lambda: not children.read_text(encoding="utf-8").split())
    await fork_server.close()
    await asyncio.wait_for(process.wait(), MAX_WAIT_S)
