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


def test_variants_are_compared_with_single_runs() -> None:
    part = {"seconds": [0.4, 0.5, 0.6], "cpu_s": [0.8, 0.9, 1.0], "differing": 0}
    own = {**part, "seconds": [0.7]}
    pool = {"grid": [3.2, 3.1], "own": [3.3]}
    raw = {
        "sweeps": {"count": 1000, "grid": part, "own": own, "pool": pool, "vectorbt": {"cpu_s": [4.0], "variants": 2}}
    }
    cells = [line.split("|")[2:4] for line in report.sweeps(raw).splitlines()[2:]]
    assert cells == [
        [" 0.5 ", " 0.9 "], [" 0.7 ", " 0.9 "], [" 3.1 ", " – "], [" 3.3 ", " – "], [" – ", " 2,000 "],
    ]  # fmt: skip
    lines = [line for line in report.targets(raw).splitlines() if line.startswith("| P14 | 1,000 variants of S")]
    assert [line.endswith("| met |") for line in lines] == [True]
    assert "| **missed** |" in next(line for line in report.targets(raw).splitlines() if "no threshold shared" in line)


def test_unmeasured_target_is_not_met() -> None:
    assert "met |" not in report.targets({})
