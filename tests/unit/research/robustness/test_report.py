"""Robustness reports over random markets: every line is a plain backtest, and drawn runs obey their laws."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from shared.errors import RunError
from shared.language import compile_expression, evaluate
from shared.model.calendar import from_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.research.robustness.changes import with_slippage
from shared.research.robustness.draws import Draws, entries_of, figures
from shared.research.robustness.expressions import a_row_later, neighbours
from shared.research.robustness.report import (
    Options,
    Runner,
    break_even,
    random_selection,
    regimes,
    robustness,
)
from shared.research.robustness.shapes import ChangedFigures
from shared.simulation import canonical_request, request_of, run
from shared.simulation.engine import simulate
from shared.simulation.structures import NO_COLUMN
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

OPTIONS = Options(random_draws=4, noise_draws=3, noise_pct=10.0, seed=5)
GROUPS = ("neighbours", "slippage", "starts", "phases", "delay", "sub_universes")


def world(seed: int) -> tuple[BacktestRequest, Panels]:
    """Return a random request that has a result, and its market."""
    market = random_market(seed)
    panels = panels_of(market)
    for number in range(40):
        body = random_request(1000 * seed + number, market)
        body["strategy"].setdefault("universe", {})["kinds"] = None
        request = canonical_request(request_of(body), frozenset(panels.indices))
        try:
            if len(run(request, panels).result["trades"]) > 1:
                return request, panels
        except RunError:
            continue
    raise AssertionError("no request of the seed has trades")


def panels_with_halts(stocks: int, rows: int) -> Panels:
    """Return a market of random walks in which a third of the stocks is halted on each row, at random."""
    rng = np.random.default_rng(11)
    days = [day.isoformat() for day in weekdays(rows)]
    codes = [f"{10 * number:06d}" for number in range(1, stocks + 1)]
    closes = np.round(10_000 * np.exp(np.cumsum(rng.normal(0, 0.02, (rows, stocks)), axis=0)))
    halted = rng.random((rows, stocks)) < 1 / 3
    prices = [
        {
            "date": day, "stock_code": code, "open": close, "high": close, "low": close, "close": close,
            "volume": 0 if halted[row, column] else 1_000_000, "listed_shares": 10_000_000,
        }
        for row, day in enumerate(days) for column, code in enumerate(codes) for close in [float(closes[row, column])]
    ]  # fmt: skip
    companies = [{"stock_code": code, "name": code, "market": "KOSDAQ", "kind": "common"} for code in codes]
    return panels_of({"prices": prices, "companies": companies})


def weekdays(rows: int) -> list[dt.date]:
    """Return weekdays from 2024-01-02 on."""
    every = (dt.date(2024, 1, 2) + dt.timedelta(days=number) for number in range(2 * rows))
    return [day for day in every if day.weekday() < 5][:rows]


def daily_strategy(panels: Panels, **fields: int) -> dict[str, Any]:
    """Return a request over all rows of a market that buys daily, ranked by the last return, without costs."""
    hold = fields.pop("max_hold_days")
    days = [from_day(int(day)).isoformat() for day in panels.days[[1, -1]]]
    return {
        "strategy": {
            "buy": {"rank_by": "close / lag(close, 1)"}, "sell": {"max_hold_days": hold}, "portfolio": dict(fields),
        },
        "start": days[0], "end": days[1], "benchmark": None,
    }  # fmt: skip


def unmapped(needs: dict[str, slice]) -> None:
    """Panels in memory need no mapping."""


FIGURES = tuple(ChangedFigures.__annotations__)


def alone(document: dict[str, Any], panels: Panels) -> dict[str, Any]:
    """Return the figures of a line's request as a plain backtest."""
    request = canonical_request(request_of(document), frozenset(panels.indices))
    statistics = run(request, panels).result["statistics"]
    return {name: statistics[name] for name in FIGURES}


