"""How a process treats memory and its interpreter lock, set before anything else is imported."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import importlib
import importlib.util
import pathlib
import resource
import sys
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
SWITCH_S = 0.0005
"""A run that holds the interpreter lock gives it up this often: a finished result must not wait for the next."""


QUIET_S = 1.0
QUIET_CPU_S = 0.02
"""A process that used less in that time has nothing to do."""
GROWN_BYTES = 2 << 20

_DECORATION = ("rich",)
"""Packages that others import when they are there, for what no service does."""
_DEFERRED = ("jwt",)
"""Packages that others import whole for what no service does: they are loaded at the first use, which never comes."""


@contextmanager
def light_start(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Around the imports of a service: what it does not need takes no time and no memory.

    Linear algebra gets one thread: the others would be started, spin and hold buffers in every process, for matrices
    that no service multiplies. The collector rests, and never looks through what was imported.
    """
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        environment.setdefault(name, "1")
    for name in _DECORATION:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    for name in _DEFERRED:
        _defer(name)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _defer(name: str) -> None:
    """Load a module when something of it is used, instead of when it is imported."""
    if name in sys.modules or importlib.util.find_spec(name) is None:
        return
    stand_in = ModuleType(name)

    def load(attribute: str) -> Any:
        if attribute.startswith("__"):  # asked by the import itself
            raise AttributeError(attribute)
        if sys.modules.get(name) is stand_in:
            del sys.modules[name]
        return getattr(importlib.import_module(name), attribute)

    stand_in.__getattr__ = load  # type: ignore[method-assign]
    sys.modules[name] = stand_in


def limit_heap(*, mapped_from_bytes: int) -> None:
    """One heap for all threads; blocks from `mapped_from_bytes` on are mapped and go back when freed, like the end
    of the heap. Without this a burst of large answers stays resident for ever. Nothing happens without glibc."""
    sys.setswitchinterval(SWITCH_S)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, mapped_from_bytes)
    mallopt(_M_TRIM_THRESHOLD, 4 << 20)


def keep_heap() -> None:
    """One heap for all threads that keeps what is freed, for work in large arrays: every page is touched for the first
    time once and not once an array. Call `trim_heap` afterwards. Nothing happens without glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, 32 << 20)
    mallopt(_M_TRIM_THRESHOLD, 1 << 30)


def trim_heap() -> None:
    """Return freed memory to the system: after work that needed much of it for a moment. Takes some milliseconds."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return


async def trim_heap_when_idle(quiet_s: float = QUIET_S) -> None:
    """Task: return freed memory in the pauses, whenever this process has grown since the last time.

    While there is work, freed memory stays at hand: the next piece of work would have to touch it for the first time
    again. A short-lived object at the end of the heap is enough to keep all that was freed below it for ever.
    """
    least, used = anonymous_bytes(), time.process_time()
    while True:
        await asyncio.sleep(quiet_s)
        before, used = used, time.process_time()
        if used - before < QUIET_CPU_S and anonymous_bytes() > least + GROWN_BYTES:
            trim_heap()
            least, used = anonymous_bytes(), time.process_time()


def resident_bytes() -> int:
    """Resident memory of this process, 0 where the system does not tell."""
    return _statm()[1] * resource.getpagesize()


def anonymous_bytes() -> int:
    """Resident memory of this process that is no file and no shared panel, 0 where the system does not tell."""
    _, resident, of_files, *_ = _statm()
    return (resident - of_files) * resource.getpagesize()


def _statm() -> list[int]:
    try:
        with pathlib.Path("/proc/self/statm").open(encoding="ascii") as found:
            return [int(pages) for pages in found.read().split()]
    except OSError:
        return [0] * 7
