"""Tables of unseen programs: units, adjusted prices and changes are refused by their effect; prices are made up."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

CLOSES = (1000, 1010, 990, 985, 1000, 980, 970, 1005, 990, 980, 975)


def stock(change: Any = lambda now, before: now - before, rate: Any = None, cap: float = 1e6) -> str:
    """Return a table of one stock whose change and rate are functions of the close and the close before."""
    head = "일자,종가,대비,등락률,시가,고가,저가,거래량,거래대금,시가총액,상장주식수"
    rows = []
    for number, (before, now) in enumerate(itertools.pairwise(CLOSES)):
        percent = "" if rate is None else f"{rate(now, before)}"
        rows.append(
            f"2031/03/{number + 3:02d},{now},{change(now, before)},{percent},{now},{now},{now},5,{5 * now},"
            f"{now * cap:.0f},1000000"
        )
    return "\n".join([head, *rows]) + "\n"


def test_krx_table_of_a_stock_is_raw_by_its_caps(run: Any, put: Any, out: Any) -> None:
    put("data_000010.csv", stock(rate=lambda now, before: round((now / before - 1) * 100, 2)).encode("cp949"))
    report = run()
    assert report.files[0].recognised == "KRX CSV of a stock"
    assert report.complete
    assert out("prices")[0]["change"] == 10.0


def test_caps_that_do_not_fit_show_adjusted_prices(run: Any, put: Any) -> None:
    put("data_000010.csv", stock(cap=2e6))
    assert "--adjusted" in run().files[0].error
    assert run(adjusted=True).complete


@pytest.mark.parametrize(("change", "rate", "expected"), [
    (lambda now, before: abs(now - before), None, "change has no sign"),
    (lambda now, before: "", lambda now, before: abs(round((now / before - 1) * 100, 2)), "change_rate has no sign"),
    (lambda now, before: round(now / before - 1, 4), None, "--change-unit fraction"),
    (lambda now, before: "", lambda now, before: round(now / before - 1, 4), "change_rate is a fraction"),
    (lambda now, before: now - before, lambda now, before: round(now / before - 1, 4), "fraction"),
])  # fmt: skip
def test_changes_are_refused_by_their_effect(change: Any, rate: Any, expected: str, run: Any, put: Any) -> None:
    put("data_000010.csv", stock(change, rate))
    assert expected in run().files[0].error
    assert run(change_unit="none").complete


def test_fractions_become_per_cent_with_the_option(run: Any, put: Any, out: Any) -> None:
    put("data_000010.csv", stock(lambda now, before: round(now / before - 1, 4)))
    assert run(change_unit="fraction").complete
    assert [(row["change"], row["change_rate"]) for row in out("prices")[:2]] == [(None, 1.0), (None, -1.98)]


def test_unsure_table_needs_raw_or_adjusted(run: Any, put: Any, out: Any) -> None:
    put("my prices.csv", "Ticker,DATE,open,HIGH,Low,Close,Vol\nA000010,2031.03.04,1,1,1,1,5\n")
    error = run().files[0].error
    assert "--raw" in error
    assert "--adjusted" in error
    assert run(raw=True).complete
    assert out("prices")[0]["stock_code"] == "000010"


def test_units_of_headers_need_the_option(run: Any, put: Any, out: Any) -> None:
    put(
        "day_20310304.csv",
        "종목코드,종목명,시가,고가,저가,종가,거래량(주),거래대금(백만원),시가총액 [단위: 억원],상장 주식수\n"
        "000010,가나,1000,1000,1000,1000,5000,5,10,1000000\n",
    )
    assert "--unit header" in run().files[0].error
    assert "억원" in run(unit="백만원").files[0].error
    assert run(unit="header").complete
    row = out("prices")[0]
    assert (row["trading_value"], row["market_cap"]) == (5e6, 1e9)


def test_shares_in_thousands_are_refused(run: Any, put: Any) -> None:
    put("day_20310304.csv", "종목코드,시가,고가,저가,종가,거래량(천주)\n000010,1,1,1,1,5\n")
    assert "거래량 is in 천주" in run(unit="header").files[0].error


def test_broken_rows_are_listed_and_can_be_dropped(run: Any, put: Any, out: Any) -> None:
    rows = [f"{n:05d}0,10,11,9,{'x' if n < 25 else 10},5" for n in range(30)]
    put("day_20310304.csv", "\n".join(["종목코드,시가,고가,저가,종가,거래량", *rows, "000990,10,8,9,9,5"]) + "\n")
    error = run().files[0].error
    assert "25 rows: 종가 is not a number (row 1: 'x', row 2: 'x'" in error
    assert "row 20: 'x', …)" in error
    assert "1 row: high is below low (row 31)" in error
    report = run(drop_broken=True)
    assert report.files[0].dropped == {"종가 is not a number": 25, "high is below low": 1}
    assert len(out("prices")) == 5


def test_excel_day_numbers_are_dates(run: Any, put: Any, out: Any) -> None:
    put("stock.csv", "날짜,티커,시가,고가,저가,종가,거래량\n47911,000010,1,1,1,1,5\n")
    run(raw=True)
    assert str(out("prices")[0]["date"]) == "2031-03-04"


NAVER = '날짜,종가,전일비,시가,고가,저가,거래량\n2031.03.04,"1,000",하락 10,990,1010,985,"1,234"\n'
YAHOO = "Date,Open,High,Low,Close,Adj Close,Volume\n2031-03-04,990,1010,985,1000,980.5,5\n"
INVESTING = (
    '"날짜","종가","시가","고가","저가","거래량","변동 %"\n"2031- 03- 04","1,000","990","1,010","985","2.5K","1.01%"\n'
)


@pytest.mark.parametrize(("text", "expected"), [
    (NAVER, (1000, 1234, -10)), (YAHOO, (1000, 5, None)), (INVESTING, (1000, 2500, None)),
])  # fmt: skip
def test_tables_of_other_sites_are_read(text: str, expected: tuple[float, ...], run: Any, put: Any, out: Any) -> None:
    put("000010.KS.csv", text)
    assert "--raw" in run().files[0].error
    assert run(raw=True).complete
    row = out("prices")[0]
    assert (row["close"], row["volume"], row["change"]) == expected


def test_english_krx_table_is_read(run: Any, put: Any, out: Any) -> None:
    put(
        "data_20310304.csv",
        "Issue code,Issue name,Market,Close,Change,Fluctuation rate,Open,High,Low,Trading volume,Trading value,"
        "Market cap,Listed shares\n000010,Gana,KOSPI,1000,10,1.01,990,1010,985,5,5000,1000000000,1000000\n",
    )
    assert run().complete
    assert (out("prices")[0]["change_rate"], out("companies")[0]["name"]) == (1.01, "Gana")


def test_table_without_header_and_closes_without_index_are_named(run: Any, put: Any) -> None:
    put("a.csv", "2031-03-04,990,1010,985,1000,5\n")
    put("b.csv", "Date,Close\n2031-03-04,1000\n")
    first, second = run().files
    assert "look like data" in first.error
    assert "which index it is" in second.error
