"""The jobs that run at fixed times in Seoul, and when each of them runs next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal
from zoneinfo import ZoneInfo

from shared.market.holidays import is_trading_day
from shared.model.calendar import to_day

SEOUL: Final = ZoneInfo("Asia/Seoul")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A scheduled job; `at` is the first time of a day in Seoul, None means every full hour."""

    name: Literal["warm", "refresh", "picks", "purge", "fetch", "filings"]
    title: str
    at: dt.time | None
    trading_days_only: bool = False
    also: tuple[dt.time, ...] = ()
    """Further times of the same day, later than `at`."""

    @property
    def times(self) -> tuple[dt.time, ...]:
        """All times of a day; empty for an hourly job."""
        return () if self.at is None else (self.at, *self.also)

    def describe(self) -> str:
        """Return the rule in words."""
        if self.at is None:
            return "hourly"
        days = "trading days" if self.trading_days_only else "daily"
        return f"{days} at {', '.join(f'{at:%H:%M}' for at in self.times)} Asia/Seoul"

    def next_run(self, now: dt.datetime) -> dt.datetime:
        """Return the first instant after `now` (aware) at which the job is due, in the time zone of Seoul."""
        local = now.astimezone(SEOUL)
        if self.at is None:
            return local.replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1)
        day = local.date() + dt.timedelta(days=int(local.time() >= self.times[-1]))
        while self.trading_days_only and not is_trading_day(to_day(day)):
            day += dt.timedelta(days=1)
        at = next((at for at in self.times if day > local.date() or at > local.time()), self.at)
        return dt.datetime.combine(day, at, SEOUL)

    def last_due(self, now: dt.datetime) -> dt.date | None:
        """Return the date in Seoul on which the job was due last, today included; None for an hourly job."""
        if self.at is None:
            return None
        local = now.astimezone(SEOUL)
        day = local.date() - dt.timedelta(days=int(local.time() < self.at))
        while self.trading_days_only and not is_trading_day(to_day(day)):
            day -= dt.timedelta(days=1)
        return day


def timetable(warm_at: str = "03:00") -> tuple[Job, ...]:
    """Return all jobs; `warm_at` is the setting ONDOL_WARM_AT."""
    return (
        Job(name="warm", title="warm everything that is going to be asked", at=dt.time.fromisoformat(warm_at)),
        Job(name="picks", title="the day's picks of every strategy", at=dt.time(7), trading_days_only=True),
        Job(name="refresh", title="look for new market data and prepare it", at=None),
        Job(name="purge", title="forget results that are kept long enough", at=dt.time(4, 30)),
        Job(
            name="fetch",
            title="fetch the prices of the last trading day, again until they are published",
            at=dt.time(8, 10),
            also=tuple(dt.time(hour, 10) for hour in range(9, 13)),
            trading_days_only=True,
        ),
        Job(
            name="filings",
            title="fetch new filings and dividends, and prices that the exchange has corrected",
            at=dt.time(7, 10),
            also=(dt.time(19, 10),),
        ),
    )
