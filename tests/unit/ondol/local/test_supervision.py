"""Supervision goes on when reports fail, ends the process when it cannot, and kills what does not respond."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import sys

import pytest

from ondol.local import processes, supervision
from ondol.local.run_file import Run, RunFile, Servers
from ondol.local.supervision import end, kill_unresponsive, must_run, report


async def _sleeper() -> asyncio.subprocess.Process:
    return await processes.start(["/bin/sleep", "600"], environment={})


async def _until_changed(supervised: processes.RestartingProcess, process: processes.Child) -> processes.Child:
    async with asyncio.timeout(20):
        while supervised.process is process or supervised.process is None:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.01)
    return supervised.process


async def test_process_restarts_although_its_reports_fail() -> None:
    def on_event(name: str, what: str) -> None:
        raise OSError(28, "No space left on device")

    attempts = 0

    async def spawn() -> asyncio.subprocess.Process:
        nonlocal attempts
        attempts += 1
        if attempts == 2:
            raise RuntimeError("cannot fork now")
        return await _sleeper()

    supervised = processes.RestartingProcess(
        "one", spawn, stop_signal=signal.SIGTERM, stop_within_s=5, on_event=on_event
    )
    first = await supervised.start()
    supervised.supervise()
    try:
        first.kill()
        second = await _until_changed(supervised, first)
        assert second.returncode is None
        assert attempts == 3
    finally:
        await supervised.stop()


async def test_process_that_does_not_respond_is_killed() -> None:
    happened: list[str] = []
    supervised = processes.RestartingProcess(
        "one", _sleeper, stop_signal=signal.SIGTERM, stop_within_s=5, on_event=lambda name, what: happened.append(what)
    )
    first = await supervised.start()
    supervised.supervise()

    async def responds() -> bool:
        return supervised.process is not first

    watching = must_run(
        "responses",
        kill_unresponsive(supervised, responds, lambda name, what: happened.append(what), every_s=0.01, after_s=0.05),
    )
    try:
        second = await _until_changed(supervised, first)
        await asyncio.sleep(0.2)
        assert supervised.process is second
        assert sum("is killed" in what for what in happened) == 1
    finally:
        watching.cancel()
        await supervised.stop()


async def test_supervising_task_that_ends_stops_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervision, "failures", [])
    received = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, received.set)

    async def broken() -> None:
        raise ValueError("a mistake")

    async def endless() -> None:
        await asyncio.sleep(600)

    try:
        cancelled = must_run("cancelled", endless())
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)
        assert not supervision.failures
        task = must_run("postgres", broken())
        await asyncio.wait_for(received.wait(), 10)
        assert isinstance(task.exception(), ValueError)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
    assert supervision.failures == ["The supervision of postgres ended (ValueError: a mistake)."]
    assert "a mistake" in capsys.readouterr().err


def test_report_survives_an_unwritable_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    full = pathlib.Path("/dev/full").open("w", encoding="utf-8", buffering=1)  # noqa: SIM115  closing it fails as well
    monkeypatch.setattr(sys, "stderr", full)
    report("a line")
    monkeypatch.undo()
    with pytest.raises(OSError, match="No space left"):
        full.close()


async def test_run_file_is_written_when_it_can_be_again(tmp_path: pathlib.Path) -> None:
    servers = Servers(database_url="", broker_url="", cache_url="", sockets="", panel_dir="")
    run_file = RunFile(tmp_path)
    run_file.run = Run(
        process=os.getpid(), started="1", home=str(tmp_path), lock=(0, 0), command="serve", servers=servers
    )  # fmt: skip
    obstacle = tmp_path / "run.json.new"
    obstacle.mkdir()
    keeping = asyncio.create_task(run_file.keep_written())
    try:
        run_file.service("api", "restarted as process 4711")
        assert not (tmp_path / "run.json").exists()
        obstacle.rmdir()
        async with asyncio.timeout(20):
            while not (tmp_path / "run.json").exists():  # noqa: ASYNC110  a task that waits a second
                await asyncio.sleep(0.05)
    finally:
        keeping.cancel()
    assert run_file.run.services == {"api": 4711}
    assert (tmp_path / "run.json").stat().st_mode & 0o077 == 0


async def test_tasks_end_although_a_cancellation_is_lost() -> None:
    lost = 0

    async def loops() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                if lost == 2:
                    raise
                lost += 1

    task = asyncio.create_task(loops())
    await asyncio.sleep(0.02)
    async with asyncio.timeout(20):
        await end(task)
    assert task.cancelled()
    assert lost == 2
