"""TA-Lib as an oracle: RSI and fast stochastic everywhere, MACD 300 rows after the listing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import talib

from shared.factors.compute import compute_factors
from tests.unit.factors.random_raw import inputs_of, random_raw

ROWS = 900


def _inputs():  # type: ignore[no-untyped-def]
    """Stocks that trade every day, without splits."""
    g = np.random.default_rng(5)
    inputs = inputs_of(random_raw(5, ROWS, 9, fewer_gaps=True))
    close = 10_000 * np.exp(np.cumsum(g.normal(0, 0.02, (ROWS, 9)), axis=0))
    close[:, 3] = 5_000
    close[:, 4] = 5_000 + np.arange(ROWS)
    changed = {"last": close, "high": close * 1.01, "low": close * 0.98, "volume": np.ones_like(close)}
    days = np.full(9, np.iinfo(np.int32).max, np.int32)
    return replace(
        inputs, **changed, adjust=np.ones_like(close), idle=np.zeros(close.shape, np.uint16), delisted_day=days
    )


def test_rsi_is_that_of_talib() -> None:
    inputs = _inputs()
    found = compute_factors(inputs, ["RSI_14"], slice(0, ROWS))["RSI_14"]
    for i in range(9):
        np.testing.assert_allclose(found[:, i], talib.RSI(inputs.last[:, i], 14), rtol=1e-6)
    assert (found[14:, 3] == 0).all()
    assert (found[14:, 4] == 100).all()


def test_stochastic_is_the_fast_k_of_talib() -> None:
    inputs = _inputs()
    found = compute_factors(inputs, ["STOCHASTIC_14"], slice(0, ROWS))["STOCHASTIC_14"]
    for i in range(9):
        fast_k, _ = talib.STOCHF(inputs.high[:, i], inputs.low[:, i], inputs.last[:, i], 14, 1, 0)
        np.testing.assert_allclose(found[13:, i], fast_k[13:], rtol=1e-6)
        assert np.isnan(found[:13, i]).all()


def test_macd_is_that_of_talib_when_the_seeds_are_forgotten() -> None:
    inputs = _inputs()
    found = compute_factors(inputs, ["MACD_SIGNAL"], slice(0, ROWS))["MACD_SIGNAL"]
    for i in range(9):
        _, _, histogram = talib.MACD(inputs.last[:, i], 12, 26, 9)
        oracle = histogram / inputs.last[:, i] * 100
        np.testing.assert_allclose(found[300:, i], oracle[300:], rtol=1e-5, atol=1e-8)
    assert np.isnan(found[:34]).all()
    assert not np.isnan(found[34:]).any()


def test_bollinger_is_that_of_talib_with_sample_deviation() -> None:
    inputs = _inputs()
    found = compute_factors(inputs, ["BOLLINGER_POSITION"], slice(0, ROWS))["BOLLINGER_POSITION"]
    for i in (0, 1, 2, 4, 5):
        mean = talib.SMA(inputs.last[:, i], 20)
        deviation = talib.STDDEV(inputs.last[:, i], 20) * np.sqrt(20 / 19)
        np.testing.assert_allclose(found[:, i], (inputs.last[:, i] - mean) / (2 * deviation), rtol=1e-4, atol=1e-5)
    assert np.isnan(found[:, 3]).all()
