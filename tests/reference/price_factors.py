"""Factors of prices, volumes, indices and dividends: a plain loop over one stock, in float64."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

from tests.reference.market import INDEX_CARRY, Market, Series, Stock

Value = float | None


NOISE = 1e-9
"""A difference of prices below this part of the price counts as exactly 0."""


def quiet(difference: float, price: float) -> float:
    """Return a difference of prices, 0 when it is noise."""
    return 0.0 if abs(difference) < NOISE * abs(price) else difference


def adjusted(stock: Stock) -> Series:
    """Return the adjusted close of each row."""
    return [None if c is None else c * a for c, a in zip(stock.close, stock.adjust, strict=True)]


def traded(stock: Stock, name: str) -> Series:
    """Return the adjusted high or low of each row with trading."""
    return [
        value * stock.adjust[r] if stock.tradable(r) and (value := stock.positive(r, name)) is not None else None
        for r in range(len(stock.close))
    ]


def index_of_stock(market: Market, stock: Stock, row: int) -> Series | None:
    """Return the carried index named like the stock's market on the row, over all rows."""
    name = stock.market[row]
    key = "carried " + name
    if key not in market.cache:
        market.cache[key] = market.index_carried(name, INDEX_CARRY)
    series: Series | None = market.cache[key]
    return series


def _window(series: Series, row: int, n: int, least: int) -> list[float] | None:
    found = [v for v in series[max(0, row - n + 1) : row + 1] if v is not None]
    return found if len(found) >= least else None


def _ago(series: Series, row: int, n: int) -> Value:
    return series[row - n] if row >= n else None


def _change(series: Series, row: int, n: int) -> Value:
    now, then = series[row], _ago(series, row, n)
    if now is None or then is None or then == 0:
        return None
    return quiet(now / then - 1, 1.0) * 100


def _momentum(n: int) -> Callable[[Market, Stock], Series]:
    def values(_: Market, stock: Stock) -> Series:
        close = adjusted(stock)
        return [_change(close, row, n) for row in range(len(close))]

    return values


def _distance(name: str, pick: Callable[[list[float]], float]) -> Callable[[Market, Stock], Series]:
    def values(_: Market, stock: Stock) -> Series:
        close, other = adjusted(stock), traded(stock, name)
        found: Series = []
        for row, now in enumerate(close):
            seen = _window(other, row, 250, 120)
            found.append(None if now is None or seen is None else (now / pick(seen) - 1) * 100)
        return found

    return values


def _relative_strength(market: Market, stock: Stock) -> Series:
    close = adjusted(stock)
    found: Series = []
    for row in range(len(close)):
        index = index_of_stock(market, stock, row)
        mine = _change(close, row, 60)
        other = None if index is None else _change(index, row, 60)
        found.append(None if mine is None or other is None else mine - other)
    return found


def _two_means(series: Series, row: int) -> Value:
    new = _window(series, row, 20, 20)
    old = _window(series, row - 20, 20, 20) if row >= 20 else None
    if new is None or old is None:
        return None
    base = math.fsum(old) / 20
    return None if base <= 0 else (math.fsum(new) / 20 / base - 1) * 100


def _volume_momentum(_: Market, stock: Stock) -> Series:
    values: Series = []
    for row, close in enumerate(stock.close):
        if close is None:
            values.append(None)
        else:
            values.append(stock.cell(row, "trading_value") if stock.tradable(row) else 0.0)
    return [_two_means(values, row) for row in range(len(values))]


def _volume_roc(_: Market, stock: Stock) -> Series:
    values: Series = []
    for row in range(len(stock.close)):
        volume = stock.volume(row)
        values.append(None if volume is None else volume / stock.adjust[row])
    return [_two_means(values, row) for row in range(len(values))]


def _beta(market: Market, stock: Stock) -> Series:
    close = adjusted(stock)
    return [_beta_on(close, index_of_stock(market, stock, row), row) for row in range(len(close))]


def _beta_on(close: Series, index: Series | None, row: int) -> Value:
    if index is None:
        return None
    pairs: list[tuple[float, float]] = []
    for r in range(max(0, row - 251), row + 1):
        mine, other = _change(close, r, 1), _change(index, r, 1)
        if mine is not None and other is not None:
            pairs.append((mine / 100, other / 100))
    if len(pairs) < 120:
        return None
    n = len(pairs)
    mean_x = math.fsum(x for x, _ in pairs) / n
    mean_y = math.fsum(y for _, y in pairs) / n
    variance = math.fsum((y - mean_y) ** 2 for _, y in pairs)
    if math.sqrt(variance / (n - 1)) <= NOISE * abs(mean_y):
        return None
    return math.fsum((x - mean_x) * (y - mean_y) for x, y in pairs) / variance


