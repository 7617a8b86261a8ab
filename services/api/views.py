"""The dataset version and the row that a query reads."""

from __future__ import annotations

import datetime as dt

import numpy as np

from services.api.context import AppContext
from services.api.datasets import View
from services.api.errors import ApiProblem, invalid
from shared.errors import Problem
from shared.messages import say
from shared.model.calendar import from_day, to_day


async def require_view(app: AppContext) -> View:
    """Return the current dataset version; raise a 409 without data, a 503 while the first version is built."""
    view = await app.datasets.current()
    if view is not None and len(view.days):
        return view
    if view is None and await app.datasets.has_data():
        raise ApiProblem(503, "no-dataset", say("dataset_being_built"), headers={"Retry-After": "5"})
    raise ApiProblem(409, "no-market-data", say("market_data_missing"))


def last_day(view: View) -> dt.date:
    """Return the last trading day of a version that has one."""
    return from_day(int(view.days[-1]))


def row_day(view: View, date: dt.date | None) -> dt.date:
    """Return the trading day that a `date` parameter names, the last one without it; raise a 422 when it is none."""
    if date is None:
        return last_day(view)
    row = int(np.searchsorted(view.days, to_day(date)))
    if row < len(view.days) and int(view.days[row]) == to_day(date):
        return date
    first, last = view.first_and_last()
    message = say("not_a_trading_day", date=date, first=first, last=last)
    raise invalid([Problem(path="date", message=message)])
