"""bt with one algorithm: buys and sells at the close, stops evaluated at the close.

bt uses closes only, so its trades differ; it computes the value of the portfolio.
"""

import time

BEGIN = time.process_time()

import bt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from bench.peers.arrays import (  # noqa: E402
    CASH,
    COMMISSION,
    MOST_DAYS,
    SLIPPAGE,
    SLOTS,
    STOP,
    TAKE,
    Arrays,
    measure,
)  # fmt: skip

IMPORTED = time.process_time() - BEGIN


class Standard(bt.Algo):  # type: ignore[misc]
    """The standard strategy on closes."""

    def __init__(self, arrays: Arrays, names: list[str], dates: pd.DatetimeIndex) -> None:
        super().__init__()
        self.arrays, self.names, self.eligible = arrays, names, arrays.eligible()
        self.rows = {date: row for row, date in enumerate(dates)}
        self.held: dict[int, tuple[float, int]] = {}

    def __call__(self, target: bt.Strategy) -> bool:
        row = self.rows.get(target.now)
        if row is None:
            return True
        a, sold = self.arrays, []
        day, closes = int(a.days[row]), a.last[row]
        for i, (entry, since) in list(self.held.items()):
            change = closes[i] / entry - 1
            if change <= -STOP / 100 or change >= TAKE / 100 or day - since >= MOST_DAYS:
                target.close(self.names[i])
                del self.held[i]
                sold.append(i)
        slots = SLOTS - len(self.held)
        if slots:
            candidates = np.flatnonzero(self.eligible[row])
            order = candidates[np.argsort(-a.momentum[row][candidates], kind="stable")][: 2 * SLOTS]
            amount = target.value / SLOTS
            for i in order.tolist():
                if not slots:
                    break
                if i in self.held or i in sold or min(amount, target.capital) < closes[i] * 1.01:
                    continue
                target.allocate(min(amount, target.capital / 1.002), self.names[i], update=False)
                self.held[i] = (closes[i], day)
                slots -= 1
            target.update(target.now)
        return True


def run(a: Arrays) -> tuple[None, float]:
    """Return no trades and the final value."""
    names = [f"{i:06d}" for i in range(a.open.shape[1])]
    dates = pd.DatetimeIndex(a.days.astype("datetime64[D]"))
    closes = pd.DataFrame(a.last, index=dates, columns=names)
    strategy = bt.Strategy("standard", [Standard(a, names, dates)])
    cost = COMMISSION + SLIPPAGE + float(a.tax.mean()) / 2
    test = bt.Backtest(
        strategy, closes, initial_capital=CASH, commissions=lambda q, p: abs(q) * p * cost, integer_positions=True,
        progress_bar=False,
    )  # fmt: skip
    test.run()
    return None, float(test.strategy.values.iloc[-1])


if __name__ == "__main__":
    measure(run, imported_s=IMPORTED)
