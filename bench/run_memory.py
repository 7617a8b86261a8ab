"""Memory of one run in addition to its panels, in a process with the heap settings of a simulator.

`python -m bench.run_memory` creates the workload of 2,700 stocks x 750 days and measures it; with a folder it measures
the workload saved there. The peak is VmHWM, reset before the run, minus the resident memory before: an earlier run has
mapped the panels, so only memory of the run itself grows.
"""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile
from typing import Any

REPEATS = 5


def measure(folder: pathlib.Path) -> dict[str, Any]:
    """Return the peak of runs of the standard strategy in MiB above the idle process, and the retained memory."""
    from bench.peers.arrays import peak_rss_mb
    from bench.workload import open_workload, standard
    from shared.infra.memory import anonymous_bytes, resident_bytes, trim_heap
    from shared.simulation import run

    workload = open_workload(folder)
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="ondol-bench-") as scratch:
        panels = workload.mapped(pathlib.Path(scratch))
        request = standard(panels, workload.rows)
        run(request, panels.reader())
        trim_heap()
        quiet, peaks = anonymous_bytes(), []
        for _ in range(REPEATS):
            trim_heap()
            pathlib.Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
            before = resident_bytes()
            run(request, panels.reader())
            peaks.append(peak_rss_mb() - before / 2**20)
        stays = anonymous_bytes()
        trim_heap()
        return {
            "run_peak_mb": peaks, "stays_mb": (stays - quiet) / 2**20,
            "stays_after_giving_back_mb": (anonymous_bytes() - quiet) / 2**20,
        }  # fmt: skip


def main() -> int:
    """Measure a folder, or create one in another process and measure it."""
    import os

    from shared.infra.memory import light_start, limit_heap

    limit_heap(mapped_from_bytes=1 << 18)
    if len(sys.argv) > 1:
        with light_start(os.environ):
            figures = measure(pathlib.Path(sys.argv[1]))
        print(json.dumps(figures))
        return 0
    from bench.processes import run

    with tempfile.TemporaryDirectory(prefix="ondol-bench-") as work:
        text = f"import pathlib; from bench.workload import make; make(2700, 750)[0].save(pathlib.Path({work!r}))"
        run([sys.executable, "-c", text])
        print(run([sys.executable, "-m", "bench.run_memory", work]).output, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
