"""The open API of the exchange: which answers a market needs, and which of them are stored.

Pauses between calls and calls a day are settings (`krx_pace_ms`, `krx_daily_calls`) that `sources` reads.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from services.preparer.fetching.raw_store import AnswerName, RawStore
from services.preparer.fetching.source import Source
from shared.market.holidays import is_trading_day
from shared.market_files.answers import NotApprovedError
from shared.market_files.open_api import base_information, daily_prices, index_values
from shared.model.calendar import SEOUL, to_day

SOURCE, TITLE = "krx", "KRX open API"
FIRST_DAY = dt.date(2010, 1, 4)
PUBLISHED_AT = dt.time(8)
"""When the exchange publishes a day, on the next trading day."""
SETTLED = dt.timedelta(hours=24)
"""An empty answer that was received this long after the publication of its day says that the exchange was closed."""
ASK_AGAIN = dt.timedelta(minutes=20)
"""An answer that may still change is requested again after this time at the earliest."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service of the open API, for which a key needs an approval of its own."""

    path: str
    market: str
    parse: Callable[[bytes], pl.DataFrame]

    @property
    def api(self) -> str:
        """Name of the service, and of the folder of its answers."""
        return self.path.rpartition("/")[2]


PRICES = (
    Service(path="sto/stk_bydd_trd", market="KOSPI", parse=daily_prices),
    Service(path="sto/ksq_bydd_trd", market="KOSDAQ", parse=daily_prices),
)
INDICES = (
    Service(path="idx/kospi_dd_trd", market="KOSPI", parse=index_values),
    Service(path="idx/kosdaq_dd_trd", market="KOSDAQ", parse=index_values),
)
BASE_INFORMATION = (
    Service(path="sto/stk_isu_base_info", market="KOSPI", parse=base_information),
    Service(path="sto/ksq_isu_base_info", market="KOSDAQ", parse=base_information),
)
DAILY = (*PRICES, *INDICES)
SERVICES = (*DAILY, *BASE_INFORMATION)
"""The six services to apply for."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call: a service and a day."""

    service: Service
    day: dt.date

    @property
    def name(self) -> AnswerName:
        """Where its answer is stored."""
        return AnswerName(source=SOURCE, api=self.service.api, name=f"{self.day:%Y}/{self.day:%Y%m%d}.json")


def trading_day_after(day: dt.date) -> dt.date:
    """Return the next trading day by the holiday table."""
    while not is_trading_day(to_day(day := day + dt.timedelta(days=1))):
        pass
    return day


def trading_day_before(day: dt.date) -> dt.date:
    """Return the trading day before by the holiday table."""
    while not is_trading_day(to_day(day := day - dt.timedelta(days=1))):
        pass
    return day


def published_at(day: dt.date) -> dt.datetime:
    """Return when the exchange publishes the prices of a day."""
    return dt.datetime.combine(trading_day_after(day), PUBLISHED_AT, SEOUL)


def last_published(now: dt.datetime) -> dt.date:
    """Return the newest trading day whose prices are published at `now`."""
    day = trading_day_before(now.astimezone(SEOUL).date())
    return day if published_at(day) <= now else trading_day_before(day)


def trading_days_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """Return the days that can be trading days, newest first: weekdays without those of the holiday table."""
    count = (last - first).days + 1
    days = (last - dt.timedelta(days=back) for back in range(count))
    return [day for day in days if is_trading_day(to_day(day))]


class KrxAnswers:
    """The stored answers: parsed on demand, never requested."""

    def __init__(self, store: RawStore) -> None:
        self._store = store

    def frame(self, call: Call) -> pl.DataFrame | None:
        """Return the parsed rows of a stored answer, None without one."""
        data = self._store.read(call.name)
        return None if data is None else call.service.parse(data)

    def days(self, service: Service) -> list[dt.date]:
        """Return the days of the stored answers of a service, ascending."""
        names = self._store.names(SOURCE, service.api)
        return sorted(dt.datetime.strptime(name[5:13], "%Y%m%d").date() for name in names)

    def fetched_at(self, call: Call) -> dt.datetime | None:
        """Return when the answer was received, None without one."""
        return self._store.fetched_at(call.name)

    def is_wanted(self, call: Call, now: dt.datetime) -> bool:
        """Whether the answer is absent, or was empty and may have been given before the day was published."""
        fetched = self._store.fetched_at(call.name)
        if fetched is None:
            return True
        if fetched >= published_at(call.day) + SETTLED or now - fetched < ASK_AGAIN:
            return False
        frame = self.frame(call)
        return frame is None or frame.is_empty()


class Krx:
    """Requests of the open API, each answer stored before the next call of its place begins."""

    def __init__(self, source: Source, store: RawStore) -> None:
        self.source = source
        self.not_approved: dict[str, str] = {}
        """Service -> the error with which it refused the key."""
        self._store = store

    async def fetch(self, call: Call) -> bool:
        """Request an answer and store it; return whether it differs from the stored one.

        A service other than the prices that the key is not approved for is left out from then on (`not_approved`).
        """
        if call.service.api in self.not_approved:
            return False
        try:
            data, _ = await self.source.get(call.service.path, {"basDd": f"{call.day:%Y%m%d}"}, call.service.parse)
        except NotApprovedError as error:
            if call.service in PRICES:
                raise
            self.not_approved[call.service.api] = str(error)
            return False
        now = self.source.clock.now()
        if self._store.read(call.name) == data:
            self._store.confirm(call.name, now)
            return False
        self._store.write(call.name, data, now)
        return True
