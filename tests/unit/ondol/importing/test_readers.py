"""Formats, encodings and header lines of files; rows are made up."""

from __future__ import annotations

import gzip
import io
import json
import os
import pathlib
import zipfile
from typing import Any

import polars as pl
import pytest
import xlsxwriter

from ondol.importing.limits import check_archive
from shared.market_files.cells import FileRefusedError
from shared.market_files.foreign import describe_foreign_files

HEADER = "종목코드,종목명,시장구분,종가,시가,고가,저가,거래량,거래대금"
ROW = "000010,가나전자,코스닥,10,10,11,9,5,50"
PRICE = {"stock_code": "000010", "close": 10.0, "volume": 5.0, "trading_value": 50.0}


def table(*rows: str, separator: str = ",") -> str:
    """Return a day's table of a header and rows."""
    return "\n".join(row.replace(",", separator) for row in (HEADER, *rows)) + "\n"


def workbook(rows: list[list[Any]], **more: list[list[Any]]) -> bytes:
    """Return an Excel file of one sheet, and of `more` sheets by name."""
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        for name, cells in (("Sheet1", rows), *more.items()):
            sheet = book.add_worksheet(name)
            for number, row in enumerate(cells):
                sheet.write_row(number, 0, row)
    return target.getvalue()


def first_price(out: Any) -> dict[str, Any]:
    """Return the checked cells of the first imported price."""
    return {name: out("prices")[0][name] for name in PRICE}


@pytest.mark.parametrize("content", [
    table(ROW, separator="\t").encode("utf-16"), table(ROW, separator="\t").encode("utf-16-le"),
    table(ROW, separator=";").encode("cp949"), table(ROW).replace("\n", "\r").encode(),
    table(ROW).replace("\n", "\r\n", 1).encode(), ("조회일자: 오늘\n\n" + table(ROW)).encode("cp949"),
    table(ROW.replace("50", '" 50 "')).encode(), gzip.compress(table(ROW).encode("cp949")),
    table(ROW.replace("000010", "10")).encode(), table(ROW.replace("000010", "A000010")).encode(),
    table(ROW).replace("종목코드", "종목 코드").replace("거래대금", "거래대금(원)").encode(),
])  # fmt: skip
def test_text_of_any_form_is_read(content: bytes, run: Any, put: Any, out: Any) -> None:
    put("day_20310304.csv", content)
    report = run()
    assert report.files[0].error is None
    assert first_price(out) == PRICE


def test_excel_with_numbers_as_codes_is_read(run: Any, put: Any, out: Any) -> None:
    cells: list[list[Any]] = [["제목"], [], HEADER.split(","), [10, "=CMD()", "코스닥", 10, 10, 11, 9, 5, 50]]
    put("day_20310304.xlsx", workbook(cells))
    assert run().files[0].error is None
    assert first_price(out) == PRICE


def test_every_known_sheet_of_a_workbook_is_read(run: Any, put: Any, out: Any) -> None:
    header, row = HEADER.split(","), ["000010", "가나", "코스닥", 10, 10, 11, 9, 5, 50]
    notes = [["메모"], ["거래대금은 원 단위"]]
    put("days.xlsx", workbook(notes, **{"20310304": [header, row], "20310305": [header, row], "빈": []}))
    report = run()
    assert [(file.recognised, file.error) for file in report.files] == [
        ("KRX CSV of a day", None), ("KRX CSV of a day", None), ("sheet without a known table, left out", None),
    ]  # fmt: skip
    assert [file.path.rpartition(", ")[2] for file in report.files] == [
        "sheet 20310304",
        "sheet 20310305",
        "sheet Sheet1",
    ]
    assert [str(price["date"]) for price in out("prices")] == ["2031-03-04", "2031-03-05"]


def test_workbook_without_a_known_table_is_refused(run: Any, put: Any) -> None:
    put("notes.xlsx", workbook([["메모"]], 둘=[["x"]]))
    report = run()
    assert len(report.files) == 1
    assert "no known file has these columns: 메모" in report.files[0].error


