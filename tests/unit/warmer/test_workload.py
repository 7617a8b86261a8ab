"""The requests that the warmer sends."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from services.warmer.workload import months_before, popular_requests, preset_requests, strategy_requests, window

LAST = dt.date(2025, 12, 30)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (dt.date(2025, 12, 30), 6, dt.date(2025, 6, 30)),
        (dt.date(2024, 2, 29), 12, dt.date(2023, 2, 28)),
        (dt.date(2025, 8, 31), 6, dt.date(2025, 2, 28)),
        (dt.date(2025, 1, 15), 36, dt.date(2022, 1, 15)),
    ],
)
def test_months_before_stays_within_the_month(day: dt.date, months: int, expected: dt.date) -> None:
    assert months_before(day, months) == expected


def test_strategies_phase_has_ten_strategies_four_windows() -> None:
    requests = strategy_requests(LAST, ["KOSPI"])
    assert len({request.name for request in requests}) == 40
    spans = {(request.body["start"], request.body["end"]) for request in requests}
    assert spans == {tuple(day.isoformat() for day in window(LAST, span)) for span in ("6m", "1y", "2y", "3y")}
    assert all("benchmark" not in request.body for request in requests)


def test_requests_without_kospi_have_no_benchmark() -> None:
    assert all(
        request.body["benchmark"] is None
        for request in (*strategy_requests(LAST, []), *preset_requests(LAST, ["KOSDAQ"]))
    )


def test_presets_use_their_own_period() -> None:
    requests = {request.name: request.body for request in preset_requests(LAST, ["KOSPI"])}
    assert len(requests) == 4
    assert requests["high_roe_high_margin"]["start"] == (LAST - dt.timedelta(days=180)).isoformat()


def test_popular_requests_are_ranked_and_moved_to_last_day() -> None:
    def made(where: str, start: str, end: str) -> str:
        return json.dumps({"strategy": {"buy": {"where": where}}, "start": start, "end": end})

    rows = [
        (made("ROE > 10", "2024-01-01", "2024-12-31"), 2),
        (made("ROE > 10", "2023-01-01", "2024-01-01"), 2),
        (made("PER < 10", "2024-01-01", "2024-12-31"), 3),
    ]
    requests = popular_requests(rows, LAST)
    assert [request.body["strategy"]["buy"]["where"] for request in requests] == ["ROE > 10", "PER < 10"]
    assert {request.body["end"] for request in requests} == {"2025-12-30"}
    assert {request.body["start"] for request in requests} == {"2024-12-30"}
    assert len(popular_requests(rows, LAST, count=1)) == 1
