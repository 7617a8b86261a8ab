"""Windows, benchmarks, progress, and refusals of what the data do not have."""

from __future__ import annotations

import pytest

from shared.errors import CancelledRunError, RunError
from shared.simulation import canonical_request, request_of, run
from tests.support.markets import panels_of
from tests.unit.simulation.fixtures import DAYS, brief, codes, market, request, result

FLAT = {"A": [10_000] * 8}


def test_first_row_of_the_data_has_no_signal() -> None:
    found = result(market(FLAT), start=DAYS[0], end=DAYS[0])
    assert found["trades"] == []
    assert codes(found) >= {"no_signal", "no_candidate"}
    assert found["statistics"]["volatility"] is None


def test_window_wider_than_the_data_is_clipped() -> None:
    found = result(market(FLAT), start="2020-01-01", end="2030-01-01")
    assert found["window"] == {"first": DAYS[0], "last": DAYS[-1], "rows": 8, "warmup_rows": 0}
    clipped = [w for w in found["warnings"] if w["code"] == "window_clipped"]
    assert [(w["side"], w["requested"], w["available"]) for w in clipped] == [
        ("end", "2030-01-01", DAYS[-1]), ("start", "2020-01-01", DAYS[0]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"start": "2023-03-04", "end": "2023-03-05"}, "start"),
        ({"benchmark": "KOSDAQ"}, "benchmark"),
        ({"universe": {"stock_codes": ["B"]}}, "strategy.universe.stock_codes"),
        ({"universe": {"sectors": ["없는 업종"]}}, "strategy.universe.sectors"),
        ({"universe": {"markets": ["NASDAQ"]}}, "strategy.universe.markets"),
        ({"buy": {"where": "MOMENTUM_12M > 0"}}, "strategy.buy.where"),
        ({"sell": {"where": "PER > 20"}}, "strategy.sell.where"),
        ({"universe": {"where": "ROE > 20"}}, "strategy.universe.where"),
    ],
)
def test_request_beyond_the_data_is_refused_by_field(changes: dict[str, object], path: str) -> None:
    indices = [{"date": day, "index": "KOSPI", "close": 100} for day in DAYS]
    with pytest.raises(RunError) as refused:
        result(market(FLAT, indices=indices), **changes)
    assert path in [problem.path for problem in refused.value.problems]


def test_unknown_benchmark_names_the_loaded_ones() -> None:
    indices = [{"date": day, "index": "KOSPI", "close": 100} for day in DAYS]
    with pytest.raises(RunError, match="KOSPI, market, equal"):
        result(market(FLAT, indices=indices), benchmark="KOSDAQ")


def test_no_candidate_counts_stocks_by_part() -> None:
    found = result(market({"A": [10_000] * 8, "B": [900] * 8}), buy={"where": "raw_close > 1000 and raw_close < 5000"})
    (warning,) = [w for w in found["warnings"] if w["code"] == "no_candidate"]
    assert (warning["universe"], warning["ranked"]) == (2, 2)
    assert [(part["condition"], part["passed"]) for part in warning["parts"]] == [
        ("raw_close > 1000", 1), ("raw_close < 5000", 1),
    ]  # fmt: skip
    assert "raw_close > 1000: 1; raw_close < 5000: 1" in warning["message"]


def test_no_candidate_shows_values_of_a_factor_in_other_units() -> None:
    stocks = {"A": [10_000, 11_000] * 4}
    found = result(market(stocks), buy={"where": "CHANGE_RATE > 200 and raw_close > CHANGE_RATE"})
    (warning,) = [w for w in found["warnings"] if w["code"] == "no_candidate"]
    part, other = warning["parts"]
    assert (part["passed"], part["unit"]) == (0, "%")
    assert (part["lowest"], part["highest"]) == pytest.approx((-9.0909, 10), rel=1e-4)
    assert "CHANGE_RATE > 200: 0 (its values: -9.091 to 10 %)" in warning["message"]
    assert other == {"condition": "raw_close > CHANGE_RATE", "passed": 1}