@pytest.mark.parametrize("seed", [3, 8, 21])
def test_every_line_is_a_plain_backtest(seed: int) -> None:
    request, panels = world(seed)
    report = robustness(request, panels, OPTIONS, unmapped)
    checked = 0
    for line in [report["backtest"], *(line for group in GROUPS for line in report[group]["lines"])]:
        if line["failure"] is None:
            assert line["figures"] == alone(line["request"], panels), line["name"]
            checked += 1
        else:
            assert line["figures"] is None
    assert checked > 20
    for group in GROUPS:
        names = [line["name"] for line in report[group]["lines"]]
        assert len(set(names)) == len(names)
    assert report["starts"]["lines"][0]["figures"] == report["backtest"]["figures"]


@pytest.mark.parametrize("seed", range(1, 13))
def test_own_candidates_give_the_run_again(seed: int) -> None:
    request, panels = world(seed)
    base = simulate(request, panels)
    draws = Draws.of(base)
    again = draws.simulated(draws.candidates())
    assert again.ledger.trades.tobytes() == base.ledger.trades.tobytes()
    assert figures(again) == figures(base)
    for order in draws.noisy_rankings(2, 1e-9, seed):
        assert draws.simulated(order).ledger.trades.tobytes() == base.ledger.trades.tobytes()


@pytest.mark.parametrize("seed", [2, 6, 8, 10, 11, 12, 13, 14])
def test_own_candidates_give_the_run_again_within_its_own_limit(seed: int) -> None:
    request, panels = world(seed)
    base = simulate(request, panels)
    assert request.strategy.sell.on_rebalance == "hold"
    draws = Draws.of(base)
    again = draws.simulated(draws.candidates(), draws.opened())
    assert again.ledger.trades.tobytes() == base.ledger.trades.tobytes()


@pytest.mark.parametrize("seed", [2, 6, 10])
def test_random_selections_are_from_the_universe_and_no_earlier(seed: int) -> None:
    request, panels = world(seed)
    assert request.strategy.sell.on_rebalance == "hold"
    draws = Draws.of(simulate(request, panels))
    limit = draws.opened()
    assert limit[-1] == entries_of(draws.run)
    seen = set()
    for order in draws.random_selections(20, seed):
        chosen = order != NO_COLUMN
        for row in np.flatnonzero(chosen.any(axis=1)):
            columns = order[row][chosen[row]].tolist()
            assert len(set(columns)) == len(columns)
            assert draws.decisions.universe[row, columns].all()
        seen.add(order.tobytes())
        drawn = Draws(draws.simulated(order, limit), draws.decisions)
        assert (drawn.opened() <= limit).all()
    assert [o.tobytes() for o in draws.random_selections(3, 1)] == [o.tobytes() for o in draws.random_selections(3, 1)]
    sizes = draws.decisions.universe.sum(axis=1)
    assert len(seen) > 1 or all(sizes[row] <= 1 for row in np.flatnonzero((order != NO_COLUMN).any(axis=1)))


def test_random_selections_pass_over_halted_stocks() -> None:
    """Half of the stocks are halted on every other row: the draws open as many positions as the backtest."""
    panels = panels_with_halts(stocks=24, rows=120)
    body = daily_strategy(panels, max_positions=4, max_hold_days=5)
    base = simulate(canonical_request(request_of(body), frozenset()), panels)
    draws = Draws.of(base)
    wanted = entries_of(base)
    opened = [entries_of(draws.simulated(o, draws.opened())) for o in draws.random_selections(50, 1)]
    assert wanted > 40
    assert min(opened) >= 0.95 * wanted


