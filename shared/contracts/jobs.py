"""Queues and job names of arq; payloads contain keys, never data."""

from __future__ import annotations

WARM_QUEUE = "ondol:arq:warm"
"""Queue of the warmers; their jobs are the functions of services/warmer/jobs.py."""

PREPARE_QUEUE = "ondol:arq:prepare"
"""Queue of the preparers: parts of a build that another preparer leads."""

FETCH_QUEUE = "ondol:arq:prepare:fetch"
"""Queue of the scheduled fetches; their jobs are the functions of services/preparer/fetching/scheduled.py."""

PREPARE_PART = "prepare_part"
