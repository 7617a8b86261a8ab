"""A refusal for missing data names the input, also when only the years of the window lack it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.errors import RunError
from shared.simulation import request_of, run
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import market, result


def _market(years: tuple[int, ...]) -> dict[str, list[dict[str, Any]]]:
    days = [f"{year}-03-{day:02d}" for year in years for day in range(2, 9)]
    price = {"open": 100, "high": 100, "low": 100, "close": 100, "volume": 10, "listed_shares": 1000, "stock_code": "A"}
    return {
        "prices": [price | {"date": day} for day in days],
        "companies": [{"stock_code": "A", "name": "A", "market": "KOSPI"}],
    }


def _request(start: str, end: str) -> Any:
    strategy = {"buy": {"where": "CURRENT_RATIO > 1"}}
    return request_of({"strategy": strategy, "start": start, "end": end, "benchmark": None})


def test_input_absent_in_every_year_is_named_without_year() -> None:
    with pytest.raises(RunError, match=r"CURRENT_RATIO has no value .*\(no statements"):
        run(_request("2022-03-03", "2022-03-08"), panels_of(_market((2022,))))


def test_input_absent_in_the_window_is_named_with_its_years() -> None:
    panels = panels_of(_market((2022, 2023)))
    for year in (2022, 2023):
        panels.reasons[f"CURRENT_RATIO@{year}"] = "no statements with current_assets"
    del panels.reasons["CURRENT_RATIO"]
    with pytest.raises(RunError, match=r"\(in 2023: no statements with current_assets\)"):
        run(_request("2023-03-03", "2023-03-08"), panels)
    with pytest.raises(RunError, match=r"\(in 2022 to 2023: no statements with current_assets\)"):
        run(_request("2022-03-03", "2023-03-08"), panels)
    del panels.reasons["CURRENT_RATIO@2022"]
    with pytest.raises(RunError, match=r"on any decision day from .* to [0-9-]+$"):
        run(_request("2022-03-03", "2023-03-08"), panels)


@pytest.mark.parametrize("part", ["buy", "sell"])
def test_factor_under_a_lag_is_counted_on_the_rows_it_reads(part: str) -> None:
    """CHANGE_RATE has values from the second of eight rows on; decisions on the rows 0 to 6 read `n` rows before."""
    bars = market({"A": [100, 101, 102, 103, 104, 105, 106, 107]})
    assert result(bars, **{part: {"where": "lag(CHANGE_RATE, 5) > -100"}})["window"]["rows"] == 7
    with pytest.raises(RunError, match="CHANGE_RATE has no value for any stock"):
        result(bars, **{part: {"where": "lag(CHANGE_RATE, 6) > -100"}})
    with pytest.raises(RunError, match="CHANGE_RATE has no value for any stock"):
        result(bars, **{part: {"where": "ts_mean(lag(CHANGE_RATE, 6), 3) > -100"}})
    with pytest.raises(RunError, match=r"lag\(CHANGE_RATE, 6\) needs 7 rows of values"):
        result(bars, **{part: {"where": "lag(CHANGE_RATE, 6) > CHANGE_RATE"}})
