"""Memory of processes, read from /proc."""

from __future__ import annotations

import pathlib


def _status(process: int, field: str) -> int:
    for line in pathlib.Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0


def resident_bytes(process: int) -> int:
    """Return the resident memory of a process, shared pages included."""
    return _status(process, "VmRSS")


def peak_bytes(process: int) -> int:
    """Return the most resident memory that a process had since `forget_peak`."""
    return _status(process, "VmHWM")


def forget_peak(process: int) -> None:
    """Begin a new peak at the present resident memory."""
    pathlib.Path(f"/proc/{process}/clear_refs").write_text("5", encoding="ascii")


def proportional_bytes(processes: list[int]) -> int:
    """Return the resident memory of processes, pages that they share counted once."""
    total = 0
    for process in processes:
        for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total
