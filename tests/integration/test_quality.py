"""The quality report of a load in PostgreSQL, and loads that only say what would change."""

from __future__ import annotations

import datetime as dt
import pathlib
import re

import polars as pl
import pytest

from services.preparer.loading.load import load_market
from services.preparer.loading.refusals import REFUSALS, Refusals
from shared.errors import LoadError
from shared.infra.database.pool import lone_connection
from shared.infra.quality_reports import read_report
from shared.model.calendar import to_day
from shared.settings import Settings
from tests.support.cases import case_market
from tests.support.system import api_of


def write(folder: pathlib.Path) -> pathlib.Path:
    """Write the market of the unrecorded capital reduction, with a statement that belongs in quarantine."""
    market = {table: list(rows) for table, rows in case_market("05").items() if rows}
    code = market["companies"][0]["stock_code"]
    market["financials"] = [
        {
            "stock_code": code, "fiscal_year": 2022, "fiscal_quarter": 4, "period_end": dt.date(2022, 12, 31),
            "disclosed_on": dt.date(2023, 2, 1), "net_income": 9.0, "total_assets": 3.0,
        }
    ]  # fmt: skip
    folder.mkdir()
    for table, rows in market.items():
        frame = pl.DataFrame([dict(row) for row in rows], infer_schema_length=None)
        frame.write_csv(folder / f"{table}.csv")
    return folder


async def test_load_ends_with_a_report_that_is_stored(settings: Settings, tmp_path: pathlib.Path) -> None:
    url = settings.database_url or ""
    folder = write(tmp_path / "market")
    report = await load_market(folder, url)
    assert report.quality is not None
    checks = {found.check: found for found in report.quality.findings}
    assert checks["missing_split"].examples[0].detail.endswith("suggested split 30:1")
    assert checks["quarantine"].count == 1
    async with lone_connection(url) as connection:
        assert await read_report(connection) == await read_report(connection, 1) == report.quality
        assert await read_report(connection, 2) is None
    again = await load_market(folder, url)
    assert (again.revision, again.quality) == (None, report.quality)


async def test_dry_run_says_what_would_change(settings: Settings, tmp_path: pathlib.Path) -> None:
    url = settings.database_url or ""
    folder = write(tmp_path / "market")
    dry = await load_market(folder, url, dry_run=True)
    assert (dry.revision, dry.quality) == (None, None)
    async with lone_connection(url) as connection:
        for table in ("instrument", "price_year", "statement", "data_revision"):
            assert await connection.fetchval(f"select count(*) from {table}") == 0  # noqa: S608
    real = await load_market(folder, url)
    assert dry.differing == real.differing
    assert real.revision == 1
    assert (await load_market(folder, url, dry_run=True)).differing == {}


def csv_market(folder: pathlib.Path, *, code: str = "000010", day: str = "2024-01-02") -> pathlib.Path:
    """Write one stock with one price."""
    folder.mkdir()
    (folder / "companies.csv").write_text(f"stock_code,name,market\n{code},A,KOSPI\n")
    header = "date,stock_code,open,high,low,close,volume\n"
    (folder / "prices.csv").write_text(f"{header}{day},{code},100,100,100,100,1\n")
    return folder


@pytest.mark.parametrize(
    ("name", "market", "message"),
    [
        ("holiday", {"day": "2024-01-06"}, "2024-01-06 .Saturday., .* nearest trading day is 2024-01-05"),
        ("holiday", {"day": "2024-01-01"}, "2024-01-01 .* nearest trading day is 2024-01-02"),
        ("future", {"day": "2024-03-06"}, "2024-03-06, after today"),
        ("stock_code", {"code": "10"}, "stock_code 10 of KOSPI .* zeros: 000010"),
    ],
)
async def test_refused_row_loads_when_it_is_allowed(
    settings: Settings, tmp_path: pathlib.Path, name: str, market: dict[str, str], message: str
) -> None:
    url, folder = settings.database_url or "", csv_market(tmp_path / "market", **market)
    today = to_day(dt.date(2024, 3, 5))
    with pytest.raises(LoadError, match=message):
        await load_market(folder, url, refusals=Refusals(today=today))
    allowed = Refusals(names=frozenset(REFUSALS) - {name}, today=today)
    assert (await load_market(folder, url, refusals=allowed)).revision == 1


def week(folder: pathlib.Path, stocks: dict[str, int]) -> pathlib.Path:
    """Write prices of days, each with so many stocks."""
    folder.mkdir()
    codes = [f"{number:05d}0" for number in range(1, 10)]
    companies = "".join(f"{code},A,KOSPI\n" for code in codes)
    (folder / "companies.csv").write_text(f"stock_code,name,market\n{companies}")
    rows = [f"{day},{code},100,100,100,100,1\n" for day, count in stocks.items() for code in codes[:count]]
    (folder / "prices.csv").write_text("date,stock_code,open,high,low,close,volume\n" + "".join(rows))
    return folder


async def test_thin_day_is_refused_unless_allowed(settings: Settings, tmp_path: pathlib.Path) -> None:
    url, today = settings.database_url or "", to_day(dt.date(2024, 3, 5))
    full = week(tmp_path / "full", {"2023-12-28": 9, "2024-01-02": 3})
    thin = week(tmp_path / "thin", {"2023-12-28": 9, "2024-01-02": 2})
    assert (await load_market(full, url, refusals=Refusals(today=today))).revision == 1
    thin_day = week(tmp_path / "next", {"2024-01-03": 3, "2024-01-04": 9, "2024-01-05": 2})
    with pytest.raises(LoadError, match=r"2 stocks trade on 2024-01-05, .* the 9 of the day before .2024-01-04."):
        await load_market(thin_day, url, refusals=Refusals(today=today))
    allowed = Refusals(names=frozenset(REFUSALS) - {"thin_day"}, today=today)
    assert (await load_market(thin_day, url, refusals=allowed)).revision == 2
    assert (await load_market(thin_day, url, refusals=Refusals(today=today))).revision is None
    async with lone_connection(url) as connection:
        await connection.execute("truncate data_revision, instrument cascade")
    with pytest.raises(LoadError, match="2 stocks trade on 2024-01-02"):
        await load_market(thin, url, refusals=Refusals(today=today))


async def test_report_is_served_with_its_counts(settings: Settings, tmp_path: pathlib.Path) -> None:
    url = settings.database_url or ""
    async with api_of(settings) as client:
        assert (await client.call("GET", "/v1/quality"))[0] == 404
        await load_market(write(tmp_path / "market"), url)
        status, found, _ = await client.call("GET", "/v1/quality?revision=1&examples=1")
        assert (status, found["revision"]) == (200, 1)
        assert found["counts"]["missing_split"] == 1
        assert found["counts"]["hole"] == 0
        by_check = {finding["check"]: finding for finding in found["findings"]}
        assert by_check["missing_split"]["examples"][0]["detail"].endswith("suggested split 30:1")
        assert by_check["quarantine"]["follows"] == "loaded, but not used by any factor"
        _, korean, headers = await client.call("GET", "/v1/quality?examples=1", **{"Accept-Language": "ko"})
        assert headers["Content-Language"] == "ko"
        for finding in korean["findings"]:
            texts = (finding["counts"], finding["follows"], finding["examples"][0]["detail"])
            assert all(re.search("[가-힣]", text) for text in texts), texts
        status, found, _ = await client.call("GET", "/v1/quality?examples=0")
        assert [len(finding["examples"]) for finding in found["findings"]] == [0] * len(by_check)
        assert (await client.call("GET", "/v1/quality?revision=2"))[0] == 404
