"""What the kernel counts of processes: processor time, memory, and the limit of a control group."""

from __future__ import annotations

import os
import pathlib

PROC = pathlib.Path("/proc")


def tree(process: int) -> list[int]:
    """Return a process and all its descendants: for the first process of a container, all of the container."""
    parents = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            parents[int(folder.name)] = int(fields[1])
    found = [process]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def processor_seconds(process: int) -> float:
    """Return the processor time of a process and its descendants."""
    ticks = 0
    for each in tree(process):
        fields = (PROC / str(each) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def anonymous_mib(process: int) -> float:
    """Return the memory of a process and its descendants in MiB, without files and panels; shared pages count once."""
    kib = 0
    for each in tree(process):
        for line in (PROC / str(each) / "smaps_rollup").read_text(encoding="utf-8").splitlines():
            if line.startswith("Pss_Anon:"):
                kib += int(line.split()[1])
    return kib / 1024


def charged_memory(process: int) -> tuple[int, int]:
    """Return the most memory that was charged to the control group of a process, and its limit, in bytes."""
    for line in (PROC / str(process) / "cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            folder = pathlib.Path(f"/sys/fs/cgroup/memory{path}")
            names = ("memory.max_usage_in_bytes", "memory.limit_in_bytes")
        elif not controllers and pathlib.Path(f"/sys/fs/cgroup{path}/memory.peak").exists():
            folder, names = pathlib.Path(f"/sys/fs/cgroup{path}"), ("memory.peak", "memory.max")
        else:
            continue
        peak, limit = (int((folder / name).read_text(encoding="ascii")) for name in names)
        return peak, limit
    raise RuntimeError(f"process {process} is in no control group that limits memory")
