"""Factors of statements: what is known of one stock on one row, in float64."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from statistics import median
from typing import Any

from tests.reference.market import Market, Stock
from tests.reference.price_factors import dps_ttm

Value = float | None
Statement = dict[str, Any]


class Known:
    """The statements of one stock that are known on one row, and what follows from them."""

    def __init__(self, market: Market, stock: Stock, row: int) -> None:
        self.market, self.stock, self.row = market, stock, row
        self.day = market.days[row]
        self.cap = company_cap(market, stock, row)
        self.periods: dict[tuple[int, int], Statement] = {}
        for statement in trusted_statements(market, stock):
            if statement["disclosed"] > self.day:
                continue
            held = self.periods.get(statement["key"])
            if held is None or statement["disclosed"] > held["disclosed"]:
                self.periods[statement["key"]] = statement
        self.latest: Statement | None = max(self.periods.values(), key=lambda s: (s["end"], s["key"]), default=None)
        if self.latest is not None and self.latest["end"] < self.day - dt.timedelta(days=480):
            self.latest = None

    def item(self, year: int, quarter: int, account: str) -> Value:
        """Return an account of one period; sums and differences of accounts are spelled with their signs."""
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

    def year_lies_between(self, year: int, quarter: int) -> bool:
        """Return whether a period ends 350 to 380 days after the same period of the year before.

        A fourth quarter without a known predecessor passes: it is a year by itself.
        """
        now, before = self.periods.get((year, quarter)), self.periods.get((year - 1, quarter))
        if now is None or before is None:
            return quarter == 4
        return 350 <= (now["end"] - before["end"]).days <= 380

    def ttm(self, account: str, ago: int = 0) -> Value:
        """Return twelve months up to the latest period, or to the same period some years ago."""
        if self.latest is None:
            return None
        year, quarter = self.latest["key"]
        year -= ago
        now = self.item(year, quarter, account)
        if not self.year_lies_between(year, quarter):
            return None
        if quarter == 4:
            return now
        whole, same = self.item(year - 1, 4, account), self.item(year - 1, quarter, account)
        return None if now is None or whole is None or same is None else now + whole - same

    def income(self) -> Value:
        """Return the owners' net income of twelve months when every statement of the sum has it, else the total."""
        owners = self.ttm("net_income_owners")
        return self.ttm("net_income") if owners is None else owners

    def incomes(self, ago: int) -> tuple[Value, Value]:
        """Return the net income of twelve months now and some years ago: the owners' when both have it."""
        now, then = self.ttm("net_income_owners"), self.ttm("net_income_owners", ago)
        if now is None or then is None:
            return self.ttm("net_income"), self.ttm("net_income", ago)
        return now, then

    def owners_equity(self, less: str = "") -> Value:
        """Return the owners' equity when the latest statement has it, else the total; `less` is taken off."""
        owners = self.balance("equity_owners")
        equity = self.balance("total_equity") if owners is None else owners
        if not less:
            return equity
        taken = self.balance(less)
        return None if equity is None or taken is None else equity - taken

    def balance(self, account: str, ago: int = 0) -> Value:
        """Return a balance-sheet item of the latest period, or of the same period some years ago."""
        if self.latest is None:
            return None
        year, quarter = self.latest["key"]
        return self.item(year - ago, quarter, account)


def trusted_statements(market: Market, stock: Stock) -> list[Statement]:
    """Return the statements of a stock that are not in quarantine."""
    key = "trusted " + stock.code
    if key not in market.cache:
        market.cache[key] = [s for s in stock.statements if not in_quarantine(stock, s)]
    found: list[Statement] = market.cache[key]
    return found