def test_html_table_named_xls_is_read(run: Any, put: Any, out: Any) -> None:
    head = "".join(f"<th>{name}</th>" for name in ("회사명", "종목코드", "업종", "상장일"))
    body = "<td>가나<br/>전자</td><td>000010</td><td>운송</td><td>2001-02-03</td>"
    put("상장법인목록.xls", f"<html><table><tr>{head}</tr><tr>{body}</tr></table></html>".encode("cp949"))
    put("day_20310304.csv", table(ROW))
    report = run()
    assert {file.recognised for file in report.files} == {"KIND table of listed companies", "KRX CSV of a day"}
    row = out("companies")[0]
    assert (row["name"], row["market"], row["sector"]) == ("가나 전자", "KOSDAQ", "운송")


def test_zip_members_are_read_as_files(run: Any, put: Any, out: Any) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("folder/day_20310304.csv", table(ROW))
        archive.writestr("read me.md", "text")
    put("days.zip", target.getvalue())
    report = run()
    assert [pathlib.Path(file.path).name for file in report.files] == ["day_20310304.csv"]
    assert first_price(out) == PRICE


def test_json_list_inside_a_document_is_found(run: Any, put: Any, out: Any) -> None:
    row = {
        "basDt": "20310304", "srtnCd": "000010", "itmsNm": "가나전자", "mrktCtg": "KOSDAQ", "clpr": "10", "mkp": "10",
        "hipr": "11", "lopr": "9", "trqu": "5", "trPrc": "50",
    }  # fmt: skip
    put("answer.json", json.dumps({"response": {"header": {}, "body": {"items": {"item": [row]}}}}))
    assert run().files[0].recognised == "data.go.kr stock prices"
    assert first_price(out) == PRICE


def test_unquoted_thousands_separators_are_refused(run: Any, put: Any) -> None:
    put("day_20310304.csv", table(ROW, ROW.replace("50", "5,000")))
    error = run().files[0].error
    assert "1 rows have more cells than the header's 9 (line 3 has 10)" in error


@pytest.mark.parametrize(("content", "expected"), [
    (table(ROW).replace("종목명", "종가"), "two columns"), (table(ROW + "\0"), "NUL"), ("", "empty"),
    (table(ROW).encode() + b"\xff\xff\xfe", "line 3 is neither UTF-8"), (b"PK\x03\x04", "cannot be read"),
    (gzip.compress(table(ROW).encode() * 50)[:60] + b"\xff" * 60, "cannot be read"),
    (b"PAR1" + b"\0" * 8 + b"PAR1", "cannot be read"),
    (table(ROW).encode("cp949")[:-2] + "€\n".encode(), "line 2 is neither UTF-8"),
])  # fmt: skip
def test_damaged_text_is_refused_with_its_line(content: bytes | str, expected: str, run: Any, put: Any) -> None:
    put("day_20310304.csv", content)
    assert expected in run().files[0].error


def test_files_behind_each_other_lose_repeated_headers(run: Any, put: Any, out: Any) -> None:
    put("day_20310304.csv", table(ROW) + "\ufeff" + table(ROW.replace("000010", "000020")))
    report = run()
    assert report.files[0].dropped == {"repeated header line": 1}
    assert [row["stock_code"] for row in out("prices")] == ["000010", "000020"]


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 3_000_000)
    check_archive(path, 3_000_000)
    with pytest.raises(FileRefusedError, match="unpacks to 3,000,000 bytes"):
        check_archive(path, 2_999_999)
    raw = path.read_bytes()
    path.write_bytes(raw.replace((3_000_000).to_bytes(4, "little"), (3).to_bytes(4, "little")))
    with pytest.raises(FileRefusedError, match="unpacks to more than"):
        check_archive(path, 2_000_000)


