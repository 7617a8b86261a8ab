"""`Retry-After`: a single client retries soon, many no faster than they can be served."""

from __future__ import annotations

import heapq
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.http.retry_after import MAX_RETRY_AFTER_S, RETRIES_PER_SECOND, RetryAfterEstimator


class Clock:
    """A clock that is set by the test."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def outage(a_second: int, seconds: float, jitter: float, seed: int) -> tuple[list[float], list[float], list[int]]:
    """Return when obedient clients were refused, when they return after the outage, and the intervals they received."""
    clock, dice = Clock(), random.Random(seed)
    estimator = RetryAfterEstimator(clock)
    coming = [number / a_second for number in range(int(a_second * seconds))]
    refused, returning, intervals = [], [], []
    heapq.heapify(coming)
    while coming:
        clock.now = heapq.heappop(coming)
        if clock.now >= seconds:
            returning.append(clock.now)
            continue
        refused.append(clock.now)
        intervals.append(estimator.retry_after())
        heapq.heappush(coming, clock.now + intervals[-1] * dice.uniform(1 - jitter, 1 + jitter))
    return refused, returning, intervals


def busiest(times: list[float]) -> int:
    """Return the greatest number of events in one second."""
    return max(Counter(int(time) for time in times).values())


def test_single_client_retries_after_a_second() -> None:
    _, _, intervals = outage(1, 60, 0.0, 1)
    assert set(intervals[:20]) == {1}
    assert max(intervals) <= 2  # sixty of them wait at the end


@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_many_clients_return_no_faster_than_served(jitter: float) -> None:
    refused, returning, intervals = outage(50, 30, jitter, 2)
    assert len(returning) == 1500
    assert busiest([time for time in refused if time > 10]) < 2.2 * RETRIES_PER_SECOND  # every two seconds: 750
    assert busiest(returning) < 2.2 * RETRIES_PER_SECOND
    assert max(intervals) <= MAX_RETRY_AFTER_S


def test_interval_recovers_after_an_outage() -> None:
    clock = Clock()
    estimator = RetryAfterEstimator(clock)
    for number in range(3000):
        clock.now = number / 500
        last = estimator.retry_after()
    assert last == MAX_RETRY_AFTER_S
    clock.now += MAX_RETRY_AFTER_S + 1
    assert estimator.retry_after() == 1


@given(st.lists(st.floats(0, 5), max_size=300))
def test_interval_is_always_within_bounds(pauses: list[float]) -> None:
    clock = Clock()
    estimator = RetryAfterEstimator(clock)
    for pause in pauses:
        clock.now += pause
        assert 1 <= estimator.retry_after() <= MAX_RETRY_AFTER_S
