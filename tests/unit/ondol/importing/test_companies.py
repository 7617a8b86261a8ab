"""Company and index files of each source, and the report of an import."""

from __future__ import annotations

import datetime as dt
import json
import pathlib
from typing import Any

import pytest

from ondol.main import main

DESC = (
    "\ufeff,Code,Name,Market,Sector,Industry,Products,ListingDate\n"
    '0,000010,가나전자,KOSDAQ GLOBAL,벤처기업부,"전자, 부품",x,2001-02-03\n'
)
DELISTED = (
    ",Symbol,Name,Market,SecuGroup,Kind,ListingDate,DelistingDate,Reason,Industry\n"
    "0,000010,옛가나,KOSPI,주권,,1980-01-01,1990-01-01,x,\n"
    "1,000030,먼저,KOSPI,주권,,1980-01-01,1990-01-01,x,\n"
    "2,000030,나중,KOSPI,주권,,1992-01-01,2031-03-05,x,운송\n"
    "3,000040,펀드,KOSPI,수익증권,,1992-01-01,2031-03-05,x,\n"
)
DAY = (
    "종목코드,종목명,시장구분,종가,시가,고가,저가,거래량\n"
    "000010,가나,코스닥,10,10,10,10,5\n000030,나중,유가증권,10,10,10,10,5\n"
)


def test_description_sector_is_industry(run: Any, put: Any, out: Any) -> None:
    put("desc.csv", DESC)
    assert run().complete
    assert out("companies") == [
        {
            "stock_code": "000010", "name": "가나전자", "name_en": None, "market": "KOSDAQ", "sector": "전자, 부품",
            "listed_on": dt.date(2001, 2, 3), "delisted_on": None,
        }
    ]  # fmt: skip


def test_delistings_of_reused_codes_and_funds_are_dropped(run: Any, put: Any, out: Any) -> None:
    put("delisting.csv", DELISTED)
    put("desc.csv", DESC)
    put("data_20310304.csv", DAY)
    report = run()
    dropped = next(file.dropped for file in report.files if file.path.endswith("delisting.csv"))
    assert dropped == {"not a share": 1, "earlier company of a re-used code": 1}
    assert [(row["stock_code"], row["delisted_on"]) for row in out("companies")] == [
        ("000010", None), ("000030", dt.date(2031, 3, 5)),
    ]  # fmt: skip
    assert any("re-used" in note for note in report.notes)


def test_delisting_before_a_price_is_left_out(run: Any, put: Any, out: Any) -> None:
    put("delisting.csv", DELISTED)
    put("data_20310305.csv", DAY)
    report = run()
    assert [row["delisted_on"] for row in out("companies")] == [None, None]
    assert any("on or after" in note for note in report.notes)


def test_open_api_base_information(run: Any, put: Any, out: Any) -> None:
    row = {
        "ISU_CD": "KR7000010009", "ISU_SRT_CD": "000010", "ISU_NM": "가나전자보통주", "ISU_ABBRV": "가나전자",
        "ISU_ENG_NM": "Gana", "LIST_DD": "20010203", "MKT_TP_NM": "KOSPI", "SECUGRP_NM": "주권",
    }  # fmt: skip
    put("base.json", json.dumps({"OutBlock_1": [row, row | {"ISU_SRT_CD": "000099", "SECUGRP_NM": "신주인수권증서"}]}))
    assert run().files[0].dropped == {"not a share": 1}
    assert out("companies")[0]["name_en"] == "Gana"


def test_open_api_indices_keep_known_names(run: Any, put: Any, out: Any) -> None:
    row = {"BAS_DD": "20310304", "IDX_NM": "코스피 200", "CLSPRC_IDX": "1,234.5", "OPNPRC_IDX": "-"}
    put("idx.json", json.dumps({"OutBlock_1": [row, row | {"IDX_NM": "코스피 외국주포함"}]}))
    assert run().files[0].dropped == {"index that is not loaded": 1}
    assert [(row["index"], row["close"], row["open"]) for row in out("indices")] == [("KOSPI200", 1234.5, None)]


@pytest.mark.parametrize(("name", "index"), [("KS11.csv", "KOSPI"), ("KQ11.csv", "KOSDAQ"), ("KS200.csv", "KOSPI200")])
def test_index_of_finance_data_reader_is_in_the_name(name: str, index: str, run: Any, put: Any, out: Any) -> None:
    put(name, "Date,Open,High,Low,Close,Volume,Change\n2031-03-04,1,2,1,2,0,0.1\n")
    assert run().complete
    assert out("indices")[0]["index"] == index


def test_price_file_as_companies_writes_no_prices(run: Any, put: Any, out: Any) -> None:
    put("all.csv", DAY)
    assert run(kind="companies").written == {"companies": 2}
    assert [row["market"] for row in out("companies")] == ["KOSDAQ", "KOSPI"]


def test_command_fails_when_a_file_is_unknown(
    put: Any, run: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put("data_20310304.csv", DAY)
    put("other.csv", "a,b\n1,2\n")
    assert main(["import", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "not recognised" in printed
    assert "no known file has these columns: a, b" in printed
    assert main(["import", str(tmp_path / "in" / "data_20310304.csv"), "--out", str(tmp_path / "out")]) == 0


def test_command_names_missing_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "/nowhere/at/all"]) == 2
    assert "/nowhere/at/all" in capsys.readouterr().err
