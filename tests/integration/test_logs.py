"""Logs of child processes: bounded, rotated between lines, and without a line that is lost or torn."""

from __future__ import annotations

import asyncio
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

from ondol.local.log_files import Log
from tests.support.commands import MAX_WAIT_S, serving

WRITER = r"""
import sys
name, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    sys.stderr.write(f"{name} {number} " + "x" * (number % 90) + "\n")
"""


def files(path: pathlib.Path) -> list[pathlib.Path]:
    """Oldest first."""
    numbered = [path.with_name(f"{path.name}.{number}") for number in range(99, 0, -1)]
    return [file for file in (*numbered, path) if file.exists()]


def lines(path: pathlib.Path) -> list[str]:
    return [line for file in files(path) for line in file.read_text(encoding="utf-8").splitlines()]


def child(log: Log, name: str, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, name, str(count)], stderr=log.fileno())


def test_lines_are_written_once_and_in_order_over_rotations(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.log"
    with Log(path, limit=20_000, rotated=99) as log:
        assert child(log, "one", 8000).wait(60) == 0
    assert len(files(path)) > 4
    assert [line.split()[:2] for line in lines(path)] == [["one", str(number)] for number in range(8000)]
    assert all(file.read_bytes().endswith(b"\n") for file in files(path))
    assert all(file.stat().st_size < 20_000 + 100 + 64 * 1024 for file in files(path))


def test_several_children_and_a_reader_that_flushes_share_a_log(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.log"
    with Log(path, limit=10_000_000) as log:
        children = [child(log, name, 1000) for name in ("one", "two", "three")]
        while any(one.poll() is None for one in children):
            log.flush()
        last = log.last_line()
    found = lines(path)
    assert last == found[-1].strip()
    for name in ("one", "two", "three"):
        assert len([line for line in found if line.startswith(name)]) == 1000


def test_the_oldest_file_goes_and_the_others_are_bounded(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.log"
    with Log(path, limit=5_000, rotated=2) as log:
        for number in range(5):
            assert child(log, f"run{number}", 200).wait(60) == 0
            log.flush()
    assert [file.name for file in files(path)] == ["a.log.2", "a.log.1", "a.log"]
    assert lines(path)[-1].startswith("run4 199")
    assert not any(line.startswith("run0 ") for line in lines(path))


def test_oversized_file_is_rotated_by_the_first_line(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("old\n" * 1000, encoding="utf-8")
    with Log(path, limit=1000) as log:
        assert child(log, "one", 1).wait(60) == 0
    assert lines(path)[-2:] == ["old", "one 0 "]
    assert path.read_text(encoding="utf-8") == "one 0 \n"


def test_a_line_without_an_end_does_not_grow_for_ever(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.log"
    endless = "import sys; sys.stderr.write('y' * 4_000_000)"
    with Log(path, limit=1000) as log:
        assert subprocess.run([sys.executable, "-c", endless], stderr=log.fileno(), check=False).returncode == 0
    assert len(files(path)) > 1
    assert sum(file.stat().st_size for file in files(path)) == 4_000_000


def test_what_could_not_be_written_is_counted_in_the_log(
    tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs" / "a.log"
    path.parent.mkdir()
    with Log(path, limit=100) as log:
        assert child(log, "one", 20).wait(60) == 0
        log.flush()
        shutil.rmtree(path.parent)  # the next file cannot be opened
        assert child(log, "lost", 20).wait(60) == 0
        log.flush()
        path.parent.mkdir()
        assert child(log, "two", 3).wait(60) == 0
    assert "cannot be written" in capfd.readouterr().err
    assert "bytes could not be written before this line" in path.read_text(encoding="utf-8")
    assert "two 2" in path.read_text(encoding="utf-8")


def test_a_process_may_open_a_log_by_its_address(tmp_path: pathlib.Path) -> None:
    with Log(tmp_path / "a.log") as log:
        code = f"open({str(log.address)!r}, 'ab').write(b'by name\\n')"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
        assert log.last_line() == "by name"
    assert not [thread for thread in threading.enumerate() if thread.name == "log a.log"]


async def test_a_system_keeps_the_lines_of_its_services(tmp_path: pathlib.Path) -> None:
    """Every service writes when it has started, also the warmer, for which `ondol serve` does not wait."""
    home = tmp_path / "home"

    def all_started() -> bool:
        names = {"api": "api", "preparer": "preparer", "simulator-1": "simulator", "warmer": "warmer"}
        return all(f"{service}.started" in (home / "logs" / f"{log}.log").read_text() for log, service in names.items())

    async with serving(home), asyncio.timeout(MAX_WAIT_S):
        while not await asyncio.to_thread(all_started):  # noqa: ASYNC110  files announce nothing
            await asyncio.sleep(0.1)
    said = {path.name: path.read_text(encoding="utf-8") for path in (home / "logs").glob("*.log")}
    assert {"api.log", "preparer.log", "simulator-1.log", "warmer.log", "postgres.log", "broker.log"} <= set(said)
    assert "warmer.stopped" in said["warmer.log"]
    assert all(not text or text.endswith("\n") for text in said.values())
