"""The time of the last short work, which the simulators of a host share."""

from __future__ import annotations

import os
import pathlib
import time

from services.simulator.short_work import RECENT_S, ShortWork


def test_short_work_of_another_simulator_is_recent(tmp_path: pathlib.Path) -> None:
    one, other = ShortWork(str(tmp_path)), ShortWork(str(tmp_path))
    assert not other.is_recent()
    for _ in range(2):
        one.note()
        (file,) = tmp_path.iterdir()
        later = time.time() + 3600
        os.utime(file, (later, later))
        assert not other.is_recent()
        os.utime(file, (later - 3600 + RECENT_S, later - 3600 + RECENT_S))
        assert other.is_recent()
        earlier = time.time() - 2 * RECENT_S
        os.utime(file, (earlier, earlier))
        assert not other.is_recent()
        file.unlink()
        assert not other.is_recent()


def test_absent_folder_is_no_error(tmp_path: pathlib.Path) -> None:
    absent = ShortWork(str(tmp_path / "absent"))
    absent.note()
    assert not absent.is_recent()
