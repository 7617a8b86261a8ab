"""backtrader: market orders at the next open, stop and target as one-cancels-other orders.

Its stops are active from the day after the purchase, so its trades differ. Bars come from arrays, without observers.
"""

import time

BEGIN = time.process_time()

import datetime as dt  # noqa: E402

import backtrader as bt  # noqa: E402
import numpy as np  # noqa: E402

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


class Feed(bt.feed.DataBase):  # type: ignore[misc]
    """Data feed of one stock from lists."""

    params = (("bars", None),)

    def start(self) -> None:
        super().start()
        self.at = 0

    def _load(self) -> bool:
        dates, opens, highs, lows, closes = self.p.bars
        if self.at >= len(dates):
            return False
        lines, at = self.lines, self.at
        lines.datetime[0], lines.open[0], lines.high[0] = dates[at], opens[at], highs[at]
        lines.low[0], lines.close[0], lines.volume[0], lines.openinterest[0] = lows[at], closes[at], 1e6, 0.0
        self.at += 1
        return True


class Standard(bt.Strategy):  # type: ignore[misc]
    """The standard strategy with orders of backtrader."""

    params = (("arrays", None), ("eligible", None))

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.pairs: dict[int, tuple[object, object]] = {}
        self.stock_of = {data._name: i for i, data in enumerate(self.datas)}

    def notify_order(self, order: bt.Order) -> None:
        if order.status != order.Completed:
            return
        data, price = order.data, order.executed.price
        if order.isbuy():
            stop = self.sell(data, size=order.executed.size, exectype=bt.Order.Stop, price=price * (1 - STOP / 100))
            take = self.sell(
                data, size=order.executed.size, exectype=bt.Order.Limit, price=price * (1 + TAKE / 100), oco=stop
            )
            self.pairs[self.stock_of[data._name]] = (stop, take)
        else:
            i = self.stock_of[data._name]
            self.held.pop(i, None)
            self.pairs.pop(i, None)

    def next(self) -> None:
        a, row = self.p.arrays, len(self) - 1
        if row + 1 >= len(a.days):
            return
        day, closes = int(a.days[row]), a.last[row]
        for i, since in list(self.held.items()):
            if day - since >= MOST_DAYS and i in self.pairs:
                self.cancel(self.pairs[i][0])
                self.sell(self.datas[i], size=self.getposition(self.datas[i]).size)
                del self.pairs[i]
        slots = SLOTS - len(self.held)
        if slots:
            candidates = np.flatnonzero(self.p.eligible[row + 1])
            order = candidates[np.argsort(-a.momentum[row + 1][candidates], kind="stable")][: 2 * SLOTS]
            cash = self.broker.getcash()
            amount = self.broker.getvalue() / SLOTS
            for i in order.tolist():
                size = int(min(amount, cash) / (closes[i] * 1.002))
                if not slots or size < 1:
                    break
                if i in self.held:
                    continue
                self.buy(self.datas[i], size=size)
                self.held[i] = day
                cash -= size * closes[i] * 1.002
                slots -= 1


def run(a: Arrays) -> tuple[None, float]:
    """Return no trades and the final value."""
    cerebro = bt.Cerebro(stdstats=False)
    dates = [bt.date2num(dt.datetime.fromordinal(int(day) + 719163)) for day in a.days]
    for i in range(a.open.shape[1]):
        bars = (dates, a.open[:, i].tolist(), a.high[:, i].tolist(), a.low[:, i].tolist(), a.last[:, i].tolist())
        cerebro.adddata(Feed(bars=bars), name=str(i))
    cerebro.broker.setcash(CASH)
    cerebro.broker.setcommission(commission=COMMISSION + float(a.tax.mean()) / 2)
    cerebro.broker.set_slippage_perc(SLIPPAGE)
    cerebro.addstrategy(Standard, arrays=a, eligible=a.eligible())
    cerebro.run()
    return None, float(cerebro.broker.getvalue())


if __name__ == "__main__":
    measure(run, imported_s=IMPORTED)
