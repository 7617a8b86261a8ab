"""Which calls a range needs: newest first, nothing that is stored, corrections within the budget of calls."""

from __future__ import annotations

import datetime as dt
import itertools
import pathlib

import orjson

from services.preparer.fetching import plan
from services.preparer.fetching.krx import DAILY, PRICES, Call, KrxAnswers, last_published
from services.preparer.fetching.raw_store import RawStore
from shared.model.calendar import SEOUL

FRIDAY, MONDAY = dt.date(2026, 11, 20), dt.date(2026, 11, 23)
EMPTY = orjson.dumps({"OutBlock_1": []})


def seoul(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour, minute), SEOUL)


def test_last_published_day_waits_for_eight_of_the_next_day() -> None:
    assert last_published(seoul(MONDAY, 7, 59)) == dt.date(2026, 11, 19)
    assert last_published(seoul(MONDAY, 8)) == FRIDAY
    assert last_published(seoul(dt.date(2026, 11, 22), 12)) == dt.date(2026, 11, 19)


def test_windows_cover_the_range_newest_first() -> None:
    found = list(plan.windows(dt.date(2024, 6, 1), FRIDAY))
    assert found[0].last == FRIDAY
    assert found[-1].first == dt.date(2024, 6, 1)
    assert all(a.first - dt.timedelta(days=1) == b.last for a, b in itertools.pairwise(found))


def test_daily_calls_are_newest_first_without_closed_days(tmp_path: pathlib.Path) -> None:
    answers = KrxAnswers(RawStore(tmp_path))
    calls = plan.daily_calls(answers, plan.Window(first=FRIDAY, last=MONDAY), seoul(MONDAY, 12))
    assert [call.day for call in calls] == [MONDAY] * len(DAILY) + [FRIDAY] * len(DAILY)


def test_empty_answer_is_requested_again_until_it_is_settled(tmp_path: pathlib.Path) -> None:
    store = RawStore(tmp_path)
    answers, call = KrxAnswers(store), Call(service=PRICES[0], day=FRIDAY)
    store.write(call.name, EMPTY, seoul(MONDAY, 8, 10))
    assert not answers.is_wanted(call, seoul(MONDAY, 8, 20))
    assert answers.is_wanted(call, seoul(MONDAY, 9, 10))
    store.confirm(call.name, seoul(MONDAY + dt.timedelta(days=1), 8, 10))
    assert not answers.is_wanted(call, seoul(MONDAY + dt.timedelta(days=30), 8))


def test_recheck_takes_the_oldest_answers_of_five_days(tmp_path: pathlib.Path) -> None:
    store = RawStore(tmp_path)
    answers, days = KrxAnswers(store), [dt.date(2026, 11, day) for day in (12, 13, 16, 17, 18, 19, 20)]
    for age, day in enumerate(reversed(days), 1):
        for service in PRICES:
            store.write(Call(service=service, day=day).name, EMPTY, seoul(MONDAY, 8) - dt.timedelta(days=age))
    calls = plan.recheck_calls(answers, FRIDAY, seoul(MONDAY, 9))
    assert [call.day.day for call in calls] == [16, 16, 17, 17]
    assert len(plan.recheck_calls(answers, FRIDAY, seoul(MONDAY, 9), None)) == 10
    store.confirm(calls[0].name, seoul(MONDAY, 8))
    assert plan.recheck_calls(answers, FRIDAY, seoul(MONDAY, 9)) == []
