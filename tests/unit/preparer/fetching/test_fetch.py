"""A fetch from a local server: what is requested, what is written, and what bad answers do."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Sequence

import polars as pl
import pytest
from aiohttp import web

from services.preparer.fetching.fetch import fetch
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.run import FetchReport, Options, Run
from services.preparer.fetching.source import Clock
from services.preparer.fetching.sources import open_sources
from shared.model.calendar import SEOUL
from shared.settings import Settings
from tests.support.data_sources import (
    KRX_KEY,
    Company,
    DataSources,
    block_page,
    data_sources,
    holiday_rows,
    invented_companies,
    out_block,
)

FIRST, LAST = dt.date(2026, 10, 12), dt.date(2026, 10, 23)
NEXT_MORNING = dt.datetime(2026, 10, 26, 8, 10, tzinfo=SEOUL)


class Fetched:
    """Runs of a fetch into one directory, with a clock that stands still."""

    def __init__(self, directory: pathlib.Path, server: DataSources, **settings: str) -> None:
        self.directory = directory
        self.now = NEXT_MORNING
        environment = {**server.environment, "ONDOL_KRX_KEY": KRX_KEY, **settings}
        self._settings = Settings.from_environment(environment)
        self.slept: list[float] = []

    async def run(
        self, last: dt.date = LAST, *, recheck: bool = False, approximate: bool = False, earlier: bool = False
    ) -> FetchReport:
        async def sleep(seconds: float) -> None:
            self.slept.append(seconds)

        store, clock = RawStore(self.directory), Clock(now=lambda: self.now, sleep=sleep)
        report = FetchReport(directory=str(self.directory))
        with store.locked():
            async with open_sources(self._settings, store, clock) as sources:
                run = Run(
                    directory=self.directory, store=store, sources=sources, clock=clock, report=report,
                    progress=lambda *_: None, usable=lambda _: None,
                )  # fmt: skip
                return await fetch(
                    run,
                    Options(first=FIRST, last=last, recheck=recheck, approximate=approximate, earlier_reports=earlier),
                )

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.directory / f"{name}.parquet")


def days_of(prices: pl.DataFrame) -> Sequence[dt.date]:
    return prices["date"].unique().sort().to_list()


async def test_fetch_writes_splits_listings_and_delistings(tmp_path: pathlib.Path) -> None:
    companies = invented_companies()
    plain = companies[0]
    companies[0] = Company(code=plain.code, name=plain.name, market="KOSPI", split_on=dt.date(2026, 10, 15), split=5)
    companies[1] = Company(code="900210", name="가상2", market="KOSPI", last=dt.date(2026, 10, 14))
    companies[2] = Company(code="900310", name="가상3", market="KOSPI", first=dt.date(2026, 10, 20))
    async with data_sources(DataSources(companies=companies)) as server:
        fetched = Fetched(tmp_path, server)
        report = await fetched.run()
    assert report.complete
    splits = fetched.table("prices").filter(pl.col("split").is_not_null())
    assert splits.select("date", "stock_code", "split").rows() == [(dt.date(2026, 10, 15), "900110", 5.0)]
    of = {row["stock_code"]: row for row in fetched.table("companies").iter_rows(named=True)}
    assert (of["900210"]["delisted_on"], of["900310"]["listed_on"]) == (dt.date(2026, 10, 15), dt.date(2026, 10, 20))
    assert of["900110"]["kind"] == "common"
    assert of["900110"]["delisted_on"] is None
    assert fetched.table("listings").filter(pl.col("stock_code") == "900310")["from_date"].to_list() == [
        dt.date(2026, 10, 20)
    ]
    assert set(fetched.table("indices")["index"]) == {"KOSPI", "KOSDAQ"}


async def test_second_fetch_requests_nothing(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        fetched = Fetched(tmp_path, server)
        await fetched.run()
        before = server.calls.copy()
        await fetched.run()
        assert server.calls == before
        assert set(before.values()) == {1}


async def test_next_day_needs_ten_calls_at_most(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        fetched = Fetched(tmp_path, server)
        await fetched.run()
        server.companies.append(Company(code="929930", name="새상장", market="KOSDAQ", first=dt.date(2026, 10, 26)))
        before = server.calls.total()
        fetched.now = dt.datetime(2026, 10, 27, 8, 10, tzinfo=SEOUL)
        report = await fetched.run(dt.date(2026, 10, 26))
        assert report.complete
        assert server.calls.total() - before <= 10
        assert server.calls["ksq_isu_base_info", "20261026"] == 1
        assert days_of(fetched.table("prices"))[-1] == dt.date(2026, 10, 26)


async def test_correction_of_the_last_days_is_found(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        fetched = Fetched(tmp_path, server)
        await fetched.run()
        server.corrections["900510", dt.date(2026, 10, 20)] = 21_050
        report = await fetched.run(recheck=True)
        assert "KOSPI 2026-10-20" in report.corrected
    row = fetched.table("prices").filter((pl.col("date") == dt.date(2026, 10, 20)) & (pl.col("stock_code") == "900510"))
    assert row["close"].to_list() == [21_050]


async def test_closed_days_are_no_days(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        server.closed.add(dt.date(2026, 10, 14))
        day = dt.date(2026, 10, 16)
        for api, market in (("stk_bydd_trd", "KOSPI"), ("ksq_bydd_trd", "KOSDAQ")):
            rows = holiday_rows(server.price_rows(market, day))
            server.answers[api, f"{day:%Y%m%d}"] = lambda rows=rows: out_block(rows)  # type: ignore[misc]
        fetched = Fetched(tmp_path, server)
        report = await fetched.run()
    found = days_of(fetched.table("prices"))
    assert dt.date(2026, 10, 14) not in found
    assert day not in found
    assert not report.written.left_out


async def test_thin_and_half_published_days_are_left_out(tmp_path: pathlib.Path) -> None:
    thin, half = dt.date(2026, 10, 21), dt.date(2026, 10, 23)
    async with data_sources() as server:
        server.answers["stk_bydd_trd", f"{thin:%Y%m%d}"] = lambda: out_block(server.price_rows("KOSPI", thin)[:5])
        server.answers["ksq_bydd_trd", f"{half:%Y%m%d}"] = lambda: out_block([])
        fetched = Fetched(tmp_path, server)
        report = await fetched.run()
        assert set(report.written.left_out) == {thin.isoformat(), half.isoformat()}
        assert not {thin, half} & set(days_of(fetched.table("prices")))
        server.answers.clear()
        fetched.now += dt.timedelta(days=1)
        report = await fetched.run()
        assert not report.written.left_out
        assert {thin, half} <= set(days_of(fetched.table("prices")))


async def test_quota_stops_and_the_next_day_continues(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        fetched = Fetched(tmp_path, server, ONDOL_KRX_DAILY_CALLS="20")
        report = await fetched.run()
        assert "run the command again tomorrow" in report.stopped["krx"]
        assert server.calls.total() == 20
        assert days_of(fetched.table("prices"))[-1] == LAST
        for _ in range(6):
            fetched.now += dt.timedelta(days=1)
            report = await fetched.run()
        assert report.complete
        assert {count for (api, _), count in server.calls.items() if api == "kospi_dd_trd"} == {1}
        assert days_of(fetched.table("prices"))[0] == FIRST


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (block_page, "blocks this address"),
        (lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"}), "redirect"),
        (lambda: web.Response(status=429), "allows no more calls"),
        (lambda: web.Response(status=401), "not approved for sto/stk_bydd_trd"),
        (lambda: web.Response(status=403, text=KRX_KEY), "HTTP 403"),
        (lambda: web.json_response({"respCode": "900", "respMsg": f"bad {KRX_KEY}"}), "900 bad"),
    ],
)
async def test_refusal_stops_at_once_without_the_key(tmp_path: pathlib.Path, answer: object, words: str) -> None:
    async with data_sources() as server:
        server.answers["stk_bydd_trd", "20261023"] = answer  # type: ignore[assignment]
        fetched = Fetched(tmp_path, server)
        report = await fetched.run()
        assert words in report.stopped["krx"]
        assert KRX_KEY not in repr(report)
        assert server.calls["stk_bydd_trd", "20261023"] == 1
        assert server.calls.total() < 36  # of 40: those in flight may be answered before the refusal arrives


async def test_services_without_approval_leave_prices_alone(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        server.not_approved = {"kospi_dd_trd", "stk_isu_base_info", "ksq_isu_base_info"}
        fetched = Fetched(tmp_path, server)
        report = await fetched.run()
    assert not report.complete
    assert not report.stopped
    assert len([text for text in report.failed if "not approved" in text]) == 3
    assert set(fetched.table("indices")["index"]) == {"KOSDAQ"}
    assert fetched.table("companies").height == 42


async def test_failures_of_the_source_are_retried(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        bad = iter([web.Response(status=503), web.Response(body=b'{"OutBlock_1":[{"BAS')])
        day = dt.date(2026, 10, 22)

        def answer() -> web.Response:
            return next(bad, None) or out_block(server.price_rows("KOSPI", day))

        server.answers["stk_bydd_trd", "20261022"] = answer
        fetched = Fetched(tmp_path, server)
        report = await fetched.run()
        assert report.complete
        assert server.calls["stk_bydd_trd", "20261022"] == 3
        assert {2.0, 4.0} <= set(fetched.slept)
        server.answers["stk_bydd_trd", "20261022"] = lambda: web.Response(status=500)
        report = await fetched.run(recheck=True)
        assert "HTTP 500), 3 times" in report.stopped["krx"]


async def test_unavailable_source_is_named_without_its_url(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        fetched = Fetched(tmp_path, server)
    report = await fetched.run()
    assert "no answer" in report.stopped["krx"]
    assert server.url not in report.stopped["krx"]
    assert not report.written.rows
