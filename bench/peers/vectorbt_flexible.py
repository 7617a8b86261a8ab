"""vectorbt with a flexible order function: the same trades.

A compiled loop decides the orders of a day before its segment and the order function returns them one by one, so that
vectorbt adds only its bookkeeping. The value of the portfolio is computed; the variant `statistics` adds its table of
statistics (this engine's time includes its own).
"""

import time

BEGIN = time.process_time()

import numba  # noqa: E402
import numpy as np  # noqa: E402
import vectorbt as vbt  # noqa: E402
from vectorbt.portfolio.enums import NoOrder  # noqa: E402
from vectorbt.portfolio.nb import order_nb  # noqa: E402

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


@numba.njit
def decide(
    c, days, tax, eligible, momentum, opens, highs, lows, count, cash, stock, shares, entry, since, held, sold, todo
):  # type: ignore[no-untyped-def]
    """Write the orders of a day into `todo` [capacity, 4]: stock, size, price, fees."""
    d, n = c.i, 0
    for step in range(2):
        if step == 1:
            slots = SLOTS - count[0]
            if slots > 0:
                cols, keys, selected = np.empty(SLOTS + 8, np.int64), np.empty(SLOTS + 8, np.float32), 0
                for i in range(eligible.shape[1]):
                    if eligible[d, i]:
                        key = momentum[d, i]
                        if held[i] or sold[i] == d or (selected == slots + 8 and not key > keys[selected - 1]):
                            continue
                        at = selected if selected < slots + 8 else slots + 7
                        while at > 0 and keys[at - 1] < key:
                            keys[at], cols[at] = keys[at - 1], cols[at - 1]
                            at -= 1
                        keys[at], cols[at] = key, i
                        if selected < slots + 8:
                            selected += 1
                worth = cash[0]
                for h in range(count[0]):
                    worth += shares[h] * opens[d, stock[h]]
                for k in range(selected):
                    if slots == 0:
                        break
                    i = cols[k]
                    price = opens[d, i] * (1 + SLIPPAGE)
                    size = np.floor(min(worth / SLOTS, cash[0]) / (price * (1 + COMMISSION)) + TOUCH)
                    if size < 1:
                        continue
                    cash[0] -= size * price * (1 + COMMISSION)
                    at = count[0]
                    while at > 0 and stock[at - 1] > i:
                        stock[at], shares[at], entry[at] = stock[at - 1], shares[at - 1], entry[at - 1]
                        since[at] = since[at - 1]
                        at -= 1
                    stock[at], shares[at], entry[at], since[at] = i, size, price, days[d]
                    held[i] = True
                    count[0] += 1
                    slots -= 1
                    todo[n, 0], todo[n, 1], todo[n, 2], todo[n, 3] = i, size, price, COMMISSION
                    n += 1
        remaining = 0
        for h in range(count[0]):
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
                cash[0] += shares[h] * price * (1 - COMMISSION - tax[d])
                todo[n, 0], todo[n, 1], todo[n, 2], todo[n, 3] = i, -shares[h], price, COMMISSION + tax[d]
                n += 1
                held[i], sold[i] = False, d
            else:
                stock[remaining], shares[remaining], entry[remaining], since[remaining] = (
                    i,
                    shares[h],
                    entry[h],
                    since[h],
                )
                remaining += 1
        count[0] = remaining
    count[1], count[2] = n, 0
    return (todo, count)


@numba.njit
def hand_over(c, todo, count):  # type: ignore[no-untyped-def]
    """Return the next order of the day."""
    k = count[2]
    if k >= count[1]:
        return -1, NoOrder
    count[2] += 1
    return int(todo[k, 0]), order_nb(size=todo[k, 1], price=todo[k, 2], fees=todo[k, 3])


def run(a: Arrays) -> tuple[Trades, float]:
    """Return the trades and the final value."""
    return outcome(simulated(a))


def run_with_statistics(a: Arrays) -> tuple[Trades, float]:
    """Return the same after computing vectorbt's statistics."""
    portfolio = simulated(a)
    portfolio.stats()
    return outcome(portfolio)


def simulated(a: Arrays) -> vbt.Portfolio:
    """Return the portfolio of the standard strategy."""
    n = a.open.shape[1]
    state = (
        np.zeros(3, np.int64), np.array([CASH]), np.empty(64, np.int64), np.empty(64), np.empty(64),
        np.empty(64, np.int64), np.zeros(n, np.bool_), np.full(n, -1, np.int64), np.empty((256, 4)),
    )  # fmt: skip
    return vbt.Portfolio.from_order_func(
        a.last, hand_over, flexible=True, init_cash=CASH, cash_sharing=True, group_by=True,
        pre_segment_func_nb=decide,
        pre_segment_args=(a.days, a.tax, a.eligible(), a.momentum, a.open, a.high, a.low, *state),
        max_orders=4 * SLOTS * len(a.days), ffill_val_price=False, update_value=False, fill_pos_record=False,
        call_pre_segment=True, freq="D",
    )  # fmt: skip


def outcome(portfolio: vbt.Portfolio) -> tuple[Trades, float]:
    """Return the orders as trades, and the final value."""
    value = portfolio.value()
    records = portfolio.orders.values
    signs = np.where(records["side"] == 0, 1, -1)
    rows = zip(
        records["idx"].tolist(), records["col"].tolist(), (records["size"] * signs).astype(int).tolist(),
        records["price"].tolist(), strict=True,
    )  # fmt: skip
    return list(rows), float(np.asarray(value)[-1])


if __name__ == "__main__":
    measure(run, imported_s=IMPORTED, variants={"statistics": run_with_statistics})
