"""How a run can end: the encoded result, and the outcomes that the run store writes."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Literal

import structlog

from services.simulator.job import Job
from shared.contracts.http import problem_document, run_problem
from shared.errors import CancelledRunError, ChunkMissingError, DatasetError, RequestError, RunError, UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.messages import say

log = structlog.get_logger()

MAX_ATTEMPTS = 3

Ending = Literal["completed", "failed", "cancelled", "released", "stale_lease"]
"""What became of a job, for logs and metrics; `stale_lease`: another owner had the row, nothing was stored."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """A result in its stored form, with the values that lists and metrics read."""

    stored: bytes
    digest: str
    statistics: str
    timing: dict[str, Any]
    cache: dict[str, Any]
    finished_at: dt.datetime


@dataclass(frozen=True)
class Completed:
    """The run has a result."""

    result: RunResult


@dataclass(frozen=True)
class Failed:
    """The run cannot have a result; `problem` is the stored problem document."""

    problem: dict[str, Any]


@dataclass(frozen=True)
class Cancelled:
    """The heartbeat stopped the run: its row was cancelled or its lease was lost."""


@dataclass(frozen=True)
class Released:
    """The run was interrupted and its row returns to the queue."""

    counts_attempt: bool = False
    """This start counts as one of the `MAX_ATTEMPTS`."""


Outcome = Completed | Failed | Cancelled | Released


async def outcome_of(running: Awaitable[RunResult], job: Job) -> Outcome:
    """Await a run and classify how it ended; never raises for an error of the run."""
    try:
        return Completed(await running)
    except CancelledRunError:
        if job.overdue and not job.stop:
            seconds = time.monotonic() - job.began
            problem = problem_document(422, "run-failed", say("run_overdue", seconds=round(seconds)))
            return Failed({**problem, "kind": "overdue"})
        return Released() if job.leaving else Cancelled()
    except ChunkMissingError as error:
        log.warning("chunks.missing", computation_id=str(job.id), parts=len(error.missing))
        return Released()
    except RunError as error:
        return Failed(run_problem(error))
    except RequestError as error:
        problem = problem_document(422, "run-failed", str(error), error.problems)
        return Failed({**problem, "kind": "request"})
    except (DatasetError, UnavailableError, *LOST, *REDIS_LOST) as error:
        log.warning("run.interrupted", computation_id=str(job.id), error=str(error))
        if job.attempts < MAX_ATTEMPTS:
            return Released(counts_attempt=True)
        detail = say("interrupted", reason=str(error))
        return Failed({**problem_document(503, "run-failed", detail), "kind": "interrupted"})
    except Exception as error:  # outermost handler of a run: an unexpected error fails this row only
        log.error("run.crashed", computation_id=str(job.id), exc_info=error)
        problem = problem_document(500, "internal", say("run_crashed"))
        return Failed({**problem, "kind": "internal"})
