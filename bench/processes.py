"""Child processes with their CPU and memory by wait4 and /proc."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parent.parent
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Ended:
    """An ended child process."""

    code: int
    seconds: float
    cpu_s: float
    peak_rss_mb: float
    output: str
    errors: str

    def json(self) -> Any:
        """Return the last line of its output, or all of it, parsed as JSON."""
        try:
            return json.loads(self.output)
        except ValueError:
            return json.loads(self.output.strip().splitlines()[-1])


class ChildError(Exception):
    """A child ended with an error."""


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout_s: float = 300) -> Ended:
    """Run a child to its end; CPU (user and system) comes from os.wait4.

    Peak memory is sampled (VmHWM), because the peak of wait4 includes that of the parent before exec.

    Raise ChildError with the end of its standard error for a non-zero exit code.
    """
    begin = time.perf_counter()
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    out, errors = _spool(), _spool()
    child = subprocess.Popen(command, stdout=out, stderr=errors, cwd=ROOT, env=variables)
    deadline, peak = begin + timeout_s, 0.0
    while True:
        peak = peak_rss_mb(child.pid) or peak
        ended, status, usage = os.wait4(child.pid, os.WNOHANG)
        if ended:
            break
        if time.perf_counter() > deadline:
            child.send_signal(signal.SIGTERM)
            deadline += 15
        time.sleep(0.005)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    said, errors = _read(out), _read(errors)
    if child.returncode:
        raise ChildError(f"{' '.join(command)} ended with {child.returncode}:\n{errors[-2000:]}")
    return Ended(child.returncode, seconds, usage.ru_utime + usage.ru_stime, peak, said, errors)


def peak_rss_mb(process: int) -> float | None:
    """Return the peak resident memory of a process in MB, None when it has ended."""
    try:
        table = pathlib.Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return None
    line = next((line for line in table.splitlines() if line.startswith("VmHWM")), None)
    return None if line is None else int(line.split()[1]) / 1024


def _spool() -> Any:
    import tempfile

    return tempfile.TemporaryFile()


def _read(spool: Any) -> str:
    spool.seek(0)
    with spool:
        return str(spool.read().decode(errors="replace"))


def ondol(*words: str, timeout_s: float = 600) -> Ended:
    """Return the words of an `ondol` command."""
    return run([sys.executable, "-m", "ondol.main", *words], timeout_s=timeout_s)


def _stat(process: int) -> list[str] | None:
    try:
        text = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(int(name))) is not None:
            parents[int(name)] = int(stat[1])
    totals, new = {root}, {root}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - totals
        totals |= new
    return sorted(totals)


def parent_of(process: int) -> int | None:
    """Return the id of a process's parent; None when the process has ended."""
    stat = _stat(process)
    return None if stat is None else int(stat[1])


def cpu_s(root: int) -> float:
    """Return user and system seconds of a process and its descendants, ended ones included."""
    total = 0
    for process in tree(root):
        stat = _stat(process)
        if stat is not None:
            total += sum(int(value) for value in stat[11:15])
    return total / _TICK


def cpu_by_name(processes: Mapping[str, int]) -> dict[str, float]:
    """Return CPU seconds by name with descendants; simulators are summed."""
    totals: dict[str, float] = {}
    for name, process in processes.items():
        kind = name.partition("-")[0]
        totals[kind] = totals.get(kind, 0.0) + cpu_s(process)
    return totals


def started_monotonic(process: int) -> float | None:
    """Return the start time of a process on CLOCK_BOOTTIME."""
    stat = _stat(process)
    return None if stat is None else int(stat[19]) / _TICK


def memory_mb(process: int, panels: str = "") -> dict[str, float]:
    """Return resident memory in MB: `private`, proportional `pss`, total `rss`, and `own`, the pss without panels.

    Files in the folder `panels` count once for the host: pages that only this process has mapped are `panels_alone`
    and not `private`. Removed files count as memory of the processes that map them.
    """
    totals = {"private": 0.0, "pss": 0.0, "rss": 0.0, "anonymous": 0.0, "panels_alone": 0.0, "own": 0.0}
    in_panels = False
    for line in pathlib.Path(f"/proc/{process}/smaps").read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition(": ")
        if not line.endswith(" kB"):
            if "-" in line.partition(" ")[0]:
                in_panels = bool(panels) and f" {panels}/" in line and not line.endswith("(deleted)")
            continue
        mb = int(rest.split()[0]) / 1024
        if name in ("Private_Clean", "Private_Dirty"):
            totals["panels_alone" if in_panels else "private"] += mb
        elif name in ("Pss", "Rss", "Anonymous"):
            totals[name.lower()] += mb
            if name == "Pss" and not in_panels:
                totals["own"] += mb
    return totals
