"""vectorbt from signals: entries for the day's twenty best stocks, stop and target by vectorbt.

It has no limit of twenty holdings and no maximum holding time, so its trades differ.
"""

import time

BEGIN = time.process_time()

import numpy as np  # noqa: E402
import vectorbt as vbt  # noqa: E402

from bench.peers.arrays import CASH, COMMISSION, SLIPPAGE, SLOTS, STOP, TAKE, Arrays, measure  # noqa: E402

IMPORTED = time.process_time() - BEGIN


def run(a: Arrays) -> tuple[None, float]:
    """Return no trades and the final value."""
    rank = np.where(a.eligible(), -a.momentum, np.float32(np.inf))
    last = np.partition(rank, SLOTS, axis=1)[:, SLOTS : SLOTS + 1]
    portfolio = vbt.Portfolio.from_signals(
        a.last, entries=(rank < last) & np.isfinite(rank), exits=False, price=a.open, open=a.open, high=a.high,
        low=a.low, size=CASH / SLOTS, size_type="value", fees=COMMISSION + a.tax[:, None] / 2, slippage=SLIPPAGE,
        sl_stop=STOP / 100, tp_stop=TAKE / 100, init_cash=CASH, cash_sharing=True, group_by=True,
        size_granularity=1.0, max_orders=8 * SLOTS * len(a.days),
    )  # fmt: skip
    return None, float(np.asarray(portfolio.value())[-1])


if __name__ == "__main__":
    measure(run, imported_s=IMPORTED)