def test_sheet_with_a_far_cell_is_refused(run: Any, put: Any) -> None:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "종목코드")
        sheet.write(1_048_575, 16_383, 1)
    put("far.xlsx", target.getvalue())
    assert "1,048,576 rows and 16,384 columns" in run().files[0].error


def test_unknown_file_names_the_nearest_kind(run: Any, put: Any) -> None:
    put("other.csv", "종목코드,시가,고가,저가\n000010,1,1,1\n")
    error = run().files[0].error
    assert "no known file has these columns: 종목코드, 시가, 고가, 저가" in error
    assert "the nearest is KRX CSV of a day, which also has 거래량, 종가" in error


def test_file_in_the_load_format_is_named(run: Any, put: Any) -> None:
    put("prices.csv", "date,stock_code,open,high,low,close,volume\n2031-03-04,000010,1,1,1,1,1\n")
    assert "load format already" in run().files[0].error


def test_foreign_files_are_described_by_kind(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.csv").write_text(table(ROW))
    (tmp_path / "b.xlsx").write_bytes(workbook([["x"]]))
    pl.DataFrame({"corp_code": ["1"], "stock_code": ["1"], "report_nm": ["x"], "rcept_no": ["1"], "rcept_dt": ["1"]}
                 ).write_parquet(tmp_path / "c.parquet")  # fmt: skip
    assert describe_foreign_files(sorted(tmp_path.iterdir())) == (
        "1 file of KRX CSV of a day, 1 file of Excel, 1 file of DART filing list"
    )


def test_archive_of_another_method_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.csv", b"0" * 3_000_000)
    with pytest.raises(FileRefusedError, match="packed by lzma: pack it again by deflate"):
        check_archive(path, 1_000)


@pytest.mark.parametrize("cells", [
    '<row r="1"><c r="A1"><v>1</v></c></row><row r="9000"><c r = "XFD9000"><v>2</v></c></row>',
    '<row r="1"><c r="A1"><v>1</v></c></row><row r="9000"><c r="xfd9000"><v>2</v></c></row>',
    '<row r="9000"><c><v>2</v></c></row><row>' + "<c><v>1</v></c>" * 10_000 + "</row>",
])  # fmt: skip
def test_far_cells_are_found_however_they_are_written(cells: str, run: Any, put: Any, tmp_path: pathlib.Path) -> None:
    source = io.BytesIO(workbook([["종목코드"], [1]]))
    target = io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data, is_sheet = old.read(name), name == "xl/worksheets/sheet1.xml"
            if is_sheet:
                head, tail = data.split(b"<sheetData>")[0], data.split(b"</sheetData>")[1]
                data = head + b"<sheetData>" + cells.encode() + b"</sheetData>" + tail
            data = data.replace(b"worksheets/sheet1.xml", b"other/place.xml")
            new.writestr("xl/other/place.xml" if is_sheet else name, data)
    put("far.xlsx", target.getvalue())
    assert "9,000 rows and 1" in run().files[0].error


@pytest.mark.parametrize("content", [b"[" * 5_000_000, b'{"a":[' + b"{}," * 4_100_000 + b"{}]}"])
def test_document_of_very_many_parts_is_refused(content: bytes, run: Any, put: Any) -> None:
    put("day_20310304.json", content)
    assert "lists and objects, more than 4,000,000: split it" in run().files[0].error


def test_quotation_mark_that_is_not_closed_is_named(run: Any, put: Any) -> None:
    rows = ROW.replace("000010", '"000010') + "\n" + (ROW + "\n") * 800_000
    put("day_20310304.csv", HEADER + "\n" + rows)
    assert "line 2 begins a row that is longer than 1,048,576 bytes" in run().files[0].error


def test_name_that_is_no_regular_file_is_refused(run: Any, tmp_path: pathlib.Path) -> None:
    (tmp_path / "in" / "a.csv").symlink_to(tmp_path / "absent")
    os.mkfifo(tmp_path / "in" / "b.csv")
    first, second = run().files
    assert "link without a target" in first.error
    assert "no regular file" in second.error
