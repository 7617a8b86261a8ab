"""The first difference between two results."""

from __future__ import annotations

from services.simulator.queries.replay import first_difference


def test_first_difference_is_on_the_first_day_that_differs() -> None:
    before = {"equity": [{"date": "a", "equity": 1}, {"date": "b", "equity": 2}], "trades": []}
    after = {"equity": [{"date": "a", "equity": 1}, {"date": "b", "equity": 3}], "trades": [{"date": "a"}]}
    found = first_difference(before, after)
    assert found is not None
    assert (found["part"], found["index"], found["date"]) == ("equity", 1, "b")
    assert first_difference(before, before | {"timing": 1}) is None
    assert (first_difference({"statistics": 1}, {"statistics": 2}) or {})["part"] == "statistics"
