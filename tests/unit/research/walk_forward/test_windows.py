"""Windows against a slow enumeration of days, their laws, and what cannot be divided."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.errors import RequestError
from shared.market.holidays import trading_days
from shared.model.calendar import from_day, to_day
from shared.research.walk_forward.request import Windows
from shared.research.walk_forward.windows import Division, divide, has_holes, shifted

FIRST, LAST = dt.date(2019, 1, 2), dt.date(2023, 12, 28)
DAYS = trading_days(to_day(FIRST), to_day(LAST))
DATES = [from_day(int(day)) for day in DAYS]
PERIODS = st.builds(lambda count, unit: f"{count}{unit}", st.integers(4, 30), st.sampled_from("MW"))


def days_of(division: Division) -> list[tuple[dt.date, ...]]:
    return [(w.train.start, w.train.end, w.test.start, w.test.end) for w in division.windows]


def enumerated(start: dt.date, end: dt.date, spec: Windows) -> list[tuple[list[dt.date], list[dt.date]]]:
    """Return (train days, test days) of each window by looking at every day."""
    found: list[tuple[list[dt.date], list[dt.date]]] = []
    while True:
        begin = shifted(start, spec.test, len(found))
        middle, stop = (shifted(shifted(start, spec.test, len(found) + k), spec.train) for k in (0, 1))
        if any(end < day < stop for day in DATES) or (
            stop > LAST and len(trading_days(to_day(LAST) + 1, to_day(stop) - 1))
        ):
            return found
        train = [day for day in DATES if (start if spec.anchored else begin) <= day < middle]
        train = train[: len(train) - spec.gap_rows]
        found.append((train, [day for day in DATES if middle <= day < stop and day <= end]))


@given(
    spec=st.builds(Windows, train=PERIODS, test=PERIODS, anchored=st.booleans(), gap_rows=st.integers(0, 5)),
    first=st.integers(0, 400), length=st.integers(200, 900),
)  # fmt: skip
@settings(deadline=None, max_examples=25)
def test_windows_equal_an_enumeration(spec: Windows, first: int, length: int) -> None:
    start, end = from_day(int(DAYS[first])), from_day(int(DAYS[min(first + length, len(DAYS) - 1)]))
    expected = enumerated(start, end, spec)
    try:
        found = divide(DAYS, start, end, spec)
    except RequestError:
        assert not expected or any(len(a) < 20 or not b for a, b in expected)
        return
    assert days_of(found) == [(a[0], a[-1], b[0], b[-1]) for a, b in expected]
    assert [(w.train.rows, w.test.rows) for w in found.windows] == [(len(a), len(b)) for a, b in expected]
    assert all(w.test.first - w.train.stop == spec.gap_rows for w in found.windows)
    assert all(a.test.stop == b.test.first for a, b in pairwise(found.windows))


@given(train=PERIODS, test=PERIODS, gap=st.integers(0, 3), day=st.integers(1, 28), shifts=st.integers(1, 3))
def test_shifted_windows_are_those_of_the_division_before(
    train: str, test: str, gap: int, day: int, shifts: int
) -> None:
    spec = Windows(train=train, test=test, gap_rows=gap)
    start = dt.date(2019, 2, day)
    assume(shifted(start, test, shifts).day == day or test.endswith("W"))
    try:
        whole, later = divide(DAYS, start, LAST, spec), divide(DAYS, shifted(start, test, shifts), LAST, spec)
    except RequestError:
        return
    assert days_of(whole)[shifts:] == days_of(later)
    assert whole.next_train == later.next_train


def test_a_cut_of_the_days_changes_no_window_before_it() -> None:
    spec = Windows(train="12M", test="3M", gap_rows=1)
    whole = divide(DAYS, FIRST, LAST, spec)
    for window in whole.windows[1:]:
        cut = divide(DAYS[: window.test.stop], FIRST, LAST, spec)
        assert days_of(cut) == days_of(whole)[: len(cut.windows)]
        assert cut.windows[-1].test.end <= window.test.end


def test_next_train_is_that_of_the_following_window() -> None:
    spec = Windows(train="24M", test="6M", gap_rows=2)
    whole = divide(DAYS, FIRST, LAST, spec)
    before = whole.windows[-1]
    shorter = divide(DAYS, FIRST, before.test.start - dt.timedelta(days=1), spec)
    assert shorter.next_train == before.train
    assert whole.next_train.end == from_day(int(DAYS[-3]))
    assert divide(DAYS, FIRST, LAST, Windows(train="24M", test="6M", anchored=True)).next_train.start == FIRST


def test_the_year_ends_with_its_last_trading_day() -> None:
    """2023-12-28 was the last trading day of the year: a test up to 2024-01-01 is whole."""
    spec = Windows(train="12M", test="12M")
    found = divide(DAYS, dt.date(2022, 1, 1), LAST, spec)
    assert days_of(found)[-1][2:] == (dt.date(2023, 1, 2), dt.date(2023, 12, 28))
    with pytest.raises(RequestError):
        divide(DAYS, dt.date(2022, 1, 1), dt.date(2023, 12, 27), spec)


def test_days_outside_of_the_dataset_do_not_count() -> None:
    spec = Windows(train="24M", test="12M")
    assert divide(DAYS, dt.date(1990, 1, 1), dt.date(2050, 1, 1), spec) == divide(DAYS, FIRST, LAST, spec)


@pytest.mark.parametrize(
    ("spec", "path", "code"),
    [
        ({"train": "24M", "test": "6M", "step": "3M"}, "windows.step", "walk_forward_overlap"),
        ({"train": "9000M", "test": "6M"}, "windows", "walk_forward_no_window"),
        ({"train": "9999Y", "test": "6M"}, "windows", "walk_forward_too_long"),
        ({"train": "5Y", "test": "6M"}, "windows", "walk_forward_no_window"),
        ({"train": "1W", "test": "1M"}, "windows.train", "walk_forward_train_short"),
        ({"train": "2M", "test": "1M", "gap_rows": 30}, "windows.gap_rows", "walk_forward_train_short"),
        ({"train": "20W", "test": "1W"}, "windows.step", "walk_forward_many_windows"),
    ],
)
def test_impossible_windows_are_refused_with_their_place(spec: dict[str, object], path: str, code: str) -> None:
    with pytest.raises(RequestError) as error:
        divide(DAYS, FIRST, LAST, Windows(**spec))  # type: ignore[arg-type]
    assert [(problem.path, problem.code) for problem in error.value.problems] == [(path, code)]


def test_a_test_without_trading_days_is_refused() -> None:
    gap = np.concatenate([DAYS[:300], DAYS[330:]])  # six weeks without prices
    with pytest.raises(RequestError) as error:
        divide(gap, FIRST, LAST, Windows(train="20W", test="1W"))
    assert error.value.problems[0].code == "walk_forward_test_empty"


def test_days_between_tests_are_found() -> None:
    for step, holes in ((None, False), ("6M", False), ("26W", True), ("1Y", True), ("7M", True)):
        assert has_holes(Windows(train="12M", test="6M", step=step)) == holes
    assert not has_holes(Windows(train="12M", test="12M", step="1Y"))
    found = divide(DAYS, FIRST, LAST, Windows(train="12M", test="6M", step="27W"))
    assert all(a.test.stop <= b.test.first for a, b in pairwise(found.windows))
    found = divide(DAYS, FIRST, LAST, Windows(train="12M", test="2M", step="1Y"))
    assert [w.test.start.month for w in found.windows] == [1, 1, 1, 1]


def test_tests_follow_each_other_in_mixed_units() -> None:
    for train, test, start in (("4M", "1M", dt.date(2019, 1, 31)), ("7W", "3M", FIRST), ("5M", "5W", FIRST)):
        found = divide(DAYS, start, LAST, Windows(train=train, test=test))
        assert all(a.test.stop == b.test.first for a, b in pairwise(found.windows))


def test_months_are_calendar_months() -> None:
    end = dt.date(2024, 1, 31)
    assert [shifted(end, "1M", k) for k in (1, 2, -2)] == [
        dt.date(2024, 2, 29),
        dt.date(2024, 3, 31),
        dt.date(2023, 11, 30),
    ]
    assert shifted(end, "2Y") == dt.date(2026, 1, 31)
    assert shifted(end, "3W", -1) == dt.date(2024, 1, 10)
    with pytest.raises(OverflowError):
        shifted(end, "9999Y")


@pytest.mark.parametrize("step", ["4000Y", "7975Y"])
def test_steps_beyond_the_calendar_have_one_window(step: str) -> None:
    found = divide(DAYS, FIRST, LAST, Windows(train="12M", test="6M", step=step))
    assert len(found.windows) == 1
    assert found.next_train.stop == len(DAYS)


@pytest.mark.parametrize("train", ["7000Y", "8000Y", "9998Y"])
def test_trains_beyond_the_calendar_have_no_window(train: str) -> None:
    with pytest.raises(RequestError) as error:
        divide(DAYS, dt.date(1, 1, 1), LAST, Windows(train=train, test="3M"))
    assert error.value.problems[0].code in ("walk_forward_no_window", "walk_forward_too_long")
