"""Statements and dividends of a synthetic market: consistent quarters, some disclosed late, restated or never.

Each company has an autoregressive return on equity and growth, a balance sheet with assets = liabilities + equity, and
a price to book at its first price from which its size follows. Flows are cumulated from the start of the fiscal
year. Arrays are [quarters, companies].
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from ondol.synthetic_market.companies import FINANCIAL, Companies
from ondol.synthetic_market.prices import Prices
from shared.model.calendar import from_day, to_day
from shared.model.market_data import ACCOUNTS, FLOWS
from shared.strategies.catalogue import SECTORS

YEARS_BEFORE: Final = 6
"""Statements begin this many years before the first price, so that three-year growth exists on the first day."""

_SEASON: Final = np.array([0.92, 1.0, 0.98, 1.1])
_CURRENT: Final = ("current_assets", "current_liabilities", "cost_of_sales", "inventories")


@dataclass(frozen=True, kw_only=True)
class Quarters:
    """Calendar quarters and each company's fiscal quarter in them; flows are those of the single quarter."""

    end: np.ndarray  # int32 [Q], day number of the quarter's last day
    fiscal_year: np.ndarray  # int32 [Q, N]
    fiscal_quarter: np.ndarray  # int32 [Q, N]
    accounts: dict[str, np.ndarray]  # float64 [Q, N]


