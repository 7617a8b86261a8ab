"""Variants in a table against plain runs of the same requests."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from typing import Any

import msgspec
import numpy as np
import pytest

from shared.errors import CancelledRunError, RequestError, RunError
from shared.language import BY_NAME, parse, render
from shared.language.ast import Call, Index, Name, Negate, Node, Not, Number, children
from shared.model.calendar import from_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation import canonical_request, request_of, run, variant_groups, variants
from shared.simulation.computing_cost import read_bytes_of_request, stored_bytes_of_request
from shared.simulation.plan import expressions_of, plan
from shared.simulation.statistics import COUNT_FIGURES, DATE_FIGURES
from shared.simulation.variants import FIGURES, VariantTable, one_of_each_group, run_variants, variant_needs
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

DATES = ("start", "end")


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every request to the batch kernel, also where nothing is shared."""
    monkeypatch.setattr(variants, "SHARED_FROM", 1)


def requests_over(market: dict[str, Any], seed: int, count: int, indices: frozenset[str]) -> list[BacktestRequest]:
    """Return random requests over one market with the same dates, of every kind that the contract has."""
    bodies = [random_request(100 * seed + k, market) for k in range(count)]
    for body in bodies:
        body |= {name: bodies[0][name] for name in DATES}
        body["strategy"].setdefault("universe", {})["kinds"] = None
    return [canonical_request(request_of(body), indices) for body in bodies]


def with_other_numbers(node: Node, rng: random.Random) -> Node:
    """Return a tree with other numbers where windows, cross-sections and aggregates do not read them."""
    if isinstance(node, Number):
        return Number(node.value * rng.choice((0.5, 0.9, 1, 1, 1.25, 3)))
    if isinstance(node, Name | Index) or (isinstance(node, Call) and BY_NAME[node.function].family != "element"):
        return node
    below = tuple(with_other_numbers(child, rng) for child in children(node))
    if isinstance(node, Negate | Not):
        return dataclasses.replace(node, operand=below[0])
    return dataclasses.replace(node, **{"arguments" if isinstance(node, Call) else "operands": below})


def varied(request: BacktestRequest, rng: random.Random) -> BacktestRequest:
    """Return the request with other thresholds, levels, sizes, costs and cash."""

    def text(value: str | None) -> str | None:
        if value is None:
            return None
        return render(with_other_numbers(parse(value, indices=expressions_of(request).indices), rng))

    strategy, change = request.strategy, msgspec.structs.replace
    sell = change(
        strategy.sell, where=text(strategy.sell.where), stop_loss_pct=rng.choice((None, 3.0, 10.0)),
        take_profit_pct=rng.choice((None, 5.0, 20.0)), max_hold_days=rng.choice((None, 5, 30)),
    )  # fmt: skip
    buy = change(strategy.buy, where=text(strategy.buy.where), rank_by=text(strategy.buy.rank_by) or "")
    portfolio = change(strategy.portfolio, max_new_per_day=rng.choice((None, 1, 3)))
    costs = change(request.costs, slippage_pct=rng.choice((0.0, 0.1, 1.0)), commission_pct=rng.choice((0.0, 0.3)))
    found = change(
        request, strategy=change(strategy, buy=buy, sell=sell, portfolio=portfolio), costs=costs,
        initial_cash=rng.choice((1e5, 1e6, 1e8)), risk_free_pct=rng.choice((0.0, 3.0)),
    )  # fmt: skip
    try:
        expressions_of(found)
    except RequestError:
        return request
    return found


def plain_result(request: BacktestRequest, panels: Panels) -> dict[str, Any] | RunError:
    """Return the result of a run, or the error that it ends with."""
    try:
        return run(request, panels).result
    except RunError as error:
        return error


