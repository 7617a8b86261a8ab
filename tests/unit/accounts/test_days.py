"""Times at which paper accounts decide."""

from __future__ import annotations

import datetime as dt

import pytest

from shared.accounts.days import data_due_day, first_day, is_late, last_decidable, opens_at, scheduled_day
from shared.contracts.due_times import DATA_DUE, FETCHED_DATA_DUE


def seoul(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text + "+09:00").astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("now", "data_due", "scheduled", "decidable", "first"),
    [
        ("2026-11-18T06:29:59", None, None, "2026-11-17", "2026-11-18"),
        ("2026-11-18T06:30:00", "2026-11-18", None, "2026-11-17", "2026-11-18"),
        ("2026-11-18T07:00:00", "2026-11-18", "2026-11-18", "2026-11-18", "2026-11-19"),
        ("2026-11-18T23:59:59", "2026-11-18", "2026-11-18", "2026-11-18", "2026-11-19"),
        ("2026-11-21T08:00:00", None, None, "2026-11-21", "2026-11-23"),
        ("2025-12-31T08:00:00", None, None, "2025-12-31", "2026-01-02"),
    ],
)
def test_times_of_a_day(now: str, data_due: str | None, scheduled: str | None, decidable: str, first: str) -> None:
    instant = seoul(now)
    found = (data_due_day(instant, DATA_DUE), scheduled_day(instant), last_decidable(instant), first_day(instant))
    assert [None if day is None else day.isoformat() for day in found] == [data_due, scheduled, decidable, first]


def test_fetched_data_are_due_later() -> None:
    assert data_due_day(seoul("2026-11-18T08:49:59"), FETCHED_DATA_DUE) is None
    assert data_due_day(seoul("2026-11-18T08:50:00"), FETCHED_DATA_DUE) == dt.date(2026, 11, 18)


def test_a_decision_is_late_from_the_open_on() -> None:
    exam, usual = dt.date(2026, 11, 19), dt.date(2026, 11, 18)
    assert opens_at(exam) == seoul("2026-11-19T10:00:00")
    assert not is_late(exam, seoul("2026-11-19T09:59:59"))
    assert is_late(exam, seoul("2026-11-19T10:00:00"))
    assert is_late(usual, seoul("2026-11-18T09:00:00"))