def _quarter_ends(first_year: int, last_year: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    years = np.repeat(np.arange(first_year, last_year + 1), 4)
    months = np.tile([3, 6, 9, 12], last_year - first_year + 1)
    ends = [
        to_day(dt.date(y + m // 12, m % 12 + 1, 1)) - 1 for y, m in zip(years.tolist(), months.tolist(), strict=True)
    ]
    return np.array(ends, np.int32), years, months


def make_quarters(random: np.random.Generator, companies: Companies, prices: Prices, days: np.ndarray) -> Quarters:
    """Return the accounts of every company for each quarter, from YEARS_BEFORE the first price to the last one."""
    first_year, last_year = from_day(days[0]).year - YEARS_BEFORE, from_day(days[-1]).year
    end, year, month = _quarter_ends(first_year, last_year)
    count, stocks = len(end), len(companies)
    year_end = random.choice([12, 3, 6, 9], stocks, p=[0.92, 0.03, 0.03, 0.02])
    place = ((month[:, None] - year_end[None, :]) % 12) // 3
    quarter = np.where(place == 0, 4, place).astype(np.int32)
    fiscal_year = (year[:, None] + (month[:, None] > year_end[None, :])).astype(np.int32)

    def normal(scale: float = 1.0) -> np.ndarray:
        return scale * random.standard_normal((count, stocks))

    finance = np.isin(companies.sector, [SECTORS.index(s) for s in FINANCIAL])
    skill = np.clip(0.07 + 0.10 * random.standard_normal(stocks), -0.35, 0.4)
    growth = np.clip(0.01 + 0.07 * random.standard_normal(stocks), -0.15, 0.4)
    leverage = np.where(finance, 6.0, 0.75) * np.exp(0.75 * random.standard_normal(stocks))
    asset_turnover = np.where(finance, 0.08, 0.85) * np.exp(0.5 * random.standard_normal(stocks))
    payout = np.where(random.random(stocks) < 0.6, random.uniform(0.1, 0.5, stocks), 0.0)

    own, sales = np.zeros((count, stocks)), np.zeros((count, stocks))
    shock, drift = normal(0.021), normal(0.045)
    for k in range(1, count):
        own[k] = 0.88 * own[k - 1] + shock[k]
        sales[k] = 0.93 * sales[k - 1] + drift[k]
    rate = skill + own + normal(0.018)
    equity, income = np.ones((count, stocks)), np.zeros((count, stocks))
    worth = np.ones(stocks)
    for k in range(count):
        income[k] = np.maximum(worth, 0.3) * rate[k] / 4 * _SEASON[k % 4] * np.where(skill > 0, 1.0, 1.2)
        worth = np.maximum(worth * (1 + growth / 4) + income[k] - payout * np.maximum(income[k], 0.0), -0.3)
        worth = np.where((worth < 0.15) & (random.random(stocks) < 0.06), worth + 0.5, worth)  # capital increase
        equity[k] = worth

    scale = _scale(random, companies, days, end, equity=equity, skill=skill)
    equity, income = equity * scale, income * scale
    liabilities = np.maximum(np.abs(equity), 0.2 * scale) * leverage * np.exp(np.cumsum(normal(0.02), axis=0))
    assets = equity + liabilities
    season = _SEASON[np.arange(count) % 4][:, None]
    revenue = np.maximum(assets * asset_turnover / 4 * season * np.exp(sales + normal(0.03)), 1e6)
    debt = liabilities * np.clip(random.normal(0.4, 0.18, stocks), 0.0, 0.85)
    debt[:, random.random(stocks) < 0.06] = 0.0
    tax = np.where(income > 0, income * 0.22 / 0.78, np.abs(income) * random.uniform(0, 0.08, stocks))
    interest = debt * 0.011 * np.exp(normal(0.1))
    operating = income + tax + interest + np.abs(income) * normal(0.12)
    gross = operating + revenue * random.uniform(0.05, 0.25, stocks)
    wear = revenue * random.uniform(0.01, 0.08, stocks) * np.exp(normal(0.05))
    current_liabilities = liabilities * random.uniform(0.45, 0.8, stocks)
    liquid = np.exp(np.log(1.55) + 0.45 * random.standard_normal(stocks)) * np.exp(normal(0.06))
    current_assets = np.minimum(current_liabilities * liquid, np.maximum(assets, 0.0) * 0.88)
    accounts = {
        "revenue": revenue,
        "cost_of_sales": np.clip(revenue - gross, 0.03 * revenue, 1.1 * revenue),
        "operating_income": operating,
        "net_income": income,
        "interest_expense": interest,
        "income_tax": tax,
        "depreciation_amortization": wear,
        "operating_cash_flow": income + wear + revenue * normal(0.03),
        "capital_expenditure": wear * np.exp(normal(0.4) + 0.1),
        "total_assets": assets,
        "current_assets": current_assets,
        "cash_and_equivalents": current_assets * random.uniform(0.08, 0.5, stocks),
        "inventories": current_assets * random.uniform(0.0, 0.4, stocks),
        "intangible_assets": np.maximum(assets, 0.0) * random.uniform(0.0, 0.1, stocks),
        "total_liabilities": liabilities,
        "current_liabilities": current_liabilities,
        "interest_bearing_debt": debt,
        "retained_earnings": equity * random.uniform(0.1, 0.9, stocks),
        "total_equity": equity,
    }
    accounts = {name: np.round(values) for name, values in accounts.items()}
    accounts["total_assets"] = accounts["total_liabilities"] + accounts["total_equity"]
    for name in _CURRENT:
        accounts[name][:, finance] = np.nan
    for name in ("intangible_assets", "inventories", "interest_expense", "capital_expenditure"):
        accounts[name][:, random.random(stocks) < 0.04] = np.nan
    return Quarters(end=end, fiscal_year=fiscal_year, fiscal_quarter=quarter, accounts=accounts)


def _scale(
    random: np.random.Generator, companies: Companies, days: np.ndarray, end: np.ndarray, *, equity: np.ndarray,
    skill: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Return won per unit of equity [N], from a price to book ratio that rises with profitability."""
    book = np.exp(-0.05 + 0.5 * random.standard_normal(len(companies)) + 3.0 * (skill - 0.07))
    quarter = np.maximum(np.searchsorted(end, days[companies.first_row]) - 1, 0)
    worth = np.maximum(equity[quarter, np.arange(len(companies))], 0.2)
    won: np.ndarray = companies.cap / np.clip(book, 0.15, 12.0) / worth
    return won


def statements_frame(
    random: np.random.Generator, companies: Companies, quarters: Quarters, days: np.ndarray
) -> pl.DataFrame:
    """Return the rows of `financials`: cumulated flows, disclosed 40 days or more after the quarter, some restated."""
    count, stocks = quarters.fiscal_quarter.shape
    flows = _cumulated(quarters)
    end = np.broadcast_to(quarters.end[:, None], (count, stocks))
    annual = quarters.fiscal_quarter == 4
    delay = np.where(annual, random.integers(70, 93, (count, stocks)), random.integers(38, 47, (count, stocks)))
    delay = delay + np.where(random.random((count, stocks)) < 0.04, random.integers(10, 200, (count, stocks)), 0)
    disclosed_day = end + delay.astype(np.int32)

    last_day = np.where(companies.stop_row < len(days), days[np.minimum(companies.stop_row, len(days) - 1)], days[-1])
    first_day = days[companies.first_row] - companies.age_days
    states = ~companies.preferred
    only_years = random.random(stocks) < 0.04
    no_statements_from = np.where(random.random(stocks) < 0.01, last_day - random.integers(500, 1200, stocks), last_day)
    keep = states & (end >= np.maximum(first_day - 1300, 0)) & (disclosed_day <= last_day) & (end <= no_statements_from)
    keep &= annual | ~only_years
    keep &= ~np.isnan(flows["net_income"])
    keep &= random.random((count, stocks)) > 0.003  # a report that was never filed

    k, i = np.nonzero(keep)
    again = (random.random(len(k)) < 0.03) & (disclosed_day[k, i] + 450 < last_day[i])
    later = disclosed_day[k, i][again] + random.integers(30, 420, int(again.sum())).astype(np.int32)
    rows, cols = np.concatenate([k, k[again]]), np.concatenate([i, i[again]])
    disclosed = np.concatenate([disclosed_day[k, i], later])
    restated = np.ones(len(rows))
    restated[len(k) :] = np.clip(1 + 0.15 * random.standard_normal(len(later)), 0.3, 1.7)

    columns: dict[str, np.ndarray] = {}
    for name in (name for name in ACCOUNTS if name in quarters.accounts):
        values = (flows[name] if name in FLOWS else quarters.accounts[name])[rows, cols]
        changes = name in ("net_income", "operating_income", "income_tax", "operating_cash_flow")
        columns[name] = np.round(values * restated) if changes else values
    order = np.lexsort((disclosed, quarters.fiscal_quarter[rows, cols], quarters.fiscal_year[rows, cols], cols))
    code = np.array(companies.code)
    return pl.DataFrame(
        {
            "stock_code": code[cols[order]].tolist(),
            "fiscal_year": quarters.fiscal_year[rows, cols][order],
            "fiscal_quarter": quarters.fiscal_quarter[rows, cols][order],
            "period_end": pl.Series(quarters.end[rows][order], dtype=pl.Int32).cast(pl.Date),
            "disclosed_on": pl.Series(disclosed[order].astype(np.int32), dtype=pl.Int32).cast(pl.Date),
            **{n: pl.Series(v[order]).fill_nan(None).cast(pl.Int64) for n, v in columns.items()},
        }
    )


def _cumulated(quarters: Quarters) -> dict[str, np.ndarray]:
    """Return flows cumulated from the start of the fiscal year; NaN before a company's first whole fiscal year."""
    cumulated = {}
    first = quarters.fiscal_quarter == 1
    for name in (name for name in FLOWS if name in quarters.accounts):
        running = np.full(first.shape[1], np.nan)
        total = np.empty(first.shape)
        for k, single in enumerate(quarters.accounts[name]):
            running = np.where(first[k], single, running + single)
            total[k] = running
        cumulated[name] = total
    return cumulated


def dividends_frame(
    random: np.random.Generator, companies: Companies, prices: Prices, quarters: Quarters, days: np.ndarray
) -> pl.DataFrame:
    """Return the rows of `dividends`: a part of the year's income on the last but one trading day, zero, or no rows."""
    stocks = len(companies)
    policy = random.random(stocks)  # below 0.1: no dividend rows; below 0.4: rows of zero
    payout = random.uniform(0.1, 0.55, stocks)
    often = random.random(stocks) < 0.05
    annual_income = np.where(quarters.fiscal_quarter == 4, _cumulated(quarters)["net_income"], np.nan)
    years = np.array([from_day(day).year for day in days.tolist()])
    parts: list[tuple[np.ndarray, int, np.ndarray, np.ndarray]] = []
    for year in range(int(years[0]) - 1, int(years[-1]) + 1):
        of_year = np.flatnonzero(years == year)
        row = int(of_year[-2]) if len(of_year) > 1 else 0
        ex_date = int(days[row]) if len(of_year) > 1 else to_day(dt.date(year, 12, 28))
        here = prices.row[row] if len(of_year) > 1 else companies.first_row == 0
        within = (quarters.end > ex_date - 330) & (quarters.end <= ex_date + 40)
        money = np.nan_to_num(
            np.nan_to_num(annual_income[within], nan=-np.inf).max(axis=0, initial=-np.inf), neginf=0.0
        )
        paid = np.maximum(money, 0.0) * payout / np.maximum(prices.shares[row], 1.0)
        paid = np.where(companies.preferred, prices.close[row] * random.uniform(0, 0.04, stocks), paid)
        paid = np.minimum(paid, 0.12 * np.maximum(prices.close[row], 0.0))
        step = np.where(paid >= 1000, 50.0, np.where(paid >= 100, 10.0, 1.0))
        amount = np.where(policy < 0.4, 0.0, np.floor(paid / step) * step)
        disclosed = ex_date + random.integers(35, 90, stocks)
        pays = here & (policy >= 0.1)
        chosen = np.flatnonzero(pays)
        parts.append((chosen, ex_date, amount[chosen], disclosed[chosen]))
        for month in (3, 6, 9):
            extra = np.flatnonzero(pays & often & (amount > 0))
            inside = of_year[days[of_year] <= to_day(dt.date(year, month, 28))] if len(of_year) else of_year
            if len(inside):
                date = int(days[inside[-1]])
                parts.append(
                    (extra, date, np.maximum(np.floor(amount[extra] / 4), 1.0), np.full(len(extra), date + 30))
                )
    stock = np.concatenate([f[0] for f in parts])
    ex = np.concatenate([np.full(len(f[0]), f[1], np.int32) for f in parts])
    dps = np.concatenate([f[2] for f in parts])
    disclosed_on = np.concatenate([f[3] for f in parts]).astype(np.int32)
    order = np.lexsort((ex, stock))
    return pl.DataFrame(
        {
            "stock_code": np.array(companies.code)[stock[order]].tolist(),
            "ex_date": pl.Series(ex[order], dtype=pl.Int32).cast(pl.Date),
            "dps": dps[order],
            "disclosed_on": pl.Series(disclosed_on[order], dtype=pl.Int32).cast(pl.Date),
        }
    )
