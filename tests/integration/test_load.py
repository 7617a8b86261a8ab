"""Loading: what is stored, what makes a revision, and every mistake that stops a load without a trace."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import os
import pathlib
import sys
from typing import Any

import numpy as np
import polars as pl
import pytest

from services.preparer.loading.load import load_market
from shared.errors import LoadError
from shared.infra.database.pool import lone_connection
from shared.infra.market_tables import (
    Change,
    changes,
    fill_tradable_days,
    read_days,
    read_dividends,
    read_indices,
    read_instruments,
    read_listings,
    read_prices,
    read_statements,
)
from shared.model.calendar import to_day
from shared.model.market_data import RawMarket
from shared.settings import Settings

COMPANIES = """stock_code,name,market,sector,delisted_on
000010,하나,KOSPI,Banks,
000020,둘,KOSDAQ,,2024-01-05
"""
PRICES = """date,stock_code,open,high,low,close,volume,split,note
2024-01-02,000010,100,110,90,105,1000,1,x
2024-01-03,000010,105,106,104,105,10,,x
2024-01-02,000020,,,,50,0,,x
2024-01-04,000020,50,51,49,50,7,,x
2023-12-28,000010,99,101,98,100,5,0.5,x
"""
FINANCIALS = """stock_code,fiscal_year,fiscal_quarter,period_end,disclosed_on,revenue,total_equity
000010,2023,3,2023-09-30,2023-11-14,1000,500
000010,2023,3,2023-09-30,2024-01-03,900,
"""
DIVIDENDS = "stock_code,ex_date,dps\n000010,2023-12-27,12.5\n"
INDICES = "date,index,close\n2024-01-02,KOSPI,2600.5\n2024-01-03,KOSPI,2601\n"


def _write(folder: pathlib.Path, **files: str) -> pathlib.Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def market(tmp_path: pathlib.Path) -> pathlib.Path:
    return _write(
        tmp_path / "market",
        companies=COMPANIES,
        prices=PRICES,
        financials=FINANCIALS,
        dividends=DIVIDENDS,
        indices=INDICES,
    )


async def _stored(settings: Settings) -> RawMarket:
    async with lone_connection(settings.database_url or "") as connection:
        instruments, days = await read_instruments(connection), await read_days(connection)
        return RawMarket(
            days=days,
            instruments=instruments,
            prices=await read_prices(connection, days, 0, len(instruments)),
            statements=await read_statements(connection, 0, len(instruments)),
            dividends=await read_dividends(connection, 0, len(instruments)),
            indices=await read_indices(connection, days),
            listings=await read_listings(connection),
        )


async def _changes(settings: Settings, after: int, until: int) -> list[Change]:
    async with lone_connection(settings.database_url or "") as connection:
        return await changes(connection, after, until)


async def _load(settings: Settings, folder: pathlib.Path) -> Any:
    return await load_market(folder, settings.database_url or "")


async def test_a_market_is_stored_as_it_stands_in_the_files(settings: Settings, market: pathlib.Path) -> None:
    report = await _load(settings, market)
    found = await _stored(settings)
    assert report.revision == 1
    assert report.ignored == {"prices.csv": ("note",)}
    assert found.instruments.code == ("000010", "000020")
    assert found.instruments.name == ("하나", "둘")
    assert found.days.tolist() == [
        to_day(dt.date(*d)) for d in ((2023, 12, 28), (2024, 1, 2), (2024, 1, 3), (2024, 1, 4))
    ]
    nan = np.nan
    assert np.array_equal(found.prices["close"], [[100, nan], [105, 50], [105, nan], [nan, 50]], equal_nan=True)
    assert np.array_equal(found.prices["open"], [[99, nan], [100, nan], [105, nan], [nan, 50]], equal_nan=True)
    assert np.array_equal(found.prices["split"], [[0.5, nan], [1, nan], [nan, nan], [nan, nan]], equal_nan=True)
    assert np.isnan(found.prices["market_cap"]).all()
    assert found.statements.accounts["revenue"].tolist() == [1000, 900]
    assert np.array_equal(found.statements.accounts["total_equity"], [500, nan], equal_nan=True)
    assert found.dividends.dps.tolist() == [12.5]
    assert found.dividends.disclosed_on.tolist() == [-(2**31)]
    assert np.array_equal(found.indices["KOSPI"], [nan, 2600.5, 2601, nan], equal_nan=True)


async def test_loading_again_changes_nothing(settings: Settings, market: pathlib.Path) -> None:
    await _load(settings, market)
    assert (await _load(settings, market)).revision is None


async def test_a_revision_says_what_differs_and_from_when(
    settings: Settings, market: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await _load(settings, market)
    head = PRICES.splitlines()[0]
    later = _write(
        tmp_path / "later",
        prices=f"{head}\n2024-01-03,000010,105,106,104,106,10,,x\n2024-01-02,000010,100,110,90,105,1000,1,x\n",
        financials=FINANCIALS.replace("900", "901"),
    )
    report = await _load(settings, later)
    assert report.differing == {"price": 1, "statement": 1}
    assert await _changes(settings, 1, 2) == [
        Change(kind="price", part=0, from_year=2024),
        Change(kind="statement", part=0, from_year=2024),
    ]
    found = await _stored(settings)
    assert np.array_equal(found.prices["close"][:, 0], [100, 105, 106, np.nan], equal_nan=True)


async def test_a_new_day_is_added_to_the_year_that_is_there(
    settings: Settings, market: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await _load(settings, market)
    head = PRICES.splitlines()[0]
    await _load(settings, _write(tmp_path / "day", prices=f"{head}\n2024-01-05,000010,105,106,104,106,10,,x\n"))
    assert await _changes(settings, 1, 2) == [
        Change(kind="day", part=-1, from_year=2024),
        Change(kind="price", part=0, from_year=2024),
    ]
    found = await _stored(settings)
    assert np.array_equal(found.prices["close"][:, 0], [100, 105, 105, np.nan, 106], equal_nan=True)


async def test_a_new_listing_gets_the_next_ordinal(
    settings: Settings, market: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await _load(settings, market)
    companies = "stock_code,name,market\n000005,셋,KOSPI\n000010,하나 새이름,KOSPI\n"
    await _load(settings, _write(tmp_path / "new", companies=companies))
    found = await _stored(settings)
    assert found.instruments.code == ("000010", "000020", "000005")
    assert found.instruments.name == ("하나 새이름", "둘", "셋")
    assert found.instruments.sector == ("Banks", None, None)  # a column that a file lacks keeps what is known


async def test_parquet_and_compressed_csv_load_to_the_same(
    settings: Settings, market: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await _load(settings, market)
    folder = tmp_path / "other"
    folder.mkdir()
    frame = pl.read_csv(market / "prices.csv", schema_overrides={"stock_code": pl.String}, try_parse_dates=True)
    frame.write_parquet(folder / "prices.parquet")
    with gzip.open(folder / "companies.csv.gz", "wt", encoding="utf-8") as out:
        out.write("\ufeff" + COMPANIES.replace("\n", "\r\n"))
    assert (await _load(settings, folder)).revision is None


async def test_rows_of_any_order_and_many_batches_are_merged(
    settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.preparer.loading.typed_rows._BLOCK_BYTES", 1000)
    rng = np.random.default_rng(1)
    codes = [f"{n:06d}" for n in range(600)]
    days = [dt.date(2023, 12, 20) + dt.timedelta(days=n) for n in range(20)]
    rows = [f"{day},{code},10,12,9,{rng.integers(9, 13)},5" for day in days for code in codes]
    rng.shuffle(rows)
    folder = _write(
        tmp_path / "many",
        companies="stock_code,name,market\n" + "\n".join(f"{code},n,KOSPI" for code in codes),
        prices="date,stock_code,open,high,low,close,volume\n" + "\n".join(rows),
    )
    assert (await _load(settings, folder)).rows["prices"] == len(rows)
    close = (await _stored(settings)).prices["close"]
    expected = {tuple(row.split(",")[:2]): float(row.split(",")[5]) for row in rows}
    assert close.shape == (20, 600)
    assert all(close[d, s] == expected[str(day), code] for d, day in enumerate(days) for s, code in enumerate(codes))


def _price(line: str) -> dict[str, str]:
    return {
        "prices": "date,stock_code,open,high,low,close,volume,split\n2024-01-02,000010,10,12,9,11,5,1\n" + line + "\n"
    }


def _statement(line: str) -> dict[str, str]:
    head = "stock_code,fiscal_year,fiscal_quarter,period_end,disclosed_on,revenue\n"
    return {"financials": head + "000010,2023,1,2023-03-31,2023-05-15,1\n" + line + "\n"}


@pytest.mark.parametrize(
    ("files", "messages"),
    [
        (
            _price("2024-01-02,000010,10,12,9,11,5,1"),
            ["prices.csv, row 2", "date 2024-01-02, stock_code 000010", "row 1"],
        ),
        (_price("2024-01-03,000010,10,12,9,-1,5,1"), ["prices.csv, row 2 (line 3)", "close is negative (-1)"]),
        (_price("2024-01-03,000010,10,8,9,9,5,1"), ["row 2", "high 8 is below low 9"]),
        (_price("2024-01-05,000020,10,12,9,11,5,1"), ["row 2", "2024-01-05", "delisting", "000020"]),
        (_price("2024-01-03,000010,10,twelve,9,11,5,1"), ["row 2", "high is 'twelve', expected a number"]),
        (_price("03.01.2024,000010,10,12,9,11,5,1"), ["row 2", "date is '03.01.2024', expected a date"]),
        (_price("2024-02-30,000010,10,12,9,11,5,1"), ["row 2", "date is '2024-02-30'"]),
        (_price("2024-01-03,000010,10,12,9,,5,1"), ["row 2", "close is empty or 0 on a row with trading"]),
        (_price("2024-01-03,000010,10,,9,11,5,1"), ["row 2", "high, low or close is empty or 0"]),
        (_price("2024-01-03,000010,15,10,9,9.5,5,1"), ["row 2", "open 15 is outside low 9 to high 10"]),
        (_price("2024-01-03,000010,10,10,9.9,12,5,1"), ["row 2", "close 12 is outside low 9.9 to high 10"]),
        (_price("2024-01-03,000099,10,12,9,11,5,1"), ["row 2", "stock_code 000099 is no company"]),
        (_price("2024-01-03,000010,10,12,9,11,99999999999999999999,1"), ["row 2", "volume", "too large"]),
        (_price("2024-01-03,000010,10,12,9,11,inf,1"), ["row 2", "volume", "too large"]),
        (_price("2024-01-03,000010,10,12,9,11,5,0"), ["row 2", "split is 0"]),
        (_price("2024-01-03,000010,10"), ["row 2", "volume is empty"]),
        ({"prices": "date,stock_code,open,high,low,close\n"}, ["prices.csv", "missing required column volume"]),
        ({"prices": ""}, ["prices.csv is empty"]),
        (
            _statement("000010,2023,1,2023-03-31,2023-05-15,2"),
            ["financials.csv, row 2", "fiscal_quarter 1", "earlier row"],
        ),
        (_statement("000010,2023,5,2023-03-31,2023-05-15,2"), ["row 2", "fiscal_quarter is 5, expected 1, 2, 3 or 4"]),
        (_statement("000010,2023,1.5,2023-03-31,2023-05-15,2"), ["row 2", "expected a whole number"]),
        (
            _statement("000010,2023,2,2023-06-30,2023-05-15,2"),
            ["row 2", "period_end 2023-06-30 is after disclosed_on 2023-05-15"],
        ),
        (_statement("000099,2023,2,2023-06-30,2023-08-15,2"), ["row 2", "stock_code 000099 is no company"]),
        ({"companies": COMPANIES + "000010,again,KOSPI,,\n"}, ["companies.csv, row 3", "stock_code 000010"]),
        ({"companies": COMPANIES + "000030,x,over the counter,,\n"}, ["row 3", "market is 'over the counter'"]),
        ({"companies": COMPANIES + "000030,a\x00b,KOSPI,,\n"}, ["row 3", "name is 'a\\x00b'"]),
        (
            {"companies": COMPANIES.replace("2024-01-05", "2024-01-04")},
            ["companies.csv, row 2", "000020", "2024-01-04"],
        ),
        ({"dividends": "stock_code,ex_date,dps\n000010,2023-12-27,-1\n"}, ["dividends.csv, row 1", "dps is negative"]),
        ({"indices": INDICES + "2024-01-03,KOSPI,1\n"}, ["indices.csv, row 3", "earlier row"]),
        (
            {"indices": "date,index,open,high,low,close\n2024-01-02,KOSPI,1,90,110,100\n"},
            ["indices.csv, row 1", "high 90 is below low 110"],
        ),
    ],
)
async def test_a_broken_row_is_named_and_changes_nothing(
    settings: Settings, market: pathlib.Path, tmp_path: pathlib.Path, files: dict[str, str], messages: list[str]
) -> None:
    await _load(settings, market)
    good = "date,stock_code,open,high,low,close,volume\n2024-01-03,000010,1,1,1,1,1\n"
    with pytest.raises(LoadError) as caught:
        await _load(settings, _write(tmp_path / "broken", **({"prices": good} | files)))
    assert all(part in str(caught.value) for part in messages), str(caught.value)
    assert (await _load(settings, market)).revision is None


async def test_a_folder_without_market_files_is_refused(settings: Settings, tmp_path: pathlib.Path) -> None:
    with pytest.raises(LoadError, match="no market files"):
        await _load(settings, tmp_path)
    with pytest.raises(LoadError, match="There is no folder"):
        await _load(settings, tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(LoadError, match=r"no market files; expected companies, .*; it has notes\.txt"):
        await _load(settings, tmp_path)


@pytest.mark.parametrize("name", ["prices-2024.csv", "prices/2024.csv.gz"])
async def test_name_that_is_no_regular_file_is_refused(settings: Settings, tmp_path: pathlib.Path, name: str) -> None:
    _write(tmp_path, prices="date,stock_code,open,high,low,close,volume\n2024-01-03,000010,1,1,1,1,1\n")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(tmp_path / "absent")
    with pytest.raises(LoadError, match=rf"{name} is a link without a target"):
        await _load(settings, tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(LoadError, match=rf"{name} is not a regular file"):
        await _load(settings, tmp_path)


async def test_bytes_that_are_no_parquet_are_refused(settings: Settings, tmp_path: pathlib.Path) -> None:
    (tmp_path / "prices.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(LoadError, match=r"prices\.parquet cannot be read"):
        await _load(settings, tmp_path)


async def test_codes_as_numbers_are_refused_since_zeros_are_lost(settings: Settings, tmp_path: pathlib.Path) -> None:
    pl.DataFrame({"stock_code": [10], "name": ["x"], "market": ["KOSPI"]}).write_parquet(tmp_path / "companies.parquet")
    with pytest.raises(LoadError, match="stock_code holds Int64, expected text"):
        await _load(settings, tmp_path)


@pytest.mark.real_market
@pytest.mark.skipif("ONDOL_REAL_MARKET" not in os.environ, reason="ONDOL_REAL_MARKET names no real market")
async def test_real_market_loads_in_bounded_memory_and_repeatably(settings: Settings) -> None:
    folder = pathlib.Path(os.environ["ONDOL_REAL_MARKET"])
    # VmHWM begins anew at exec; ru_maxrss would include the size of the test process that forked
    script = (
        "import asyncio, pathlib, re, sys; from services.preparer.load import load_market;"
        "report = asyncio.run(load_market(pathlib.Path(sys.argv[1]), sys.argv[2]));"
        "status = pathlib.Path('/proc/self/status').read_text();"
        "print(report.rows['prices'], report.revision, re.search(r'VmHWM:\\s+(\\d+)', status)[1])"
    )
    expected = pl.scan_parquet(folder / "prices.parquet").select(pl.len()).collect().item()
    for revision in ("1", "None"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(folder), settings.database_url or "", stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        rows, made, resident_kib = output.decode().split()
        assert (int(rows), made) == (expected, revision)
        assert int(resident_kib) <= 1024 * 1024


PRICE_HEAD = "date,stock_code,open,high,low,close,volume"


async def test_rows_that_are_accepted_with_a_remark_are_counted(settings: Settings, tmp_path: pathlib.Path) -> None:
    rows = (
        "2024-01-02,000010,10,10,9,9,5",
        "2024-01-03,000010,11,10,9,9,5",  # a tick above the high
        "2024-01-04,000010,,10,9,9,5",  # volume but no open
        "2024-01-05,000010,0,0,0,,0",
        "2024-01-05,000020,0,0,0,9,0",  # on the day of delisting
        "2024-01-08,000010,0,10,9,9,5",
    )
    report = await _load(
        settings,
        _write(
            tmp_path / "market",
            companies=COMPANIES,
            prices="\n".join((PRICE_HEAD, *rows, "")),
            indices="date,index,close\n2024-01-02,KOSPI,-1\n2024-01-03,KOSPI,0\n2024-01-04,KOSPI,7\n",
        ),
    )
    assert (report.prices.outside_range, report.prices.volume_without_open, report.prices.after_delisting) == (1, 2, 1)
    assert report.indices_without_value == 2
    found = await _stored(settings)
    assert found.days.tolist() == [to_day(dt.date(2024, 1, 2)), to_day(dt.date(2024, 1, 3))]
    assert np.isnan(found.indices["KOSPI"]).all()


def _changes_of(*changes: str) -> str:
    closes = (10_000, 10_300, 10_600, 10_200, 10_800, 11_200)
    rows = [
        f"2024-01-{day:02d},000010,{close},{close},{close},{close},9,{change}"
        for day, close, change in zip((2, 3, 4, 5, 8, 9), closes, changes, strict=True)
    ]
    return "\n".join((PRICE_HEAD + ",change,change_rate", *rows, ""))


FRACTIONS = ("0,", "0.03,", "0.029126,", "-0.037736,", "0.058824,", "0.037037,")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (FRACTIONS, "looks like a fraction"),
        (("0,", "300,", "300,", "400,", "600,", "400,"), None),  # one unsigned fall may be a split
        ((",0", ",0.03", ",0.029126", ",-0.037736", ",0.058824", ",0.037037"), "cannot be a base price"),
        (("0,", "300,", "300,", "-400,", "-600,", "-400,"), None),  # two may be splits
        (("0,0", "300,-3", "300,-3", "-400,3.77", "600,5.88", "400,3.7"), "contradict each other on 3 of 6 rows"),
        (("0,", "300,", "300,", "-400,", "600,", "400,"), None),
    ],
)
async def test_changes_that_cannot_be_against_a_base_are_refused(
    settings: Settings, tmp_path: pathlib.Path, changes: tuple[str, ...], reason: str | None
) -> None:
    folder = _write(tmp_path / "market", companies=COMPANIES, prices=_changes_of(*changes))
    if reason is None:
        assert (await _load(settings, folder)).revision == 1
    else:
        with pytest.raises(LoadError, match=reason):
            await _load(settings, folder)


async def test_changes_in_fractions_load_as_rates(settings: Settings, tmp_path: pathlib.Path) -> None:
    folder = _write(tmp_path / "market", companies=COMPANIES, prices=_changes_of(*FRACTIONS))
    await load_market(folder, settings.database_url or "", change_unit="fraction")
    found = await _stored(settings)
    assert np.isnan(found.prices["change"]).all()
    assert found.prices["change_rate"][:, 0].tolist() == pytest.approx([0, 3, 2.9126, -3.7736, 5.8824, 3.7037])


async def test_listings_kinds_and_issuers_are_stored(settings: Settings, tmp_path: pathlib.Path) -> None:
    folder = _write(
        tmp_path / "market",
        companies="stock_code,name,market,kind,issuer\n000010,a,KOSDAQ GLOBAL,reit,하나\n000020,b,유가증권시장,,\n",
        listings="stock_code,from_date,market,name,sector\n000010,2024-01-03,코넥스,c,\n000010,2023-01-02,kosdaq,,S\n",
        prices=PRICE_HEAD + "\n2024-01-02,000010,10,10,9,9,5\n",
    )
    report = await _load(settings, folder)
    assert report.differing["listing"] == 2
    found = await _stored(settings)
    assert found.instruments.market == ("KOSDAQ", "KOSPI")
    assert found.instruments.kind == ("reit", None)
    assert found.instruments.issuer == ("하나", None)
    assert found.listings.market == ("KOSDAQ", "KONEX")
    assert found.listings.from_day.tolist() == [to_day(dt.date(2023, 1, 2)), to_day(dt.date(2024, 1, 3))]
    assert (found.listings.name, found.listings.sector) == ((None, "c"), ("S", None))
    assert (await _load(settings, folder)).revision is None


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"companies": "stock_code,name,market,kind\n000010,a,KOSPI,etf\n"}, "kind is 'etf', expected one of common"),
        ({"listings": "stock_code,from_date,market\n000099,2024-01-03,KOSPI\n"}, "000099 is no company"),
        (
            {"listings": "stock_code,from_date,market\n000010,2024-01-03,KOSPI\n000010,2024-01-03,KONEX\n"},
            "stock_code 000010, from_date 2024-01-03",
        ),
        (
            {"dividends": "stock_code,ex_date,dps\n000010,2023-12-27,300\n000010,2023-12-27,300\n"},
            "give each a kind",
        ),
    ],
)
async def test_a_mistake_in_the_market_in_time_is_named(
    settings: Settings, market: pathlib.Path, tmp_path: pathlib.Path, files: dict[str, str], reason: str
) -> None:
    await _load(settings, market)
    with pytest.raises(LoadError, match=reason):
        await _load(settings, _write(tmp_path / "broken", **files))


async def test_dividends_of_one_day_add_up_and_are_replaced_together(
    settings: Settings, market: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await _load(settings, market)
    head = "stock_code,ex_date,dps,kind\n"
    three = "000010,2023-12-27,300,\n000010,2023-12-27,200,\n000010,2023-12-27,200,special\n"
    assert (await _load(settings, _write(tmp_path / "three", dividends=head + three))).differing == {"dividend": 3}
    found = (await _stored(settings)).dividends
    assert (found.dps.tolist(), found.kind) == ([200, 300, 200], (None, None, "special"))
    one = _write(tmp_path / "one", dividends=head + "000010,2023-12-27,300,\n")
    assert (await _load(settings, one)).differing == {"dividend": 2}
    found = (await _stored(settings)).dividends
    assert (found.dps.tolist(), found.kind) == ([300, 200], (None, "special"))
    assert (await _load(settings, one)).revision is None


async def test_rows_of_an_earlier_version_get_their_tradable_days(settings: Settings, market: pathlib.Path) -> None:
    await _load(settings, market)
    days = (await _stored(settings)).days.tolist()
    async with lone_connection(settings.database_url or "") as connection:
        await connection.execute("update price_year set tradable = null")
        await fill_tradable_days(connection)
    assert (await _stored(settings)).days.tolist() == days
