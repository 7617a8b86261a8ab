"""The windows of a walk-forward as rows of a dataset: train rows before test rows, moved on by a step.

Dates count from `start`: window k is tested from `start + k * step + train` on, for `test`, at most up to the test of
window k + 1; without a step of its own exactly up to it, however long months are. Boundaries are the first
trading days on or after these dates. Only whole windows are tested: one is whole when no trading day is missing between
`end` and its last date.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass

import numpy as np

from shared.errors import Problem, RequestError
from shared.market.holidays import trading_days
from shared.messages import say
from shared.model.calendar import from_day, to_day
from shared.research.walk_forward.request import Windows

MAX_WINDOWS = 200
MIN_TRAIN_ROWS = 20


@dataclass(frozen=True, kw_only=True)
class Span:
    """The dataset rows [first, stop), with their first and last day."""

    first: int
    stop: int
    start: dt.date
    end: dt.date

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return self.stop - self.first

    @classmethod
    def of(cls, days: np.ndarray, first: int, stop: int) -> Span:
        """Return a span that is not empty of the day numbers of a dataset."""
        return cls(first=first, stop=stop, start=from_day(int(days[first])), end=from_day(int(days[stop - 1])))


@dataclass(frozen=True, kw_only=True)
class WindowRows:
    """A window: where its values are chosen, and where they are traded."""

    train: Span
    test: Span


@dataclass(frozen=True, kw_only=True)
class Division:
    """The whole windows, in order, and the train of the values that are to be traded after the last day."""

    windows: tuple[WindowRows, ...]
    next_train: Span


def shifted(day: dt.date, period: str, times: int = 1) -> dt.date:
    """Return a day moved by a number of periods; a month without this day gives its last one.

    Raises OverflowError beyond the years 1 to 9999.
    """
    count, unit = int(period[:-1]) * times, period[-1]
    if unit == "W":
        return day + dt.timedelta(weeks=count)
    months = day.year * 12 + day.month - 1 + count * (12 if unit == "Y" else 1)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"the year {year}")
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _capped(day: dt.date, period: str, times: int = 1) -> dt.date:
    """Return a day moved by a number of periods, the last or first date of the calendar beyond it."""
    try:
        return shifted(day, period, times)
    except OverflowError:
        return dt.date.max if times > 0 else dt.date.min


def divide(days: np.ndarray, start: dt.date, end: dt.date, spec: Windows) -> Division:
    """Return the windows between two dates, as far as a dataset (day numbers, int32, ascending) reaches.

    Raises RequestError with what cannot be divided.
    """
    problems = _order_problems(start, spec)
    if problems:
        raise RequestError(problems)
    if len(days):
        start, end = max(start, from_day(int(days[0]))), min(end, from_day(int(days[-1])))
    first, stop = (int(row) for row in days.searchsorted([to_day(start), to_day(end) + 1]))
    windows: list[WindowRows] = []
    while True:
        from_, bounds = _dates_of(start, spec, len(windows))
        dates = [to_day(date) for date in (from_, *bounds)]
        train_first, test_first, test_stop = (int(row) for row in days.searchsorted(dates))
        if spec.anchored:
            train_first = first
        if not _is_whole(days, end, bounds[1]):
            break
        test_stop = min(test_stop, stop)
        train_stop = test_first - spec.gap_rows
        if train_stop - train_first < MIN_TRAIN_ROWS:
            rows = max(train_stop - train_first, 0)
            place = "windows.gap_rows" if rows + spec.gap_rows >= MIN_TRAIN_ROWS else "windows.train"
            message = say("walk_forward_train_short", window=len(windows), rows=rows, limit=MIN_TRAIN_ROWS)
            raise RequestError([Problem(path=place, message=message)])
        if test_stop <= test_first:
            message = say("walk_forward_test_empty", window=len(windows), first=bounds[0], end=bounds[1])
            raise RequestError([Problem(path="windows.test", message=message)])
        if len(windows) == MAX_WINDOWS:
            message = say("walk_forward_many_windows", limit=MAX_WINDOWS)
            raise RequestError([Problem(path="windows.step", message=message)])
        windows.append(
            WindowRows(train=Span.of(days, train_first, train_stop), test=Span.of(days, test_first, test_stop))
        )
    if not windows:
        message = say(
            "walk_forward_no_window", train=spec.train, test=spec.test, start=start, end=end, needed=bounds[1]
        )
        raise RequestError([Problem(path="windows", message=message)])
    return Division(windows=tuple(windows), next_train=_next_train(days, start, end, spec, len(windows)))


def has_holes(spec: Windows) -> bool:
    """Return whether days may lie between the tests of two windows."""
    return spec.step is not None and _months(spec.step) != _months(spec.test)


def _months(period: str) -> str:
    """Return a period, years as months."""
    return f"{12 * int(period[:-1])}M" if period[-1] == "Y" else period


def _dates_of(start: dt.date, spec: Windows, number: int) -> tuple[dt.date, tuple[dt.date, dt.date]]:
    """Return the first date of a rolling train, and the first date of the test with the one after its last."""
    step = spec.step or spec.test
    from_ = _capped(start, step, number)
    first, following = _capped(from_, spec.train), _capped(_capped(start, step, number + 1), spec.train)
    return from_, (first, min(_capped(first, spec.test), following) if has_holes(spec) else following)


def _next_train(days: np.ndarray, start: dt.date, end: dt.date, spec: Windows, count: int) -> Span:
    """Return the rows that choose the values for the days after `end`: those of the next window if it begins there."""
    first, stop = (int(row) for row in days.searchsorted([to_day(start), to_day(end) + 1]))
    train_from = _capped(start, spec.step or spec.test, count)
    begins = _capped(train_from, spec.train)
    has_begun = int(days.searchsorted(to_day(begins))) < stop
    if has_begun or not _is_whole(days, end, begins):
        train_from = _capped(end + dt.timedelta(days=1), spec.train, -1)
    if not spec.anchored:
        first = max(first, int(days.searchsorted(to_day(train_from))))
    return Span.of(days, first, max(stop - spec.gap_rows, first + 1))


def _order_problems(start: dt.date, spec: Windows) -> list[Problem]:
    step = spec.step or spec.test
    try:
        lengths = [shifted(start, period) for period in (spec.train, spec.test, step)]
        shifted(lengths[0], spec.test)
    except (OverflowError, ValueError):
        return [Problem(path="windows", message=say("walk_forward_too_long"))]
    if lengths[2] < lengths[1]:
        message = say("walk_forward_overlap", step=step, test=spec.test)
        return [Problem(path="windows.step", message=message)]
    return []


def _is_whole(days: np.ndarray, end: dt.date, boundary: dt.date) -> bool:
    """Return whether no trading day lies after `end` and before `boundary`: of the dataset, or of the calendar after
    its last day."""
    after, stop = to_day(end) + 1, to_day(boundary)
    if stop <= after:
        return True
    if int(days.searchsorted(stop)) > int(days.searchsorted(after)):
        return False
    last = int(days[-1]) if len(days) else 0
    return not len(trading_days(max(after, last + 1), stop - 1))
