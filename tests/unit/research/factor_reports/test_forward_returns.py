"""Forward returns of random markets equal the plain loop of one share; hand-worked dividends, splits and delistings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from shared.research.factor_reports import forward_returns as module
from shared.research.factor_reports.forward_returns import Exit, entries, forward_returns, return_orders
from tests.reference import factor_reports as plain
from tests.reference.market import read
from tests.support.markets import panels_of
from tests.support.random_markets import random_market

STATES = {
    module.ENTERED: "entered", module.HALTED: "halted", module.LIMIT_UP: "limit_up", module.LIQUIDATION: "liquidation",
    module.NO_ROW: "not_ended",
}  # fmt: skip
RULES = (
    Exit(), Exit(delisting="last_price"), Exit(delisting="haircut", delisting_haircut_pct=30.0), Exit(delisting="zero"),
    Exit(stale_haircut_pct=50.0),
)  # fmt: skip


@pytest.mark.parametrize("seed", range(24))
def test_returns_and_entries_equal_the_plain_loop(seed: int) -> None:
    market = random_market(seed)
    panels, reference = panels_of(market), read(market)
    rows, rule = slice(0, len(panels.days)), RULES[seed % len(RULES)]
    states = entries(panels, rows)
    for horizon in (1, 3, 20):
        found = forward_returns(panels, rows, horizon, rule)
        for stock in reference.stocks:
            column = panels.instruments.ordinal[stock.code]
            for row in range(rows.stop):
                assert STATES[int(states[row, column])] == plain.entry_state(reference, stock, row), (stock.code, row)
                expected = plain.forward_return(reference, stock, row, horizon, asdict(rule))
                got = float(found[row, column])
                if expected is None:
                    assert np.isnan(got), (stock.code, row, horizon)
                else:
                    assert got == pytest.approx(expected, rel=2e-7, abs=1e-7), (stock.code, row, horizon)


def test_random_markets_have_every_case() -> None:
    seen: set[str] = set()
    ended = 0
    for seed in range(24):
        reference = read(random_market(seed))
        for stock in reference.stocks:
            seen |= {plain.entry_state(reference, stock, row) for row in range(len(reference.days))}
            ended += stock.delisted_on is not None and stock.delisted_on <= reference.days[-1]
    assert seen == set(STATES.values())
    assert ended > 5


@pytest.mark.parametrize("seed", [2, 9])
def test_a_horizon_and_a_range_do_not_change_others(seed: int) -> None:
    panels = panels_of(random_market(seed, rows=350))
    whole = forward_returns(panels, slice(0, 350), 5, Exit())
    part = forward_returns(panels_of(random_market(seed, rows=350)), slice(120, 200), 5, Exit())
    np.testing.assert_array_equal(whole[120:200], part)
    forward_returns(panels, slice(0, 350), 60, Exit())
    np.testing.assert_array_equal(forward_returns(panels, slice(0, 350), 5, Exit()), whole)


def test_orders_ascend_and_leave_out_what_is_absent() -> None:
    panels = panels_of(random_market(4))
    rows = slice(0, len(panels.days))
    returns, orders = forward_returns(panels, rows, 2, Exit()), return_orders(panels, rows, 2, Exit())
    for row in range(rows.stop):
        columns = [column for column in orders[row].tolist() if column != 0xFFFF]
        assert sorted(columns) == np.flatnonzero(np.isfinite(returns[row])).tolist()
        assert (np.diff(returns[row][columns]) >= 0).all()


def small(prices: list[dict[str, Any]], **company: Any) -> dict[str, Any]:
    """Return a market of one stock and one that trades on each day."""
    days = [f"2024-03-{day:02d}" for day in (4, 5, 6, 7, 8, 11, 12, 13, 14, 15)]
    steady = {"open": 100, "high": 100, "low": 100, "close": 100, "volume": 10}
    lines = [{"date": day, "stock_code": "000020"} | steady for day in days]
    given = [{"date": day, "stock_code": "000010"} | line for day, line in zip(days, prices, strict=False)]
    companies = [{"stock_code": "000010", "name": "A", "market": "KOSPI"} | company,
                 {"stock_code": "000020", "name": "B", "market": "KOSPI"}]  # fmt: skip
    return {"prices": lines + given, "companies": companies}


def bar(price: float, **more: Any) -> dict[str, Any]:
    """Return a traded row at one price."""
    return {"open": price, "high": price, "low": price, "close": price, "volume": 10} | more


def test_a_split_and_a_dividend_are_part_of_the_return() -> None:
    prices = [bar(1000), bar(1000), bar(520, split=2), bar(510), bar(500)]
    dividends = [{"stock_code": "000010", "ex_date": "2024-03-07", "dps": 10}]
    panels = panels_of(small(prices) | {"dividends": dividends})
    column = panels.instruments.ordinal["000010"]
    found = forward_returns(panels, slice(0, 3), 2, Exit())[:, column]
    # 1,000 won become two shares of 510 won and two dividends of 10 won
    assert found[0] == pytest.approx(2 * (510 + 10) / 1000 - 1)
    # bought after the split at 520 won, before the ex-date: 500 + 10
    assert found[1] == pytest.approx((500 + 10) / 520 - 1)
    # bought at the open of the ex-date: no dividend; valued at the last close where it does not trade any more
    assert found[2] == pytest.approx(500 / 510 - 1)


@pytest.mark.parametrize(
    ("rule", "kept"),
    [(Exit(), 1.0), (Exit(delisting="last_price"), 1.0), (Exit(delisting="zero"), 0.0),
     (Exit(delisting="haircut", delisting_haircut_pct=25.0), 0.75)],
)  # fmt: skip
def test_a_delisting_ends_the_return_by_its_rule(rule: Exit, kept: float) -> None:
    panels = panels_of(small([bar(1000), bar(1000), bar(900), bar(800)], delisted_on="2024-03-11"))
    column = panels.instruments.ordinal["000010"]
    found = forward_returns(panels, slice(0, 3), 5, rule)[:, column]
    assert found[0] == pytest.approx(0.8 * kept - 1)
    assert found[1] == pytest.approx(800 * kept / 900 - 1)


def test_an_open_at_the_upper_limit_is_no_entry() -> None:
    panels = panels_of(small([bar(1000), bar(1300), bar(1689), bar(1680)]))
    column = panels.instruments.ordinal["000010"]
    assert entries(panels, slice(0, 3))[:, column].tolist() == [module.LIMIT_UP, module.ENTERED, module.ENTERED]
