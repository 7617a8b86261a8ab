"""Input arrays of the peers, the rules of the standard strategy, and the timing of a peer.

Matrices are [days of the window, stocks]. Row d of a signal (`per, pct, roe, close, mean, momentum`: float32) is the
row *before* day d, so that a peer may use it on day d; `open, high, low, last` (float64) are those of day d itself.
"""

from __future__ import annotations

import json
import pathlib
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

CASH = 100_000_000.0
SLOTS = 20
COMMISSION = 0.015 / 100
SLIPPAGE = 0.1 / 100
STOP, TAKE, MOST_DAYS = 10.0, 20.0, 60
TOUCH = 1e-9


@dataclass(frozen=True)
class Arrays:
    """The exported arrays of a window."""

    days: np.ndarray  # int32 [D], days since 1970
    tax: np.ndarray  # float64 [D], fraction of a sale
    per: np.ndarray
    pct: np.ndarray
    roe: np.ndarray
    close: np.ndarray
    mean: np.ndarray
    momentum: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    last: np.ndarray

    def eligible(self) -> np.ndarray:
        """Return bool [D, N]: the condition of the standard strategy from precomputed arrays."""
        results: np.ndarray = (
            ((self.per < np.float32(10)) | (self.pct < np.float32(0.3)))
            & (self.roe > np.float32(10))
            & (self.close > self.mean)
            & (self.momentum == self.momentum)
        )
        return results


def load(folder: str | pathlib.Path) -> Arrays:
    """Load the arrays of a folder into memory."""
    return Arrays(**{f.name: np.load(pathlib.Path(folder) / f"{f.name}.npy") for f in fields(Arrays)})


Trades = list[tuple[int, int, int, float]]
"""(day of the window, stock, shares: positive bought and negative sold, price)."""


def peak_rss_mb() -> float:
    """Return the peak resident memory of this process in MB."""
    table = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in table.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


Run = Callable[[Arrays], tuple[Trades | None, float]]


def measure(run: Run, *, imported_s: float, variants: dict[str, Run] | None = None) -> None:
    """Run a peer on each folder of the command line and print its timings as JSON.

    Arguments: repeats, folder of the trades, folders. The first run of a folder is reported separately (`first_cpu_s`)
    because it compiles. `variants` are measured after the run itself.
    """
    repeats, out, folders = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    given = {pathlib.Path(folder).name: load(folder) for folder in folders}
    runs = {"": run, **(variants or {})}
    results = {
        key: {name: _timed(one, arrays, repeats, out / f"{name}.json") for name, arrays in given.items()}
        for key, one in runs.items()
    }
    print(json.dumps({"import_cpu_s": imported_s, "runs": results.pop(""), "variants": results}))


def _timed(run: Run, arrays: Arrays, repeats: int, file: pathlib.Path) -> dict[str, Any]:
    begin = time.process_time()
    trades, final = run(arrays)
    first = time.process_time() - begin
    seconds = []
    for _ in range(repeats):
        begin = time.process_time()
        run(arrays)
        seconds.append(time.process_time() - begin)
    if trades is not None:
        file.write_text(json.dumps(trades))
    return {
        "first_cpu_s": first, "cpu_s": seconds or [first], "final": final,
        "trades": None if trades is None else len(trades), "peak_rss_mb": peak_rss_mb(),
    }  # fmt: skip
