"""New work is refused while a file system has too little room."""

from __future__ import annotations

import os
import pathlib

import pytest

from services.api.disk_guard import DiskGuard, room_of
from services.api.errors import ApiProblem
from services.api.metrics import ApiMetrics

ENDLESS = 1 << 62


def test_reserve_is_at_most_a_tenth_of_the_file_system(tmp_path: pathlib.Path) -> None:
    found = os.statvfs(tmp_path)
    assert room_of(str(tmp_path), ENDLESS).reserve == found.f_blocks * found.f_frsize // 10
    assert room_of(str(tmp_path), 5).reserve == 5


async def test_work_is_refused_below_the_reserve(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.api.disk_guard.RESERVED_PART", 1)
    guard = DiskGuard([str(tmp_path)], ENDLESS, ApiMetrics())
    guard.require_room()  # nothing is known yet
    await guard.read()
    with pytest.raises(ApiProblem) as refused:
        guard.require_room()
    assert (refused.value.status, refused.value.document["code"]) == (503, "disk_nearly_full")
    assert int(refused.value.headers["Retry-After"]) > 0


async def test_folder_that_cannot_be_read_refuses_nothing(tmp_path: pathlib.Path) -> None:
    guard = DiskGuard([str(tmp_path / "absent")], ENDLESS, ApiMetrics())
    await guard.read()
    guard.require_room()
