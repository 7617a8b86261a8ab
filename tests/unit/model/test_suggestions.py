"""Near misses of request fields, stock codes and sectors."""

from __future__ import annotations

import pytest

from shared.model.suggestions import did_you_mean, nearest, suggest_fields, suggest_sectors, suggest_stocks

FIELDS = ("markets", "sectors", "exclude_sectors", "cap_groups", "stock_codes", "exclude", "where", "kinds")
STOCKS = {
    "005930": "삼성전자",
    "005935": "삼성전자우",
    "000660": "SK하이닉스",
    "035420": "NAVER",
    "0001A0": "덕양에너젠",
}
SECTORS = ("제약", "음식료·담배", "전기·전자", "운송장비·부품")


@pytest.mark.parametrize(
    ("word", "fields", "expected"),
    [
        ("exclude_sector", FIELDS, ("exclude_sectors",)),
        ("excludeSectors", FIELDS, ("exclude_sectors",)),
        ("stockCodes", FIELDS, ("stock_codes",)),
        ("sector", FIELDS, ("sectors",)),
        ("stop_loss", ("take_profit_pct", "stop_loss_pct"), ("stop_loss_pct",)),
        ("xyzzy", FIELDS, ()),
    ],
)
def test_suggest_fields_finds_the_nearest(word: str, fields: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert suggest_fields(word, fields) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("5930", ("005930",)),
        ("660", ("000660",)),
        ("A005930", ("005930",)),
        ("005930.KS", ("005930",)),
        ("삼성전자", ("005930",)),
        ("삼성", ("005930", "005935")),
        ("naver", ("035420",)),
        ("ｓｋ하이닉스", ("000660",)),
        ("005931", ("005930", "005935")),
        ("000606", ("000660",)),
        ("999999", ()),
        ("", ()),
    ],
)
def test_suggest_stocks_finds_codes_and_names(word: str, expected: tuple[str, ...]) -> None:
    assert suggest_stocks(word, STOCKS) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [("제약업", ("제약",)), ("음식료담배", ("음식료·담배",)), ("전자", ("전기·전자",)), ("우주여행", ())],
)
def test_suggest_sectors_ignores_signs(word: str, expected: tuple[str, ...]) -> None:
    assert suggest_sectors(word, SECTORS) == expected


def test_did_you_mean_is_empty_without_suggestions() -> None:
    assert did_you_mean(()) == ""
    assert did_you_mean(("ROE", "ROA")) == "; did you mean ROE, ROA?"


def test_nearest_ignores_case_and_width() -> None:
    assert nearest("ｒｏ", ("PER", "ROE", "ROA")) == ("ROE", "ROA")
