"""What each cause of a difference made, worked by hand, and as a law over random markets with injected restatements."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest

from shared.dataset.memory_panels import MemoryPanels
from shared.model.calendar import from_day, to_day
from shared.model.request import BacktestRequest
from shared.simulation import canonical_request, request_of
from shared.simulation.engine import ENGINE_VERSION, simulate_days
from shared.simulation.next_day import decide_next_day
from shared.simulation.restatement.attribution import Inputs, attribute
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import DAYS, market, request

A, B = "000010", "000020"
HIGHEST = {"buy": {"rank_by": "raw_close"}, "portfolio": {"max_positions": 1}}
UNTIL = to_day(dt.date.fromisoformat(DAYS[3]))
OLD_A: list[Any] = [100, 100, 100, 120]
OLD_B: list[Any] = [90, 90, 90, 99]
RAISED = (90, 110, 90, 110)


def panels(a: list[Any], b: list[Any], **tables: Any) -> MemoryPanels:
    return panels_of(market({A: a, B: b}, **tables), ())


def asked(**changes: Any) -> BacktestRequest:
    return canonical_request(request_of(request(**{**HIGHEST, "end": DAYS[3], **changes})))


def ledger(old: MemoryPanels | None, new: MemoryPanels, stored: float, **given: Any) -> dict[str, Any]:
    before = given.pop("before", asked())
    inputs = Inputs(
        request_before=before, request_now=given.pop("now", before), old=old, new=new, until=UNTIL,
        engine_before=given.pop("engine", ENGINE_VERSION), **given,
    )  # fmt: skip
    return attribute(inputs, stored_equity=stored, day=None, orders=(), fills=())


def wons(found: dict[str, Any]) -> dict[str, float]:
    return {cause["cause"]: cause["won"] for cause in found["causes"]}


def test_restated_closes_are_named_with_what_each_made() -> None:
    """1,000 shares of A are 120,000; at 130 they are 130,000. B's close of 110 makes it 1,111 shares of B at 90."""
    new = panels([100, 100, 100, (100, 130, 100, 130)], [RAISED, *OLD_B[1:]])
    found = ledger(panels(OLD_A, OLD_B), new, 120_000)
    assert found["causes"] == [
        {
            "cause": "restated_data", "won": -10_001.0,
            "stocks": [{"stock_code": A, "won": 10_000.0}, {"stock_code": B, "won": -20_001.0}],
        }
    ]  # fmt: skip
    assert {(cell["stock_code"], cell["date"], cell["to"], cell["late"]) for cell in found["cells"]} == {
        (A, DAYS[3], DAYS[3], False), (B, DAYS[0], DAYS[0], False),
    }  # fmt: skip
    close = next(c for c in found["cells"] if (c["field"], c["stock_code"]) == ("raw_close", B))
    assert (close["before"], close["after"], close["days"]) == (90.0, 110.0, 1)


def test_rows_that_came_later_are_late_data() -> None:
    found = ledger(panels(OLD_A, [None, *OLD_B[1:]]), panels(OLD_A, [RAISED, *OLD_B[1:]]), 120_000)
    assert wons(found) == {"late_data": -10_001.0}
    assert {(cell["stock_code"], cell["date"]) for cell in found["cells"] if cell["late"]} == {(B, DAYS[0])}


def test_engine_and_user_get_their_own_part() -> None:
    """119,000 of another engine; the user keeps 30 % positions: 300 shares of A with 70,000 left are 106,000."""
    same = panels(OLD_A, OLD_B)
    now = asked(portfolio={"max_positions": 1, "position_pct": 30})
    found = ledger(same, same, 119_000, engine="1", now=now)
    assert wons(found) == {"engine": 1_000.0, "user_change": -14_000.0}
    assert (found["cells"], found["cell_count"]) == ([], 0)


def test_a_deleted_version_leaves_no_cells() -> None:
    new = panels(OLD_A, [RAISED, *OLD_B[1:]])
    found = ledger(None, new, 120_000)
    assert (wons(found), found["cells"], found["cell_count"]) == ({"restated_data": -10_001.0}, None, None)
    assert wons(ledger(None, new, 120_000, engine="1")) == {"not_separable": -10_001.0}


