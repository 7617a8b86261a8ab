"""Memory of one run beyond its panels, in a process of its own that treats memory as a simulator does.

`python -m bench.run_memory` makes the workload of 2,700 stocks x 750 days and measures it; with a folder of a saved
workload it measures that. The peak is what the kernel notes (VmHWM, set back before the run) above what was resident
before: panels are mapped whole by an earlier run, so only memory of the run itself can grow.
"""

from __future__ import annotations

import json
import pathlib
import sys
import tempfile
from typing import Any

REPEATS = 5


def measure(folder: pathlib.Path) -> dict[str, Any]:
    """The peak of several runs of the standard strategy, in MiB above the quiet process, and what stays."""
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
    """Measure a folder, or make one in another process and measure that."""
    import os

    from shared.infra.memory import light_start, limit_heap

    limit_heap(mapped_from_bytes=1 << 18)
    if len(sys.argv) > 1:
        with light_start(os.environ):
            found = measure(pathlib.Path(sys.argv[1]))
        print(json.dumps(found))
        return 0
    from bench.processes import run

    with tempfile.TemporaryDirectory(prefix="ondol-bench-") as work:
        text = f"import pathlib; from bench.workload import make; make(2700, 750)[0].save(pathlib.Path({work!r}))"
        run([sys.executable, "-c", text])
        print(run([sys.executable, "-m", "bench.run_memory", work]).output, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