def test_p_values_of_random_strategies_are_uniform() -> None:
    """A run whose candidates are themselves drawn is one more draw: its rank among the others is uniform."""
    from scipy.stats import kstest

    panels = panels_with_halts(stocks=30, rows=150)
    body = daily_strategy(panels, max_positions=5, max_hold_days=7)
    body["strategy"]["sell"]["stop_loss_pct"] = 4
    draws = Draws.of(simulate(canonical_request(request_of(body), frozenset()), panels))
    p_values: list[float] = []
    within = np.random.default_rng(3)
    for number, order in enumerate(draws.random_selections(150, 77)):
        own = Draws(draws.simulated(order), draws.decisions)
        found = random_selection(own, replace(OPTIONS, random_draws=19, seed=number), figures(own.run))
        assert found is not None
        p_values.append(found["total_return"]["p_value"] - within.random() / 20)
    assert kstest(p_values, "uniform").pvalue > 0.05
    assert kstest(np.array(p_values) ** 2, "uniform").pvalue < 1e-3


def test_break_even_is_where_the_return_changes_its_sign() -> None:
    found = 0
    for seed in range(1, 30):
        request, panels = world(seed)
        line = break_even(Runner(panels, unmapped), request)
        if line is None:
            continue
        assert line["figures"]["total_return"] >= 0
        if line["value"] < 50:
            beyond = with_slippage(request, line["value"] + 0.01)
            assert (
                run(canonical_request(beyond, frozenset(panels.indices)), panels).result["statistics"]["total_return"]
                < 0
            )
        found += 1
    assert found > 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PER < 10 and ROE > 0", ["PER < 9 and ROE > 0", "PER < 11 and ROE > 0"]),
        ("close > ts_mean(close, 5)", ["close > ts_mean(close, 4)", "close > ts_mean(close, 6)"]),
        ("PBR < 0.3", ["PBR < 0.27", "PBR < 0.33"]),
    ],
)
def test_neighbours_are_a_tenth_away(text: str, expected: list[str]) -> None:
    assert [found.text for found in neighbours(text)] == expected


@pytest.mark.parametrize("text", ["PER < 10", "not (raw_close > 1000)"])
def test_a_condition_a_row_later_is_that_of_the_row_before(text: str) -> None:
    panels = panels_of(random_market(7))
    rows = slice(0, len(panels.days))
    later = a_row_later(text, "condition")
    assert later is not None
    everywhere = np.ones((len(panels.days), len(panels.instruments)), np.bool_)
    own, shifted = (
        evaluate(compile_expression(one, role="condition", path=""), panels, rows, lambda part: everywhere[part], "all")
        for one in (text, later)
    )
    assert (shifted[1:] == own[:-1]).all()
    assert not shifted[0].any()


def test_intervals_and_regimes_are_those_of_the_returns() -> None:
    request, panels = world(8)
    base = simulate(request, panels)
    report = robustness(request, panels, OPTIONS, unmapped)
    returns = base.curve().returns
    if report["intervals"] is not None:
        estimate = float(returns.mean() / returns.std(ddof=1) * math.sqrt(252))
        assert report["intervals"]["sharpe"]["estimate"] == pytest.approx(estimate)
    if report["regimes"] is not None:
        assert sum(regime["rows"] for regime in report["regimes"]) == len(returns)
        product = math.prod(1 + regime["total_return"] for regime in report["regimes"])
        assert product == pytest.approx(float(np.prod(1 + returns)))
    assert report["random_selection"] is None or report["random_selection"]["draws"] == OPTIONS.random_draws


def test_regimes_carry_the_index_over_rows_without_a_value() -> None:
    panels = panels_with_halts(stocks=6, rows=260)
    series = np.linspace(900.0, 1200.0, 260)
    series[150] = np.nan
    panels.indices["KOSPI"] = series
    body = daily_strategy(panels, max_positions=2, max_hold_days=5) | {"benchmark": "KOSPI"}
    found = regimes(simulate(canonical_request(request_of(body), frozenset(panels.indices)), panels))
    assert found is not None
    assert {regime["regime"]: regime["rows"] for regime in found} == {"above": 60, "below": 0, "unknown": 199}
