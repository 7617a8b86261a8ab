"""Stocks are found by code, name, English name, initial consonants, and unfinished syllables."""

from __future__ import annotations

import datetime as dt
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.calendar import to_day
from shared.model.instruments import Instruments
from shared.model.stock_search import INITIALS, StockSearch

NAMES = {
    "005930": ("삼성전자", "Samsung Electronics"), "005935": ("삼성전자우", "Samsung Electronics (P)"),
    "009150": ("삼성전기", "Samsung Electro-Mechanics"), "000660": ("SK하이닉스", "SK hynix"),
    "035420": ("NAVER", None), "123450": ("옛 삼성", None), "207940": ("삼성바이오로직스", None),
}  # fmt: skip
TODAY = to_day(dt.date(2026, 1, 2))


def _search() -> StockSearch:
    count = len(NAMES)
    return StockSearch.of(
        Instruments(
            code=tuple(NAMES), name=tuple(name for name, _ in NAMES.values()),
            name_en=tuple(name for _, name in NAMES.values()),
            market=("KOSPI",) * count, sector=(None,) * count, listed_on=(None,) * count,
            delisted_on=tuple(TODAY - 9 if code == "123450" else None for code in NAMES),
        ),
        TODAY,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("005930", ["005930"]),
        ("삼성전자", ["005930", "005935"]),
        ("삼성 전자", ["005930", "005935"]),
        ("ㅅㅅㅈㅈ", ["005930", "005935"]),
        ("ㅅㅅㅈㄱ", ["009150"]),
        ("삼ㅅㅂ", ["207940"]),
        ("삼서", ["005930", "009150", "005935", "207940", "123450"]),
        ("ㅎㅇㄴㅅ", ["000660"]),
        ("sk하", ["000660"]),
        ("HYNIX", ["000660"]),
        ("ｎａｖｅｒ", ["035420"]),
        ("전자우", ["005935"]),
        ("00593", ["005930", "005935"]),
        ("삼선", []),
        (" ", []),
        ("(", ["005935"]),
    ],
)
def test_query_finds_stocks_best_first(query: str, codes: list[str]) -> None:
    assert [list(NAMES)[column] for column in _search().find(query)] == codes


def _initials(name: str) -> str:
    found = []
    for letter in unicodedata.normalize("NFC", name):
        at = ord(letter) - 0xAC00
        found.append(INITIALS[at // 588] if 0 <= at < 11172 else letter)
    return "".join(found)


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1, max_size=8))
def test_initials_of_any_name_find_it(name: str) -> None:
    only = Instruments(
        code=("000001",), name=(name,), name_en=(None,), market=("KOSPI",), sector=(None,), listed_on=(None,),
        delisted_on=(None,),
    )  # fmt: skip
    search = StockSearch.of(only, TODAY)
    assert search.find(_initials(name)) == [0]
    assert search.find(name) == [0]
    for length in range(1, len(name)):
        assert search.find(_initials(name[:length]) + name[length:]) == [0]


@given(st.text(max_size=20))
def test_any_text_is_a_query(text: str) -> None:
    assert set(_search().find(text)) <= set(range(len(NAMES)))
