"""The calendar: trading days, weekends and holidays of a year."""

from __future__ import annotations

import datetime as dt

import msgspec
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.http.answers import json_response
from services.api.schemas.market_responses import Calendar
from services.api.schemas.requests import CalendarQuery
from shared.market.year_calendar import is_covered, year_calendar
from shared.model.calendar import SEOUL, iso


async def get_calendar(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/calendar`."""
    query: CalendarQuery = call.query or CalendarQuery()
    year = query.year if query.year is not None else dt.datetime.now(SEOUL).year
    view = await app.datasets.current()
    rows: list[int] = [] if view is None else view.days.tolist()
    first, last = (rows[0], rows[-1]) if rows else (None, None)
    days = year_calendar(year, frozenset(rows), first, last)
    answer = Calendar(
        year=year, first_day=None if first is None else iso(first), last_day=None if last is None else iso(last),
        covered=is_covered(year), trading_days=sum(day.trading for day in days), days=days,
    )  # fmt: skip
    return json_response(msgspec.json.encode(answer))


ROUTES = (
    Route(
        method="GET", path="/v1/calendar", handler=get_calendar, tag="market", query=CalendarQuery,
        summary="The days of a year: trading days, weekends, holidays by name", answers={200: Calendar},
    ),
)  # fmt: skip
