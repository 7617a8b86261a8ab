"""numpy, one day at a time: the condition over whole matrices, the ranking by partition, holdings in a dict."""

import time

BEGIN = time.process_time()

import math  # noqa: E402

import numpy as np  # noqa: E402

from bench.peers.arrays import (  # noqa: E402
    CASH,
    COMMISSION,
    MOST_DAYS,
    SLIPPAGE,
    SLOTS,
    STOP,
    TAKE,
    TOUCH,
    Arrays,
    Trades,
    measure,
)  # fmt: skip

IMPORTED = time.process_time() - BEGIN


def run(a: Arrays) -> tuple[Trades, float]:
    """Return the trades and the final value."""
    eligible, days = a.eligible(), a.days.tolist()
    trades: Trades = []
    held: dict[int, list[float]] = {}  # stock -> shares, entry price, entry day
    free = np.ones(a.open.shape[1], bool)
    cash, equity = CASH, np.empty(len(days))

    def sell(d: int, i: int, reference: float) -> float:
        price = reference * (1 - SLIPPAGE)
        shares = held.pop(i)[0]
        trades.append((d, i, -int(shares), price))
        return shares * price * (1 - COMMISSION - a.tax[d])

    for d, day in enumerate(days):
        opens, highs, lows, lasts = a.open[d], a.high[d], a.low[d], a.last[d]
        sold = []
        for i in sorted(held):
            _, entry, since = held[i]
            price = opens[i]
            if (
                price <= entry * (1 - STOP / 100) * (1 + TOUCH)
                or price >= entry * (1 + TAKE / 100) * (1 - TOUCH)
                or day - since >= MOST_DAYS
            ):
                cash += sell(d, i, price)
                sold.append(i)
        slots = SLOTS - len(held)
        if slots:
            candidates = np.flatnonzero(eligible[d] & free)
            candidates = candidates[~np.isin(candidates, sold)] if sold else candidates
            rank = -a.momentum[d][candidates]
            if len(candidates) > 2 * slots:
                near = np.flatnonzero(rank <= np.partition(rank, slots)[slots])
                candidates, rank = candidates[near], rank[near]
            worth = cash + sum(h[0] * opens[i] for i, h in held.items())
            for i in candidates[np.argsort(rank, kind="stable")].tolist():
                if not slots:
                    break
                price = opens[i] * (1 + SLIPPAGE)
                shares = math.floor(min(worth / SLOTS, cash) / (price * (1 + COMMISSION)) + TOUCH)
                if shares < 1:
                    continue
                cash -= shares * price * (1 + COMMISSION)
                held[i] = [shares, price, day]
                free[i] = False
                trades.append((d, i, shares, price))
                slots -= 1
        for i in sorted(held):
            _, entry, since = held[i]
            level = entry * (1 - STOP / 100)
            if since == day:
                level = min(level, opens[i])
            if lows[i] <= level * (1 + TOUCH):
                cash += sell(d, i, level)
                sold.append(i)
            elif highs[i] >= entry * (1 + TAKE / 100) * (1 - TOUCH):
                cash += sell(d, i, entry * (1 + TAKE / 100))
                sold.append(i)
        free[sold] = True
        equity[d] = cash + sum(h[0] * lasts[i] for i, h in held.items())
    return trades, float(equity[-1])


if __name__ == "__main__":
    measure(run, imported_s=IMPORTED)
