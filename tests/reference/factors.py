"""The 57 factors by a plain loop over one stock, in float64, rounded to float32 as the last step."""

from __future__ import annotations

import ctypes
import datetime as dt
import math
from collections.abc import Callable
from typing import Any

from tests.reference.market import INDEX_CARRY, Market, Series, Stock, read

Value = float | None
Statement = dict[str, Any]


def single(value: Value) -> Value:
    """The float32 nearest to a value; absent when it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    value = ctypes.c_float(value).value
    return value if math.isfinite(value) else None


def factor(market: Market, key: str) -> list[Series]:
    """Values of a factor, one list of rows per stock."""
    made: list[Series] | None = market.cache.get(key)
    if made is None:
        made = []
        for stock in market.stocks:
            values = PRICE[key](market, stock) if key in PRICE else _fundamental(market, stock, key)
            made.append([single(v) if stock.close[row] is not None else None for row, v in enumerate(values)])
        market.cache[key] = made
    return made


def table(market: dict[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """Every factor that has a value: date -> stock code -> key -> value."""
    made = read(market)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for row, day in enumerate(made.days):
        found[day.isoformat()] = {
            stock.code: {key: value for key in KEYS if (value := factor(made, key)[at][row]) is not None}
            for at, stock in enumerate(made.stocks)
        }
    return found


# --- price factors -----------------------------------------------------------------------------------------------


def adjusted(stock: Stock) -> Series:
    """Adjusted close of each row."""
    return [None if c is None else c * a for c, a in zip(stock.close, stock.adjust, strict=True)]


def traded(stock: Stock, name: str) -> Series:
    """Adjusted high or low: only on rows with trading."""
    rows = range(len(stock.close))
    return [
        value * stock.adjust[r] if stock.trading[r] and (value := stock.positive(r, name)) is not None else None
        for r in rows
    ]


def _window(series: Series, row: int, n: int, least: int) -> list[float] | None:
    found = [v for v in series[max(0, row - n + 1) : row + 1] if v is not None]
    return found if len(found) >= least else None


def _ago(series: Series, row: int, n: int) -> Value:
    return series[row - n] if row >= n else None


def _change(series: Series, row: int, n: int) -> Value:
    now, then = series[row], _ago(series, row, n)
    return None if now is None or then is None or then == 0 else (now / then - 1) * 100


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
    close, index = adjusted(stock), market.index_carried(stock.market, INDEX_CARRY)
    if index is None:
        return [None] * len(close)
    found: Series = []
    for row in range(len(close)):
        mine, other = _change(close, row, 60), _change(index, row, 60)
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
    values = [stock.cell(row, "trading_value") for row in range(len(stock.close))]
    return [_two_means(values, row) for row in range(len(values))]


def _volume_roc(_: Market, stock: Stock) -> Series:
    values: Series = []
    for row in range(len(stock.close)):
        volume = stock.cell(row, "volume")
        values.append(None if volume is None else volume / stock.adjust[row])
    return [_two_means(values, row) for row in range(len(values))]


def _beta(market: Market, stock: Stock) -> Series:
    close, index = adjusted(stock), market.index_carried(stock.market, INDEX_CARRY)
    if index is None:
        return [None] * len(close)
    pairs: list[tuple[float, float] | None] = []
    for row in range(len(close)):
        mine, other = _change(close, row, 1), _change(index, row, 1)
        pairs.append(None if mine is None or other is None else (mine / 100, other / 100))
    found: Series = []
    for row in range(len(close)):
        seen = [p for p in pairs[max(0, row - 251) : row + 1] if p is not None]
        if len(seen) < 120:
            found.append(None)
            continue
        n = len(seen)
        mean_x = math.fsum(x for x, _ in seen) / n
        mean_y = math.fsum(y for _, y in seen) / n
        variance = math.fsum((y - mean_y) ** 2 for _, y in seen)
        if math.sqrt(variance / (n - 1)) <= 1e-9 * abs(mean_y):
            found.append(None)
        else:
            found.append(math.fsum((x - mean_x) * (y - mean_y) for x, y in seen) / variance)
    return found


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
            up, down = max(now - before, 0.0), max(before - now, 0.0)
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
        found.append(None if deviation <= 1e-9 * abs(mean) else (now - mean) / (2 * deviation))
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
            fast += 2 / 13 * (now - fast)
            slow += 2 / 27 * (now - slow)
        macd = fast - slow
        signal = macd if seen == 1 else signal + 2 / 10 * (macd - signal)
        found.append(None if seen < 35 else (macd - signal) / now * 100)
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
            found.append(None if top - bottom <= 1e-9 * top else (now - bottom) / (top - bottom) * 100)
        return found

    return values


def dps_ttm(market: Market, stock: Stock, row: int) -> Value:
    """Dividends of the last 365 days on the share basis of the row; absent without dividend data."""
    day = market.days[row]
    if not any(line["ex_date"] <= day for line in stock.dividends):
        return None
    total = 0.0
    for line in stock.dividends:
        if not day - dt.timedelta(days=365) < line["ex_date"] <= day:
            continue
        if line["disclosed"] is not None and line["disclosed"] > day:
            continue
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


# --- statements --------------------------------------------------------------------------------------------------


class Known:
    """The statements of one stock that are known on one row, and what they say."""

    def __init__(self, market: Market, stock: Stock, row: int) -> None:
        self.market, self.stock, self.row = market, stock, row
        self.day = market.days[row]
        self.cap = stock.cap[row]
        self.periods: dict[tuple[int, int], Statement] = {}
        for statement in stock.statements:
            if statement["disclosed"] > self.day:
                continue
            held = self.periods.get(statement["key"])
            if held is None or statement["disclosed"] > held["disclosed"]:
                self.periods[statement["key"]] = statement
        self.latest: Statement | None = max(self.periods.values(), key=lambda s: (s["end"], s["key"]), default=None)
        if self.latest is not None and self.latest["end"] < self.day - dt.timedelta(days=480):
            self.latest = None

    def item(self, year: int, quarter: int, account: str) -> Value:
        """An account of one period; sums and differences of accounts are spelled with their signs."""
        statement = self.periods.get((year, quarter))
        if statement is None:
            return None
        total = 0.0
        for part in account.split():
            value: Value = statement.get(part.lstrip("-"))
            if value is None:
                return None
            total += -value if part.startswith("-") else value
        return total

    def ttm(self, account: str, ago: int = 0) -> Value:
        """Twelve months up to the latest period, or to the same period some years ago."""
        if self.latest is None:
            return None
        year, quarter = self.latest["key"]
        year -= ago
        now = self.item(year, quarter, account)
        if quarter == 4:
            return now
        whole, same = self.item(year - 1, 4, account), self.item(year - 1, quarter, account)
        return None if now is None or whole is None or same is None else now + whole - same

    def balance(self, account: str, ago: int = 0) -> Value:
        """A balance-sheet item of the latest period, or of the same period some years ago."""
        if self.latest is None:
            return None
        year, quarter = self.latest["key"]
        return self.item(year - ago, quarter, account)


def _ratio(top: Value, bottom: Value, scale: float = 1.0) -> Value:
    """top / bottom, absent when the denominator is not above zero."""
    return None if top is None or bottom is None or bottom <= 0 else top / bottom * scale


def _growth(now: Value, then: Value) -> Value:
    return None if now is None or then is None or then <= 0 else (now / then - 1) * 100


def _cagr(now: Value, then: Value) -> Value:
    if now is None or then is None or then <= 0 or now <= 0:
        return None
    return (math.pow(now / then, 1 / 3) - 1) * 100


def _ev(k: Known) -> Value:
    net = k.balance("interest_bearing_debt -cash_and_equivalents")
    return None if k.cap is None or net is None else k.cap + net


def _cape(k: Known) -> Value:
    if k.latest is None:
        return None
    years = sorted((key[0] for key in k.periods if key[1] == 4), reverse=True)
    incomes = [v for year in years if (v := k.item(year, 4, "net_income")) is not None][:10]
    return _ratio(k.cap, sum(incomes) / len(incomes)) if len(incomes) >= 3 else None


def _roic(k: Known) -> Value:
    income, tax, net = k.ttm("operating_income"), k.ttm("income_tax"), k.ttm("net_income")
    rate = 0.25 if tax is None or net is None or net + tax == 0 else min(max(tax / (net + tax), 0.0), 0.5)
    capital = k.balance("total_equity interest_bearing_debt -cash_and_equivalents")
    return None if income is None else _ratio(income * (1 - rate), capital, 100)


def _quality(k: Known) -> Value:
    if k.latest is None:
        return None
    net, cash = k.ttm("net_income"), k.ttm("operating_cash_flow")

    def pair(make: Callable[[int], Value]) -> tuple[Value, Value]:
        return make(0), make(1)

    tests: list[bool | None] = [
        None if net is None else net > 0,
        None if cash is None else cash > 0,
        _up(*pair(lambda y: _ratio(k.ttm("net_income", y), k.balance("total_assets", y)))),
        None if net is None or cash is None else cash > net,
        _down(*pair(lambda y: _ratio(k.balance("interest_bearing_debt", y), k.balance("total_assets", y)))),
        _up(*pair(lambda y: _ratio(k.balance("current_assets", y), k.balance("current_liabilities", y)))),
        _shares_not_up(k),
        _up(*pair(lambda y: _ratio(k.ttm("revenue -cost_of_sales", y), k.ttm("revenue", y)))),
        _up(*pair(lambda y: _ratio(k.ttm("revenue", y), k.balance("total_assets", y)))),
    ]
    decided = [t for t in tests if t is not None]
    return float(sum(decided)) if len(decided) >= 5 else None


def _up(now: Value, then: Value) -> bool | None:
    return None if now is None or then is None else now > then


def _down(now: Value, then: Value) -> bool | None:
    return None if now is None or then is None else now < then


def _shares_not_up(k: Known) -> bool | None:
    if k.row < 240:
        return None
    now, then = k.stock.shares[k.row], k.stock.shares[k.row - 240]
    if now is None or then is None:
        return None
    for row in range(k.row - 239, k.row + 1):
        then *= k.stock.split[row]
    return now <= then * 1.005


def _sustainable(k: Known) -> Value:
    roe = _ratio(k.ttm("net_income"), k.balance("total_equity"), 100)
    net, dps, shares = k.ttm("net_income"), dps_ttm(k.market, k.stock, k.row), k.stock.shares[k.row]
    if roe is None or net is None or net <= 0 or dps is None or shares is None:
        return None
    return roe * (1 - min(max(dps * shares / net, 0.0), 1.0))


def _altman(k: Known) -> Value:
    assets, liabilities = k.balance("total_assets"), k.balance("total_liabilities")
    working, retained = k.balance("current_assets -current_liabilities"), k.balance("retained_earnings")
    income, revenue = k.ttm("operating_income"), k.ttm("revenue")
    if assets is None or liabilities is None or working is None or retained is None or income is None:
        return None
    if revenue is None or k.cap is None or assets <= 0 or liabilities <= 0:
        return None
    return (
        1.2 * working / assets
        + 1.4 * retained / assets
        + 3.3 * income / assets
        + 0.6 * k.cap / liabilities
        + 1.0 * revenue / assets
    )


def _peg(k: Known) -> Value:
    per = _ratio(k.cap, k.ttm("net_income"))
    return _ratio(per, _growth(k.ttm("net_income"), k.ttm("net_income", 1)))


def _accruals(k: Known) -> Value:
    return _ratio(k.ttm("net_income -operating_cash_flow"), k.balance("total_assets"))


FUNDAMENTAL: dict[str, Callable[[Known], Value]] = {
    "PER": lambda k: _ratio(k.cap, k.ttm("net_income")),
    "PBR": lambda k: _ratio(k.cap, k.balance("total_equity")),
    "PSR": lambda k: _ratio(k.cap, k.ttm("revenue")),
    "PCR": lambda k: _ratio(k.cap, k.ttm("operating_cash_flow")),
    "PEG": _peg,
    "EV_EBITDA": lambda k: _ratio(_ev(k), k.ttm("operating_income depreciation_amortization")),
    "EV_SALES": lambda k: _ratio(_ev(k), k.ttm("revenue")),
    "EV_FCF": lambda k: _ratio(_ev(k), k.ttm("operating_cash_flow -capital_expenditure")),
    "EARNINGS_YIELD": lambda k: _ratio(k.ttm("net_income"), k.cap, 100),
    "FCF_YIELD": lambda k: _ratio(k.ttm("operating_cash_flow -capital_expenditure"), k.cap, 100),
    "BOOK_TO_MARKET": lambda k: _ratio(k.balance("total_equity"), k.cap),
    "CAPE_RATIO": _cape,
    "PTBV": lambda k: _ratio(k.cap, k.balance("total_equity -intangible_assets")),
    "ROE": lambda k: _ratio(k.ttm("net_income"), k.balance("total_equity"), 100),
    "ROA": lambda k: _ratio(k.ttm("net_income"), k.balance("total_assets"), 100),
    "ROIC": _roic,
    "GPM": lambda k: _ratio(k.ttm("revenue -cost_of_sales"), k.ttm("revenue"), 100),
    "OPM": lambda k: _ratio(k.ttm("operating_income"), k.ttm("revenue"), 100),
    "NPM": lambda k: _ratio(k.ttm("net_income"), k.ttm("revenue"), 100),
    "ASSET_TURNOVER": lambda k: _ratio(k.ttm("revenue"), k.balance("total_assets")),
    "INVENTORY_TURNOVER": lambda k: _ratio(k.ttm("cost_of_sales"), k.balance("inventories")),
    "QUALITY_SCORE": _quality,
    "ACCRUALS_RATIO": _accruals,
    "REVENUE_GROWTH_1Y": lambda k: _growth(k.ttm("revenue"), k.ttm("revenue", 1)),
    "REVENUE_GROWTH_3Y": lambda k: _cagr(k.ttm("revenue"), k.ttm("revenue", 3)),
    "EARNINGS_GROWTH_1Y": lambda k: _growth(k.ttm("net_income"), k.ttm("net_income", 1)),
    "EARNINGS_GROWTH_3Y": lambda k: _cagr(k.ttm("net_income"), k.ttm("net_income", 3)),
    "OCF_GROWTH_1Y": lambda k: _growth(k.ttm("operating_cash_flow"), k.ttm("operating_cash_flow", 1)),
    "ASSET_GROWTH_1Y": lambda k: _growth(k.balance("total_assets"), k.balance("total_assets", 1)),
    "BOOK_VALUE_GROWTH_1Y": lambda k: _growth(k.balance("total_equity"), k.balance("total_equity", 1)),
    "SUSTAINABLE_GROWTH_RATE": _sustainable,
    "DEBT_TO_EQUITY": lambda k: _ratio(k.balance("interest_bearing_debt"), k.balance("total_equity")),
    "DEBT_RATIO": lambda k: _ratio(k.balance("total_liabilities"), k.balance("total_equity"), 100),
    "CURRENT_RATIO": lambda k: _ratio(k.balance("current_assets"), k.balance("current_liabilities")),
    "QUICK_RATIO": lambda k: _ratio(k.balance("current_assets -inventories"), k.balance("current_liabilities")),
    "INTEREST_COVERAGE": lambda k: _ratio(k.ttm("operating_income"), k.ttm("interest_expense")),
    "ALTMAN_Z_SCORE": _altman,
    "EARNINGS_QUALITY": lambda k: _ratio(k.ttm("operating_cash_flow"), k.ttm("net_income")),
    "OPERATING_INCOME_GROWTH_YOY": lambda k: _growth(k.ttm("operating_income"), k.ttm("operating_income", 1)),
}

KEYS = tuple(PRICE) + tuple(FUNDAMENTAL)


def _fundamental(market: Market, stock: Stock, key: str) -> Series:
    known: list[Known] | None = market.cache.get("known " + stock.code)
    if known is None:
        known = market.cache["known " + stock.code] = [Known(market, stock, r) for r in range(len(market.days))]
    return [FUNDAMENTAL[key](k) if stock.close[row] is not None else None for row, k in enumerate(known)]
