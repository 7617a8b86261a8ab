"""A compiled day loop over dense arrays (numba) with given percentile ranks, written by hand."""

import time

BEGIN = time.process_time()

import numba  # noqa: E402
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
# ruff: noqa: PLR0917 - compiled functions take their arrays one by one

TEN, THIRD = np.float32(10), np.float32(0.3)


@numba.njit(cache=False)
def best(per, pct, roe, close, mean, momentum, held, sold, d, wanted, cols, keys):  # type: ignore[no-untyped-def]
    """Select the first `wanted` candidates by momentum descending, stock ascending; return their number."""
    size = 0
    for i in range(per.shape[0]):
        if (per[i] < TEN or pct[i] < THIRD) and roe[i] > TEN and close[i] > mean[i]:
            key = momentum[i]
            if np.isnan(key) or held[i] or sold[i] == d:
                continue
            if size == wanted and not key > keys[size - 1]:
                continue
            at = size if size < wanted else wanted - 1
            while at > 0 and keys[at - 1] < key:
                keys[at], cols[at] = keys[at - 1], cols[at - 1]
                at -= 1
            keys[at], cols[at] = key, i
            if size < wanted:
                size += 1
    return size


@numba.njit(cache=False)
def simulate(days, tax, per, pct, roe, close, mean, momentum, opens, highs, lows, lasts, log, prices):  # type: ignore[no-untyped-def]
    """Simulate all days; fill log [capacity, 3] and prices [capacity]; return (trades, equity by day)."""
    rows, n = opens.shape
    held, sold = np.zeros(n, np.bool_), np.full(n, -1, np.int64)
    cols, keys = np.empty(64, np.int64), np.empty(64, np.float32)
    stock, shares, entry, since = np.empty(64, np.int64), np.empty(64), np.empty(64), np.empty(64, np.int64)
    equity, cash, count, fills = np.empty(rows), CASH, 0, 0
    for d in range(rows):
        for step in range(2):
            if step == 1:
                slots = SLOTS - count
                if slots > 0:
                    selected = best(
                        per[d], pct[d], roe[d], close[d], mean[d], momentum[d], held, sold, d, slots + 8, cols, keys
                    )
                    worth = cash
                    for h in range(count):
                        worth += shares[h] * opens[d, stock[h]]
                    for c in range(selected):
                        if slots == 0:
                            break
                        i = cols[c]
                        price = opens[d, i] * (1 + SLIPPAGE)
                        size = np.floor(min(worth / SLOTS, cash) / (price * (1 + COMMISSION)) + TOUCH)
                        if size < 1:
                            continue
                        cash -= size * price * (1 + COMMISSION)
                        at = count
                        while at > 0 and stock[at - 1] > i:
                            stock[at], shares[at], entry[at], since[at] = (
                                stock[at - 1], shares[at - 1], entry[at - 1], since[at - 1],
                            )  # fmt: skip
                            at -= 1
                        stock[at], shares[at], entry[at], since[at] = i, size, price, days[d]
                        held[i] = True
                        count, slots = count + 1, slots - 1
                        log[fills, 0], log[fills, 1], log[fills, 2], prices[fills] = d, i, size, price
                        fills += 1
            remaining = 0
            for h in range(count):
                i, reference = stock[h], np.nan
                low, high = entry[h] * (1 - STOP / 100), entry[h] * (1 + TAKE / 100)
                if step == 0:
                    price = opens[d, i]
                    if price <= low * (1 + TOUCH) or price >= high * (1 - TOUCH) or days[d] - since[h] >= MOST_DAYS:
                        reference = price
                else:
                    level = min(low, opens[d, i]) if since[h] == days[d] else low
                    if lows[d, i] <= level * (1 + TOUCH):
                        reference = level
                    elif highs[d, i] >= high * (1 - TOUCH):
                        reference = high
                if not np.isnan(reference):
                    price = reference * (1 - SLIPPAGE)
                    cash += shares[h] * price * (1 - COMMISSION - tax[d])
                    log[fills, 0], log[fills, 1], log[fills, 2], prices[fills] = d, i, -shares[h], price
                    fills += 1
                    held[i], sold[i] = False, d
                else:
                    stock[remaining], shares[remaining], entry[remaining], since[remaining] = (
                        i,
                        shares[h],
                        entry[h],
                        since[h],
                    )
                    remaining += 1
            count = remaining
        worth = cash
        for h in range(count):
            worth += shares[h] * lasts[d, stock[h]]
        equity[d] = worth
    return fills, equity


def run(a: Arrays) -> tuple[Trades, float]:
    """Return the trades and the final value."""
    log, prices = np.empty((4 * SLOTS * len(a.days), 3), np.int64), np.empty(4 * SLOTS * len(a.days))
    fills, equity = simulate(
        a.days, a.tax, a.per, a.pct, a.roe, a.close, a.mean, a.momentum, a.open, a.high, a.low, a.last, log, prices
    )
    rows = [(d, i, s, p) for (d, i, s), p in zip(log[:fills].tolist(), prices[:fills].tolist(), strict=True)]
    return rows, float(equity[-1])


if __name__ == "__main__":
    measure(run, imported_s=IMPORTED)
