"""Memory and interpreter settings of a process, applied before its imports."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import pathlib
import resource
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress

_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
SWITCH_INTERVAL_S = 0.0005
"""How often a computing thread releases the interpreter lock, so that a finished result is sent at once."""

IDLE_S = 1.0
IDLE_CPU_S = 0.02
"""A process that used less CPU time within `IDLE_S` is idle."""
GROWN_BYTES = 2 << 20
UNUSED = ("cryptography", "rich")
"""Packages that only development needs: PyJWT (for redis) and structlog load them where they find them, 12 MiB."""


@contextmanager
def light_start(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Reduce the time and memory of a service's imports.

    Linear algebra gets one thread: more would be started and hold buffers in every process, for matrices that no
    service multiplies. The garbage collector is disabled during the imports, and does not scan the imported objects.
    Packages that no service needs cannot be imported meanwhile: others would load them where they are installed.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        environment.setdefault(name, "1")
    hidden = [name for name in UNUSED if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type] # None: it cannot be imported
    gc.disable()
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
        gc.freeze()
        gc.enable()


def limit_heap(*, mapped_from_bytes: int) -> None:
    """Use one heap for all threads; map blocks from `mapped_from_bytes` on, so that freed ones return to the system.

    Otherwise the memory of a burst of large responses stays resident. Does nothing without glibc.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, mapped_from_bytes)
    mallopt(_M_TRIM_THRESHOLD, 4 << 20)


def keep_heap() -> None:
    """Use one heap for all threads and retain freed memory, so that large arrays reuse pages instead of faulting.

    Call `trim_heap` after the work. Does nothing without glibc.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, 32 << 20)
    mallopt(_M_TRIM_THRESHOLD, 1 << 30)


def trim_heap() -> None:
    """Return freed memory to the system (some milliseconds); call it after a peak of memory use."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return


async def trim_heap_when_idle(idle_s: float = IDLE_S) -> None:
    """Task: return freed memory while the process is idle, whenever it has grown since the last time.

    While there is work, freed memory is reused without page faults. Without trimming, one object at the end of the
    heap keeps all freed memory below it resident.
    """
    least, used = anonymous_bytes(), time.process_time()
    while True:
        await asyncio.sleep(idle_s)
        before, used = used, time.process_time()
        if used - before < IDLE_CPU_S and anonymous_bytes() > least + GROWN_BYTES:
            trim_heap()
            least, used = anonymous_bytes(), time.process_time()


def unlinked_bytes(panel_dir: str) -> int:
    """Return the bytes of evicted panel files that this process has mapped, 0 where /proc is missing."""
    size = 0
    with suppress(OSError), pathlib.Path("/proc/self/maps").open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith(" (deleted)\n") and panel_dir in line:
                first, last = line.partition(" ")[0].split("-")
                size += int(last, 16) - int(first, 16)
    return size


def resident_bytes() -> int:
    """Return the resident memory of this process, 0 where /proc is missing."""
    return _statm()[1] * resource.getpagesize()


def anonymous_bytes() -> int:
    """Return the resident memory of this process without files and shared panels, 0 where /proc is missing."""
    _, resident, file_backed, *_ = _statm()
    return (resident - file_backed) * resource.getpagesize()


def _statm() -> list[int]:
    try:
        with pathlib.Path("/proc/self/statm").open(encoding="ascii") as found:
            return [int(pages) for pages in found.read().split()]
    except OSError:
        return [0] * 7
