"""Factors of statements from what is known on each row, in float64."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

from tests.reference.market import Market, Stock
from tests.reference.price_factors import dps_ttm

Value = float | None
Statement = dict[str, Any]


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