def week_end_points(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the last equity point of each ISO week."""
    last = {dt.date.fromisoformat(point["date"]).isocalendar()[:2]: point for point in result["equity"]}
    return list(last.values())


def assert_row_is_that_of_a_plain_run(table: VariantTable, k: int, request: BacktestRequest, panels: Panels) -> None:
    """Compare a row of a table with the run of its request."""
    result, failed = plain_result(request, panels), table.failures[k]
    if isinstance(result, RunError):
        assert failed is not None
        assert (failed.kind, failed.detail, failed.problems) == (result.kind, result.detail, result.problems)
        assert table.statistics(k) is None
        assert np.isnan(table.figures[k]).all()
        assert np.isnan(table.weekly_returns[k]).all()
        return
    assert failed is None
    assert table.statistics(k) == result["statistics"]
    points = week_end_points(result)
    assert [from_day(int(day)).isoformat() for day in table.week_ends] == [point["date"] for point in points]
    before = request.initial_cash
    for found, point in zip(table.weekly_returns[k], points, strict=True):
        if before > 0:
            assert found == pytest.approx(point["equity"] / before - 1, rel=1e-6, abs=1e-9)
        else:
            assert np.isnan(found)
        before = point["equity"]


def assert_equal_tables(one: VariantTable, other: VariantTable) -> None:
    """Compare every bit of two tables."""
    assert one.figures.tobytes() == other.figures.tobytes()
    assert one.weekly_returns.tobytes() == other.weekly_returns.tobytes()
    assert np.array_equal(one.week_ends, other.week_ends)
    assert [str(error) for error in one.failures] == [str(error) for error in other.failures]


@pytest.mark.parametrize("seed", range(6))
def test_plain_runs_fill_a_table(seed: int) -> None:
    market = random_market(seed)
    panels = panels_of(market)
    requests = requests_over(market, seed, 5, frozenset(panels.indices))
    table = run_variants(requests, panels)
    for k, request in enumerate(requests):
        assert_row_is_that_of_a_plain_run(table, k, request, panels)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("seed", range(50))
def test_any_request_equals_its_plain_run(seed: int) -> None:
    market = random_market(seed)
    panels = panels_of(market)
    requests = requests_over(market, seed, 6, frozenset(panels.indices))
    table = run_variants(requests, panels)
    for k, request in enumerate(requests):
        assert_row_is_that_of_a_plain_run(table, k, request, panels)


@pytest.mark.parametrize("seed", range(100, 120))
def test_variants_of_a_template_equal_their_plain_runs(seed: int) -> None:
    market, rng = random_market(seed), random.Random(seed)
    panels = panels_of(market)
    template = requests_over(market, seed, 1, frozenset(panels.indices))[0]
    requests = [varied(template, rng) for _ in range(20)]
    table = run_variants(requests, panels, threads=2)
    for k, request in enumerate(requests):
        assert_row_is_that_of_a_plain_run(table, k, request, panels)


TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "buy": {"where": "(RSI_14 < 45 or pct_rank(MARKET_CAP) < 0.4) and CHANGE_RATE > -2 and "
                         "close > ts_mean(close, 5)",
                "rank_by": "MARKET_CAP", "order": "asc"},
        "sell": {"where": "RSI_14 > 60"},
        "portfolio": {"max_positions": 4},
    },
    {
        "buy": {"where": "30 < RSI_14 <= 70 and not (abs(CHANGE_RATE) > 3 or lag(close, 2) > close * 1.1)",
                "rank_by": "2 * rank(RSI_14) + 3 * rank(CHANGE_RATE)"},
        "sell": {"on_rebalance": "rotate", "where": "CHANGE_RATE < -1.5 or close > ts_max(close, 20) * 0.99"},
        "portfolio": {"max_positions": 3, "rebalance": "weekly", "when": "row_mean(CHANGE_RATE) > -0.5"},
    },
    {
        "buy": {"where": "if(MARKET_CAP > 1e10, CHANGE_RATE, 2) > -1 and row_count(raw_close > 1000) > 2 and "
                         "not_null(CHANGE_RATE) and lag(CHANGE_RATE, 1) != 0", "rank_by": "ts_mean(CHANGE_RATE, 10)"},
        "sell": {"on_rebalance": "reweight"},
        "portfolio": {"max_positions": 5, "rebalance": "monthly"},
    },
)  # fmt: skip
"""Conditions with every kind of part, with and without a kept order, all kinds of rebalancing."""


@pytest.mark.parametrize("template", range(len(TEMPLATES)))
def test_seventy_variants_trade_as_their_plain_runs(template: int) -> None:
    rng = random.Random(template)
    market = random_market(7, stocks=12, rows=150, states=False)
    panels = panels_of(market)
    dates = sorted({row["date"] for row in market["prices"]})
    body = {"strategy": TEMPLATES[template], "start": dates[30], "end": dates[-1], "benchmark": "equal"}
    body["strategy"]["universe"] = {"kinds": None, "markets": None}
    request = canonical_request(request_of(body), frozenset(panels.indices))
    requests = [varied(request, rng) for _ in range(70)]
    table = run_variants(requests, panels, threads=2)
    for k, one in enumerate(requests):
        assert_row_is_that_of_a_plain_run(table, k, one, panels)
    assert len({row.tobytes() for row in table.figures}) > 30
    assert np.median(table.figures[:, FIGURES.index("trades")]) > 10


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_division_into_parts_and_threads_changes_no_bit(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    market, rng = random_market(103), random.Random(threads)
    panels = panels_of(market)
    templates = requests_over(market, 103, 3, frozenset(panels.indices))
    requests = [varied(template, rng) for template in templates for _ in range(8)]
    rng.shuffle(requests)
    whole = run_variants(requests, panels)
    monkeypatch.setattr(variant_groups, "SLICE", 5)
    cuts = sorted(rng.sample(range(1, 24), 3))
    parts = [run_variants(requests[a:b], panels, threads=threads) for a, b in zip([0, *cuts], [*cuts, 24], strict=True)]
    joined = VariantTable(
        figures=np.concatenate([part.figures for part in parts]),
        weekly_returns=np.concatenate([part.weekly_returns for part in parts]),
        week_ends=parts[0].week_ends,
        failures=tuple(error for part in parts for error in part.failures),
    )
    assert_equal_tables(joined, whole)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("kept_bytes", [0, 2_000, 1 << 20])
def test_memory_for_what_is_shared_changes_no_bit(kept_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    market, rng = random_market(104), random.Random(4)
    panels = panels_of(market)
    requests = [varied(r, rng) for r in requests_over(market, 104, 2, frozenset(panels.indices)) for _ in range(8)]
    before = run_variants(requests, panels)
    monkeypatch.setattr(variant_groups, "KEPT_BYTES", kept_bytes)
    assert_equal_tables(run_variants(requests, panels, threads=2), before)


def test_figures_are_those_of_a_result() -> None:
    panels = panels_of(random_market(5))
    request = requests_over(random_market(5), 5, 1, frozenset(panels.indices))[0]
    statistics = run(request, panels).result["statistics"]
    assert list(FIGURES) == sorted(statistics)
    assert set(FIGURES) >= {*DATE_FIGURES, *COUNT_FIGURES}


def test_rows_that_variants_read_are_named_before() -> None:
    market = random_market(8)
    panels = panels_of(market)
    requests = requests_over(market, 8, 6, frozenset(panels.indices))
    needs = variant_needs(requests, panels.days)
    for request in requests:
        for name, rows in plan(request, panels.days).needs.items():
            assert needs[name].start <= rows.start
            assert needs[name].stop >= rows.stop


@pytest.mark.parametrize("seed", range(4))
def test_variants_of_a_group_need_equal_memory(seed: int) -> None:
    market, rng = random_market(seed), random.Random(seed)
    panels = panels_of(market)
    days, stocks = panels.days, len(panels.instruments)
    requests = [varied(r, rng) for r in requests_over(market, seed, 6, frozenset(panels.indices)) for _ in range(12)]

    def sizes(of: list[BacktestRequest]) -> set[tuple[int, int]]:
        return {(stored_bytes_of_request(r, days, stocks), read_bytes_of_request(r, days, stocks)) for r in of}

    different = one_of_each_group(requests)
    assert len(different) < len(requests)
    assert sizes(different) == sizes(requests)


def test_part_without_requests_is_an_empty_table() -> None:
    table = run_variants([], panels_of(random_market(8)))
    assert table.figures.shape == (0, len(FIGURES))
    assert table.weekly_returns.shape == (0, 0)
    assert table.failures == ()


def test_variants_of_a_part_have_the_same_dates() -> None:
    market = random_market(8)
    panels = panels_of(market)
    first, second = requests_over(market, 8, 2, frozenset(panels.indices))
    shorter = msgspec.structs.replace(second, end=first.start)
    with pytest.raises(ValueError, match="same start and end"):
        run_variants([first, shorter], panels)


@pytest.mark.parametrize("count", [3, 8])
def test_part_can_be_cancelled(count: int) -> None:
    market = random_market(8)
    panels = panels_of(market)
    requests = requests_over(market, 8, 1, frozenset(panels.indices)) * count
    with pytest.raises(CancelledRunError):
        run_variants(requests, panels, cancelled=lambda: True)
