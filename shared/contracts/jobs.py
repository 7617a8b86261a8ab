"""Names and payloads of background jobs (arq); payloads carry keys, never data."""

from __future__ import annotations

WARM_QUEUE = "ondol:arq:warm"
"""Read by the warmers: nightly runs, hourly refreshes, daily picks."""

WARM_NIGHTLY = "warm_nightly"
WARM_ITEM = "warm_item"
REFRESH = "refresh"
DAILY_PICKS = "daily_picks"

PREPARE_QUEUE = "ondol:arq:prepare"
"""Read by the preparers: parts of a build that one of them leads."""

PREPARE_PART = "prepare_part"

JOBS = (WARM_NIGHTLY, WARM_ITEM, REFRESH, DAILY_PICKS, PREPARE_PART)
