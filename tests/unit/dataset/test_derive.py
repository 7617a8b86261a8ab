"""Splits, carried values and views, worked by hand."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest

from shared.model.fields import NEVER_TRADED, PART
from tests.support.markets import panels_of

START = dt.date(2023, 3, 2)


def market(*rows: dict[str, Any], code: str = "A", market: str = "KOSPI", **company: Any) -> dict[str, Any]:
    """One stock; a row is a day, an empty row is a day that only the other stock Z has."""
    prices = []
    for offset, row in enumerate(rows):
        date = (START + dt.timedelta(days=offset)).isoformat()
        prices.append({"date": date, "stock_code": "Z", "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1})
        if row:
            prices.append({"date": date, "stock_code": code} | row)
    companies = [
        {"stock_code": code, "name": code, "market": market} | company,
        {"stock_code": "Z", "name": "Z", "market": "KOSPI"},
    ]
    return {"prices": prices, "companies": companies}


def day(close: float | None, volume: float = 100, **more: Any) -> dict[str, Any]:
    traded = volume > 0
    return {"open": close if traded else None, "high": close if traded else None, "low": close if traded else None,
            "close": close, "volume": volume} | more  # fmt: skip


def column(data: dict[str, Any], field: str) -> list[float]:
    panels = panels_of(data, ())
    return [float(v) for v in panels.panel(field, slice(0, len(panels.days)))[:, 0]]


def same(found: list[float], expected: list[float | None]) -> bool:
    return np.array_equal(found, [math.nan if e is None else e for e in expected], equal_nan=True)


def test_a_loaded_split_wins_over_change() -> None:
    data = market(day(1000), day(500, split=2, change=0, change_rate=50))
    assert column(data, "split") == [1, 2]
    assert column(data, "adjust") == [1, 2]


def test_a_change_gives_the_base_price_and_the_split() -> None:
    assert column(market(day(1000), day(510, change=10)), "split") == [1, 2]
    assert column(market(day(1000), day(1010, change=10)), "split") == [1, 1]


def test_a_split_within_half_a_percent_of_one_is_exactly_one() -> None:
    assert column(market(day(1005), day(1000, change=0)), "split") == [1, 1]
    assert column(market(day(995), day(1000, change=0)), "split") == [1, 1]
    assert column(market(day(1006), day(1000, change=0)), "split") == [1, 1.006]


def test_a_change_rate_gives_a_base_on_the_nearest_tick() -> None:
    # 10,490 / 1.0492 = 9,998.1 -> 10,000 with a tick of 10; before 2023-01-25 too
    assert column(market(day(20000), day(10490, change_rate=4.92)), "split") == [1, 2]


def test_change_wins_over_change_rate() -> None:
    assert column(market(day(1000), day(510, change=10, change_rate=2000)), "split") == [1, 2]


def test_without_a_close_or_an_earlier_close_a_derived_split_is_one() -> None:
    assert column(market(day(500, change=-500), day(None, volume=0, change=3)), "split") == [1, 1]


def test_a_loaded_split_counts_on_a_row_without_close() -> None:
    data = market(day(1000), day(None, volume=0, split=5), {}, day(210))
    assert column(data, "split") == [1, 5, 1, 1]
    assert column(data, "last") == [1000, 200, 200, 210]
    assert column(data, "adjust") == [1, 5, 5, 5]


def test_a_split_on_the_first_row_is_none() -> None:
    data = market({}, day(None, volume=0, split=3), day(1000, split=7), day(500, split=2))
    assert column(data, "split") == [1, 1, 1, 2]
    assert column(data, "adjust") == [1, 1, 1, 2]
    assert column(data, "idle") == [NEVER_TRADED, NEVER_TRADED, 0, 0]
    assert same(column(data, "last"), [None, None, 1000, 500])


def test_a_close_is_carried_for_sixty_rows_and_no_more() -> None:
    data = market(day(1000), *[{}] * 61, day(900))
    found = column(data, "close") if False else column(data, "view_close")
    assert found[:61] == [1000] * 61
    assert math.isnan(found[61])
    assert found[62] == 900
    assert column(data, "last")[61] == 1000
    assert math.isnan(column(data, "adj_close")[61])


def test_rows_without_trading_show_the_carried_close_and_no_volume() -> None:
    data = market(day(1000, volume=50, trading_value=5), day(900, volume=0, open=0, high=0, low=0, trading_value=7), {})
    assert column(data, "view_open") == [1000, 1000, 1000]
    assert column(data, "view_volume") == [50, 0, 0]
    assert column(data, "view_trading_value") == [5, 0, 0]


def test_adjusted_views_are_on_the_basis_of_the_first_row() -> None:
    data = market(day(1000, volume=10), day(500, volume=40, split=2, high=520))
    assert column(data, "adj_close") == [1000, 1000]
    assert column(data, "adj_high") == [1000, 1040]
    assert column(data, "adj_volume") == [10, 20]
    assert column(data, "view_high") == [1000, 520]


def test_cap_falls_back_to_close_times_listed_shares_and_is_carried_without_trading() -> None:
    data = market(
        day(1000, listed_shares=7), day(1000, market_cap=9000, listed_shares=7), day(None, volume=0), {}, day(1100)
    )
    assert same(column(data, "cap"), [7000, 9000, 9000, 9000, None])


def test_cap_is_carried_for_sixty_rows() -> None:
    found = column(market(day(1000, listed_shares=7), *[{}] * 61), "cap")
    assert found[:61] == [7000] * 61
    assert math.isnan(found[61])


def test_carried_shares_are_multiplied_by_the_splits_since() -> None:
    data = market(day(1000, listed_shares=7), day(None, volume=0, split=5), {}, day(200))
    assert same(column(data, "shares"), [7, 35, 35, None])
    assert same(column(data, "view_listed_shares"), [7, 35, 35, None])


def test_nothing_is_left_from_the_day_of_delisting_on() -> None:
    data = market(day(1000, listed_shares=7), {}, {}, delisted_on=(START + dt.timedelta(days=2)).isoformat())
    for view in ("adj_close", "view_close", "view_volume", "adj_volume", "cap", "view_listed_shares"):
        found = column(data, view)
        assert not math.isnan(found[1])
        assert math.isnan(found[2])


@pytest.mark.parametrize("seed", range(3))
def test_columns_do_not_know_of_each_other_and_a_stored_split_gives_the_same_bits(seed: int) -> None:
    from shared.dataset.derive import derive_rows
    from shared.model.calendar import NO_DAY
    from shared.model.market_data import PRICE_COLUMNS

    random = np.random.default_rng(seed)
    rows, n = 130, PART // 8
    prices = {
        name: np.where(random.random((rows, n)) < 0.3, np.nan, random.integers(0, 2000, (rows, n)))
        for name in PRICE_COLUMNS
    }
    prices["split"] = np.where(random.random((rows, n)) < 0.95, np.nan, random.choice([0.5, 2.0, 1.7], (rows, n)))
    days = np.arange(19000, 19000 + rows, dtype=np.int32)
    gone = np.where(random.random(n) < 0.8, NO_DAY, 19100).astype(np.int32)

    def derive(prices: dict[str, np.ndarray], gone: np.ndarray) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        return derive_rows(days, gone, prices, lambda price, columns, on: np.round(price))

    whole = derive(prices, gone)
    part = derive({k: v[:, 5:17] for k, v in prices.items()}, gone[5:17])
    again = derive(
        prices
        | {"split": whole["split"], "change": prices["change"] * np.nan, "change_rate": prices["change"] * np.nan},
        gone,
    )
    for name, values in whole.items():
        assert np.ascontiguousarray(values[:, 5:17]).tobytes() == part[name].tobytes()
        assert values.tobytes() == again[name].tobytes(), name
    cut = derive_rows(
        days[:70], gone, {k: v[:70] for k, v in prices.items()}, lambda price, columns, on: np.round(price)
    )
    for name, values in whole.items():
        assert values[:70].tobytes() == cut[name].tobytes()
