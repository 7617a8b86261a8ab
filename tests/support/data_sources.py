"""A local server that plays the documented answers of the data sources, for an invented market, and counts calls."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

from shared.market.holidays import is_trading_day
from shared.model.calendar import to_day
from tests.support.report_answers import Filing, corporations_zip, periodic_filings, xml_error

KRX_KEY = "KRXKEYCANARY0123456789ABCDEF"
DART_KEY = "dartkeycanary0123456789abcdef0123456789a"
TOKEN = "kistokencanary0123456789"
KIS_KEY, KIS_SECRET = "kiskeycanary0123456789", "kissecretcanary0123456789"


@dataclass(frozen=True, kw_only=True)
class Company:
    """An invented company: listed from `first` to `last`; `split` shares for one on `split_on`."""

    code: str
    name: str
    market: str
    shares: int = 10_000_000
    first: dt.date = dt.date(2000, 1, 3)
    last: dt.date = dt.date(2100, 1, 1)
    split_on: dt.date | None = None
    split: float = 1.0

    def is_listed(self, day: dt.date) -> bool:
        """Whether the exchange lists it on a day."""
        return self.first <= day <= self.last


def invented_filings(companies: list[Company], years: range) -> list[Filing]:
    """Return the periodic reports of companies."""
    return [f for c in companies for f in periodic_filings(f"00{c.code}", c.code, c.name, years)]


def invented_companies() -> list[Company]:
    """Return 24 companies of KOSPI and 18 of KOSDAQ."""
    kospi = [Company(code=f"90{n:02d}10", name=f"가상{n}", market="KOSPI") for n in range(1, 25)]
    kosdaq = [Company(code=f"91{n:02d}20", name=f"상상{n}", market="KOSDAQ") for n in range(1, 19)]
    return [*kospi, *kosdaq]


@dataclass(kw_only=True)
class DataSources:
    """The market, what the server answers instead (by API and key of the call), and the calls that it has received."""

    companies: list[Company] = field(default_factory=invented_companies)
    closed: set[dt.date] = field(default_factory=set)
    last_published: dt.date = dt.date(2100, 1, 1)
    answers: dict[tuple[str, str], Callable[[], web.Response]] = field(default_factory=dict)
    not_approved: set[str] = field(default_factory=set)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    corrections: dict[tuple[str, dt.date], float] = field(default_factory=dict)
    filings: list[Filing] = field(default_factory=list)
    separate_only: set[str] = field(default_factory=set)
    """Corporations without consolidated statements."""
    today: dt.date = dt.date(2100, 1, 1)
    """Filings after this day do not exist yet."""
    dps: dict[tuple[str, int], int] = field(default_factory=dict)
    """(stock code, business year) -> dividend per share of the annual report."""
    records: list[dict[str, str]] = field(default_factory=list)
    """Rows of record dates."""
    tokens: int = 0
    hold_after: int | None = None
    """Calls after this many wait until `released`."""
    held: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)
    when_held: asyncio.Condition = field(default_factory=asyncio.Condition)
    url: str = ""

    @property
    def environment(self) -> Mapping[str, str]:
        """Settings with which `ondol fetch` uses this server, without keys."""
        return {
            "ONDOL_KRX_URL": f"{self.url}/krx", "ONDOL_DART_URL": f"{self.url}/dart",
            "ONDOL_KIS_URL": f"{self.url}/kis",
            "ONDOL_KRX_PACE_MS": "0", "ONDOL_DART_PACE_MS": "0", "ONDOL_KIS_PACE_MS": "0",
        }  # fmt: skip

    def close(self, company: Company, day: dt.date) -> int:
        """Return the invented close: a slow wave on the tick grid, over the split ratio from the split on."""
        wave = 20_000 + 50 * ((to_day(day) * 7 + int(company.code)) % 97)
        if company.split_on is not None and day >= company.split_on:
            wave = round(wave / company.split / 10) * 10
        return int(self.corrections.get((company.code, day), wave))

    def is_open(self, day: dt.date) -> bool:
        """Whether the invented exchange trades on a day."""
        return is_trading_day(to_day(day)) and day not in self.closed and day <= self.last_published

    def before(self, day: dt.date) -> dt.date:
        """Return the trading day before."""
        while not self.is_open(day := day - dt.timedelta(days=1)):
            pass
        return day

    def price_rows(self, market: str, day: dt.date) -> list[dict[str, str]]:
        """Return `OutBlock_1` of the daily prices of a market."""
        if not self.is_open(day):
            return []
        return [self.price_row(c, day) for c in self.companies if c.market == market and c.is_listed(day)]

    def price_row(self, company: Company, day: dt.date) -> dict[str, str]:
        """Return one row of the daily prices, fields in the documented order."""
        close, before = self.close(company, day), self.close(company, self.before(day))
        is_split = company.split_on == day
        base = round(before / company.split / 10) * 10 if is_split else before
        is_after = company.split_on is not None and day >= company.split_on
        shares = round(company.shares * (company.split if is_after else 1))
        volume = 1_000 + to_day(day) % 100
        return {
            "BAS_DD": f"{day:%Y%m%d}", "ISU_CD": company.code, "ISU_NM": company.name, "MKT_NM": company.market,
            "SECT_TP_NM": "-", "TDD_CLSPRC": str(close), "CMPPREVDD_PRC": str(close - base),
            "FLUC_RT": f"{(close / base - 1) * 100:.2f}", "TDD_OPNPRC": str(close), "TDD_HGPRC": str(close + 50),
            "TDD_LWPRC": str(close - 50), "ACC_TRDVOL": str(volume), "ACC_TRDVAL": str(volume * close),
            "MKTCAP": str(close * shares), "LIST_SHRS": str(shares),
        }  # fmt: skip

    def base_rows(self, market: str, day: dt.date) -> list[dict[str, str]]:
        """Return `OutBlock_1` of the base information of a market."""
        if not self.is_open(day):
            return []
        return [
            {
                "ISU_CD": f"KR7{c.code}001", "ISU_SRT_CD": c.code, "ISU_NM": f"{c.name}보통주", "ISU_ABBRV": c.name,
                "ISU_ENG_NM": f"Invented {c.code}", "LIST_DD": f"{c.first:%Y%m%d}", "MKT_TP_NM": c.market,
                "SECUGRP_NM": "주권", "SECT_TP_NM": "-", "KIND_STKCERT_TP_NM": "보통주", "PARVAL": "500",
                "LIST_SHRS": str(c.shares),
            }
            for c in self.companies
            if c.market == market and c.is_listed(day)
        ]  # fmt: skip

    def index_rows(self, name: str, day: dt.date) -> list[dict[str, str]]:
        """Return `OutBlock_1` of an index series: the index itself, and another one."""
        if not self.is_open(day):
            return []
        value = 2_000 + to_day(day) % 300
        return [
            {
                "BAS_DD": f"{day:%Y%m%d}", "IDX_CLSS": name, "IDX_NM": index, "CLSPRC_IDX": f"{value:,}.50",
                "CMPPREVDD_IDX": "1.00", "FLUC_RT": "0.05", "OPNPRC_IDX": f"{value}.10", "HGPRC_IDX": f"{value + 5}.00",
                "LWPRC_IDX": f"{value - 5}.00", "ACC_TRDVOL": "1", "ACC_TRDVAL": "1", "MKTCAP": "1",
            }
            for index in (name, f"{name} 가상지수")
        ]  # fmt: skip

    async def krx(self, request: web.Request) -> web.Response:
        """Answer a call of the exchange's open API."""
        api, key = request.match_info["api"], request.query.get("basDd", "")
        await self._count(api, key)
        if request.headers.get("AUTH_KEY") != KRX_KEY:
            return web.json_response({"respMsg": "Unauthorized Key", "respCode": "401"}, status=401)
        if api in self.not_approved:
            return web.json_response({"respMsg": "Unauthorized API Call", "respCode": "401"}, status=401)
        if (api, key) in self.answers:
            return self.answers[api, key]()
        day = dt.datetime.strptime(key, "%Y%m%d").date()
        rows = {
            "stk_bydd_trd": lambda: self.price_rows("KOSPI", day),
            "ksq_bydd_trd": lambda: self.price_rows("KOSDAQ", day),
            "stk_isu_base_info": lambda: self.base_rows("KOSPI", day),
            "ksq_isu_base_info": lambda: self.base_rows("KOSDAQ", day),
            "kospi_dd_trd": lambda: self.index_rows("코스피", day),
            "kosdaq_dd_trd": lambda: self.index_rows("코스닥", day),
        }[api]()
        self.answered[api, key] += 1
        return out_block(rows)

    def filed(self) -> list[Filing]:
        """Return the filings until today, oldest first."""
        return sorted((f for f in self.filings if f.filed_on <= self.today), key=lambda filing: filing.receipt)

    async def dart(self, request: web.Request) -> web.Response:
        """Answer a call of OpenDART."""
        api, query = request.match_info["api"].rpartition(".")[0], request.query
        words = [query.get(name, "") for name in ("corp_code", "bsns_year", "reprt_code", "fs_div", "rcept_no")]
        key = "-".join(filter(None, words)) or f"{query.get('bgn_de')}-{query.get('page_no')}"
        await self._count(api, key)
        if query.get("crtfc_key") != DART_KEY:
            return web.json_response({"status": "010", "message": f"등록되지 않은 키입니다. {query.get('crtfc_key')}"})
        if (api, key) in self.answers:
            return self.answers[api, key]()
        answer = {
            "list": self._filing_list, "fnlttSinglAcntAll": self._statement, "alotMatter": self._dividends,
            "fnlttXbrl": self._documents, "corpCode": self._corporations,
        }[api](dict(query))  # fmt: skip
        self.answered[api, key] += 1
        return answer

    def _filing_list(self, query: Mapping[str, str]) -> web.Response:
        first, last = query["bgn_de"], query["end_de"]
        rows = [f.list_row() for f in self.filed() if first <= f"{f.filed_on:%Y%m%d}" <= last]
        size, page = int(query["page_count"]), int(query["page_no"])
        return dart_list(rows[(page - 1) * size : page * size], page_no=page, total_page=-(-len(rows) // size))

    def _of_report(self, query: Mapping[str, str]) -> list[Filing]:
        key = (query["corp_code"], query["reprt_code"], int(query["bsns_year"]))
        return [f for f in self.filed() if (f.corp_code, f.code, f.year) == key]

    def _statement(self, query: Mapping[str, str]) -> web.Response:
        found = self._of_report(query)
        if not found or (query["fs_div"] == "CFS") == (query["corp_code"] in self.separate_only):
            return dart_list([])
        return dart_list(found[-1].statement_rows())

    def _dividends(self, query: Mapping[str, str]) -> web.Response:
        found = self._of_report(query)
        if not found:
            return dart_list([])
        filing = found[-1]
        dps = self.dps.get((filing.stock_code, filing.year), 0) if filing.code == "11011" else 0
        return dart_list(filing.dividend_rows(dps))

    def _documents(self, query: Mapping[str, str]) -> web.Response:
        found = [f for f in self.filed() if f.receipt == query["rcept_no"]]
        body = found[0].xbrl_zip() if found else xml_error("014", "파일이 존재하지 않습니다.")
        return web.Response(body=body, content_type="application/zip" if found else "application/xml")

    def _corporations(self, query: Mapping[str, str]) -> web.Response:
        body = corporations_zip({f.corp_code: f.stock_code for f in self.filings})
        return web.Response(body=body, content_type="application/zip")

    async def token(self, request: web.Request) -> web.Response:
        """Answer a request for a token of KIS."""
        self.tokens += 1
        body = await request.json()
        if (body.get("appkey"), body.get("appsecret")) != (KIS_KEY, KIS_SECRET):
            return web.json_response({"error_code": "EGW00103", "error_description": f"invalid {body.get('appkey')}"})
        return web.json_response({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 86400})

    async def record_dates(self, request: web.Request) -> web.Response:
        """Answer a request for record dates, two rows a page."""
        first, last = request.query["F_DT"], request.query["T_DT"]
        page = self.calls["ksdinfo", first] if request.headers.get("tr_cont") == "N" else 0
        self.calls["ksdinfo", first] = page
        await self._count("ksdinfo", first)
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        rows = [row for row in self.records if first <= row["record_date"] <= last]
        return web.json_response(
            {"rt_cd": "0", "msg_cd": "MCA00000", "msg1": "정상처리", "output1": rows[2 * page : 2 * page + 2]},
            headers={"tr_cont": "M" if len(rows) > 2 * page + 2 else "E"},
        )

    async def _count(self, api: str, key: str) -> None:
        self.calls[api, key] += 1
        if self.hold_after is not None and self.calls.total() > self.hold_after:
            async with self.when_held:
                self.held += 1
                self.when_held.notify_all()
            await self.released.wait()

    async def until_held(self, count: int) -> None:
        """Wait until `count` calls wait for `released`."""
        async with self.when_held:
            await self.when_held.wait_for(lambda: self.held >= count)


def dart_list(rows: list[dict[str, str]], **fields: int) -> web.Response:
    """Return an answer of OpenDART; without rows there is no data."""
    found = {"status": "000", "message": "정상", **fields, "list": rows}
    return web.json_response(found if rows else {"status": "013", "message": "조회된 데이타가 없습니다."})


def out_block(rows: list[dict[str, str]]) -> web.Response:
    """Return an answer of the exchange."""
    return web.Response(body=orjson.dumps({"OutBlock_1": rows}), content_type="application/json")


def holiday_rows(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return rows as on a holiday: every cell but day, code, name and market is `-`."""
    labels = ("BAS_DD", "ISU_CD", "ISU_NM", "MKT_NM")
    return [{name: cell if name in labels else "-" for name, cell in row.items()} for row in rows]


def block_page() -> web.Response:
    """Return the page that a blocked address gets."""
    return web.Response(body="<!DOCTYPE html><html><body>비정상 접근</body></html>".encode(), content_type="text/html")


@asynccontextmanager
async def data_sources(sources: DataSources | None = None) -> AsyncIterator[DataSources]:
    """Serve the sources on loopback."""
    sources = sources or DataSources()
    app = web.Application()
    app.router.add_get("/krx/{group}/{api}", sources.krx)
    app.router.add_get("/dart/{api}", sources.dart)
    app.router.add_post("/kis/oauth2/tokenP", sources.token)
    app.router.add_get("/kis/uapi/domestic-stock/v1/ksdinfo/dividend", sources.record_dates)
    async with TestServer(app) as server:
        sources.url = str(server.make_url("")).rstrip("/")
        try:
            yield sources
        finally:
            sources.released.set()
