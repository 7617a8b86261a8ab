"""Several files of a kind in one load, and messages about many broken rows."""

from __future__ import annotations

import pathlib

import polars as pl
import pytest

from services.preparer.loading import prices
from services.preparer.loading.load import load_market
from services.preparer.loading.prices import MAX_GROUP_ROWS
from shared.errors import LoadError
from shared.infra.database.pool import lone_connection
from shared.settings import Settings

COMPANIES = "stock_code,name,market\n000010,A,KOSPI\n000020,B,KOSPI\n"
HEAD = "date,stock_code,open,high,low,close,volume\n"


def row(day: int, code: str = "000010", close: object = 10) -> str:
    return f"2024-01-{day:02d},{code},10,12,9,{close},5\n"


def write(folder: pathlib.Path, files: dict[str, str], encoding: str = "utf-8") -> pathlib.Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding=encoding)
    return folder


async def message(settings: Settings, folder: pathlib.Path) -> str:
    with pytest.raises(LoadError) as caught:
        await load_market(folder, settings.database_url or "")
    async with lone_connection(settings.database_url or "") as connection:
        assert await connection.fetchval("select count(*) from instrument") == 0
    return str(caught.value)


async def test_files_of_a_kind_load_like_one_file(settings: Settings, tmp_path: pathlib.Path) -> None:
    url = settings.database_url or ""
    statement = "stock_code,fiscal_year,fiscal_quarter,period_end,disclosed_on"
    several = write(
        tmp_path / "several",
        {
            "companies.csv": "stock_code,name,market\n000010,A,KOSPI\n",
            "companies-more.csv": "stock_code,name,market,sector\n000020,B,KOSPI,Banks\n",
            "prices-2023.csv": HEAD + row(2) + row(3),
            "prices/a.csv": HEAD + row(3) + row(4),  # the row of both files is equal
            "indices_kospi.csv": "date,index,close\n2024-01-02,KOSPI,1\n",
            "indices.csv": "date,index,close\n2024-01-02,KOSPI,1\n2024-01-02,KOSDAQ,2\n",
            "dividends.1.csv": "stock_code,ex_date,dps\n000010,2024-01-03,5\n",
            "dividends.2.csv": "stock_code,ex_date,dps,kind\n000010,2024-01-03,5,\n000010,2024-01-03,6,\n",
            "listings-a.csv": "stock_code,from_date,market\n000010,2024-01-02,KOSPI\n",
            "financials-1.csv": f"{statement},revenue\n000010,2023,1,2023-03-31,2023-05-15,1\n",
            "financials-2.csv": f"{statement},net_income\n000010,2023,2,2023-06-30,2023-08-15,2\n",
        },
    )
    frame = pl.read_csv((HEAD + row(5)).encode(), schema_overrides={"stock_code": pl.String})
    frame.write_parquet(several / "prices.parquet")
    report = await load_market(several, url)
    assert report.differing == {
        "instrument": 2, "price": 4, "day": 4, "statement": 2, "dividend": 2, "listing": 1, "index": 2,
    }  # fmt: skip
    assert (report.rows["companies"], report.rows["prices"]) == (2, 5)
    one = write(tmp_path / "one", {"prices.csv": HEAD + row(2) + row(3) + row(4) + row(5)})
    assert (await load_market(one, url)).revision is None


@pytest.mark.parametrize(
    ("name", "contents", "expected"),
    [
        (
            "prices",
            (HEAD + row(2), HEAD + row(3) + row(2, close=11)),
            "prices-b.csv, row 2 (line 3): the key date 2024-01-02, stock_code 000010 is in prices-a.csv, row 1 "
            "(line 2)",
        ),
        (
            "indices",
            ("date,index,close\n2024-01-02,KOSPI,1\n", "date,index,close\n2024-01-02,KOSPI,2\n"),
            "indices-b.csv, row 1 (line 2): the key date 2024-01-02, index KOSPI is in indices-a.csv, row 1 (line 2)",
        ),
        (
            "companies",
            (COMPANIES, "stock_code,name,market\n000020,C,KOSPI\n"),
            "companies-b.csv, row 1 (line 2): the key stock_code 000020 is in companies-a.csv, row 2 (line 3)",
        ),
    ],
)
async def test_conflict_of_two_files_names_both(
    settings: Settings, tmp_path: pathlib.Path, name: str, contents: tuple[str, str], expected: str
) -> None:
    files = {"companies.csv": COMPANIES} if name != "companies" else {}
    write(tmp_path, files | {f"{name}-a.csv": contents[0], f"{name}-b.csv": contents[1]})
    assert f"{expected} already, with other values" in await message(settings, tmp_path)


