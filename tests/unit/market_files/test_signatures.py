"""A load names files of other programs and the command that converts them."""

from __future__ import annotations

import pathlib

import pytest

from services.preparer.loading.files import find_files
from shared.errors import LoadError
from shared.market_files.headers import column_name, decoded, separator_of
from shared.market_files.markets import market_of

KRX = "종목코드,종목명,시장구분,종가,시가,고가,저가,거래량\n".encode("cp949")


@pytest.mark.parametrize("name", ["data_1.csv", "prices.csv"])
def test_load_of_foreign_files_names_the_import(name: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / name).write_bytes(KRX)
    with pytest.raises(LoadError, match=r"1 file of KRX CSV of a day; convert .*ondol import"):
        find_files(tmp_path)


def test_load_counts_foreign_files_below(tmp_path: pathlib.Path) -> None:
    (tmp_path / "data").mkdir()
    for number in range(3):
        (tmp_path / "data" / f"{number}.csv").write_bytes(KRX)
    with pytest.raises(LoadError, match="3 files of KRX CSV of a day"):
        find_files(tmp_path)


def test_header_unit_and_separator_are_recognised() -> None:
    assert column_name('"시가총액(백만원)"') == ("시가총액", "백만원")
    assert separator_of("a\tb, c\td") == "\t"
    assert decoded("가".encode("utf-16")) == "가"


def test_market_spellings() -> None:
    assert [market_of(text) for text in ("KOSDAQ GLOBAL", "유가증권", "KNX", "NASDAQ")] == [
        "KOSDAQ", "KOSPI", "KONEX", "NASDAQ",
    ]  # fmt: skip