def _rsi(_: Market, stock: Stock) -> Series:
    found: Series = []
    before: Value = None
    gains: list[float] = []
    losses: list[float] = []
    gain = loss = 0.0
    for now in adjusted(stock):
        if now is None:
            found.append(None)
            continue
        if before is not None:
            move = quiet(now - before, before)
            up, down = max(move, 0.0), max(-move, 0.0)
            gains.append(up)
            losses.append(down)
            if len(gains) == 14:
                gain, loss = sum(gains) / 14, sum(losses) / 14
            elif len(gains) > 14:
                gain, loss = (gain * 13 + up) / 14, (loss * 13 + down) / 14
        before = now
        if len(gains) < 14:
            found.append(None)
        else:
            found.append(0.0 if gain + loss == 0 else 100 * gain / (gain + loss))
    return found


def _bollinger(_: Market, stock: Stock) -> Series:
    close = adjusted(stock)
    found: Series = []
    for row, now in enumerate(close):
        seen = _window(close, row, 20, 20)
        if now is None or seen is None:
            found.append(None)
            continue
        mean = math.fsum(seen) / 20
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in seen) / 19)
        found.append(None if deviation <= NOISE * abs(mean) else (now - mean) / (2 * deviation))
    return found


def _macd(_: Market, stock: Stock) -> Series:
    found: Series = []
    fast = slow = signal = 0.0
    seen = 0
    for now in adjusted(stock):
        if now is None:
            found.append(None)
            continue
        seen += 1
        if seen == 1:
            fast = slow = now
        else:
            fast += 2 / 13 * quiet(now - fast, now)
            slow += 2 / 27 * quiet(now - slow, now)
        macd = quiet(fast - slow, now)
        signal = macd if seen == 1 else signal + 2 / 10 * (macd - signal)
        found.append(None if seen < 35 else quiet(macd - signal, now) / now * 100)
    return found


def _range(n: int, least: int) -> Callable[[Market, Stock], Series]:
    def values(_: Market, stock: Stock) -> Series:
        close, high, low = adjusted(stock), traded(stock, "high"), traded(stock, "low")
        found: Series = []
        for row, now in enumerate(close):
            highs, lows = _window(high, row, n, least), _window(low, row, n, least)
            if now is None or highs is None or lows is None:
                found.append(None)
                continue
            top, bottom = max(highs), min(lows)
            found.append(None if top - bottom <= NOISE * top else (now - bottom) / (top - bottom) * 100)
        return found

    return values


def dps_ttm(market: Market, stock: Stock, row: int) -> Value:
    """Return the dividends of a year on the share basis of the row; None without dividend data."""
    day = market.days[row]
    known = [line for line in stock.dividends if line["disclosed"] is None or line["disclosed"] <= day]
    known = [line for line in known if line["ex_date"] <= day]
    if not known:
        return None
    latest = max(line["ex_date"] for line in known)
    if latest <= day - dt.timedelta(days=480):
        return 0.0
    total = 0.0
    for line in known:
        if line["ex_date"] > latest - dt.timedelta(days=350):
            splits = 1.0
            for r in range(row + 1):
                if market.days[r] > line["ex_date"]:
                    splits *= stock.split[r]
            total += line["dps"] / splits
    return total


def _dividend_yield(market: Market, stock: Stock) -> Series:
    found: Series = []
    for row, close in enumerate(stock.close):
        dps = dps_ttm(market, stock, row) if close is not None else None
        found.append(None if dps is None or close is None else dps / close * 100)
    return found


PRICE: dict[str, Callable[[Market, Stock], Series]] = {
    "DIVIDEND_YIELD": _dividend_yield,
    "MOMENTUM_1M": _momentum(20),
    "MOMENTUM_3M": _momentum(60),
    "MOMENTUM_6M": _momentum(120),
    "MOMENTUM_12M": _momentum(240),
    "DISTANCE_FROM_52W_HIGH": _distance("high", max),
    "DISTANCE_FROM_52W_LOW": _distance("low", min),
    "RELATIVE_STRENGTH": _relative_strength,
    "VOLUME_MOMENTUM": _volume_momentum,
    "BETA": _beta,
    "RSI_14": _rsi,
    "BOLLINGER_POSITION": _bollinger,
    "MACD_SIGNAL": _macd,
    "STOCHASTIC_14": _range(14, 14),
    "VOLUME_ROC": _volume_roc,
    "PRICE_POSITION": _range(250, 120),
    "CHANGE_RATE": _momentum(1),
    "MARKET_CAP": lambda _, stock: list(stock.cap),
}
