"""Checks of prices on small markets, each with one fault."""

from __future__ import annotations

import datetime as dt
import pathlib
from typing import Any

from services.preparer.part_inputs import market_rows
from shared.model.calendar import from_day
from shared.quality import docs
from shared.quality.price_checks import PricePart, check_prices
from shared.quality.report import Example, Finding, QualityReport, finding_of, merged
from tests.support.build_in_memory import stored_fields
from tests.support.cases import case_market
from tests.support.markets import raw_market

DAYS = [day for day in (dt.date(2023, 3, 2) + dt.timedelta(n) for n in range(120)) if day.weekday() < 5]
Market = dict[str, list[dict[str, Any]]]


def market(changes: dict[int, dict[str, Any]] | None = None, **company: Any) -> Market:
    """Return two stocks at 1,000 won; rows of the first one are changed by position, `{"skip": True}` drops one."""
    row = {"open": 1000, "high": 1005, "low": 1000, "close": 1000, "volume": 5, "listed_shares": 100}
    prices = []
    for at, day in enumerate(DAYS):
        change = (changes or {}).get(at, {})
        if not change.get("skip"):
            prices.append({**row, **change, "date": day.isoformat(), "stock_code": "000010"})
        prices.append({**row, "date": day.isoformat(), "stock_code": "000020"})
    companies = [
        {"stock_code": "000010", "name": "A", "market": "KOSPI", **company},
        {"stock_code": "000020", "name": "B", "market": "KOSPI"},
    ]
    return {"companies": companies, "prices": prices}


def findings_of(rows: Any) -> dict[str, Finding]:
    raw = raw_market(rows)
    derived = stored_fields(raw)
    part = PricePart(
        days=raw.days, codes=raw.instruments.code, delisted_day=raw.instruments.delisted_day,
        market=market_rows(raw.days, raw.instruments, raw.listings), prices=raw.prices,
        last=derived["last"], split=derived["split"], idle=derived["idle"],
    )  # fmt: skip
    return {found.check: found for found in check_prices(part) if found.count}


def from_row(first: int, **values: Any) -> dict[int, dict[str, Any]]:
    return dict.fromkeys(range(first, len(DAYS)), values)


def test_ordinary_prices_have_no_finding() -> None:
    assert findings_of(market()) == {}


def test_move_beyond_limit_is_found_and_a_split_explains_it() -> None:
    up = {"open": 1320, "high": 1320, "low": 1320, "close": 1320}
    found = findings_of(market({5: up}))
    assert [e.date for e in found["limit_move"].examples] == [DAYS[5].isoformat()]
    assert "limit_move" not in findings_of(market({5: up | {"open": 1300, "close": 1300, "high": 1300, "low": 1300}}))
    doubled = from_row(5, open=2000, high=2005, low=2000, close=2000, listed_shares=50)
    assert set(findings_of(market(doubled))) == {"limit_move", "missing_split", "share_count"}
    doubled[5] = doubled[5] | {"split": 0.5}
    assert findings_of(market(doubled)) == {}


def test_capital_reduction_is_named_with_its_split() -> None:
    found = findings_of(case_market("05"))
    assert found["missing_split"].count == 1
    assert found["missing_split"].examples[0].detail.endswith("suggested split 30:1")


def test_last_rows_before_a_delisting_have_no_limit() -> None:
    gone = DAYS[-1] + dt.timedelta(1)
    last = {len(DAYS) - 3: {"open": 1000, "high": 1005, "low": 400, "close": 400}}
    assert "limit_move" in findings_of(market(last))
    assert "limit_move" not in findings_of(market(last, delisted_on=gone.isoformat()))


def test_cap_off_close_times_shares_is_found() -> None:
    assert findings_of(market({3: {"market_cap": 106_000}}))["cap"].stocks == 1
    assert findings_of(market({3: {"market_cap": 104_000}})) == {}


def test_hole_and_early_end_are_found() -> None:
    hole = findings_of(market({at: {"skip": True} for at in range(10, 40)}))
    assert hole["hole"].examples[0].date == DAYS[40].isoformat()
    short = market(from_row(40, skip=True), delisted_on=DAYS[-1].isoformat())
    assert findings_of(short)["early_end"].examples[0].date == DAYS[39].isoformat()


def test_opens_off_the_tick_grid_are_found() -> None:
    found = findings_of(market({at: {"open": 1000.5} for at in range(0, len(DAYS), 3)}))
    assert found["off_tick"].count == 1
    assert findings_of(market({at: {"open": 1000.5} for at in range(5)})) == {}


def test_one_price_on_twenty_rows_is_found() -> None:
    same = {"high": 1000}
    assert findings_of(market(dict.fromkeys(range(10, 30), same)))["same_price"].count == 1
    assert findings_of(market(dict.fromkeys(range(10, 29), same))) == {}


def test_merged_findings_add_up_and_keep_the_worst() -> None:
    def example(code: str, severity: float) -> Example:
        return Example(stock_code=code, date="2023-03-02", detail="", severity=severity)

    first = finding_of("cap", [example("A", s) for s in range(9)])
    second = finding_of("cap", [example("B", 7.5)])
    (found,) = merged([first, second, finding_of("hole", [])])
    assert (found.check, found.count, found.stocks) == ("cap", 10, 2)
    assert [e.severity for e in found.examples] == [8, 7.5, 7, 6, 5, 4, 3, 2, 1, 0]
    report = QualityReport(revision=1, findings=[found])
    assert [e.severity for e in report.worst(2).findings[0].examples] == [8, 7.5]
    assert (report.counts()["cap"], report.counts()["hole"]) == (10, 0)


def test_reference_page_has_the_declared_checks() -> None:
    page = (pathlib.Path(__file__).parents[3] / docs.PAGE).read_text(encoding="utf-8")
    assert docs.updated(page) == page, "run `python -m shared.quality.docs`"


def test_days_of_the_small_market_are_its_rows() -> None:
    assert [from_day(day) for day in raw_market(market()).days] == DAYS
