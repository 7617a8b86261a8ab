"""The web application in a real browser: loads, interactions, the live preview, large results, and sizes.

The system is `ondol demo`; Chromium is driven by `web/tests/browser/measure.py` in the environment of `make test-web`.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.engine_compare import LogProgress
from bench.processes import ROOT, ChildError, run

PYTHON = ROOT / ".venv-web/bin/python"
EDITS = 50
TWO_FRAMES_MS = 33.4  # 2 / 60 s, as a clock with steps of 0.1 ms shows it: at most one frame of 60 Hz is left out
SIZE = re.compile(r"^(first|chart|all)\s+([\d.]+) KB", re.MULTILINE)


@dataclass(frozen=True)
class WebRow:
    """A figure with its target."""

    what: str
    bound: float
    unit: str
    value: float

    @property
    def is_met(self) -> bool:
        """Whether the figure is at most the target."""
        return self.value <= self.bound


def p95(values: list[float]) -> float:
    """Return the 95th percentile: the value below or at which 95 % of the samples are."""
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def rows(raw: Mapping[str, Any]) -> list[WebRow]:
    """Return the figures of a run with the targets of the web application."""
    sizes = raw["sizes_kb"]
    median = statistics.median
    return [
        WebRow("first load, Brotli", 60, "KB", sizes["first"]),
        WebRow("first load with the chart, Brotli", 115, "KB", sizes["chart"]),
        WebRow("all files, one language, Brotli", 220, "KB", sizes["all"]),
        WebRow("LCP of the start screen, median", 800, "ms", median(raw["start"]["lcp_ms"])),
        WebRow("LCP of a report, median", 800, "ms", median(raw["report"]["lcp_ms"])),
        WebRow("CLS of the start screen, greatest", 0.02, "", max(raw["start"]["cls"])),
        WebRow("CLS of a report, greatest", 0.02, "", max(raw["report"]["cls"])),
        WebRow("INP: the slowest of the interactions with a report", 100, "ms", max(raw["interaction_ms"])),
        WebRow(f"key to new curve, p95 of {len(raw['edit_ms'])} edits", 350, "ms", p95(raw["edit_ms"])),
        WebRow("7,500 days x 2, answer to drawn report, median", 80, "ms", median(raw["draw_ms"])),
        WebRow("10,000 trades scrolled end to end, p95 of frames", 33, "ms", p95(raw["frame_ms"])),
        WebRow("10,000 trades scrolled end to end, longest frame", TWO_FRAMES_MS, "ms", max(raw["frame_ms"])),
        WebRow("10,000 trades, row elements", 60, "rows", raw["rows"]),
        WebRow("10,000 trades sorted by a column, median", 50, "ms", median(raw["sort_ms"])),
    ]


@contextmanager
def demo(home: pathlib.Path, stocks: int, years: int) -> Iterator[str]:
    """Serve a synthetic market and yield its address; raise ChildError when it does not serve."""
    command = [sys.executable, "-m", "ondol", "demo", "--home", str(home), "--simulators", "1"]
    command += ["--stocks", str(stocks), "--years", str(years)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT) as process:
        try:
            yield _address(process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    found = None
    for line in process.stdout:
        found = re.search(r"http://[\d.]+:\d+", line) or found
        if "Ctrl-C" in line and found:
            return found[0]
    raise ChildError(f"ondol demo ended with {process.wait()} before it served")


def measure(work: pathlib.Path, stocks: int, years: int, log_progress: LogProgress) -> dict[str, Any]:
    """Return the samples of the web application over a market of a size."""
    if not PYTHON.exists():
        raise ChildError("no .venv-web: run `make test-web` once; it installs the browser's driver")
    sizes = dict(SIZE.findall(run(["node", str(ROOT / "web/build.mjs"), "--check"]).output))
    with demo(work / "web-home", stocks, years) as url:
        log_progress(f"web application: measuring {url}")
        script = ROOT / "web/tests/browser/measure.py"
        found = json.loads(run([str(PYTHON), str(script), url, str(EDITS)], timeout_s=600).output)
    return {"sizes_kb": {name: float(size) for name, size in sizes.items()}, "stocks": stocks, "years": years, **found}
