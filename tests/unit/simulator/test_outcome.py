"""Outcomes of runs: which errors fail a job, cancel it, or return it to the queue."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
import uuid
from dataclasses import replace

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from services.simulator.job import Job
from services.simulator.outcome import (
    MAX_ATTEMPTS,
    Cancelled,
    Completed,
    Failed,
    Outcome,
    Released,
    RunResult,
    outcome_of,
)
from shared.errors import (
    CancelledRunError,
    ChunkMissingError,
    DatasetError,
    Problem,
    RequestError,
    RunError,
    UnavailableError,
)

NOW = dt.datetime(2025, 1, 2, tzinfo=dt.UTC)
RESULT = RunResult(stored=b"", digest="d", statistics="{}", timing={}, cache={}, finished_at=NOW)


def job(**changes: object) -> Job:
    fields: dict[str, object] = {
        "id": uuid.UUID(int=1), "lease": 1, "entry": "0-1", "version": "v", "origin": "user", "attempts": 1,
        "queue_ms": 0.0, "started_at": NOW, "request": None,
    }  # fmt: skip
    return Job(**(fields | changes))  # type: ignore[arg-type]


async def outcome(error: BaseException, **changes: object) -> Outcome:
    running: asyncio.Future[RunResult] = asyncio.get_running_loop().create_future()
    running.set_exception(error)
    return await outcome_of(running, job(**changes))


async def test_result_completes_the_job() -> None:
    running: asyncio.Future[RunResult] = asyncio.get_running_loop().create_future()
    running.set_result(RESULT)
    assert await outcome_of(running, job()) == Completed(RESULT)


async def test_overdue_run_fails_unless_it_was_stopped() -> None:
    ended = await outcome(CancelledRunError(), overdue=True)
    assert isinstance(ended, Failed)
    assert (ended.problem["kind"], ended.problem["status"]) == ("overdue", 422)
    assert await outcome(CancelledRunError(), overdue=True, stop=True) == Cancelled()


def test_job_is_overdue_beyond_its_limit() -> None:
    one = job(began=time.monotonic() - 10)
    assert not one.is_stopped(60)
    assert not one.overdue
    assert one.is_stopped(5)
    assert one.overdue


async def test_stopped_run_is_cancelled_or_released() -> None:
    assert await outcome(CancelledRunError()) == Cancelled()
    assert await outcome(CancelledRunError(), leaving=True) == Released(counts_attempt=False)


async def test_missing_chunks_do_not_count_as_an_attempt() -> None:
    assert await outcome(ChunkMissingError(("part",)), attempts=MAX_ATTEMPTS) == Released(counts_attempt=False)


@pytest.mark.parametrize(
    "error", [DatasetError("damaged"), UnavailableError("lost"), RedisConnectionError(), OSError()]
)
async def test_interruptions_are_retried_until_the_last_attempt(error: Exception) -> None:
    assert await outcome(error, attempts=MAX_ATTEMPTS - 1) == Released(counts_attempt=True)
    last = await outcome(error, attempts=MAX_ATTEMPTS)
    assert isinstance(last, Failed)
    assert (last.problem["kind"], last.problem["status"]) == ("interrupted", 503)


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (RunError("dataset_gone", "deleted"), "dataset_gone", 422),
        (RequestError([Problem(path="start", message="too early")]), "request", 422),
        (ValueError("unexpected"), "internal", 500),
    ],
)
async def test_other_errors_fail_the_job(error: Exception, kind: str, status: int) -> None:
    failed = await outcome(error)
    assert isinstance(failed, Failed)
    assert (failed.problem["kind"], failed.problem["status"]) == (kind, status)


def test_lease_of_another_request_is_not_adopted() -> None:
    running, leased = job(lease=0, request="one"), job(lease=7, attempts=2, request="one")
    assert not running.adopt_lease(None)
    assert not running.adopt_lease(replace(leased, request="other"))  # type: ignore[arg-type]
    assert not running.adopt_lease(replace(leased, version="other"))
    assert running.adopt_lease(leased)
    assert (running.lease, running.attempts) == (7, 2)
