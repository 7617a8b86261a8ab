"""Pauses of a part of a sweep beside short work, on a clock of the test."""

from __future__ import annotations

import asyncio
import pathlib
import uuid
from dataclasses import dataclass

import pytest

from services.simulator import part_runs
from services.simulator.consumer import InFlight
from services.simulator.part_runs import PAUSE_PART, PAUSE_S, pausing
from services.simulator.short_work import ShortWork
from services.simulator.sweep_store import PartJob


@dataclass
class Clock:
    now: float = 0.0
    slept: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(part_runs, "time", found)
    return found


def a_part() -> PartJob:
    return PartJob(sweep=uuid.UUID(int=1), part=0, first=0, count=1, lease=1, attempts=1)


@pytest.mark.parametrize("worked", [1e-5, 1e-3, 0.02, 0.1])
async def test_stream_of_short_work_leaves_a_share_of_the_time(
    clock: Clock, tmp_path: pathlib.Path, worked: float
) -> None:
    in_flight = InFlight(1, ShortWork(str(tmp_path)))
    forever = in_flight.start(asyncio.Event().wait())
    cancelled = pausing(a_part(), in_flight)
    polls = round(1 / worked)
    for _ in range(polls):
        clock.now += worked
        assert not cancelled()
    forever.cancel()
    expected = min(PAUSE_PART * 1.0, PAUSE_S * polls)
    assert clock.slept == pytest.approx(expected, rel=0.25)


async def test_part_without_short_work_does_not_pause(clock: Clock, tmp_path: pathlib.Path) -> None:
    in_flight = InFlight(1, ShortWork(str(tmp_path)))
    cancelled = pausing(a_part(), in_flight)
    clock.now += 10
    assert not cancelled()
    in_flight.long_tasks.add(in_flight.start(asyncio.Event().wait()))
    (tmp_path / "short_work").unlink()
    assert not cancelled()
    assert clock.slept == 0
    for task in in_flight.tasks:
        task.cancel()


async def test_stopped_part_ends_its_pause(clock: Clock, tmp_path: pathlib.Path) -> None:
    in_flight, job = InFlight(1, ShortWork(str(tmp_path))), a_part()
    forever = in_flight.start(asyncio.Event().wait())
    cancelled = pausing(job, in_flight)
    clock.now += 10
    job.stop = True
    assert cancelled()
    assert clock.slept == 0
    forever.cancel()
