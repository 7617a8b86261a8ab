"""Statements, dividends and record dates from a local server: point in time, resumed, without a key in a message."""

from __future__ import annotations

import datetime as dt
import pathlib
from dataclasses import replace

import polars as pl
import pytest
from aiohttp import web

from tests.support.data_sources import (
    DART_KEY,
    KIS_KEY,
    KIS_SECRET,
    TOKEN,
    DataSources,
    block_page,
    dart_list,
    data_sources,
    invented_companies,
    invented_filings,
)
from tests.support.report_answers import Filing, xml_error
from tests.unit.preparer.fetching.test_fetch import FIRST, Fetched

KEYS = {"ONDOL_DART_KEY": DART_KEY}
KIS = {"ONDOL_KIS_KEY": KIS_KEY, "ONDOL_KIS_SECRET": KIS_SECRET}
ANNUAL = dt.date(2026, 10, 19)


def sources(*more: Filing) -> DataSources:
    """Return a server whose annual reports of 2025 and half-year reports of 2026 were filed in the fetched days."""
    server = DataSources(companies=invented_companies()[20:30], today=dt.date(2026, 10, 26))
    filed = {"11011": ANNUAL, "11012": dt.date(2026, 10, 20)}
    for filing in invented_filings(server.companies, range(2025, 2027)):
        if filing.code in filed and (filing.code, filing.year) != ("11011", 2026):
            server.filings.append(replace(filing, filed_on=filed[filing.code], number=filing.number + filing.year))
    server.filings += more
    return server


def of_stock(table: pl.DataFrame, code: str) -> list[dict[str, object]]:
    return table.filter(pl.col("stock_code") == code).to_dicts()


async def test_statements_have_the_day_of_their_filing(tmp_path: pathlib.Path) -> None:
    server = sources()
    server.separate_only = {f"00{server.companies[1].code}"}
    async with data_sources(server):
        fetched = Fetched(tmp_path, server, **KEYS)
        report = await fetched.run()
        assert report.complete
        before = server.calls.copy()
        await fetched.run()
        assert server.calls == before
    rows = of_stock(fetched.table("financials"), server.companies[0].code)
    found = [(row["fiscal_year"], row["fiscal_quarter"], row["disclosed_on"]) for row in rows]
    assert (2025, 4, ANNUAL) in found
    assert (2026, 2, dt.date(2026, 10, 20)) in found
    annual = next(f for f in server.filings if f.code == "11011" and f.stock_code == server.companies[0].code)
    assert rows[found.index((2025, 4, ANNUAL))]["revenue"] == annual.amount(100.0, cumulated=True)
    assert of_stock(fetched.table("financials"), server.companies[1].code)
    assert set(before.values()) == {1}


async def test_statements_of_two_years_before_are_fetched(tmp_path: pathlib.Path) -> None:
    server = sources()
    server.filings += [f for f in invented_filings(server.companies, range(2023, 2025)) if f.code == "11011"]
    async with data_sources(server):
        fetched = Fetched(tmp_path, server, **KEYS)
        await fetched.run()
        assert fetched.table("financials")["fiscal_year"].min() == 2025
        await fetched.run(earlier=True)
        assert fetched.table("financials")["fiscal_year"].min() == 2024
        before = server.calls.copy()
        await fetched.run(earlier=True)
        assert server.calls == before


async def test_corrected_report_has_both_versions(tmp_path: pathlib.Path) -> None:
    server = sources()
    original = next(f for f in server.filings if f.code == "11011")
    correction = replace(original, filed_on=dt.date(2026, 10, 22), number=99, is_correction=True, factor=2.0)
    server.filings.append(correction)
    async with data_sources(server):
        fetched = Fetched(tmp_path, server, **KEYS)
        await fetched.run()
        assert server.calls["fnlttXbrl", f"{original.code}-{original.receipt}"] == 1
    rows = [r for r in of_stock(fetched.table("financials"), original.stock_code) if r["fiscal_quarter"] == 4]
    assert [(r["disclosed_on"], r["revenue"]) for r in rows] == [
        (f.filed_on, f.amount(100.0, cumulated=True)) for f in (original, correction)
    ]


async def test_later_correction_is_fetched_and_both_are_retained(tmp_path: pathlib.Path) -> None:
    server = sources()
    original = next(f for f in server.filings if f.code == "11011")
    correction = replace(original, filed_on=dt.date(2026, 10, 27), number=99, is_correction=True, factor=2.0)
    server.filings.append(correction)
    async with data_sources(server):
        fetched = Fetched(tmp_path, server, **KEYS)
        await fetched.run()
        server.today = dt.date(2026, 10, 27)
        fetched.now += dt.timedelta(days=1, hours=12)
        await fetched.run(dt.date(2026, 10, 26))
        assert not [key for api, key in server.calls if api == "fnlttXbrl"]
    rows = [r for r in of_stock(fetched.table("financials"), original.stock_code) if r["fiscal_quarter"] == 4]
    assert [r["disclosed_on"] for r in rows] == [original.filed_on, correction.filed_on]


