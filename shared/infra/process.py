"""How a process treats memory and its interpreter lock, set before anything else runs."""

from __future__ import annotations

import ctypes
import pathlib
import resource
import sys

_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
SWITCH_S = 0.0005
"""A run that holds the interpreter lock gives it up this often: a finished result must not wait for the next."""


def be_frugal(*, mapped_from_bytes: int) -> None:
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


def be_roomy() -> None:
    """One heap for all threads that keeps what is freed, for work in large arrays: every page is touched for the first
    time once and not once an array. `give_back` afterwards. Nothing happens without glibc."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, 32 << 20)
    mallopt(_M_TRIM_THRESHOLD, 1 << 30)


def give_back() -> None:
    """Return freed memory to the system: after work that needed much of it for a moment. Takes some milliseconds."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return


def resident_bytes() -> int:
    """Resident memory of this process, 0 where the system does not tell."""
    try:
        with pathlib.Path("/proc/self/statm").open(encoding="ascii") as found:
            return int(found.read().split()[1]) * resource.getpagesize()
    except OSError:
        return 0
