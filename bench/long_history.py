"""P12: thirty years of the whole market, in a process of its own; prints one line of JSON.

The arrays are random numbers (the engine is measured, not the factors); arrays that a run does not read are absent, so
that memory shows the arrays that it reads.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from bench.peers.arrays import peak_rss_mb
from bench.workload import standard, weekdays
from shared.dataset.memory_panels import MemoryPanels
from shared.model.instruments import Instruments
from shared.model.market_data import Dividends
from shared.simulation import run


def panels(rows: int, stocks: int) -> MemoryPanels:
    """Return a market of `rows` days and `stocks` stocks with the fields that the standard strategy reads."""
    import datetime as dt

    random = np.random.default_rng(1)
    shape = (rows, stocks)
    close = np.exp(np.cumsum(random.standard_normal(shape, np.float32) * np.float32(0.02), 0).astype(np.float64))
    np.multiply(close, 10_000, out=close)
    np.clip(np.round(close, out=close), 100, 1e7, out=close)
    open_ = np.round(close * (1 + 0.01 * (random.random(shape, np.float32) - 0.5)))
    ones = np.ones(shape)
    fields: dict[str, Any] = {
        "open": open_, "high": np.maximum(open_, close), "low": np.minimum(open_, close), "close": close,
        "volume": np.full(shape, 1e6),
        "shares": np.full(shape, 1e8), "split": ones, "adjust": ones, "last": close, "idle": np.zeros(shape, np.uint16),
        "PER": random.random(shape, np.float32) * 40, "ROE": random.random(shape, np.float32) * 20,
        "MOMENTUM_3M": random.standard_normal(shape, np.float32),
    }  # fmt: skip
    absent: tuple[None, ...] = (None,) * stocks
    nothing = np.zeros(0, np.int32)
    names = tuple(f"{i:06d}" for i in range(stocks))
    return MemoryPanels(
        weekdays(dt.date(2025, 12, 26), rows),
        Instruments(
            code=names, name=names, name_en=absent, market=("KOSPI",) * stocks, sector=absent, listed_on=absent,
            delisted_on=absent,
        ),
        fields, {"KOSPI": np.linspace(1000, 2000, rows)},
        Dividends(instrument=nothing, ex_date=nothing, dps=np.zeros(0), disclosed_on=nothing),
        frozenset(("PER", "ROE", "MOMENTUM_3M")),
    )  # fmt: skip


def main() -> None:
    """Measure with the command line arguments rows, stocks, repeats."""
    rows, stocks, repeats = (int(word) for word in sys.argv[1:4])
    market = panels(rows, stocks)
    request = standard(market, rows - 100)
    begin = time.perf_counter()
    run(request, market)
    first = time.perf_counter() - begin
    engine, whole = [], []
    for _ in range(repeats):
        begin = time.perf_counter()
        outcome = run(request, market)
        whole.append(1e3 * (time.perf_counter() - begin))
        engine.append(sum(outcome.timing[k] for k in ("evaluate_ms", "simulate_ms", "statistics_ms")))
    print(json.dumps({
        "rows": rows, "stocks": stocks, "first_s": first, "engine_ms": engine, "whole_ms": whole,
        "trades": outcome.result["statistics"]["trades"], "parts_ms": outcome.timing,
        "peak_rss_mb": peak_rss_mb(),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
