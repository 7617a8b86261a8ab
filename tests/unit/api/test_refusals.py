"""`Retry-After` of refused callers: a lone one comes back soon, a crowd no faster than it can be served."""

from __future__ import annotations

import heapq
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.http.retry_after import A_SECOND, LONGEST_S, Refusals


class Clock:
    """A clock that stands where it is set."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def outage(a_second: int, seconds: float, jitter: float, seed: int) -> tuple[list[float], list[float], list[int]]:
    """Callers that obey: when they were refused, when they come back after the outage, what they were told."""
    clock, dice = Clock(), random.Random(seed)
    refusals = Refusals(clock)
    coming = [number / a_second for number in range(int(a_second * seconds))]
    refused, returning, told = [], [], []
    heapq.heapify(coming)
    while coming:
        clock.now = heapq.heappop(coming)
        if clock.now >= seconds:
            returning.append(clock.now)
            continue
        refused.append(clock.now)
        told.append(refusals.retry_after())
        heapq.heappush(coming, clock.now + told[-1] * dice.uniform(1 - jitter, 1 + jitter))
    return refused, returning, told


def busiest(times: list[float]) -> int:
    """Most events in one second."""
    return max(Counter(int(time) for time in times).values())


def test_a_lone_caller_is_asked_back_after_a_second() -> None:
    _, _, told = outage(1, 60, 0.0, 1)
    assert set(told[:20]) == {1}
    assert max(told) <= 2  # sixty of them wait at the end


@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_a_crowd_comes_back_no_faster_than_it_can_be_served(jitter: float) -> None:
    refused, returning, told = outage(50, 30, jitter, 2)
    assert len(returning) == 1500
    assert busiest([time for time in refused if time > 10]) < 2.2 * A_SECOND  # every two seconds: 750
    assert busiest(returning) < 2.2 * A_SECOND
    assert max(told) <= LONGEST_S


def test_what_was_told_to_a_crowd_is_forgotten_after_it() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    for number in range(3000):
        clock.now = number / 500
        last = refusals.retry_after()
    assert last == LONGEST_S
    clock.now += LONGEST_S + 1
    assert refusals.retry_after() == 1


@given(st.lists(st.floats(0, 5), max_size=300))
def test_the_answer_is_always_within_its_bounds(pauses: list[float]) -> None:
    clock = Clock()
    refusals = Refusals(clock)
    for pause in pauses:
        clock.now += pause
        assert 1 <= refusals.retry_after() <= LONGEST_S
