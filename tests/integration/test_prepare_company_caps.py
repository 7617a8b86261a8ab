"""Company caps of instruments in different parts: every way of building gives the version of a build from nothing."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model.fields import PART
from shared.settings import Settings
from tests.integration.test_prepare import manifest_of, preparer_of, version_in_memory
from tests.support.loading import load

COMMON, PREFERRED, NEXT_YEAR = "000110", "000115", "2023-01-02"
DATES = ("2022-12-28", "2022-12-29", NEXT_YEAR, "2023-01-03")
FILLERS = tuple(f"9{n:04d}0" for n in range(PART + 3))


def price(code: str, date: str, close: float) -> dict[str, Any]:
    bar = {"open": close, "high": close, "low": close, "close": close, "volume": 10, "listed_shares": 1000}
    return {"stock_code": code, "date": date} | bar


def company(code: str, **more: Any) -> dict[str, Any]:
    return {"stock_code": code, "name": code, "market": "KOSPI", "issuer": None, "delisted_on": None} | more


def market(**more: Any) -> dict[str, Any]:
    """A common share in the first part, its preferred share in the second one, and instruments that fill the first."""
    traded = (COMMON, FILLERS[0], PREFERRED)
    statement = {"stock_code": COMMON, "fiscal_year": 2021, "fiscal_quarter": 4, "period_end": "2021-12-31"}
    return {
        "companies": [company(code) for code in (COMMON, *FILLERS, PREFERRED)],
        "prices": [price(code, date, 100.0 + at) for code in traded for at, date in enumerate(DATES)],
        "financials": [statement | {"disclosed_on": "2022-03-20", "net_income": 1e4, "total_equity": 1e5}],
    } | more


def changed(market: dict[str, Any], table: str, code: str, **values: Any) -> dict[str, Any]:
    """The market with other values in the rows of one stock; `date` chooses one row."""
    date = values.pop("date", None)
    rows = [
        row | values if row["stock_code"] == code and date in {None, row.get("date")} else row for row in market[table]
    ]
    return market | {table: rows}


CHANGES = {
    "price": changed(market(), "prices", PREFERRED, date="2022-12-29", listed_shares=2000),
    "price of this year": changed(market(), "prices", PREFERRED, date=NEXT_YEAR, listed_shares=2000),
    "issuer": changed(market(), "companies", PREFERRED, issuer="another company"),
    "delisting": changed(
        market(prices=[p for p in market()["prices"] if p["stock_code"] != PREFERRED or p["date"] < NEXT_YEAR]),
        "companies", PREFERRED, delisted_on=NEXT_YEAR,
    ),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_a_sibling_rebuilds_its_company(settings: Settings, change: str) -> None:
    after = CHANGES[change]
    before = market(prices=after["prices"]) if change == "delisting" else market()
    async with preparer_of(settings) as preparer:
        await load(settings, before)
        assert (await preparer.prepare()).version == version_in_memory(before)[0]
        first = await manifest_of(preparer.context)
        await load(settings, after)
        assert (await preparer.prepare()).version == version_in_memory(after)[0]
        second = await manifest_of(preparer.context)
    year = "2022" if change in {"price", "issuer"} else "2023"
    assert first.content.chunks["PER"][year][0] != second.content.chunks["PER"][year][0]


async def test_a_sibling_listed_later_counts_from_its_first_trade(settings: Settings) -> None:
    whole = market()
    early = [p for p in whole["prices"] if p["stock_code"] != PREFERRED]
    late = [p for p in whole["prices"] if p["stock_code"] != PREFERRED or p["date"] >= NEXT_YEAR]
    async with preparer_of(settings) as preparer:
        await load(settings, market(prices=early, companies=whole["companies"][:-1]))
        await preparer.prepare()
        first = await manifest_of(preparer.context)
        await load(settings, market(prices=late))
        assert (await preparer.prepare()).version == version_in_memory(market(prices=late))[0]
        second = await manifest_of(preparer.context)
    assert first.content.chunks["PER"]["2022"][0] == second.content.chunks["PER"]["2022"][0]
    assert first.content.chunks["PER"]["2023"][0] != second.content.chunks["PER"]["2023"][0]
