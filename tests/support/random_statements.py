"""Random financial statements and dividends of one stock in the load form."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

Row = dict[str, Any]

FLOWS = (
    "revenue",
    "cost_of_sales",
    "operating_income",
    "net_income",
    "interest_expense",
    "income_tax",
    "depreciation_amortization",
    "operating_cash_flow",
    "capital_expenditure",
)
BALANCES = (
    "total_assets",
    "current_assets",
    "cash_and_equivalents",
    "inventories",
    "intangible_assets",
    "total_liabilities",
    "current_liabilities",
    "interest_bearing_debt",
    "retained_earnings",
    "total_equity",
)


def random_statements(rng: random.Random, code: str, days: list[dt.date], *, owners: bool) -> list[Row]:
    """Return statements that are annual or quarterly, late, missing, restated, of a changed fiscal year.

    Some have amounts that the quality rules set aside.
    """
    annual = rng.random() < 0.2
    end_month = rng.choice((12, 12, 12, 3, 6))
    missing = [a for a in FLOWS + BALANCES if rng.random() < 0.06]
    last_year = days[-1].year + 1
    years = rng.choice((2, 3, 4, 5, 12))
    changed_year = last_year - 1 if rng.random() < 0.15 else None
    level = math.exp(rng.uniform(math.log(1e9), math.log(1e12)))
    statements: list[Row] = []
    for year in range(last_year - years, last_year + 1):
        flows = dict.fromkeys(FLOWS, 0.0)
        level *= math.exp(rng.gauss(0.03, 0.15))
        if year == changed_year:
            end_month = rng.choice((3, 6, 9, 12))
        for quarter in (1, 2, 3, 4):
            for account in FLOWS:
                amount = round(level * rng.uniform(-0.03, 0.25))
                flows[account] += abs(amount) if account == "revenue" else amount
            end = _month_end(year, end_month, quarter)
            late = rng.choice((30, 45, 45, 45, 90, 130)) if quarter < 4 else rng.choice((75, 90, 90, 200))
            if (annual and quarter < 4) or rng.random() < 0.05:
                continue
            accounts = {**flows, **_balances(rng, level)}
            whole = {k: v for k, v in accounts.items() if k not in missing and rng.random() > 0.02}
            if not annual and quarter == 1:
                whole |= {a: abs(v) for a, v in whole.items() if a in FLOWS}
            if owners and rng.random() < 0.8:
                whole |= _owners(rng, whole)
            if rng.random() < 0.02:
                whole["total_assets"] = whole.get("total_assets", level) * (1_000, 0.001)[year % 2]
            disclosed = end + dt.timedelta(days=late)
            head = {"stock_code": code, "fiscal_year": year, "fiscal_quarter": quarter, "period_end": end.isoformat()}
            statements.append({**head, "disclosed_on": disclosed.isoformat(), **whole})
            if rng.random() < 0.15:
                again = disclosed + dt.timedelta(days=rng.choice((1, 20, 100, 380)))
                restated = {k: round(v * rng.uniform(0.5, 1.3)) for k, v in whole.items() if rng.random() > 0.03}
                statements.append({**head, "disclosed_on": again.isoformat(), **restated})
    return statements


def _balances(rng: random.Random, level: float) -> dict[str, float]:
    balances: dict[str, float] = {a: round(level * rng.uniform(0.05, 1.5)) for a in BALANCES}
    balances["total_assets"] = round(level * rng.uniform(0.8, 2.5))
    balances["total_equity"] = round(level * rng.uniform(-0.1, 1.5))
    balances["retained_earnings"] = round(level * rng.uniform(-0.5, 1.0))
    return balances


def _owners(rng: random.Random, whole: dict[str, float]) -> dict[str, float]:
    """Return the owners' part of a statement; one of the two may be missing."""
    part = rng.uniform(0.6, 1.0)
    found = {}
    for name, total in (("net_income_owners", "net_income"), ("equity_owners", "total_equity")):
        if total in whole and rng.random() < 0.9:
            found[name] = float(round(whole[total] * part))
    return found


def _month_end(year: int, end_month: int, quarter: int) -> dt.date:
    """Return the last day of a fiscal quarter; the fiscal year is named after the calendar year in which it begins."""
    months = year * 12 + (12 if end_month == 12 else 12 + end_month) + 3 * (quarter - 4)
    return dt.date(months // 12, months % 12 + 1, 1) - dt.timedelta(days=1)


def random_dividends(rng: random.Random, code: str, days: list[dt.date]) -> list[Row]:
    """Return dividends at random days or of a yearly cycle, some of two kinds on one day, some disclosed later."""
    disclosed, kinds = rng.random() < 0.5, rng.random() < 0.4
    span = (days[-1] - days[0]).days
    if rng.random() < 0.4:
        first = rng.randrange(-800, 60)
        offsets = [first + turn * 365 + rng.randrange(-9, 10) for turn in range(4)]
    else:
        offsets = sorted(
            {rng.randrange(-500 if rng.random() < 0.5 else 0, span + 5) for _ in range(rng.choice((1, 2, 4, 8)))}
        )
    found: list[Row] = []
    for offset in offsets:
        day = days[0] + dt.timedelta(days=offset)
        line: Row = {"stock_code": code, "ex_date": day.isoformat(), "dps": rng.choice((0, 10, 50, 100, 361, 1000.5))}
        if disclosed and rng.random() < 0.9:
            line["disclosed_on"] = (day + dt.timedelta(days=rng.choice((-20, 0, 30, 75)))).isoformat()
        if kinds:
            line["kind"] = "regular"
            if rng.random() < 0.3:
                found.append({**line, "kind": "special", "dps": rng.choice((5, 70))})
        found.append(line)
    return found
