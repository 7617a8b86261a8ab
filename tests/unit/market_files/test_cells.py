"""Cells of files of other programs as typed series."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from shared.market_files.cells import Cells, FileRefusedError


def test_codes_of_any_spelling_become_six_characters() -> None:
    cells = Cells(pl.DataFrame({"Code": [
        "10", "A000010", "[000010]", "000010.KS", "KRX:000010", '="000010"', "KR7000010009", "10.0", "00001k",
        "합계", "73400006", "TOTAL", "sum", "AAPL", "A10", "1K", None,
    ]}))  # fmt: skip
    assert cells.codes(["code"]).to_list() == [*["000010"] * 8, "00001K", *[None] * 8]  # type: ignore[union-attr]
    assert cells.broken == {}


def test_numbers_of_any_spelling_are_read() -> None:
    cells = Cells(
        pl.DataFrame({"v": ["1,234.5", "(5)", "▼ 3", "▲3", "하락 2", "4 %", "₩1,000", "1.5M", "-", "#N/A", "+7"]})
    )
    assert cells.numbers(["V"]).to_list() == [  # type: ignore[union-attr]
        1234.5, -5, -3, 3, -2, 4, 1000, 1.5e6, None, None, 7,
    ]  # fmt: skip
    assert cells.broken == {}


@pytest.mark.parametrize("text", ["1,5", "1,2,3", "x", "1e308", "inf", "1.2.3", "#DIV/0!", "5원5x"])
def test_cell_that_is_no_number_is_listed(text: str) -> None:
    cells = Cells(pl.DataFrame({"v": ["1", text]}))
    cells.numbers(["v"])
    assert cells.broken["v is not a number"].examples == [f"row 2: {text!r}"]
    with pytest.raises(FileRefusedError, match="row 2"):
        cells.refuse_broken()


@pytest.mark.parametrize("text", [
    "2031-03-04", "20310304", "2031/03/04", "2031.03.04", "2031-3-4", "2031년 3월 4일", "2031- 03- 04", "47911",
    "2031-03-04 15:30:00", "20310304.0",
])  # fmt: skip
def test_dates_of_any_spelling_are_read(text: str) -> None:
    cells = Cells(pl.DataFrame({"d": [text, None]}))
    assert cells.dates(["d"]).to_list() == [dt.date(2031, 3, 4), None]  # type: ignore[union-attr]
    assert cells.broken == {}


@pytest.mark.parametrize("text", ["2031-02-30", "9999-12-31", "04/03/2031", "x"])
def test_cell_that_is_no_date_is_listed(text: str) -> None:
    cells = Cells(pl.DataFrame({"d": ["2031-03-04", text]}))
    cells.dates(["d"])
    assert cells.broken["d is not a date like 2021-01-22"].examples == [f"row 2: {text!r}"]


def test_times_are_no_dates() -> None:
    with pytest.raises(FileRefusedError, match="holds Time"):
        Cells(pl.DataFrame({"d": [dt.time(1)]})).dates(["d"])


def test_names_lose_control_characters_and_are_not_too_long() -> None:
    cells = Cells(pl.DataFrame({"name": ["가\n\x07나", "가" * 201]}))
    assert cells.texts(["name"])[0] == "가 나"  # type: ignore[index]
    assert list(cells.broken) == ["name has more than 200 characters"]


def test_unknown_market_is_listed() -> None:
    cells = Cells(pl.DataFrame({"시장": ["유가", "코스닥시장상장법인", "KOSDAQ GLOBAL", "NASDAQ", "어딘가"]}))
    assert cells.markets(["시장"])[:4].to_list() == ["KOSPI", "KOSDAQ", "KOSDAQ", "NASDAQ"]  # type: ignore[index]
    assert list(cells.broken) == ["the market is no known one"]
