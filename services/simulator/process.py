"""How a simulator process treats memory and its interpreter lock, set before anything else runs."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
SWITCH_S = 0.0005
"""A run that holds the interpreter lock gives it up this often: a finished result must not wait for the next run."""


def be_frugal() -> None:
    """One heap for all threads, and freed memory goes back: many simulators share a host. Nothing without glibc."""
    sys.setswitchinterval(SWITCH_S)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return
    mallopt(_M_ARENA_MAX, 1)
    mallopt(_M_MMAP_THRESHOLD, 1 << 20)
    mallopt(_M_TRIM_THRESHOLD, 4 << 20)
