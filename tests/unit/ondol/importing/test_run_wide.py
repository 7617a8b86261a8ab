"""Wide sheets of one column for each stock and item; prices are made up."""

from __future__ import annotations

import datetime as dt
import pathlib
from typing import Any

import pytest

ITEMS = (
    "종가(원)",
    "시가(원)",
    "고가(원)",
    "저가(원)",
    "거래량(주)",
    "시가총액(백만원)",
    "상장주식수(주)",
    "기준가(원)",
)
LABELS = [
    ["Refresh", ""], ["Symbol", *["A000010"] * 8, "A000010"], ["Symbol Name", *["가나전자"] * 9],
    ["Kind", *["NMI"] * 9], ["Item", *["S41"] * 9], ["Item Name", *ITEMS, "매출액(천원)"],
    ["Frequency", *["DAILY"] * 8, "QUARTERLY"],
]  # fmt: skip
DAYS = [
    ["2031-03-04", "4200", "4190", "4245", "4160", "100", "4", "1000000", "4235", "5"],
    ["2031-03-05", "", "", "", "", "", "", "", "", ""],
]  # fmt: skip


def sheet(rows: list[list[str]]) -> str:
    """Return rows as CSV."""
    return "\n".join(",".join(row) for row in rows) + "\n"


def test_wide_sheet_becomes_prices(run: Any, put: Any, out: Any) -> None:
    rows = [[*row[:6], "4200", *row[7:]] if row[0] == "2031-03-04" else row for row in DAYS]
    put("wide.csv", sheet(LABELS + rows).encode("cp949"))
    assert "백만원" in run().files[0].error
    report = run(unit="header")
    assert report.files[0].error is None
    assert report.files[0].dropped == {"column of an item that is no price": 1}
    row = out("prices")[0]
    assert (row["date"], row["stock_code"], row["close"], row["open"], row["volume"]) == (
        dt.date(2031, 3, 4), "000010", 4200.0, 4190.0, 100.0,
    )  # fmt: skip
    assert (row["market_cap"], row["listed_shares"], row["change"]) == (4200e6, 1e6, -35.0)


def test_wide_sheet_of_adjusted_prices_needs_the_option(run: Any, put: Any, out: Any) -> None:
    labels = [["Symbol", "A000010"], ["Symbol Name", "가나"], ["Item Name", "수정주가(원)"], ["Frequency", "D"]]
    put("wide.csv", sheet([*labels, ["20310304", "4200"]]))
    assert "--adjusted" in run().files[0].error
    assert run(adjusted=True).written["prices"] == 1
    assert out("prices")[0]["close"] == 4200.0


def test_wide_sheet_without_prices_is_refused(run: Any, put: Any, tmp_path: pathlib.Path) -> None:
    put("wide.csv", sheet([["Symbol", "A000010"], ["Item Name", "매출액(천원)"], ["2031-03-04", "5"]]))
    assert "종가" in run().files[0].error


@pytest.mark.parametrize(("column", "cell"), [(1, "42x0"), (5, "1o0"), (2, "4,19"), (3, "inf"), (4, "4_160")])
def test_broken_cell_of_a_wide_sheet_refuses_its_file(run: Any, put: Any, out: Any, column: int, cell: str) -> None:
    kind = ITEMS[column - 1].partition("(")[0]
    days = [
        ["2031-03-04", "4200", "4190", "4245", "4160", "100"],
        ["2031-03-05", "4200", "4190", "4245", "4160", "100"],
    ]
    days[0][column] = cell
    labels = [["Symbol", *["A000010"] * 5], ["Item Name", *ITEMS[:5]], ["Frequency", *["D"] * 5]]
    put("wide.csv", "\n".join(",".join(f'"{each}"' for each in row) for row in [*labels, *days]) + "\n")
    error = run().files[0].error
    assert f"{kind} is not a number (row 1: {cell!r})" in error
    report = run(drop_broken=True)
    assert (report.files[0].error, report.files[0].dropped) == (None, {f"{kind} is not a number": 1})
    assert [row["date"] for row in out("prices")] == [dt.date(2031, 3, 5)]


def test_raw_prices_beside_adjusted_closes_are_counted(run: Any, put: Any, out: Any) -> None:
    items = ["수정주가(원)", "시가(원)", "고가(원)", "저가(원)", "거래량(주)"]
    labels = [["Symbol", *["A000010"] * 5], ["Item Name", *items], ["Frequency", *["D"] * 5]]
    put("wide.csv", sheet([*labels, ["2031-03-04", "420", "4190", "4245", "4160", "100"]]))
    report = run(adjusted=True)
    assert report.files[0].dropped == {"column of raw prices beside adjusted closes": 3}
    assert (out("prices")[0]["close"], out("prices")[0]["open"]) == (420.0, None)
