"""Cached ranking orders follow the ranking rule, and results are the same with and without them."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bench.workload import make
from shared.dataset.memory_panels import MemoryPanels
from shared.language import compile_expression
from shared.language.evaluate import materialized_name
from shared.model.calendar import from_day
from shared.simulation import canonical_request, engine, ranking_cache, request_of, run
from shared.simulation.panel_scans import filter_ranked, order_cells, order_rows
from shared.simulation.ranking_cache import MIN_USES_CANDIDATES, RankingLevel, ranking_level
from shared.simulation.structures import NO_COLUMN

ROWS = 40
VALUES = st.one_of(st.floats(width=32), st.sampled_from([0.0, -0.0, 1.0, 1e-45, -1e-45, math.inf, -math.inf, math.nan]))
MATRICES = arrays.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 40)), elements=VALUES)


@given(MATRICES, st.booleans(), st.integers(0, 9))
def test_row_is_ordered_by_value_then_stock_code(values: np.ndarray, descending: bool, seed: int) -> None:
    by_code = np.random.default_rng(seed).permutation(values.shape[1]).astype(np.int32)
    found = order_rows(values, by_code, descending=descending)
    place = np.argsort(by_code)
    for row, ordered in zip(values, found.tolist(), strict=True):
        there = [col for col in range(len(row)) if not math.isnan(row[col])]
        there.sort(key=lambda col: (-row[col] if descending else row[col], place[col]))
        assert ordered == there + [NO_COLUMN] * (len(row) - len(there))


@given(MATRICES, st.booleans(), st.integers(0, 9))
def test_filter_preserves_the_order(values: np.ndarray, descending: bool, seed: int) -> None:
    random = np.random.default_rng(seed)
    ordered = order_rows(values, random.permutation(values.shape[1]).astype(np.int32), descending=descending)
    passed = random.random(values.shape) < random.random()
    wide = np.full((len(ordered), values.shape[1] + 3), 7, np.uint16)
    wide[:, :-3] = ordered
    found = filter_ranked(wide[:, :-3], passed)
    for row, before, good in zip(found.tolist(), ordered.tolist(), passed, strict=True):
        kept = [col for col in before if col != NO_COLUMN and good[col]]
        assert row == kept + [NO_COLUMN] * (len(row) - len(kept))


@given(MATRICES, st.booleans(), st.sampled_from([np.float32, np.float64, np.bool_]))
def test_cells_follow_the_order_of_their_row(values: np.ndarray, descending: bool, dtype: type) -> None:
    columns = np.arange(values.shape[1], dtype=np.int32)
    ordered = order_rows(values, columns, descending=descending)
    cells = np.random.default_rng(len(values)).normal(size=values.shape).astype(dtype)
    found = order_cells(cells, ordered)
    assert found.dtype == dtype
    for row, order, out in zip(cells, ordered, found, strict=True):
        kept = int((order != NO_COLUMN).sum())
        assert np.array_equal(out[:kept], row[order[:kept]])
        assert not out[kept:].any() if dtype is np.bool_ else np.isnan(out[kept:]).all()


def test_columns_of_other_size_are_refused() -> None:
    with pytest.raises(ValueError, match="have values"):
        order_cells(np.zeros((2, 3)), np.zeros((1, 3), np.uint16))
    with pytest.raises(TypeError, match="2 bytes"):
        order_cells(np.zeros((1, 3), np.uint16), np.zeros((1, 3), np.uint16))
    with pytest.raises(ValueError, match="ordered"):
        order_rows(np.zeros((1, NO_COLUMN), np.float32), np.arange(NO_COLUMN, dtype=np.int32), descending=True)
    with pytest.raises(ValueError, match="have passed"):
        filter_ranked(np.zeros((2, 3), np.uint16), np.ones((1, 3), np.bool_))
    with pytest.raises(TypeError):
        filter_ranked(np.zeros((1, 3), np.uint16), np.ones((1, 3), np.uint8))


def test_cache_level_follows_the_number_of_uses(monkeypatch: pytest.MonkeyPatch, wide: MemoryPanels) -> None:
    monkeypatch.setattr(ranking_cache, "_uses", {})
    buy, other = (compile_expression(f"PER < {limit}", role="condition", path="") for limit in (10, 11))
    nothing, order, candidates = RankingLevel
    assert ranking_level("PER", None, "all", wide) is nothing
    assert [ranking_level("PER", buy, "all", wide) for _ in range(MIN_USES_CANDIDATES)] == [order] * (
        MIN_USES_CANDIDATES - 1
    ) + [candidates]
    assert ranking_level("PER", other, "all", wide) is order
    assert ranking_level("PER", buy, "some", wide) is order
    assert ranking_level("PER", None, "all", wide) is order
    assert ranking_level("PER", buy, "all", wide) is candidates
    assert [ranking_level("ROE", buy, "all", wide), ranking_level("ROE", buy, "all", wide)] == [nothing, order]
    assert ranking_level(None, buy, "all", wide) is nothing
    monkeypatch.setattr(ranking_cache, "_MAX_COUNTED", 1)
    assert ranking_level("ROA", buy, "all", wide) is nothing
    assert ranking_level("PER", buy, "all", wide) is nothing


@pytest.fixture(scope="module")
def wide() -> MemoryPanels:
    """More stocks than a day asks for before it asks for the whole row."""
    return make(700, ROWS)[1]


COMPUTED = "ROE / PER"
"""Computed for each request alone."""

BUYS: list[dict[str, Any]] = [
    {"where": "PER < 10 or ROE > 5", "rank_by": "MOMENTUM_3M"},
    {"where": "rank(MOMENTUM_3M) > 500", "rank_by": "MOMENTUM_3M", "order": "desc"},  # the last ones of the order
    {"where": "rank(MOMENTUM_3M) > 500", "rank_by": "MOMENTUM_3M", "order": "asc"},
    {"where": "MARKET_CAP > 1e30 or rank(ROE) > 690", "rank_by": "PER", "order": "asc"},  # a stock a day
    {"rank_by": COMPUTED},
    {"rank_by": "rank(PER)"},
]
PORTFOLIOS: list[dict[str, Any]] = [
    {"max_positions": 20, "rebalance": "daily"},
    {"max_positions": 400, "rebalance": "weekly"},
    {"max_positions": 7, "rebalance": "daily", "weighting": "inverse_volatility"},
]
SELLS: list[dict[str, Any]] = [
    {"stop_loss_pct": 4, "take_profit_pct": 4},
    {"where": "PER > 12 or rank(MOMENTUM_3M) > 300", "on_rebalance": "rotate"},
    {"where": "rank(PER) > 100", "min_hold_days": 3},
]


STRATEGIES = [dict(zip(("buy", "portfolio", "sell"), parts, strict=True)) for parts in product(BUYS, PORTFOLIOS, SELLS)]


@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_run_is_the_same_with_and_without_cache(
    monkeypatch: pytest.MonkeyPatch, wide: MemoryPanels, strategy: dict[str, Any], some: bool
) -> None:
    universe = {"kinds": None, "stock_codes": list(wide.instruments.code[::77]) if some else None}
    first, last = (from_day(int(day)).isoformat() for day in wide.days[[-ROWS, -1]])
    body = {"strategy": {**strategy, "universe": universe}, "start": first, "end": last, "benchmark": None}
    request = canonical_request(request_of(body))
    asked: dict[tuple[str, str], int] = {}
    monkeypatch.setattr(ranking_cache, "_uses", asked)
    monkeypatch.setattr(ranking_cache, "MIN_USES_CANDIDATES", 2)
    monkeypatch.setattr(wide, "_scratch", {})
    without = run(request, wide)
    keeps = int(strategy["buy"]["rank_by"] != COMPUTED)
    kept = [keeps, 2 * keeps]
    assert len(asked) == keeps
    for orders_there in kept:
        again = run(request, wide)
        assert sum(dtype == "<u2" for _, dtype in wide._scratch) == orders_there
        assert again.result_digest == without.result_digest
    assert some or without.result["trades"]


def test_first_run_computes_no_order(monkeypatch: pytest.MonkeyPatch) -> None:
    panels = make(60, ROWS)[1]
    monkeypatch.setattr(engine, "BLOCK_ROWS", 7)
    monkeypatch.setattr(ranking_cache, "_uses", {})
    first, last = (from_day(int(day)).isoformat() for day in panels.days[[-ROWS, -1]])
    body = {"strategy": STRATEGIES[0], "start": first, "end": last, "benchmark": None}
    run(canonical_request(request_of(body)), panels)
    assert not any(dtype == "<u2" for _, dtype in panels._scratch)
    run(canonical_request(request_of(body)), panels)
    assert any(dtype == "<u2" for _, dtype in panels._scratch)


def test_values_of_one_request_are_not_ordered(wide: MemoryPanels) -> None:
    assert materialized_name(compile_expression("PER + 1", role="number", path=""), "") is None
    assert materialized_name(compile_expression("lag(PER, 1)", role="number", path=""), "") is None
    assert materialized_name(compile_expression("PER", role="number", path=""), "a") == "PER\0"
    assert materialized_name(compile_expression("rank(PER)", role="number", path=""), "a") == "rank(PER)\0a"
