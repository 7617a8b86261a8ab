"""vectorbt with variants as groups of columns: other thresholds and exits of the standard strategy, from signals.

As in `vectorbt_signals` it has no limit of twenty holdings and no longest holding time. Memory limits the variants of
a call: each has all stocks as columns of its own.
"""

import time

BEGIN = time.process_time()

import numpy as np  # noqa: E402
import vectorbt as vbt  # noqa: E402

from bench.peers.arrays import CASH, COMMISSION, SLIPPAGE, SLOTS, Arrays, measure  # noqa: E402

IMPORTED = time.process_time() - BEGIN
VARIANTS = ((10, 0.3, 10, 10, 20), (12, 0.2, 8, 8, 30))
"""(PER, part of the row by PER, ROE, stop, target) of the variants of a call."""


def entries(a: Arrays, per: float, part: float, roe: float) -> np.ndarray:
    """Return bool [D, N]: the best stocks of each day that fulfil the condition."""
    passed = ((a.per < np.float32(per)) | (a.pct < np.float32(part))) & (a.roe > np.float32(roe)) & (a.close > a.mean)
    rank = np.where(passed & (a.momentum == a.momentum), -a.momentum, np.float32(np.inf))
    last = np.partition(rank, SLOTS, axis=1)[:, SLOTS : SLOTS + 1]
    found: np.ndarray = (rank < last) & np.isfinite(rank)
    return found


def run(a: Arrays) -> tuple[None, float]:
    """Return no trades and the final value of the first variant."""
    columns, times = a.last.shape[1], len(VARIANTS)

    def wide(values: np.ndarray) -> np.ndarray:
        return np.tile(values, (1, times))

    def each(place: int) -> np.ndarray:
        return np.repeat([variant[place] / 100 for variant in VARIANTS], columns)

    portfolio = vbt.Portfolio.from_signals(
        wide(a.last), entries=np.hstack([entries(a, *variant[:3]) for variant in VARIANTS]), exits=False,
        price=wide(a.open), open=wide(a.open), high=wide(a.high), low=wide(a.low), size=CASH / SLOTS,
        size_type="value", fees=COMMISSION + a.tax[:, None] / 2, slippage=SLIPPAGE, sl_stop=each(3), tp_stop=each(4),
        init_cash=CASH, cash_sharing=True, group_by=np.repeat(np.arange(times), columns), size_granularity=1.0,
        max_orders=8 * SLOTS * len(a.days) * times,
    )  # fmt: skip
    return None, float(np.asarray(portfolio.value())[-1, 0])


if __name__ == "__main__":
    measure(run, imported_s=IMPORTED)
