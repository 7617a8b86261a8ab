"""The tables say what the raw numbers say."""

from __future__ import annotations

from bench import report


def test_a_burst_with_refusals_is_missed_however_fast_it_was() -> None:
    burst = {"seconds": 0.1, "statuses": {200: 734, 503: 248, 202: 18}}
    line = next(
        x for x in report.targets({"system": {"answers": {"users_1000": burst}}}).splitlines() if "1,000 us" in x
    )
    assert "not all answered" in line
    assert "**missed**" in line


def test_what_was_not_measured_is_not_called_met() -> None:
    assert "met |" not in report.targets({})
