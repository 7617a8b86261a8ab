"""The stitched account against plain runs, and what its returns say against their definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from shared.research.statistics.bootstrap import intervals
from shared.research.walk_forward.stitch import CONFIDENCE, DRAWS, Stitched, significance, stitched_cash
from shared.simulation import canonical_request, request_of, run
from shared.simulation.variants import run_variants
from tests.support.markets import panels_of
from tests.support.random_markets import random_market

MARKET = random_market(11, stocks=12, rows=200, states=False)
PANELS = panels_of(MARKET)


def request(first: int, last: int, **changes: Any) -> Any:
    days = PANELS.days.astype("datetime64[D]").astype(str)
    body = {
        "strategy": {"buy": {"rank_by": "raw_close"}, "sell": {"max_hold_days": 9}, "universe": {"kinds": None},
                     "portfolio": {"max_positions": 3}},
        "start": days[first], "end": days[last], "benchmark": "equal",
    }  # fmt: skip
    return canonical_request(request_of(body | changes))


def never() -> bool:
    return False


def test_one_account_of_cash_is_the_plain_run() -> None:
    whole = request(5, 120)
    found = stitched_cash([whole], PANELS, never)
    expected = run(whole, PANELS).result
    assert found.result == {name: value for name, value in expected.items() if name != "provenance"}
    table = run_variants([whole], PANELS)
    assert found.weekly.astype(np.float32) == pytest.approx(table.weekly_returns[0])
    assert found.week_ends.tolist() == table.week_ends.tolist()


def test_chained_accounts_multiply_returns_and_scale_money() -> None:
    pieces = [request(5, 60), request(61, 110), request(130, 180)]
    plain = [run(piece, PANELS).result for piece in pieces]
    found = stitched_cash(pieces, PANELS, never).result
    growth, equity, commission = 1.0, [], 0.0
    for one in plain:
        equity += [growth * point["equity"] for point in one["equity"]]
        commission += growth * one["statistics"]["commission_paid"]
        growth *= one["equity"][-1]["equity"] / 1e8
    assert [point["equity"] for point in found["equity"]] == pytest.approx(equity, rel=1e-12)
    assert found["statistics"]["commission_paid"] == pytest.approx(commission, rel=1e-12)
    assert found["statistics"]["total_return"] == pytest.approx(growth - 1, rel=1e-12)
    for name in ("trades", "round_trips", "corporate_actions"):
        assert found[name] == [row for one in plain for row in one[name]]
    assert found["open_positions"] == plain[-1]["open_positions"]
    assert found["statistics"]["trades"] == sum(one["statistics"]["trades"] for one in plain)
    assert found["window"]["rows"] == len(equity)
    assert (found["window"]["first"], found["window"]["last"]) == (
        pieces[0].start.isoformat(), pieces[-1].end.isoformat(),
    )  # fmt: skip


def test_account_that_never_buys_is_idle_throughout() -> None:
    nothing = [request(5, 60, initial_cash=1.0), request(61, 110, initial_cash=1.0)]
    found = stitched_cash(nothing, PANELS, never)
    assert found.result["statistics"]["idle_days"] == len(found.result["equity"])
    assert significance(found) == {"rows": len(found.returns), "t": None, "intervals": None}


def made(returns: np.ndarray, rf: float = 0.0) -> Stitched:
    return Stitched(result={}, returns=returns, daily_rf=rf, weekly=np.empty(0), week_ends=np.empty(0, np.int32))


def test_t_and_intervals_are_their_definitions() -> None:
    returns = np.random.default_rng(3).normal(0.001, 0.01, 400)
    found = significance(made(returns, 0.0001))
    excess = returns - 0.0001
    assert found["t"] == pytest.approx(excess.mean() / excess.std(ddof=1) * math.sqrt(400), rel=1e-12)
    drawn = intervals(excess, confidence=CONFIDENCE, draws=DRAWS)
    low, high = found["intervals"]["sharpe"]
    assert (low, high) == (drawn.sharpe.low * math.sqrt(252), drawn.sharpe.high * math.sqrt(252))
    sharpe = excess.mean() / excess.std(ddof=1) * math.sqrt(252)
    assert low < sharpe < high
    assert found["intervals"]["cagr"][0] < math.expm1(np.log1p(returns).mean() * 252) < found["intervals"]["cagr"][1]
    assert found["intervals"]["max_drawdown"][0] < found["intervals"]["max_drawdown"][1] <= 0


def test_returns_after_an_equity_of_0_have_no_intervals() -> None:
    lost = np.concatenate([np.random.default_rng(4).normal(0, 0.01, 50), [-1.0], np.full(9, np.nan)])
    found = significance(made(lost))
    assert found["t"] is not None
    assert found["intervals"] is None
