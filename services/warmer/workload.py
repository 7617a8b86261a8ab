"""What the warmer asks for: the requests that users are going to make tomorrow, as bodies of `POST /v1/backtests`."""

from __future__ import annotations

import calendar
import datetime as dt
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.strategies.catalogue import FAMOUS, PRESETS

SPANS: Final = {"6m": 6, "1y": 12, "2y": 24, "3y": 36}
"""Windows of the strategies phase: name -> months up to the last trading day."""

POPULAR_DAYS: Final = 30
POPULAR_COUNT: Final = 20


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One backtest to warm: a name that is stable within a run, and its body."""

    name: str
    body: dict[str, Any]


def months_before(day: dt.date, months: int) -> dt.date:
    """The same day of the month `months` earlier, or the last day of a month that is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def window(last: dt.date, span: str) -> tuple[dt.date, dt.date]:
    """First and last date of a span of SPANS that ends with the last trading day."""
    return months_before(last, SPANS[span]), last


def _body(strategy: object, start: dt.date, end: dt.date, benchmark: Mapping[str, Any]) -> dict[str, Any]:
    return {"strategy": strategy, "start": start.isoformat(), "end": end.isoformat(), **benchmark}


def strategy_asks(last: dt.date, indices: Iterable[str]) -> list[Ask]:
    """The ten famous strategies over every span; without a KOSPI index they are asked for without benchmark."""
    other = {} if "KOSPI" in indices else {"benchmark": None}
    return [
        Ask(name=f"{entry.id} {span}", body=_body(entry.id, *window(last, span), other))
        for entry in FAMOUS
        for span in SPANS
    ]


def preset_asks(last: dt.date, indices: Iterable[str]) -> list[Ask]:
    """The presets over the period that their form offers."""
    other = {} if "KOSPI" in indices else {"benchmark": None}
    return [
        Ask(name=entry.id, body=_body(entry.id, last - dt.timedelta(days=entry.period_days or 365), last, other))
        for entry in PRESETS
    ]


def popular_asks(rows: Iterable[tuple[str, int]], last: dt.date, count: int = POPULAR_COUNT) -> list[Ask]:
    """The requests that users made most, rolled to the last trading day.

    rows: (canonical request, times). Requests that differ in their dates only, over equally long windows, are one.
    """
    times: dict[str, int] = {}
    bodies: dict[str, dict[str, Any]] = {}
    for text, seen in rows:
        body = json.loads(text)
        start, end = (dt.date.fromisoformat(body.pop(name)) for name in ("start", "end"))
        length = end - start
        key = hashlib.sha256(json.dumps([body, length.days], sort_keys=True).encode()).hexdigest()[:12]
        times[key] = times.get(key, 0) + seen
        bodies[key] = {**body, "start": (last - length).isoformat(), "end": last.isoformat()}
    most = sorted(times, key=lambda key: (-times[key], key))[:count]
    return [Ask(name=f"request {key}", body=bodies[key]) for key in most]
