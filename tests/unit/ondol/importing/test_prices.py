"""Price files of each source become rows of the load format; rows are made up in the exact shapes."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import pathlib
from typing import Any

import polars as pl
import pytest

from services.preparer.loading.broken_rows import BrokenRows
from services.preparer.loading.files import find_files
from services.preparer.loading.typed_rows import batches

DAY = dt.date(2031, 3, 4)
KRX_HEADER = "종목코드,종목명,시장구분,소속부,종가,대비,등락률,시가,고가,저가,거래량,거래대금,시가총액,상장주식수\r\n"
KRX_ROW = (
    '"000010","가나전자","유가증권","","4,210","-35","-0.82","4190","4245","4160","100","420,000","4210000","1000"\r\n'
)
HALTED_ROW = '"00002K","다라우","KOSDAQ GLOBAL","","500","0","0.00","0","0","0","0","0","500000","1000"\r\n'
HOLIDAY_ROW = '"000010","가나전자","유가증권","","-","-","-","-","-","-","-","-","-","1000"\r\n'
MARCAP = {
    "Code": "10", "Name": "가나전자", "Market": "KOSPI", "Dept": "nan", "Close": 4210.0, "ChangeCode": "2",
    "Changes": 35.0, "ChagesRatio": None, "ChangesRatio": -0.82, "Open": 4190.0, "High": 4245.0, "Low": 4160.0,
    "Volume": 100.0, "Amount": 420000.0, "Marcap": 4210000.0, "Stocks": 1000, "MarketId": "STK", "Rank": 1,
}  # fmt: skip
OPEN_API = {
    "BAS_DD": "20310304", "ISU_CD": "000010", "ISU_NM": "가나전자", "MKT_NM": "KOSPI", "SECT_TP_NM": "",
    "TDD_CLSPRC": "4,210", "CMPPREVDD_PRC": "-35", "FLUC_RT": "-0.82", "TDD_OPNPRC": "4190", "TDD_HGPRC": "4245",
    "TDD_LWPRC": "4160", "ACC_TRDVOL": "100", "ACC_TRDVAL": "420000", "MKTCAP": "4210000", "LIST_SHRS": "1000",
}  # fmt: skip
EXPECTED = {
    "date": DAY, "stock_code": "000010", "open": 4190.0, "high": 4245.0, "low": 4160.0, "close": 4210.0,
    "volume": 100.0, "trading_value": 420000.0, "market_cap": 4210000.0, "listed_shares": 1000.0, "change": -35.0,
    "change_rate": -0.82,
}  # fmt: skip


def marcap(day: dt.date, **changed: Any) -> pl.DataFrame:
    """Return a marcap table of one row."""
    row = MARCAP | {"Date": dt.datetime(day.year, day.month, day.day)} | changed
    return pl.DataFrame([row], schema_overrides={"ChagesRatio": pl.Float64, "Date": pl.Datetime("ns")})


@pytest.mark.parametrize("encoding", ["cp949", "utf-8", "utf-8-sig"])
def test_krx_csv_is_read_in_any_encoding(encoding: str, run: Any, put: Any, out: Any) -> None:
    put("data_0042_20310304.csv", (KRX_HEADER + KRX_ROW + HALTED_ROW).encode(encoding))
    report = run()
    assert report.complete
    assert report.files[0].recognised == "KRX CSV of a day"
    assert out("prices")[0] == EXPECTED
    assert [row["market"] for row in out("companies")] == ["KOSPI", "KOSDAQ"]


def test_krx_csv_holiday_rows_are_dropped_and_counted(run: Any, put: Any) -> None:
    put("data_20310304.csv", (KRX_HEADER + HOLIDAY_ROW).encode("cp949"))
    report = run()
    assert report.files[0].dropped == {"holiday row without prices": 1}
    assert "prices" not in report.written


def test_krx_csv_without_date_asks_for_option(run: Any, put: Any, out: Any) -> None:
    put("all.csv", (KRX_HEADER + KRX_ROW).encode("cp949"))
    assert "--date" in run().files[0].error
    assert run(date=DAY).complete
    assert out("prices") == [EXPECTED]


def test_bad_cell_is_named(run: Any, put: Any) -> None:
    put("data_20310304.csv", KRX_HEADER + KRX_ROW + KRX_ROW.replace("4190", "n.a"))
    assert run().files[0].error == "1 row: 시가 is not a number (row 2: 'n.a')"


def test_amounts_in_thousands_need_unit(run: Any, put: Any, out: Any) -> None:
    put("data_20310304.csv", KRX_HEADER + KRX_ROW.replace("4210000", "4210").replace("420,000", "420"))
    assert "--unit" in run().files[0].error
    assert run(unit="천원").complete
    assert out("prices") == [EXPECTED]


def test_unit_of_header_is_refused(run: Any, put: Any) -> None:
    put("data_20310304.csv", KRX_HEADER.replace("시가총액", "시가총액(백만원)") + KRX_ROW)
    assert "--unit 백만원" in run().files[0].error


def test_marcap_parquet_with_both_ratio_columns(run: Any, put: Any, out: Any) -> None:
    put("marcap-2031.parquet", marcap(DAY))
    assert run().complete
    assert out("prices") == [EXPECTED]


@pytest.mark.parametrize("ratio", ["ChagesRatio", "ChangesRatio"])
def test_marcap_csv_gz_of_either_spelling(ratio: str, run: Any, put: Any, out: Any) -> None:
    row = {k: v for k, v in MARCAP.items() if not k.endswith("sRatio")} | {ratio: -0.82, "Date": "2031-03-04"}
    put("marcap-2031.csv.gz", gzip.compress(pl.DataFrame([row]).write_csv(quote_style="non_numeric").encode()))
    assert run().complete
    assert out("prices") == [EXPECTED]


def test_files_of_two_years_are_sorted_and_merged(run: Any, put: Any, out: Any) -> None:
    later = dt.date(2032, 1, 5)
    put("a.parquet", marcap(later, Name="가나", Market="KOSDAQ"))
    put("b.parquet", pl.concat([marcap(DAY), marcap(DAY, Close=4200.0)]))
    report = run()
    assert [(row["date"], row["close"]) for row in out("prices")] == [(DAY, 4200.0), (later, 4210.0)]
    assert any("1 rows repeat a key; 1 keys" in note for note in report.notes)
    assert [(row["from_date"], row["market"]) for row in out("listings")] == [(DAY, "KOSPI"), (later, "KOSDAQ")]
    assert out("companies")[0]["name"] == "가나"


def test_listing_of_finance_data_reader_takes_date_of_name(run: Any, put: Any, out: Any) -> None:
    put("krx_2031-03-04.csv", "\ufeff" + marcap(DAY).drop("Date", "Rank", "ChangesRatio").write_csv())
    report = run()
    assert report.files[0].recognised == "FinanceDataReader listing"
    assert out("prices")[0] == EXPECTED | {"change_rate": None}


def test_pykrx_day_and_caps_make_one_row(run: Any, put: Any, out: Any) -> None:
    put(
        "ohlcv_20310304.csv",
        "티커,시가,고가,저가,종가,거래량,거래대금,등락률\n000010,4190,4245,4160,4210,100,420000,-0.820312\n",
    )
    put("cap_20310304.csv", "티커,종가,시가총액,거래량,거래대금,상장주식수\n000010,4210,4210000,100,420000,1000\n")
    report = run()
    assert report.complete
    assert out("prices") == [EXPECTED | {"change": None}]
    assert any("no company" in note for note in report.notes)


def test_pykrx_overflowed_volume_is_dropped(run: Any, put: Any) -> None:
    put("ohlcv_20310304.csv", "티커,시가,고가,저가,종가,거래량,거래대금,등락률\n000010,1,1,1,1,-5,4,0\n")
    assert run().files[0].dropped == {"volume below 0 (32-bit overflow)": 1}


@pytest.mark.parametrize(
    "text",
    [
        "날짜,시가,고가,저가,종가,거래량\n2031-03-04,4190,4245,4160,4210,100\n",
        "Date,Open,High,Low,Close,Volume,Change\n2031-03-04,4190,4245,4160,4210,100,-0.0082\n",
    ],
)
def test_adjusted_prices_need_option(text: str, run: Any, put: Any, out: Any) -> None:
    put("stock_000010.csv", text)
    assert "--adjusted" in run().files[0].error
    assert run(adjusted=True).complete
    bare = dict.fromkeys(("trading_value", "market_cap", "listed_shares", "change", "change_rate"))
    assert out("prices") == [EXPECTED | bare]


def test_adjusted_file_without_code_is_refused(run: Any, put: Any) -> None:
    put("mine.csv", "날짜,시가,고가,저가,종가,거래량\n2031-03-04,1,1,1,1,1\n")
    assert "stock code" in run(adjusted=True).files[0].error


def test_open_api_prices(run: Any, put: Any, out: Any) -> None:
    put("stk.json", json.dumps({"OutBlock_1": [OPEN_API]}))
    assert run().complete
    assert out("prices") == [EXPECTED]


def test_open_api_error_answer_is_quoted(run: Any, put: Any) -> None:
    put("stk.json", json.dumps({"respCode": "401", "respMsg": "Unauthorized API Call"}))
    assert "401 Unauthorized" in run().files[0].error


def test_output_is_in_the_load_format(run: Any, put: Any, tmp_path: pathlib.Path) -> None:
    put("marcap-2031.parquet", marcap(DAY))
    run()
    files = find_files(tmp_path / "out")
    assert {kind: sum(rows.height for _, rows in batches(file, BrokenRows(file))) for kind, file in files.items()} == {
        "companies": 1, "listings": 1, "prices": 1,
    }  # fmt: skip


def test_open_api_answer_of_a_holiday_has_no_rows(run: Any, put: Any) -> None:
    put("stk_20310301.JSON", json.dumps({"OutBlock_1": []}))
    report = run()
    assert report.complete
    assert report.written == {}


def test_caps_of_a_stock_are_merged_into_its_prices(run: Any, put: Any, out: Any) -> None:
    put(
        "caps_000010.csv",
        "날짜,시가총액,거래량,거래대금,상장주식수\n2031-03-04,4210000,100,420000,1000\n2031-03-05,4210000,0,0,1000\n",
    )
    put("raw_000010.csv", "날짜,시가,고가,저가,종가,거래량,거래대금\n2031-03-04,4190,4245,4160,4210,100,420000\n")
    report = run()
    assert report.complete
    assert out("prices") == [EXPECTED | {"change": None, "change_rate": None}]
    assert report.dropped == {"row with a market cap but without prices in any file": 1}


def test_files_of_an_earlier_import_are_noted(run: Any, put: Any, tmp_path: pathlib.Path) -> None:
    put("marcap-2031.parquet", marcap(DAY))
    put("~$data.xlsx", b"lock")
    (tmp_path / "out").mkdir()
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "out" / "financials.parquet")
    report = run()
    assert report.complete
    assert any(note.startswith("financials of an earlier import") for note in report.notes)
