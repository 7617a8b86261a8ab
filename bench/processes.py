"""Children and what they cost: CPU and memory by wait4 and /proc."""

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
    """A child that has ended."""

    code: int
    seconds: float
    cpu_s: float
    peak_rss_mb: float
    output: str
    errors: str

    def json(self) -> Any:
        """The last line that it printed, or all of it, as JSON."""
        try:
            return json.loads(self.output)
        except ValueError:
            return json.loads(self.output.strip().splitlines()[-1])


class ChildError(Exception):
    """A child ended with an error."""


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, timeout_s: float = 300) -> Ended:
    """Runs a child to its end; CPU (user and system) is what os.wait4 gives.

    Peak memory is sampled (VmHWM): the peak that wait4 knows begins with that of the process that started the child.

    Raises ChildError with the end of what it said.
    """
    begin = time.perf_counter()
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    out, errors = _spool(), _spool()
    child = subprocess.Popen(command, stdout=out, stderr=errors, cwd=ROOT, env=variables)
    deadline, peak = begin + timeout_s, 0.0
    while True:
        peak = peak_rss_mb(child.pid) or peak
        found, status, usage = os.wait4(child.pid, os.WNOHANG)
        if found:
            break
        if time.perf_counter() > deadline:
            child.send_signal(signal.SIGTERM)
            deadline += 15
        time.sleep(0.005)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    said, complained = _read(out), _read(errors)
    if child.returncode:
        raise ChildError(f"{' '.join(command)} ended with {child.returncode}:\n{complained[-2000:]}")
    return Ended(child.returncode, seconds, usage.ru_utime + usage.ru_stime, peak, said, complained)


def peak_rss_mb(process: int) -> float | None:
    """The most that a process was resident since its program began; None once it has ended."""
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
    """A command of the command line."""
    return run([sys.executable, "-m", "ondol.main", *words], timeout_s=timeout_s)


def _stat(process: int) -> list[str] | None:
    try:
        text = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """A process and everything below it."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := _stat(int(name))) is not None:
            parents[int(name)] = int(stat[1])
    found, new = {root}, {root}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return sorted(found)


def parent_of(process: int) -> int | None:
    """The process that started another."""
    stat = _stat(process)
    return None if stat is None else int(stat[1])


def cpu_s(root: int) -> float:
    """User and system seconds of a process, everything below it, and what has ended below it."""
    total = 0
    for process in tree(root):
        stat = _stat(process)
        if stat is not None:
            total += sum(int(value) for value in stat[11:15])
    return total / _TICK


def cpu_by_name(processes: Mapping[str, int]) -> dict[str, float]:
    """Seconds of each named process with what is below it; simulators together."""
    found: dict[str, float] = {}
    for name, process in processes.items():
        kind = name.partition("-")[0]
        found[kind] = found.get(kind, 0.0) + cpu_s(process)
    return found


def started_monotonic(process: int) -> float | None:
    """When a process began, on the clock of time.clock_gettime(CLOCK_BOOTTIME)."""
    stat = _stat(process)
    return None if stat is None else int(stat[19]) / _TICK


def memory_mb(process: int, panels: str = "") -> dict[str, float]:
    """Resident memory: `private` of the process alone, `pss` its share of what is shared, `rss` all that it sees;
    `own` is the share without panels: what a forked process has in common with its parent counts by parts there.

    Files in the folder `panels` are counted where they lie, once for the host: what of them only this process has
    mapped at the moment is `panels_alone` and not private. A file that was removed is memory of those who hold it.
    """
    found = {"private": 0.0, "pss": 0.0, "rss": 0.0, "anonymous": 0.0, "panels_alone": 0.0, "own": 0.0}
    in_panels = False
    for line in pathlib.Path(f"/proc/{process}/smaps").read_text(encoding="utf-8").splitlines():
        name, _, rest = line.partition(": ")
        if not line.endswith(" kB"):
            if "-" in line.partition(" ")[0]:
                in_panels = bool(panels) and f" {panels}/" in line and not line.endswith("(deleted)")
            continue
        mb = int(rest.split()[0]) / 1024
        if name in ("Private_Clean", "Private_Dirty"):
            found["panels_alone" if in_panels else "private"] += mb
        elif name in ("Pss", "Rss", "Anonymous"):
            found[name.lower()] += mb
            if name == "Pss" and not in_panels:
                found["own"] += mb
    return found
