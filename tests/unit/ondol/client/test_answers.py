"""Answers as values."""

from __future__ import annotations

import pytest

from ondol.client.answers import Comparison, ResultWarning, Statistics, warnings_in


def test_warnings_are_the_same_in_rows_and_columns() -> None:
    rows = [{"code": "a", "message": "A", "share": 0.5}, {"code": "b", "message": "B", "orders": 3}]
    columns = {"code": ["a", "b"], "message": ["A", "B"], "share": [0.5, None], "orders": [None, 3]}
    found = warnings_in({"warnings": rows})
    assert found == warnings_in({"warnings": columns})
    assert found[0] == ResultWarning(code="a", message="A", figures={"share": 0.5})
    assert [str(warning) for warning in warnings_in({"warnings": ["old"]})] == ["old"]
    assert warnings_in({}) == ()


def test_statistics_are_read_by_name() -> None:
    statistics = Statistics({"sharpe": 1.5, "max_drawdown_start": "2024-01-02", "alpha": None})
    assert (statistics.sharpe, statistics["alpha"], len(statistics)) == (1.5, None, 3)
    assert statistics.to_polars().shape == (1, 3)
    assert "sharpe" in dir(statistics)
    with pytest.raises(AttributeError, match="no figure 'sharp'"):
        _ = statistics.sharp


def test_compared_backtests_of_one_strategy_have_own_columns() -> None:
    item = {"strategy_id": "a", "statistics": {"sharpe": 1, "max_drawdown_start": "2024-01-02"}, "equity": [1.0]}
    difference = {"sharpe_difference": {"difference": 0.5, "error": 0.25, "p": 0.04}}
    items = [item | {"id": "1" * 9, "sharpe_difference": None}, item | {"id": "2" * 9} | difference]
    found = Comparison.of({"dates": ["2024-01-02"], "items": items})
    assert found.sharpe_differences.rows() == [("a …22222222", 0.5, 0.25, 0.04)]
    assert found.equity.columns == ["date", "a", "a …22222222"]
    assert found.statistics.filter(figure="max_drawdown_start")["a"].to_list() == [None]
