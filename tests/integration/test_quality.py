"""The quality report of a load in PostgreSQL, and loads that only say what would change."""

from __future__ import annotations

import datetime as dt
import pathlib

import polars as pl
import pytest

from services.preparer.loading.load import load_market
from services.preparer.loading.quality import read_report
from services.preparer.loading.refusals import REFUSALS, Refusals
from shared.errors import LoadError
from shared.infra.database.pool import lone_connection
from shared.model.calendar import to_day
from shared.settings import Settings
from tests.support.cases import case_market


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
