"""Sections of `ondol status`."""

from __future__ import annotations

import datetime as dt
import os
import pathlib
import subprocess
import sys

from ondol.cli.status_sections import next_jobs, panel_memory, process_memory
from shared.dataset.panel_files import SUFFIX
from shared.settings import Settings


def test_panels_are_counted_apart_from_other_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / f"close-2024{SUFFIX}").write_bytes(b"x" * 100)
    (tmp_path / f"open-2024{SUFFIX}").write_bytes(b"x" * 50)
    (tmp_path / "lock").write_bytes(b"x")
    assert panel_memory(str(tmp_path)) == {"bytes": 150, "files": 2}


def test_process_memory_has_the_kinds_of_the_metric() -> None:
    found = process_memory(os.getpid())
    assert set(found) == {"private_bytes", "shared_bytes", "proportional_bytes"}
    assert 0 < found["private_bytes"] <= found["proportional_bytes"]
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert process_memory(ended.pid) == {}


def test_next_jobs_are_in_order_and_say_which_are_enabled() -> None:
    settings = Settings.from_environment({"ONDOL_WARM_ENABLED": "false"})
    jobs = next_jobs(settings)
    runs = [dt.datetime.fromisoformat(job["next_run"]) for job in jobs]
    assert runs == sorted(runs)
    assert all(run.utcoffset() == dt.timedelta(0) for run in runs)
    enabled = {job["name"]: job["enabled"] for job in jobs}
    assert (enabled["warm"], enabled["refresh"]) == (False, True)
