"""Returns and factors as quantstats, pyfolio, empyrical and alphalens expect them."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest

from ondol.client.interop import factor_series, wide_prices
from ondol.client.result import ResultData
from tests.support.result_documents import completed, weekdays

pytestmark = pytest.mark.filterwarnings("ignore")
"""The peers warn about their own use of pandas."""

RESULT = ResultData(completed(400))


def test_returns_are_those_of_the_result() -> None:
    returns = RESULT.returns()
    assert returns.to_numpy() == pytest.approx(RESULT.equity["daily_return"].to_numpy(), abs=1e-15)
    assert (1 + returns).prod() - 1 == pytest.approx(RESULT.statistics.total_return)
    assert returns.index.tz is None
    assert ResultData(completed(benchmark=False)).benchmark_returns() is None


def test_quantstats_reads_returns_and_benchmark() -> None:
    import quantstats

    returns, benchmark = RESULT.returns(), RESULT.benchmark_returns()
    assert quantstats.stats.comp(returns) == pytest.approx(RESULT.statistics.total_return)
    assert quantstats.stats.max_drawdown(returns) == pytest.approx(RESULT.statistics.max_drawdown)
    table = quantstats.reports.metrics(returns, benchmark, display=False, mode="full")
    assert table.loc["Sharpe"].notna().all()


def test_pyfolio_and_empyrical_read_returns_and_transactions() -> None:
    import empyrical
    import pyfolio

    returns = RESULT.returns()
    figures = pyfolio.timeseries.perf_stats(returns, RESULT.benchmark_returns())
    assert figures["Cumulative returns"] == pytest.approx(RESULT.statistics.total_return)
    assert empyrical.max_drawdown(returns) == pytest.approx(RESULT.statistics.max_drawdown)
    moved = pyfolio.txn.get_txn_vol(RESULT.transactions())
    assert moved["txn_shares"].to_list() == [10, 10]
    assert moved["txn_volume"].to_list() == [700_000.0, 700_000.0]


def test_alphalens_reads_values() -> None:
    import alphalens

    days, codes = weekdays(40), [f"{n:06d}" for n in range(10)]
    rng = np.random.default_rng(1)
    values = pl.DataFrame({
        "date": pl.Series(np.repeat(days, len(codes))).str.to_date(),
        "stock_code": codes * len(days),
        "PER": np.tile(np.arange(10.0), len(days)),
        "close": 100 * np.exp(rng.normal(0, 0.01, (len(days), len(codes))).cumsum(axis=0)).ravel(),
    })  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = alphalens.utils.get_clean_factor_and_forward_returns(
            factor_series(values, "PER"), wide_prices(values), quantiles=5, periods=(1, 5)
        )
        coefficients = alphalens.performance.factor_information_coefficient(table)
    assert sorted(table["factor_quantile"].unique()) == [1, 2, 3, 4, 5]
    assert len(table) == 35 * 10
    assert coefficients.notna().all().all()
