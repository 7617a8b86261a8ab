"""The requests that users are expected to make the next day, as bodies of `POST /v1/backtests`."""

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
class WarmRequest:
    """One backtest to warm: a name that is unique within a phase, and its body."""

    name: str
    body: dict[str, Any]


def months_before(day: dt.date, months: int) -> dt.date:
    """Return the same day of the month `months` earlier, or the last day of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def window(last: dt.date, span: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last date of a span of SPANS that ends with the last trading day."""
    return months_before(last, SPANS[span]), last


def _body(strategy: object, start: dt.date, end: dt.date, benchmark: Mapping[str, Any]) -> dict[str, Any]:
    return {"strategy": strategy, "start": start.isoformat(), "end": end.isoformat(), **benchmark}


def strategy_requests(last: dt.date, indices: Iterable[str]) -> list[WarmRequest]:
    """Return every famous strategy over every span; without a benchmark if there is no KOSPI index."""
    benchmark = {} if "KOSPI" in indices else {"benchmark": None}
    return [
        WarmRequest(name=f"{entry.id} {span}", body=_body(entry.id, *window(last, span), benchmark))
        for entry in FAMOUS
        for span in SPANS
    ]


def preset_requests(last: dt.date, indices: Iterable[str]) -> list[WarmRequest]:
    """Return every preset over its default period; without a benchmark if there is no KOSPI index."""
    benchmark = {} if "KOSPI" in indices else {"benchmark": None}
    return [
        WarmRequest(
            name=entry.id, body=_body(entry.id, last - dt.timedelta(days=entry.period_days or 365), last, benchmark)
        )
        for entry in PRESETS
    ]


def popular_requests(rows: Iterable[tuple[str, int]], last: dt.date, count: int = POPULAR_COUNT) -> list[WarmRequest]:
    """Return the most frequent requests, moved to the last trading day.

    rows: (canonical request, times). Requests that differ only in their dates, over equally long windows, are one.
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
    top = sorted(times, key=lambda key: (-times[key], key))[:count]
    return [WarmRequest(name=f"request {key}", body=bodies[key]) for key in top]
