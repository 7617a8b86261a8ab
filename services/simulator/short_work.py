"""When a simulator of this host processed something short last; the sweeps of all of them yield to it.

The time is that of a file in the panel folder, which the simulators of a host share.
"""

from __future__ import annotations

import os
import pathlib
import time
from contextlib import suppress

RECENT_S = 0.02
"""How long after short work more of it is expected: a client that waits for each answer sends its next request."""


class ShortWork:
    """The time of the last short work on this host."""

    def __init__(self, panel_dir: str) -> None:
        self._path = pathlib.Path(panel_dir) / "short_work"

    def note(self) -> None:
        """Note that short work begins or ends now."""
        with suppress(OSError):  # without room in the folder sweeps do not yield, and nothing else depends on it
            try:
                os.utime(self._path)
            except FileNotFoundError:
                self._path.touch()

    def is_recent(self) -> bool:
        """Return whether short work began or ended less than RECENT_S ago."""
        try:
            return abs(time.time() - self._path.stat().st_mtime) < RECENT_S
        except FileNotFoundError:
            return False
