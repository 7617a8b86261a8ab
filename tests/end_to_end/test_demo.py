"""`ondol demo` on a small synthetic market, and the removal of its processes."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest


@pytest.mark.timeout(290)
def test_demo_runs_ten_strategies_and_stops_everything(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    variables = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
    process = subprocess.run(
        [sys.executable, "-m", "ondol.main", "demo", "--exit", "--json", "--home", str(home), "--stocks", "300",
         "--years", "4", "--simulators", "1"],
        env=variables, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr[-3000:]
    document = json.loads(process.stdout)
    assert document["synthetic"] is True
    assert document["warm"]["status"] == "completed"
    assert document["chunk_hit_rate"] == document["result_hit_rate"] == 1.0
    assert len(document["strategies"]) == 10
    assert all(row["trades"] > 0 and row["benchmark_return"] is not None for row in document["strategies"])
    assert {"api", "preparer", "simulator-1", "warmer", "postgres", "broker", "cache"} <= set(document["memory_bytes"])
    alive = [name for name in os.listdir("/proc") if name.isdigit() and _belongs(int(name), str(home))]
    assert alive == []


def _belongs(process: int, home: str) -> bool:
    try:
        words = (
            pathlib.Path(f"/proc/{process}/cmdline").read_bytes()
            + pathlib.Path(f"/proc/{process}/environ").read_bytes()
        )
    except OSError:
        return False
    return home.encode() in words
