"""The jobs that run at fixed times in Seoul, and when each of them runs next."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final, Literal

from shared.contracts.due_times import DATA_DUE
from shared.market.holidays import is_trading_day
from shared.market.opening_hours import OPENING
from shared.messages import Language
from shared.model.calendar import SEOUL, to_day

DECIDED_AT: Final = dt.time(7)
"""Paper accounts decide the orders of the day."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A scheduled job; `at` is the first time of a day in Seoul, None means every full hour."""

    name: Literal["warm", "refresh", "picks", "purge", "fetch", "filings", "paper_data", "paper_orders", "paper_open"]
    title: str
    at: dt.time | None
    trading_days_only: bool = False
    title_ko: str = ""
    also: tuple[dt.time, ...] = ()
    """Further times of the same day, later than `at`."""

    @property
    def times(self) -> tuple[dt.time, ...]:
        """All times of a day; empty for an hourly job."""
        return () if self.at is None else (self.at, *self.also)

    def describe(self, language: Language = "en") -> str:
        """Return the rule in words."""
        times = ", ".join(f"{at:%H:%M}" for at in self.times)
        if language == "ko":
            days = "거래일" if self.trading_days_only else "매일"
            return f"{days} {times} (서울)" if times else "매시 정각"
        days = "trading days" if self.trading_days_only else "daily"
        return f"{days} at {times} Asia/Seoul" if times else "hourly"

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


def timetable(warm_at: str, data_due: dt.time = DATA_DUE) -> tuple[Job, ...]:
    """Return all jobs; `warm_at` is the setting ONDOL_WARM_AT, `data_due` follows from ONDOL_PAPER_DATA_DUE."""
    return (
        Job(
            name="warm",
            title="compute the backtests and screens that are expected to be requested",
            title_ko="요청될 백테스트와 스크리닝을 미리 계산",
            at=dt.time.fromisoformat(warm_at),
        ),
        Job(
            name="picks",
            title="the day's picks of every strategy, again with each dataset version before the open",
            title_ko="모든 전략의 오늘 종목 선정, 개장 전 새 데이터셋 버전마다 다시 선정",
            at=dt.time(7),
            trading_days_only=True,
        ),
        Job(name="refresh", title="prepare newly loaded market data", title_ko="새로 적재된 시장 데이터 준비", at=None),
        Job(
            name="purge",
            title="delete results whose retention has ended",
            title_ko="보존 기간이 지난 결과 삭제",
            at=dt.time(4, 30),
        ),
        Job(
            name="fetch",
            title="fetch the prices of the last trading day, again until they are published",
            title_ko="직전 거래일의 가격을 공표될 때까지 수집",
            at=dt.time(8, 10),
            also=(dt.time(8, 25), dt.time(8, 40), *(dt.time(hour, 10) for hour in range(9, 13))),
            trading_days_only=True,
        ),
        Job(
            name="filings",
            title="fetch new filings and dividends, and prices that the exchange has corrected",
            title_ko="새 공시와 배당, 거래소가 정정한 가격 수집",
            at=dt.time(7, 10),
            also=(dt.time(19, 10),),
        ),
        Job(
            name="paper_data",
            title="see that the row of the last trading day is there; without it paper accounts decide nothing",
            title_ko="직전 거래일의 행 확인. 없으면 모의 계좌는 아무것도 결정하지 않음",
            at=data_due,
            trading_days_only=True,
        ),
        Job(
            name="paper_orders",
            title="decide the orders of paper accounts, as soon as the row of the last trading day is there; "
            "booked days follow each new dataset version",
            title_ko="직전 거래일의 행이 들어오면 모의 계좌의 주문 결정. 체결은 새 데이터셋 버전마다 기록",
            at=DECIDED_AT,
            trading_days_only=True,
        ),
        Job(
            name="paper_open",
            title="orders of paper accounts become working, an hour later on days of a late opening",
            title_ko="모의 계좌의 주문 접수. 늦게 개장하는 날은 한 시간 뒤",
            at=OPENING,
            trading_days_only=True,
        ),
    )