def test_scarce_factor_is_warned_of_with_its_coverage() -> None:
    stocks = {f"S{i:02}": [10_000 + i] * 3 for i in range(30)}
    financials = [
        {"stock_code": "S07", "fiscal_year": 2022, "fiscal_quarter": 4, "period_end": "2022-12-31",
         "disclosed_on": "2023-01-10", "net_income": 1e9, "total_equity": 1e10},
    ]  # fmt: skip
    found = result(market(stocks, financials=financials), buy={"where": "ROE > 0"}, end=DAYS[2])
    (warning,) = [w for w in found["warnings"] if w["code"] == "scarce_factor"]
    assert (warning["factor"], warning["path"], warning["reason"]) == ("ROE", "strategy.buy.where", None)
    assert warning["coverage"] == pytest.approx(1 / 30)


def test_stock_whose_prices_end_stays_valued() -> None:
    stocks = {"A": [10_000, 10_000, 11_000], "B": [10] * 8}
    found = result(market(stocks), universe={"stock_codes": ["A"]}, portfolio={"max_positions": 1})
    assert found["equity"][-1]["equity"] == 110_000
    assert found["open_positions"][0]["stock_code"] == "A"


def test_equity_is_flat_without_trades() -> None:
    found = result(market(FLAT), buy={"where": "raw_close > 99999999"})
    assert {point["equity"] for point in found["equity"]} == {100_000.0}
    assert found["statistics"]["idle_days"] == 7
    for name in ("sharpe", "sortino", "calmar", "win_rate", "max_drawdown_start"):
        assert found["statistics"][name] is None
    assert found["statistics"]["max_drawdown"] == 0


def test_index_benchmark_starts_a_row_before_and_is_carried() -> None:
    closes = {DAYS[0]: 100, DAYS[1]: 110, DAYS[3]: 121}
    indices = [{"date": day, "index": "KOSPI", "close": close} for day, close in closes.items()]
    found = result(market(FLAT, indices=indices), benchmark="KOSPI", end=DAYS[3])
    assert [p["benchmark"] for p in found["equity"]] == pytest.approx([110_000, 110_000, 121_000])


def test_universe_benchmarks_weigh_by_cap_or_equally() -> None:
    stocks = {"A": [10_000, 11_000], "B": [30_000, (15_000, 15_000, 15_000, 15_000, 1e6, 2)], "C": [20_000, 30_000]}
    changes = {"end": DAYS[1], "universe": {"exclude": ["C"]}}
    assert result(market(stocks), benchmark="equal", **changes)["equity"][0]["benchmark"] == pytest.approx(105_000)
    assert result(market(stocks), benchmark="market", **changes)["equity"][0]["benchmark"] == pytest.approx(102_500)


def test_cancellation_ends_the_run() -> None:
    canonical = canonical_request(request_of(request()))
    with pytest.raises(CancelledRunError):
        run(canonical, panels_of(market(FLAT)), cancelled=lambda: True)


def test_progress_reports_every_equity_point_once() -> None:
    seen: list[tuple[float, list[dict[str, object]]]] = []
    canonical = canonical_request(request_of(request()))
    outcome = run(canonical, panels_of(market(FLAT)), progress=lambda part, points: seen.append((part, points)))
    assert seen[-1][0] == 1.0
    assert [p["date"] for _, points in seen for p in points] == [p["date"] for p in outcome.result["equity"]]


def test_universe_drops_a_stock_after_60_idle_rows() -> None:
    days = [f"2022-{m:02}-{d:02}" for m in range(1, 7) for d in range(1, 21)]
    stocks = {"A": [10_000] + [None] * 119, "B": [9_000] * 120}
    late = result(market(stocks, days=days), start=days[61], end=days[61], portfolio={"max_positions": 1})
    assert late["unfilled"] == {"halted": 1}
    later = result(market(stocks, days=days), start=days[62], end=days[62], portfolio={"max_positions": 1})
    assert later["unfilled"] == {}
    assert [t[1] for t in brief(later)] == ["B"]
