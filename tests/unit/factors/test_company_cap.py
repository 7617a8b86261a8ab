"""Company caps: which instruments count, from when to when, and that parts of a market give the caps of the whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.factors.company_cap import company_caps, issuer_groups
from shared.model.fields import NEVER_TRADED
from tests.support.markets import panels_of
from tests.unit.factors.random_raw import inputs_of, random_raw

DATES = ("2023-03-02", "2023-03-03", "2023-03-06", "2023-03-07")


def company(code: str, market: str = "KOSPI", **more: Any) -> dict[str, Any]:
    return {"stock_code": code, "name": code, "market": market} | more


def price(code: str, date: str, close: float = 100, shares: float | None = 10, **more: Any) -> dict[str, Any]:
    bar = {"open": close, "high": close, "low": close, "close": close, "volume": 1, "listed_shares": shares}
    return {"stock_code": code, "date": date} | bar | more


def caps(companies: list[dict[str, Any]], prices: list[dict[str, Any]]) -> dict[str, list[float | None]]:
    panels = panels_of({"companies": companies, "prices": prices}, [])
    values = panels.panel("company_cap", slice(0, len(panels.days)))
    return {
        code: [None if np.isnan(v) else float(v) for v in values[:, column]]
        for column, code in enumerate(panels.instruments.code)
    }


def of(code: str, dates: tuple[str, ...] = DATES, **more: Any) -> list[dict[str, Any]]:
    return [price(code, date, **more) for date in dates]


def test_codes_that_differ_in_the_last_character_are_one_company() -> None:
    found = caps(
        [company("000110"), company("000115"), company("000210")], [*of("000110"), *of("000115"), *of("000210")]
    )
    assert found == {"000110": [2000] * 4, "000115": [2000] * 4, "000210": [1000] * 4}


@pytest.mark.parametrize(("code", "market"), [("00011", "KOSPI"), ("000115", "NASDAQ")])
def test_other_codes_and_markets_are_companies_of_their_own(code: str, market: str) -> None:
    found = caps([company("000110"), company(code, market)], [*of("000110"), *of(code)])
    assert found[code] == found["000110"] == [1000] * 4


def test_a_loaded_issuer_joins_and_parts() -> None:
    companies = [company("000110", issuer="one"), company("000115", issuer="two"), company("000990", issuer="one")]
    found = caps(companies, [*of("000110"), *of("000115"), *of("000990")])
    assert found == {"000110": [2000] * 4, "000115": [1000] * 4, "000990": [2000] * 4}


def test_an_instrument_counts_from_first_trade_to_delisting() -> None:
    halted = price("000115", DATES[0], volume=0)
    companies = [company("000110"), company("000115", delisted_on=DATES[3])]
    found = caps(companies, [*of("000110"), halted, *of("000115", DATES[1:3])])
    assert found == {"000110": [1000, 2000, 2000, 1000], "000115": [None, 2000, 2000, None]}


def test_a_company_cap_is_absent_where_one_instrument_has_no_cap() -> None:
    prices = [*of("000110"), *of("000115", DATES[:1]), *of("000115", DATES[1:], shares=None)]
    assert caps([company("000110"), company("000115")], prices)["000110"] == [2000, None, None, None]


def test_a_sum_has_the_order_of_codes_whatever_the_columns_are() -> None:
    days, gone = np.arange(3, dtype=np.int32), np.full(3, 99, np.int32)
    cap, idle = np.array([[0.1, 0.2, 0.3]] * 3), np.zeros((3, 3), np.uint16)
    idle[0] = NEVER_TRADED
    one = company_caps([(0, 1, 2)], days, gone, cap, idle)
    other = company_caps([(2, 1, 0)], days, gone, np.ascontiguousarray(cap[:, ::-1]), idle)
    assert one[1, 0] == other[1, 0] == 0.1 + 0.2 + 0.3
    assert np.isnan(one[0]).all()


@pytest.mark.parametrize("seed", range(4))
def test_columns_of_siblings_alone_give_the_caps_of_the_market(seed: int) -> None:
    raw = random_raw(seed, 120, 16)
    inputs = inputs_of(raw)
    groups = issuer_groups(raw.instruments)
    assert len(groups) >= 3
    for group in groups:
        own = [int(column) for column in group]
        part = company_caps(
            [tuple(range(len(own)))], inputs.days, inputs.delisted_day[own], inputs.cap[:, own], inputs.idle[:, own]
        )
        assert part.tobytes() == np.ascontiguousarray(inputs.company_cap[:, own]).tobytes()
