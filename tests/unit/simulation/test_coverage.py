"""Factor coverage of a run: gaps, and windows that no stock fills."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import RunError
from shared.simulation import coverage
from shared.simulation.memo import Memo
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import market, result


def _quarters(gap: range) -> dict[str, Any]:
    """60 rows of one stock whose listed shares, and so MARKET_CAP, are absent on the rows of `gap`."""
    days = [f"2023-{month:02d}-{day:02d}" for month in (1, 2, 3) for day in range(1, 21)]
    bars = market({"A": [100 + row for row in range(60)]}, days=days)
    for row, price in enumerate(bars["prices"]):
        if row in gap:
            price["listed_shares"] = None
    return bars


def test_factor_gap_lists_its_rows_and_rebalances() -> None:
    """MARKET_CAP is absent on rows 10 to 34, so the days 11 to 35 have no candidate."""
    found = result(_quarters(range(10, 35)), start="2023-01-02", end="2023-03-20", portfolio={"max_positions": 1})
    gaps = [warning for warning in found["warnings"] if warning["code"] == "factor_gap"]
    assert [(gap["factor"], gap["from"], gap["to"], gap["rebalances"]) for gap in gaps] == [
        ("MARKET_CAP", "2023-01-11", "2023-02-15", 25)
    ]


def test_factor_gap_of_19_rows_is_not_reported() -> None:
    found = result(_quarters(range(10, 29)), start="2023-01-02", end="2023-03-20", portfolio={"max_positions": 1})
    assert "factor_gap" not in {warning["code"] for warning in found["warnings"]}


def test_unfilled_price_window_names_the_rows_it_needs() -> None:
    bars = market({"A": [100] * 8})
    with pytest.raises(RunError, match=r"ts_mean\(close, 200\) needs 200 rows of values.* there are 7 rows"):
        result(bars, buy={"where": "close > ts_mean(close, 200)"})


def test_window_inside_another_is_checked_on_the_rows_it_reads() -> None:
    """The decision of the last row (6) reads ts_mean on row 3, which has four of its five rows."""
    bars = market({"A": [100, 101, 102, 103, 104, 105, 106, 107]})
    assert result(bars, buy={"where": "lag(ts_mean(raw_close, 4), 3) > 0"})["window"]["rows"] == 7
    with pytest.raises(RunError, match=r"ts_mean\(raw_close, 5\)"):
        result(bars, buy={"where": "lag(ts_mean(raw_close, 5), 3) > 0"})


def test_window_with_values_but_no_result_is_filled() -> None:
    """A change from 0 is absent, but every value that it needs exists."""
    bars = market({"A": [100] * 8})
    assert result(bars, buy={"where": "pct_change(close - close, 1) > 0"})["trades"] == []


@pytest.mark.parametrize(("gap", "counts"), [(range(0), 1), (range(10, 35), 2)])
def test_coverage_is_counted_again_only_after_a_finding(
    monkeypatch: pytest.MonkeyPatch, gap: range, counts: int
) -> None:
    """Equal counts without a finding are not repeated; with one, each run reports it from the counts of its own."""
    for name in ("_complete", "_row_presence"):
        monkeypatch.setattr(coverage, name, Memo(8))
    counted: list[str] = []
    count_present = coverage.count_present

    def counting(*args: Any, **options: Any) -> tuple[int, int]:
        counted.append("count")
        return count_present(*args, **options)

    monkeypatch.setattr(coverage, "count_present", counting)
    panels = panels_of(_quarters(gap))
    first, second = (
        result(panels, start="2023-01-02", end="2023-03-20", portfolio={"max_positions": 1}) for _ in range(2)
    )
    assert len(counted) == counts
    assert first["warnings"] == second["warnings"]


def test_rows_with_a_value_are_found_once_for_a_factor(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_complete", "_row_presence"):
        monkeypatch.setattr(coverage, name, Memo(8))
    scanned: list[int] = []
    rows_with_value = coverage.rows_with_value

    def scanning(*args: Any, **options: Any) -> Any:
        scanned.append(options["count"])
        return rows_with_value(*args, **options)

    monkeypatch.setattr(coverage, "rows_with_value", scanning)
    panels = panels_of(_quarters(range(10, 35)))
    for end in ("2023-03-20", "2023-03-20", "2023-02-20"):
        result(panels, start="2023-01-02", end=end, portfolio={"max_positions": 1})
    assert len(scanned) == 1
