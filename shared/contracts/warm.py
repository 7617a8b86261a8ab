"""Words that the warmer, the API and the command line share about warm runs."""

from __future__ import annotations

from typing import Final

PHASES: Final = ("prices", "factors", "rankings", "popular", "strategies")
"""All phases, in the order in which they run."""

OPEN: Final = ("queued", "running")
"""States of a run that still moves; the others are completed, partial and failed."""
