"""Splits, carried values and views, worked by hand."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

import numpy as np
import pytest

from shared.dataset.derive import derive_rows
from shared.dataset.splits import nearest_ratios
from shared.model.calendar import NO_DAY
from shared.model.fields import NEVER_TRADED, PART
from shared.model.market_data import PRICE_COLUMNS
from tests.support.markets import panels_of
from tests.unit.dataset import slow_derive

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


def test_derived_split_is_one_without_two_closes() -> None:
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
    found = column(data, "view_close")
    assert found[:61] == [1000] * 61
    assert math.isnan(found[61])
    assert found[62] == 900
    assert column(data, "last")[61] == 1000
    assert math.isnan(column(data, "adj_close")[61])


def test_rows_without_trading_have_the_carried_close() -> None:
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


def test_cap_falls_back_to_close_times_shares_and_is_carried() -> None:
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


def test_a_stated_split_near_a_small_ratio_is_that_ratio() -> None:
    assert column(market(day(1000), day(7000, split=0.142857)), "split") == [1, 1 / 7]
    assert column(market(day(7000), day(1000, split=6.9999993)), "split") == [1, 7]
    assert column(market(day(1000), day(950, split=1.0526)), "split") == [1, 1.0526]
    assert column(market(day(1000), day(971, split=1.03)), "split") == [1, 1.03]
    assert column(market(day(1000), day(1200, split=0.83333333)), "split") == [1, 5 / 6]


def test_the_nearest_of_two_ratios_wins() -> None:
    ratios = [p / q for p in range(1, 101) for q in range(1, 101) if min(p, q) <= 10]
    stated = np.array([r * (1 + e) for r in ratios for e in (-2e-5, -9e-6, 0, 4e-6, 9e-6, 2e-5)])
    assert nearest_ratios(stated).tolist() == [slow_derive.nearest_ratio(s) for s in stated.tolist()]


def test_a_row_with_volume_but_no_open_is_a_row_without_trading() -> None:
    data = market(day(1000), {"open": None, "high": None, "low": None, "close": 1100, "volume": 5, "change": 600})
    assert column(data, "idle") == [0, 1]
    assert column(data, "last") == [1000, 1000]
    assert column(data, "split") == [1, 1]


def test_rows_from_the_day_of_delisting_on_are_ignored() -> None:
    data = market(
        day(1000), day(None, volume=0, split=5, market_cap=9), delisted_on=(START + dt.timedelta(days=1)).isoformat()
    )
    assert column(data, "split") == [1, 1]
    assert column(data, "last") == [1000, 1000]
    assert same(column(data, "market_cap"), [None, None])


def test_a_day_on_which_no_stock_trades_is_no_row() -> None:
    data = market(day(1000), day(500, volume=0, split=2), day(1010))
    data["prices"] = [p for p in data["prices"] if p["stock_code"] == "A"]
    panels = panels_of(data, ())
    assert len(panels.days) == 2
    assert column(data, "split") == [1, 1]


def random_stock(rng: random.Random, rows: int) -> list[dict[str, float]]:
    """Loaded rows of a stock with halts, splits stated in every way, and caps; {} is a missing row."""
    basis = rng.choice(("split", "change", "change_rate", "none"))
    found: list[dict[str, float]] = []
    halt, price = 0, float(rng.randrange(500, 5000))
    for _ in range(rows):
        if halt == 0 and rng.random() < 0.05:
            halt = rng.choice((1, 2, 5, 61, 62, 70))
        ratio = rng.choice((2.0, 0.5, 1.5, 0.1428571, 1.0333)) if rng.random() < 0.04 else 1.0
        row: dict[str, float] = {}
        if halt > 0:
            halt -= 1
            if rng.random() < 0.7:
                row = {"volume": 0.0, "close": price, "open": rng.choice((0.0, price))}
                row |= {"split": ratio} if ratio != 1 else {}
        else:
            base = max(round(price / ratio), 1.0)
            price = max(round(base * rng.uniform(0.8, 1.2)), 1.0)
            row = {"volume": float(rng.randrange(1, 9)), "open": base, "high": max(base, price), "close": price}
            if basis == "split" and ratio != 1:
                row["split"] = ratio
            elif basis == "change":
                row["change"] = price - base
            elif basis == "change_rate":
                row["change_rate"] = round((price / base - 1) * 100, 2)
        if row and rng.random() < 0.5:
            row["listed_shares"] = float(rng.randrange(100, 200))
        if row and rng.random() < 0.2:
            row["market_cap"] = float(rng.randrange(100_000, 200_000))
        found.append(row)
    return found


def derived(stocks: list[list[dict[str, float]]], delisted: list[int | None]) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
    rows = len(stocks[0])
    prices = {
        name: np.array([[stock[row].get(name, math.nan) for stock in stocks] for row in range(rows)])
        for name in PRICE_COLUMNS
    }
    days = np.arange(19000, 19000 + rows, dtype=np.int32)
    gone = np.array([NO_DAY if at is None else 19000 + at for at in delisted], np.int32)
    return derive_rows(days, gone, prices, lambda price, columns, on: np.floor(price + 0.5))


@pytest.mark.parametrize("seed", range(6))
def test_derived_rows_equal_a_plain_loop(seed: int) -> None:
    rng = random.Random(seed)
    stocks = [random_stock(rng, 260) for _ in range(12)]
    delisted = [rng.choice((None, None, rng.randrange(100, 260))) for _ in stocks]
    found = derived(stocks, delisted)
    for column_, (stock, gone) in enumerate(zip(stocks, delisted, strict=True)):
        for row, slow in enumerate(slow_derive.derive(stock, delisted_row=gone)):
            for name in ("split", "adjust", "last", "idle", "cap", "shares", "close", "volume"):
                assert np.array_equal(found[name][row, column_], getattr(slow, name), equal_nan=True), (name, row)


def spelled(rows: list[dict[str, float]], spelling: str) -> list[dict[str, float]]:
    """The same stock with every row without trading written in one way; what they state is left out."""
    found: list[dict[str, float]] = []
    close = 0.0
    for row in rows:
        if row.get("volume", 0) > 0 and row.get("open", 0) > 0:
            close = row["close"]
            found.append(row)
        elif spelling == "missing":
            found.append({})
        elif spelling == "repeated":
            found.append({"open": close, "high": close, "low": close, "close": close, "volume": 0.0, "change": 0.0})
        else:
            found.append({"close": 0.0, "volume": 0.0, "trading_value": 7.0} if spelling == "zero" else {"volume": 0.0})
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_halt_gives_the_same_rows_however_it_is_written(seed: int) -> None:
    rng = random.Random(seed)
    stocks = [random_stock(rng, 200) for _ in range(8)]
    nothing: list[int | None] = [None] * len(stocks)
    missing, *others = (
        derived([spelled(stock, spelling) for stock in stocks], nothing)
        for spelling in ("missing", "repeated", "zero", "null")
    )
    for other in others:
        assert {name: values.tobytes() for name, values in other.items()} == {
            name: values.tobytes() for name, values in missing.items()
        }


@pytest.mark.parametrize("seed", range(3))
def test_rows_depend_on_their_column_and_earlier_rows_only(seed: int) -> None:
    rng = random.Random(seed)
    stocks = [random_stock(rng, 130) for _ in range(PART // 8)]
    delisted = [rng.choice((None, None, None, 100)) for _ in stocks]
    whole = derived(stocks, delisted)
    part = derived(stocks[5:17], delisted[5:17])
    cut = derived([stock[:70] for stock in stocks], delisted)
    for name, values in whole.items():
        assert np.ascontiguousarray(values[:, 5:17]).tobytes() == part[name].tobytes()
        assert values[:70].tobytes() == cut[name].tobytes()


@pytest.mark.parametrize("first_loaded_row", [0, 1, 64, 130])
def test_stored_rows_instead_of_loaded_ones_are_bit_equal(first_loaded_row: int) -> None:
    rng = random.Random(first_loaded_row)
    stocks = [random_stock(rng, 130) for _ in range(20)]
    stocks[0][40] = {"open": 600.0, "close": 600.0, "volume": 1.0, "change": 99.9995}  # not a loaded split near 2
    loaded = {
        name: np.array([[stock[row].get(name, math.nan) for stock in stocks] for row in range(130)])
        for name in PRICE_COLUMNS
    }
    days, gone = np.arange(19000, 19130, dtype=np.int32), np.full(20, NO_DAY, np.int32)

    def derive(prices: dict[str, np.ndarray], first: int) -> dict[str, np.ndarray]:  # type: ignore[type-arg]
        return derive_rows(days, gone, prices, lambda price, columns, on: np.round(price), first_loaded_row=first)

    whole = derive(loaded, 0)
    mixed = {name: values.copy() for name, values in loaded.items()}
    for name in PRICE_COLUMNS:
        mixed[name][:first_loaded_row] = whole[name][:first_loaded_row] if name in whole else math.nan
    again = derive(mixed, first_loaded_row)
    for name, values in whole.items():
        assert values.tobytes() == again[name].tobytes(), name
