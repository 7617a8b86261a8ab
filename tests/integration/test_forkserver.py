"""Simulators that are forked from one process: they begin, end and are signalled like any other child."""

from __future__ import annotations

import asyncio
import pathlib
import signal
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from ondol.local import processes
from ondol.local.forkserver import Forked, ForkServer
from shared.settings import Settings
from tests.support.api_helpers import prepared
from tests.support.api_with_market import request
from tests.support.system import api_of

__all__ = ["prepared"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_WAIT_S = 30.0


@pytest_asyncio.fixture
async def fork_server(tmp_path: pathlib.Path) -> AsyncIterator[ForkServer]:
    made = ForkServer({}, ROOT, tmp_path / "fork_server.log")
    process = await made.start()
    yield made
    await made.close()
    await asyncio.wait_for(process.wait(), MAX_WAIT_S)


async def ended(child: processes.Child) -> int:
    return await asyncio.wait_for(child.wait(), MAX_WAIT_S)


def is_alive(child: Forked) -> bool:
    return processes.started_at(child.pid) is not None


async def until(claim: Callable[[], bool]) -> None:
    async with asyncio.timeout(MAX_WAIT_S):
        while not claim():  # noqa: ASYNC110  another process makes it true
            await asyncio.sleep(0.02)


async def until_ready(log: pathlib.Path) -> None:
    await until(lambda: log.exists() and "simulator.started" in log.read_text(encoding="utf-8"))


async def test_child_has_its_own_environment_log_and_exit_code(fork_server: ForkServer, tmp_path: pathlib.Path) -> None:
    logs = [tmp_path / name for name in ("one.log", "two.log")]
    one = await fork_server.fork("one", {}, logs[0])
    two = await fork_server.fork("two", {"ONDOL_SIMULATOR_CONCURRENCY": "none"}, logs[1])
    assert [await ended(one), await ended(two)] == [2, 2]
    assert (one.returncode, two.returncode) == (2, 2)
    assert "ONDOL_DATABASE_URL" in logs[0].read_text(encoding="utf-8")
    assert "ONDOL_SIMULATOR_CONCURRENCY" in logs[1].read_text(encoding="utf-8")


async def test_forked_simulators_serve_and_stop(
    fork_server: ForkServer, prepared: Settings, tmp_path: pathlib.Path
) -> None:
    environment = {**prepared.to_environment(), "ONDOL_METRICS_PORT": "0", "ONDOL_LOG_LEVEL": "info"}
    children = [await fork_server.fork(f"s-{n}", environment, tmp_path / f"{n}.log") for n in range(2)]
    for n in range(2):
        await until_ready(tmp_path / f"{n}.log")
    children[0].kill()
    assert await ended(children[0]) == -signal.SIGKILL
    assert is_alive(children[1])
    async with api_of(prepared) as client:
        status, document, _ = await client.call("POST", "/v1/backtests", request(), Prefer="wait=30")
        assert (status, document["status"]) == (200, "completed")
    children[1].send_signal(signal.SIGTERM)
    assert await ended(children[1]) == 0
    children[1].send_signal(signal.SIGTERM)  # it has ended: no process receives the signal


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, None])
async def test_children_end_with_their_fork_server(
    how: signal.Signals | None, settings: Settings, tmp_path: pathlib.Path
) -> None:
    environment = {**settings.to_environment(), "ONDOL_METRICS_PORT": "0", "ONDOL_LOG_LEVEL": "info"}
    fork_server = ForkServer({}, ROOT, tmp_path / "fork_server.log")
    process = await fork_server.start()
    child = await fork_server.fork("s", environment, tmp_path / "s.log")
    await until_ready(tmp_path / "s.log")
    if how is None:
        await fork_server.close()
    else:
        process.send_signal(how)
    assert await ended(process) == (0 if how is None else -how)
    assert await ended(child) == -signal.SIGKILL
    await until(lambda: not is_alive(child))
    again = await fork_server.start()
    assert await ended(await fork_server.fork("s", {}, tmp_path / "again.log")) == 2
    await fork_server.close()
    assert await ended(again) == 0


async def test_fork_without_a_fork_server_fails(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ondol.local.forkserver.MAX_WAIT_S", 0.05)
    fork_server = ForkServer({}, ROOT, tmp_path / "fork_server.log")
    with pytest.raises(BrokenPipeError):
        await fork_server.fork("s", {}, tmp_path / "s.log")
