"""The priority of threads whose work yields to that of the others."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

SWEEP_NICE = 10
LONG_NICE = 5
"""Niceness of threads that run parts of sweeps, and long work; Linux has one for each thread. A thread that holds the
interpreter's lock delays the others of its process for as long as it is not scheduled, so that it is not much lower."""
SWITCH_S = 0.001
"""How long a thread may hold the interpreter's lock while another one waits for it."""


def lower_priority(nice: int) -> None:
    """Set the niceness of the calling thread (initializer of a pool)."""
    with suppress(OSError, AttributeError):  # only Linux has a priority of a thread
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), nice)