async def test_dividends_of_reports_have_marked_ex_dates(tmp_path: pathlib.Path) -> None:
    server = sources()
    code = server.companies[0].code
    server.dps[code, 2025] = 350
    async with data_sources(server):
        fetched = Fetched(tmp_path, server, **KEYS)
        report = await fetched.run()
        assert any("record date is not known" in note for note in report.written.notes)
        report = await fetched.run(approximate=True)
        calls = [key for api, key in server.calls if api == "alotMatter"]
    row = of_stock(fetched.table("dividends"), code)[0]
    assert (row["dps"], row["ex_date"], row["kind"]) == (350, dt.date(2025, 12, 29), "annual, approximate ex-date")
    # interim reports are requested of companies that pay dividends only
    assert {key[:8] for key in calls if "11012" in key} == {f"00{code}"}


async def test_record_dates_give_ex_dates(tmp_path: pathlib.Path) -> None:
    server = sources()
    code = server.companies[0].code
    server.records = [
        {"record_date": f"202610{day}", "sht_cd": code, "divi_kind": "중간", "per_sto_divi_amt": f"{day},000"}
        for day in (15, 16, 19, 20, 21)
    ]
    async with data_sources(server):
        fetched = Fetched(tmp_path, server, **KEYS, **KIS)
        report = await fetched.run()
        assert report.complete
        assert (server.tokens, server.calls["ksdinfo", "20261001"]) == (1, 3)
        assert not [key for api, key in server.calls if api == "alotMatter"]
    rows = of_stock(fetched.table("dividends"), code)
    assert [(r["ex_date"], r["dps"]) for r in rows][-1] == (dt.date(2026, 10, 20), 21_000)
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: web.json_response({"status": "020", "message": f"한도 {DART_KEY}"}), "020"),
        (lambda: web.json_response({"status": "010", "message": DART_KEY}), "not registered"),
        (block_page, "blocks this address"),
        (lambda: web.Response(status=503), "3 times"),
    ],
)
async def test_refusal_of_dart_leaves_prices_alone(tmp_path: pathlib.Path, answer: object, words: str) -> None:
    server = sources()
    async with data_sources(server):
        server.answers["list", f"{FIRST:%Y%m%d}-1"] = answer  # type: ignore[assignment]
        for day in range(1, 32):
            server.answers["list", f"202610{day:02d}-1"] = answer  # type: ignore[assignment]
        fetched = Fetched(tmp_path, server, **KEYS)
        report = await fetched.run()
    assert words in report.stopped["dart"]
    assert DART_KEY not in repr(report)
    assert "krx" not in report.stopped
    assert fetched.table("prices").height > 0


@pytest.mark.parametrize("damage", [lambda data: data[:-40], lambda _: xml_error("014", "파일이 없습니다.")])
async def test_damaged_documents_are_retried_then_left_out(tmp_path: pathlib.Path, damage: object) -> None:
    server = sources()
    original = next(f for f in server.filings if f.code == "11011")
    server.filings.append(replace(original, filed_on=dt.date(2026, 10, 22), number=99, is_correction=True, factor=2.0))
    body = damage(original.xbrl_zip())  # type: ignore[operator]
    async with data_sources(server):
        key = f"{original.code}-{original.receipt}"
        server.answers["fnlttXbrl", key] = lambda: web.Response(body=body)
        fetched = Fetched(tmp_path, server, **KEYS)
        report = await fetched.run()
        is_cut = body.startswith(b"PK")
        assert server.calls["fnlttXbrl", key] == (3 if is_cut else 1)
        assert report.complete != is_cut
        assert not report.stopped
        assert ["damaged or cut off" in text for text in report.failed] == [True] * is_cut
    rows = [r for r in of_stock(fetched.table("financials"), original.stock_code) if r["fiscal_quarter"] == 4]
    assert [r["disclosed_on"] for r in rows] == [dt.date(2026, 10, 22)]


async def test_unreadable_statement_is_named_and_left_out(tmp_path: pathlib.Path) -> None:
    server = sources()
    bad = next(f for f in server.filings if f.code == "11011")
    rows = [row | {"thstrm_amount": "12a"} for row in bad.statement_rows()]
    async with data_sources(server):
        key = f"{bad.corp_code}-{bad.year}-{bad.code}-CFS"
        server.answers["fnlttSinglAcntAll", key] = lambda: dart_list(rows)
        fetched = Fetched(tmp_path, server, **KEYS)
        report = await fetched.run()
        assert not report.stopped
        assert len([text for text in report.failed if "thstrm_amount" in text]) == 1
        assert len({row["stock_code"] for row in fetched.table("financials").to_dicts()}) == len(server.companies)
        del server.answers["fnlttSinglAcntAll", key]
        assert (await fetched.run()).complete
    found = [r for r in of_stock(fetched.table("financials"), bad.stock_code) if r["fiscal_quarter"] == 4]
    assert [r["disclosed_on"] for r in found] == [bad.filed_on]


async def test_wrong_kis_key_is_named_without_its_value(tmp_path: pathlib.Path) -> None:
    server = sources()
    async with data_sources(server):
        fetched = Fetched(tmp_path, server, ONDOL_KIS_KEY="wrongcanary", ONDOL_KIS_SECRET=KIS_SECRET)
        report = await fetched.run()
    assert "EGW00103" in report.stopped["kis"]
    assert not [secret for secret in ("wrongcanary", KIS_SECRET, TOKEN) if secret in repr(report)]