async def test_broken_rows_are_listed_by_mistake_with_counts(settings: Settings, tmp_path: pathlib.Path) -> None:
    lines = [row(2, code=f"{number:06d}") for number in range(100, 130)]
    high_below_low = "2024-01-03,000010,10,8,9,9,5\n"
    write(tmp_path, {"companies.csv": COMPANIES, "prices.csv": HEAD + row(2) + "".join(lines) + high_below_low})
    found = (await message(settings, tmp_path)).splitlines()
    assert found[0] == "31 rows of prices.csv are broken:"
    assert found[1].startswith("prices.csv, row 2 (line 3): stock_code 000100 is no company of companies.*")
    assert found[21:] == [
        "prices.csv, row 32 (line 33): high 8 is below low 9.",
        "… and 10 more rows: stock_code is no company.",
        "Nothing was changed.",
    ]


async def test_broken_cells_of_all_columns_are_listed(settings: Settings, tmp_path: pathlib.Path) -> None:
    broken = row(3, close='"4,190"') + row(4).replace("2024-01-04", "20240104")
    write(tmp_path, {"companies.csv": COMPANIES, "prices.csv": HEAD + broken})
    found = await message(settings, tmp_path)
    assert "row 1 (line 2): close is '4,190', expected a number without thousands separators." in found
    assert "row 2 (line 3): date is '20240104', expected a date such as 2024-01-02." in found


@pytest.mark.parametrize(
    ("files", "encoding", "expected"),
    [
        (
            {"prices.csv": "date,code,close\n"},
            "utf-8",
            "missing required column stock_code, open, high, low, volume; found date, code, close (read as UTF-8, "
            "separated by commas)",
        ),
        ({"prices.csv": HEAD.replace(",", "\t")}, "utf-8", "the names are separated by tabs: save the file"),
        ({"prices.csv": HEAD.replace(",", ";")}, "utf-8", "the names are separated by semicolons: save the file"),
        (
            {"companies.csv": "stock_code,name,market\n000010,가나,KOSPI\n"},
            "cp949",
            "it is not UTF-8 but reads as CP949",
        ),
        (
            {"companies.csv": COMPANIES, "prices.csv": HEAD + row(2, code="10")},
            "utf-8",
            "stock_code 10 is no company of companies.* or of an earlier load (it has lost its zeros: 000010)",
        ),
    ],
)
async def test_message_says_what_was_found(
    settings: Settings, tmp_path: pathlib.Path, files: dict[str, str], encoding: str, expected: str
) -> None:
    write(tmp_path, files, encoding)
    assert expected in await message(settings, tmp_path)


async def test_rows_repeated_in_one_file_are_refused_early(settings: Settings, tmp_path: pathlib.Path) -> None:
    rows = MAX_GROUP_ROWS + 1
    folder = write(tmp_path, {"companies.csv": COMPANIES, "prices.csv": HEAD + row(2) * rows})
    text = await message(settings, folder)
    assert "the key date 2024-01-02, stock_code 000010 is in row 1 already" in text


async def test_rows_repeated_in_very_many_files_load_once(
    settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prices, "MAX_GROUP_ROWS", 4)
    days = {f"prices-{number}.csv": HEAD + row(2) + row(3) + row(4, "000020") for number in range(9)}
    report = await load_market(write(tmp_path, {"companies.csv": COMPANIES} | days), settings.database_url or "")
    assert (report.rows["prices"], report.differing["price"]) == (27, 3)


async def test_link_to_a_folder_that_is_absent_is_refused(settings: Settings, tmp_path: pathlib.Path) -> None:
    write(tmp_path, {"companies.csv": COMPANIES})
    (tmp_path / "prices").symlink_to(tmp_path / "absent")
    assert "prices cannot be read as a folder" in await message(settings, tmp_path)
