"""Tables of a benchmark report agree with its samples."""

from __future__ import annotations

from bench import report


def test_burst_with_refusals_misses_its_target() -> None:
    burst = {"seconds": 0.1, "statuses": {200: 734, 503: 248, 202: 18}}
    line = next(
        x for x in report.targets({"system": {"answers": {"users_1000": burst}}}).splitlines() if "| 1,000 " in x
    )
    assert "not all completed" in line
    assert "**missed**" in line


def test_new_backtest_is_compared_with_the_baseline() -> None:
    bare = {"p50_ms": 8.0, "p99_ms": 15.0, "per_second": 272.0}
    ours = {"new": {"p50_ms": 9.5, "p99_ms": 14.0}, "sustained": {"per_second": 201.0}}
    raw = {"system": {"answers": ours, "transport": {"on": bare, "off": {**bare, "p50_ms": 6.0}}}}
    lines = report.transports(raw).splitlines()
    assert [line.split("|")[2:5] for line in lines[2:]] == [
        [" 9.5 ", " 14 ", " 201 "], [" 8 ", " 15 ", " 272 "], [" 6 ", " 15 ", " 272 "],
    ]  # fmt: skip


def test_unmeasured_target_is_not_met() -> None:
    assert "met |" not in report.targets({})