def in_quarantine(stock: Stock, statement: Statement) -> bool:
    """Return whether the quality rules of the loader set a statement aside (section 1 of the API page)."""
    assets, income = statement.get("total_assets"), statement.get("net_income")
    if assets is not None and income is not None and abs(income) > 2 * assets:
        return True
    for account in ("total_assets", "revenue"):
        value = statement.get(account)
        if value is None or value <= 0:
            continue
        seen = [s for s in stock.statements if s["disclosed"] <= statement["disclosed"]]
        amounts = [v for s in seen if (v := s.get(account)) is not None and v > 0]
        if len(amounts) < 5:
            continue
        middle = median(amounts)
        if value > 100 * middle or value < middle / 100:
            return True
    return revenue_falls(stock, statement)


def revenue_falls(stock: Stock, statement: Statement) -> bool:
    """Return whether the cumulated revenue of the fiscal year, as known that day, falls up to the quarter."""
    year, quarter = statement["key"]
    if statement.get("revenue") is None:
        return False
    amounts: list[float] = []
    for q in range(1, quarter + 1):
        known = [
            s
            for s in stock.statements
            if s["key"] == (year, q) and s["disclosed"] <= statement["disclosed"] and s.get("revenue") is not None
        ]
        if known:
            amounts.append(max(known, key=lambda s: s["disclosed"])["revenue"])
    return amounts != sorted(amounts)


def company_cap(market: Market, stock: Stock, row: int) -> Value:
    """Return the sum of the caps of one issuer's instruments; None when one of those that are listed has none."""
    total = 0.0
    for other in market.stocks:
        if other.issuer != stock.issuer or other.idle[row] is None or market.gone(other, row):
            continue
        cap = other.cap[row]
        if cap is None:
            return None
        total += cap
    return total


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
    others = k.balance("total_equity -equity_owners")
    if k.cap is None or net is None:
        return None
    return k.cap + net + (0.0 if others is None else others)


def _cape(k: Known) -> Value:
    if k.latest is None:
        return None
    incomes: list[float] = []
    for year in sorted((key[0] for key in k.periods if key[1] == 4), reverse=True):
        owners = k.item(year, 4, "net_income_owners")
        income = k.item(year, 4, "net_income") if owners is None else owners
        if income is not None and len(incomes) < 10:
            incomes.append(income)
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
    roe = _roe(k)
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


def _per(k: Known) -> Value:
    return _ratio(k.cap, k.income())


def _roe(k: Known) -> Value:
    return _ratio(k.income(), k.owners_equity(), 100)


def _peg(k: Known) -> Value:
    return _ratio(_per(k), _growth(*k.incomes(1)))


def _accruals(k: Known) -> Value:
    return _ratio(k.ttm("net_income -operating_cash_flow"), k.balance("total_assets"))


FUNDAMENTAL: dict[str, Callable[[Known], Value]] = {
    "PER": _per,
    "PBR": lambda k: _ratio(k.cap, k.owners_equity()),
    "PSR": lambda k: _ratio(k.cap, k.ttm("revenue")),
    "PCR": lambda k: _ratio(k.cap, k.ttm("operating_cash_flow")),
    "PEG": _peg,
    "EV_EBITDA": lambda k: _ratio(_ev(k), k.ttm("operating_income depreciation_amortization")),
    "EV_SALES": lambda k: _ratio(_ev(k), k.ttm("revenue")),
    "EV_FCF": lambda k: _ratio(_ev(k), k.ttm("operating_cash_flow -capital_expenditure")),
    "EARNINGS_YIELD": lambda k: _ratio(k.income(), k.cap, 100),
    "FCF_YIELD": lambda k: _ratio(k.ttm("operating_cash_flow -capital_expenditure"), k.cap, 100),
    "BOOK_TO_MARKET": lambda k: _ratio(k.owners_equity(), k.cap),
    "CAPE_RATIO": _cape,
    "PTBV": lambda k: _ratio(k.cap, k.owners_equity("intangible_assets")),
    "ROE": _roe,
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
    "EARNINGS_GROWTH_1Y": lambda k: _growth(*k.incomes(1)),
    "EARNINGS_GROWTH_3Y": lambda k: _cagr(*k.incomes(3)),
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
