"""What requests cost: by kind of node, rows, stocks and look-back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shared.language import compile_expression
from shared.simulation.computing_cost import RUN_WORK, cost_of_expressions, cost_of_request, stored_bytes_of_request
from shared.simulation.validation import canonical_request, request_of

DAYS = np.arange(18_000, 20_000, dtype=np.int32)
STOCKS = 100


def cost(text: str, rows: slice = slice(1000, 1500)) -> int:
    return cost_of_expressions([compile_expression(text, role="number", path="x")], rows, STOCKS)


@pytest.mark.parametrize(
    ("text", "work", "rows"),
    [
        ("raw_close", 1, 500),
        ("raw_close + raw_volume", 3, 500),
        ("ts_mean(raw_close, 20)", 12 + 4 + 2, 500 + 19),
        ("ts_corr(raw_close, raw_volume, 500)", 80 + 600 + 3, 500 + 499),
        ("rank(raw_close)", 41, 500),
        ("ema(raw_close, 20)", 4 + 2, 1500),
    ],
)
def test_cost_counts_rows_stocks_and_kind_of_node(text: str, work: int, rows: int) -> None:
    assert cost(text) == work * rows * STOCKS


def test_windows_of_one_row_cost_a_calendar_year() -> None:
    assert cost("rank(raw_close)", slice(1999, 2000)) == 41 * 250 * STOCKS


def test_longer_window_costs_more() -> None:
    found = [cost(f"{name}(raw_close, {n})") for name in ("ts_mean", "ts_std", "ts_rank") for n in (5, 50, 500)]
    assert all(low < high for low, high in zip(found[::3], found[2::3], strict=True))


def test_request_costs_its_run_and_all_expressions() -> None:
    def request(**buy: Any) -> int:
        body = {"strategy": {"buy": buy}, "start": "2020-01-01", "end": "2020-12-31"}
        return cost_of_request(canonical_request(request_of(body)), DAYS, STOCKS)

    days = 366
    plain = request(rank_by="raw_close")
    assert plain == (RUN_WORK + 1) * days * STOCKS
    assert request(rank_by="raw_close", where="raw_volume > raw_close") == plain + 3 * days * STOCKS


def test_empty_window_costs_nothing() -> None:
    body = {"strategy": {"buy": {"rank_by": "raw_close"}}, "start": "2000-01-01", "end": "2000-12-31"}
    assert cost_of_request(canonical_request(request_of(body)), DAYS, STOCKS) == 0


def test_stored_values_count_windows_and_cross_sections() -> None:
    def stored(where: str) -> int:
        body = {"strategy": {"buy": {"where": where}}, "start": "2020-01-01", "end": "2020-12-31"}
        return stored_bytes_of_request(canonical_request(request_of(body)), DAYS, STOCKS)

    cells = stored("PER < 12")  # a truth value may be stored as a byte
    assert cells % 512 == 0
    assert cells > 0
    assert stored("ts_mean(PER, 1) < 12") == 9 * cells
    assert stored("rank(PER) < 0.5") == 9 * cells
    longer = stored("ts_mean(PER, 400) < 12")
    assert 9 * cells < longer <= 9 * (cells + 400 * 512 * -(-STOCKS // 512))
    assert stored("ema(PER, 20) < 12") > 17 * cells