def test_days_of_one_version_only_are_late_data() -> None:
    days = [DAYS[0], DAYS[2], DAYS[3]]
    old = panels_of(market({A: [100, 100, 120], B: [90, 90, 99]}, days=days), ())
    found = ledger(old, panels(OLD_A, OLD_B), 119_000)
    assert found["other_days"] == [DAYS[1]]
    assert wons(found)["late_data"] + wons(found).get("restated_data", 0) == 1_000.0


def test_dividends_and_delistings_are_named() -> None:
    dividend = [{"stock_code": A, "ex_date": DAYS[2], "dps": 5}]
    raised = [{"stock_code": A, "ex_date": DAYS[2], "dps": 6}]
    before = asked(execution={"dividends": True})
    found = ledger(
        panels(OLD_A, OLD_B, dividends=dividend), panels(OLD_A, OLD_B, dividends=raised), 125_000, before=before
    )
    assert set(wons(found)) == {"restated_data"}
    assert [(c["field"], c["stock_code"], c["before"], c["after"]) for c in found["cells"]] == [("dividend", A, 5, 6)]
    found = ledger(panels(OLD_A, OLD_B), panels(OLD_A, OLD_B, dividends=dividend), 120_000, before=before)
    assert set(wons(found)) == {"late_data"}


def test_orders_get_the_cause_that_changed_them_last() -> None:
    old, new = panels(OLD_A, OLD_B), panels(OLD_A, [RAISED, *OLD_B[1:]])
    day, before = to_day(dt.date.fromisoformat(DAYS[1])), asked()
    decided = decide_next_day(before, old, day, None).document()["orders"]
    inputs = Inputs(
        request_before=before, request_now=before, old=old, new=new, until=day - 1, engine_before=ENGINE_VERSION
    )
    fills = [{"stock_code": B, "won": 9.0}]
    found = attribute(inputs, stored_equity=None, day=day, orders=decided, fills=fills)
    assert found["causes"] == [{"cause": "restated_data", "won": 9.0, "stocks": [{"stock_code": B, "won": 9.0}]}]
    assert {(cell["stock_code"], cell["date"]) for cell in found["cells"]} == {(B, DAYS[0])}


@pytest.mark.parametrize("seed", range(12))
def test_injected_cells_are_named_and_their_won_adds_up(seed: int) -> None:
    """Closes changed at drawn cells are exactly the cells that are named, and the parts are the whole difference."""
    draw = random.Random(seed)
    codes = [f"0000{n}0" for n in range(1, 7)]
    days = list(DAYS)
    prices = {code: [draw.randrange(900, 1100) for _ in days] for code in codes}
    chosen = draw.sample([(code, row) for code in codes for row in range(len(days))], draw.randrange(1, 4))
    restated = {code: list(series) for code, series in prices.items()}
    for code, row in chosen:
        price = prices[code][row]
        restated[code][row] = (price, price + 30, price, price + 30)  # type: ignore[call-overload]
    old, new = panels_of(market(prices), ()), panels_of(market(restated), ())
    body = request(
        buy={"rank_by": "raw_close / ts_mean(raw_close, 2)"}, sell={"stop_loss_pct": 4, "max_hold_days": 2},
        portfolio={"max_positions": 2},
    )  # fmt: skip
    before = canonical_request(request_of(body))
    until = int(new.days[-1])
    equities = [round(float(simulate_days(before, one)[0].ledger.equity[-1]), 2) for one in (old, new)]
    inputs = Inputs(
        request_before=before, request_now=before, old=old, new=new, until=until, engine_before=ENGINE_VERSION
    )
    found = attribute(inputs, stored_equity=equities[0], day=None, orders=(), fills=())
    assert from_day(until).isoformat() == DAYS[-1]
    named = {(c["stock_code"], c["date"]) for c in found["cells"] if c["field"] == "raw_close"}
    spread = {
        (c["stock_code"], day)
        for c in found["cells"] if c["field"] == "raw_close" for day in DAYS if c["date"] <= day <= c["to"]
    }  # fmt: skip
    assert named <= spread == {(code, days[row]) for code, row in chosen}
    assert sum(cause["won"] for cause in found["causes"]) == pytest.approx(equities[1] - equities[0], abs=0.02)
    stocks = [stock for cause in found["causes"] for stock in cause["stocks"]]
    assert {stock["stock_code"] for stock in stocks} == {code for code, _ in chosen}
