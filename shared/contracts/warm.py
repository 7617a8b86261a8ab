"""Constants of warm runs, shared by the warmer, the API and the command line."""

from __future__ import annotations

from typing import Final, Literal, get_args

Phase = Literal["prices", "factors", "rankings", "popular", "strategies"]
PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
"""All phases, in the order in which they run."""

OPEN: Final = ("queued", "running")
"""States of an unfinished run."""

ENDED: Final = ("completed", "partial", "failed")
"""Final states of a run."""
