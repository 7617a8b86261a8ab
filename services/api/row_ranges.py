"""Rows of a dataset that `start` and `end` of a query name."""

from __future__ import annotations

import datetime as dt

import numpy as np

from services.api.datasets import View
from services.api.errors import invalid
from shared.errors import Problem
from shared.messages import say
from shared.model.calendar import to_day


def rows_between(view: View, start: dt.date | None, end: dt.date | None, *, default: int) -> slice:
    """Return the rows from `start` to `end`, both included; `default` is the number of rows without a `start`.

    Without an `end` it is the last row. Raises a 422 for dates in the wrong order and for a range without rows.
    """
    if start is not None and end is not None and start > end:
        raise invalid([Problem(path="start", message=say("range_reversed", start=start, end=end))])
    stop = len(view.days) if end is None else int(np.searchsorted(view.days, to_day(end), side="right"))
    first = max(0, stop - default) if start is None else int(np.searchsorted(view.days, to_day(start)))
    if first >= stop:
        begin, last = view.first_and_last()
        path = "end" if start is None else "start"
        message = say("range_without_rows", first=begin, last=last)
        raise invalid([Problem(path=path, message=message)])
    return slice(first, stop)
