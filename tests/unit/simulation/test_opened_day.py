"""A day of which only the opens are known is filled like the day's row at its open."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import numpy as np

from shared.model.calendar import from_day, to_day
from shared.simulation import canonical_request, request_of
from shared.simulation.engine import simulate_days
from shared.simulation.lookahead_audit import CutPanels
from shared.simulation.opened_day import OpenedPanels, marked_quotes, opened_panels
from shared.simulation.structures import REASONS
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import DAYS, market, request
from tests.unit.simulation.test_engine_laws import random_runs

SETTLED = {REASONS.index(name) for name in ("delisted", "corporate_action")}
Fill = tuple[int, int, float, float, float, float]


def opens_of(panels: Any, row: int) -> np.ndarray:
    """The opens of a row; 0 where the stock does not trade."""
    rows = slice(row, row + 1)
    opened, volume = panels.panel("open", rows)[0], panels.panel("volume", rows)[0]
    return np.where((opened > 0) & (volume > 0), opened, 0.0)


def fills(run: Any, row: int, opens: np.ndarray) -> list[Fill]:
    """The fills of a row at its opens: (column, reason, shares, price, commission, tax)."""
    found = [
        (int(t["col"]), int(t["reason"]), *(float(t[name]) for name in ("shares", "price", "commission", "tax")))
        for t in run.ledger.trades[run.ledger.trades["row"] == row]
        if int(t["reason"]) not in SETTLED and t["reference"] == opens[t["col"]]
    ]
    return sorted(found)


def test_opens_fill_what_the_row_fills_at_its_open() -> None:
    compared = 0
    for world, body, outcome in random_runs():
        asked = canonical_request(request_of(body))
        if asked.execution.price != "open":
            continue
        asked = msgspec.structs.replace(asked, benchmark=None)
        panels = panels_of(world)
        whole, _ = simulate_days(asked, panels)
        dates = [point["date"] for point in outcome.result["equity"]]
        for date in dates[1::2]:
            day = to_day(dt.date.fromisoformat(date))
            row = int(panels.days.searchsorted(day))
            left = panels.instruments.delisted_day - day
            if (panels.panel("split", slice(row, row + 1))[0] != 1).any() or ((left > 0) & (left < 40)).any():
                continue  # quotes say nothing of a split; a delisting may be announced with the row
            opens = opens_of(panels, row)
            extended = OpenedPanels(CutPanels(panels, row), day, opens, f"row-{row}")
            run, _ = simulate_days(msgspec.structs.replace(asked, end=from_day(day)), extended)
            expected = fills(whole, row, opens)
            assert fills(run, row, opens) == expected
            compared += len(expected)
    assert compared > 100


def test_marks_follow_the_rule_book_of_the_market() -> None:
    """30 % around 10,000 won is 7,000 to 13,000; from 5,000 to 20,000 won a tick is 10 won."""
    bars = market({"A": [10_000] * 4, "B": [10_000] * 4, "C": [10_000] * 4, "D": [10_000] * 4})
    panels, day = panels_of(bars), to_day(dt.date(2024, 1, 10))
    quotes = {"A": 13_000.0, "B": 13_010.0, "C": 10_005.0, "D": None, "unknown": 1.0}
    found = [(quote.stock_code, quote.mark, quote.lower, quote.upper) for quote in marked_quotes(panels, day, quotes)]
    assert found == [("B", "beyond_limits", 7_000, 13_000), ("C", "off_tick", 7_000, 13_000)]


def test_a_stock_without_a_quote_opens_at_its_last_close() -> None:
    panels = panels_of(market({"A": [100, 110], "B": [200, None]}))
    day = int(panels.days[-1]) + 1
    extended = OpenedPanels(panels, day, np.array([np.nan, np.nan]), "test")
    rows = slice(len(panels.days), len(panels.days) + 1)
    assert extended.panel("open", rows)[0].tolist()[0] == 110
    assert np.isnan(extended.panel("open", rows)[0, 1])
    assert extended.panel("idle", rows)[0].tolist() == [0, 2]
    halted = OpenedPanels(panels, day, np.array([0.0, 205.0]), "halted")
    assert halted.panel("last", rows)[0].tolist() == [110, 205]
    assert halted.panel("idle", rows)[0].tolist() == [1, 0]


def test_closes_are_not_those_of_the_opened_day() -> None:
    """A purchase at the quoted open, and equity at that open."""
    panels = panels_of(market({"A": [100, 100, 100]}))
    day = int(panels.days[-1]) + 1
    body = request(buy={"rank_by": "raw_close"}, portfolio={"max_positions": 1}, start=DAYS[2], end=DAYS[2])
    asked = msgspec.structs.replace(canonical_request(request_of(body)), start=from_day(day), end=from_day(day))
    extended, _ = opened_panels(panels, day, 1, {"A": 110.0})
    run, _ = simulate_days(asked, extended)
    trade = run.ledger.trades[0]
    assert (float(trade["price"]), float(run.ledger.equity[-1])) == (110.0, 100_000.0)
