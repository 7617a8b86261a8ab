"""Figures of the web application against their targets."""

from __future__ import annotations

from typing import Any

from bench import report, web


def samples(**changes: Any) -> dict[str, Any]:
    load = {"lcp_ms": [500.0, 700.0, 900.0], "cls": [0.0, 0.01]}
    return {
        "chromium": "1", "stocks": 200, "years": 3, "sizes_kb": {"first": 30.0, "chart": 95.0, "all": 215.0},
        "start": load, "report": load, "interaction_ms": [16.0, 48.0], "edit_ms": [float(ms) for ms in range(1, 101)],
        "draw_ms": [70.0, 90.0, 75.0], "frame_ms": [16.0] * 99 + [60.0], "rows": 32, "sort_ms": [20.0], **changes,
    }  # fmt: skip


def test_p95_is_the_least_value_that_95_percent_reach() -> None:
    assert web.p95([float(value) for value in range(1, 101)]) == 95
    assert web.p95([3.0]) == 3
    assert web.p95([1.0] * 19 + [9.0]) == 1


def test_long_frame_misses_its_target_alone() -> None:
    missed = [row.what for row in web.rows(samples()) if not row.is_met]
    assert missed == ["10,000 trades scrolled end to end, longest frame"]


def test_figures_are_medians_and_greatest_values() -> None:
    values = {row.what: row.value for row in web.rows(samples())}
    assert values["LCP of a report, median"] == 700
    assert values["CLS of a report, greatest"] == 0.01
    assert values["key to new curve, p95 of 100 edits"] == 95
    assert values["7,500 days x 2, answer to drawn report, median"] == 75


def test_report_of_the_web_application_alone_has_its_table() -> None:
    text = report.web_application({"web": samples(rows=61)})
    assert "| 10,000 trades, row elements | <= 60 rows | 61 rows | **missed** |" in text
    assert "| first load, Brotli | <= 60 KB | 30 KB | met |" in text
