"""Stored results."""

from __future__ import annotations

from services.api.backtests.results import timing_of


def test_timing_is_read_from_the_end_of_a_result() -> None:
    assert timing_of(b'{"trades":[],"timing":{"total_ms":1.5},"cache":{"by_tier":{}}}') == {"total_ms": 1.5}
    assert timing_of(b"{}") == {}
