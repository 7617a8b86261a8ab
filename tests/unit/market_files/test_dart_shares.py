"""Share counts of reports in prices that state none; stocks and counts are made up."""

from __future__ import annotations

import datetime as dt

import polars as pl

from shared.market_files.dart_shares import SHARES_SCHEMA, ShareFiller, share_rows, stated_shares
from shared.market_files.dart_statements import NO_TABLES

ROW = {
    "rcept_no": "20310312000001",
    "corp_code": "00000012",
    "se": "보통주",
    "istc_totqy": "1,000",
    "stlm_dt": "2030-12-31",
}


def prices(*rows: tuple[dt.date, float, float | None]) -> pl.DataFrame:
    """Return prices of one stock: day, close, listed shares."""
    return pl.DataFrame(
        [{"date": day, "stock_code": "000010", "close": close, "market_cap": None, "listed_shares": shares}
         for day, close, shares in rows],
        schema={"date": pl.Date, "stock_code": pl.String, "close": pl.Float64, "market_cap": pl.Float64,
                "listed_shares": pl.Float64},
    )  # fmt: skip


def test_counts_are_those_of_issued_shares_by_class() -> None:
    every = [ROW, ROW | {"se": "우선주", "istc_totqy": "10"}, ROW | {"se": "합계"}, ROW | {"istc_totqy": "-"}]
    rows, dropped = stated_shares(pl.DataFrame(every), stock_code="000010")
    assert share_rows(rows, NO_TABLES).rows() == [
        ("000010", dt.date(2031, 3, 12), dt.date(2030, 12, 31), 1000.0),
        ("000015", dt.date(2031, 3, 12), dt.date(2030, 12, 31), 10.0),
    ]
    assert {reason: found.count for reason, found in dropped.items()} == {
        "share count of another class (합계 and the like)": 1, "share count of 0": 1,
    }  # fmt: skip


def test_count_is_known_from_its_disclosure_until_a_jump() -> None:
    shares = [
        ("000010", dt.date(2031, 3, 12), dt.date(2030, 12, 31), 1000.0),
        ("000010", dt.date(2032, 1, 6), dt.date(2031, 12, 31), 1000.0),
        ("000010", dt.date(2032, 1, 10), dt.date(2032, 1, 7), 5000.0),
    ]
    filler = ShareFiller(pl.DataFrame(shares, schema=SHARES_SCHEMA, orient="row"))
    first = filler(prices((dt.date(2031, 3, 11), 100, None), (dt.date(2031, 3, 12), 101, None),
                          (dt.date(2031, 3, 13), 101, 7), (dt.date(2031, 12, 30), 100, None)))  # fmt: skip
    assert first["listed_shares"].to_list() == [None, 1000, 7, 1000]
    second = filler(prices((dt.date(2032, 1, 5), 20, None), (dt.date(2032, 1, 6), 20, None),
                           (dt.date(2032, 1, 10), 21, None)))  # fmt: skip
    assert second["listed_shares"].to_list() == [None, None, 5000]
    assert filler.filled == 3
