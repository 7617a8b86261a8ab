"""Random small markets in the load form, with every kind of trouble that a real one has."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

from tests.reference import rules

Row = dict[str, Any]

STARTS = (
    dt.date(1998, 4, 20),
    dt.date(2005, 2, 14),
    dt.date(2015, 5, 11),
    dt.date(2019, 4, 22),
    dt.date(2020, 11, 30),
    dt.date(2022, 11, 14),
    dt.date(2022, 12, 19),
    dt.date(2023, 1, 2),
    dt.date(2023, 12, 4),
    dt.date(2024, 12, 2),
    dt.date(2025, 11, 24),
)
MARKETS = ("KOSPI", "KOSPI", "KOSPI", "KOSDAQ", "KOSDAQ", "KONEX", "OTHER")
SECTORS = ("화학", "제약", "금속", "은행", None)
RATIOS = (2.0, 5.0, 1.5, 0.1, 0.5, 1.1, 10.0, 0.2, 1.0333, 0.05)
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


def random_market(seed: int, *, stocks: int | None = None, rows: int | None = None) -> dict[str, list[Row]]:
    """A market of 2 to 12 stocks and 30 to 350 rows that only its seed decides."""
    rng = random.Random(seed)
    n = stocks or rng.choice((2, 3, 4, 6, 8, 12))
    length = rows or rng.choice((30, 45, 60, 60, 80, 80, 120, 150, 200, 260, 350))
    days = _days(rng, length)
    made: dict[str, list[Row]] = {"prices": [], "companies": [], "financials": [], "dividends": [], "indices": []}
    style = {
        "basis": rng.choice(("split", "split", "change", "change_rate", "mixed", "none")),
        "value": rng.random() < 0.7,
        "cap": rng.choice(("none", "none", "some", "all")),
        "shares": rng.choice(("all", "all", "all", "some")),
        "accounts": rng.random() < 0.6,
        "wild": rng.choice((0.01, 0.02, 0.05)),
    }
    codes = [f"{rng.randrange(1_000_000):06d}" for _ in range(n)]
    for code in dict.fromkeys(codes):
        market = rng.choice(MARKETS)
        company: Row = {"stock_code": code, "name": "N" + code, "market": market, "sector": rng.choice(SECTORS)}
        _stock(rng, days, company, style, made)
        made["companies"].append(company)
        if style["accounts"] and rng.random() < 0.9:
            _statements(rng, code, days, made)
        if rng.random() < 0.5:
            _dividends(rng, code, days, made, disclosed=rng.random() < 0.5)
    for name in rng.choice(((), ("KOSPI",), ("KOSPI", "KOSDAQ"), ("KOSPI", "KOSDAQ"), ("KOSDAQ", "KOSPI", "KONEX"))):
        _index(rng, name, days, made)
    kept = sorted({p["date"] for p in made["prices"]})
    made["indices"] = [i for i in made["indices"] if i["date"] in set(kept)]
    rng.shuffle(made["companies"])
    return made


def _days(rng: random.Random, length: int) -> list[dt.date]:
    day = rng.choice(STARTS) + dt.timedelta(days=rng.randrange(20))
    found: list[dt.date] = []
    while len(found) < length:
        if day.weekday() < 5 and rng.random() > 0.04:
            found.append(day)
        day += dt.timedelta(days=rng.choice((4, 9)) if rng.random() < 0.01 else 1)
    return found


def _stock(rng: random.Random, days: list[dt.date], company: Row, style: Row, made: dict[str, list[Row]]) -> None:
    code, market = company["stock_code"], company["market"]
    first, stop = 0, len(days)
    if rng.random() < 0.3:
        first = rng.randrange(len(days) * 2 // 3)
    if rng.random() < 0.3:
        stop = rng.randrange(first + 1, len(days) + 1)
        if rng.random() < 0.6:
            gone = days[stop - 1] + dt.timedelta(days=rng.choice((1, 1, 2, 3, 5, 30)))
            company["delisted_on"] = gone.isoformat()
    price = float(round(math.exp(rng.uniform(math.log(300), math.log(300_000)))))
    shares = float(round(math.exp(rng.uniform(math.log(1e5), math.log(3e8)))))
    volume = math.exp(rng.uniform(math.log(20), math.log(2e5)))
    has_shares = style["shares"] == "all" or rng.random() < 0.7
    halt, halt_style = 0, ""
    before: float | None = None
    for row in range(first, stop):
        day = days[row]
        ratio = 1.0
        if rng.random() < (0.012 if row > first else 0.2):
            ratio = rng.choice(RATIOS)
        if halt == 0 and rng.random() < 0.02:
            halt = rng.choice((1, 1, 2, 3, 6, 25)) if rng.random() > 0.06 else rng.randrange(58, 72)
            halt_style = rng.choice(("zero", "null", "same", "missing", "empty", "missing"))
        if halt > 0 and halt_style == "missing":
            halt -= 1
            continue
        ratio_used = 1.0 if row == first or before is None or before / ratio < 5 else ratio
        ratio = ratio_used if row > first else ratio
        base = price / ratio_used
        if ratio_used != 1.0:
            shares = float(round(shares * ratio_used))
            volume *= ratio_used
        line: Row = {"date": day.isoformat(), "stock_code": code}
        if halt > 0:
            halt -= 1
            close = max(1.0, float(round(base)))
            price = close
            opening = {"zero": 0, "null": None, "same": close, "empty": None}[halt_style]
            line |= {"open": opening, "high": opening, "low": opening, "close": close, "volume": 0}
            if halt_style == "empty":
                line["close"] = None
                price = base
            if rng.random() < 0.7 and has_shares:
                line["listed_shares"] = shares
            if style["value"] and rng.random() < 0.7:
                line["trading_value"] = 0
        else:
            low, upper = rules.limits(base, day, market)
            prices = _bar(rng, base, low=low, upper=upper, day=day, market=market, wild=style["wild"])
            price = prices[3]
            traded = max(1, round(volume * math.exp(rng.gauss(0, 0.7))))
            line |= dict(zip(("open", "high", "low", "close"), prices, strict=True)) | {"volume": traded}
            if has_shares and (style["shares"] == "all" or rng.random() < 0.97):
                line["listed_shares"] = shares
            if style["value"] and rng.random() < 0.99:
                line["trading_value"] = traded * round((prices[0] + prices[3]) / 2)
            if style["cap"] == "all" or (style["cap"] == "some" and rng.random() < 0.8):
                line["market_cap"] = price * shares
            if rng.random() < 0.02:
                shares = float(round(shares * 1.03))
        _basis(rng, line, ratio, base, style["basis"])
        if line["close"] is not None:
            before = price
        made["prices"].append(line)


def _bar(
    rng: random.Random, base: float, *, low: float, upper: float, day: dt.date, market: str, wild: float
) -> tuple[float, float, float, float]:
    """Open, high, low and close between the day's limits."""

    def inside(value: float) -> float:
        return float(max(1, round(min(max(value, low), upper))))

    kind = rng.random()
    if kind < 0.02:
        return (upper,) * 4
    if kind < 0.04:
        low = max(low, 1.0)
        return (low,) * 4
    if kind < 0.05:
        top = inside(low * 1.05)
        return low, top, low, inside(low * 1.02)
    if kind < 0.08:
        flat = inside(base)
        return (flat,) * 4
    opening = inside(base * math.exp(rng.gauss(0, wild)))
    close = inside(opening * math.exp(rng.gauss(0, wild)))
    if rng.random() < 0.5:
        opening, close = rules.nearest_tick(opening, day, market), rules.nearest_tick(close, day, market)
    opening, close = max(opening, 1.0), max(close, 1.0)
    high = max(opening, close, inside(max(opening, close) * math.exp(abs(rng.gauss(0, wild / 2)))))
    bottom = min(opening, close, inside(min(opening, close) * math.exp(-abs(rng.gauss(0, wild / 2)))))
    return opening, high, bottom, close


def _basis(rng: random.Random, line: Row, ratio: float, base: float, kind: str) -> None:
    """Adds what tells the base price of the day."""
    if kind == "mixed":
        kind = rng.choice(("split", "change", "change_rate", "all", "none"))
    if kind in {"split", "all"} and (ratio != 1 or rng.random() < 0.5):
        line["split"] = ratio
    if line["close"] is None:
        return
    whole = float(max(1, round(base)))
    if kind in {"change", "all"}:
        line["change"] = line["close"] - whole
    if kind in {"change_rate", "all"}:
        line["change_rate"] = round((line["close"] / whole - 1) * 100, 2)


def _index(rng: random.Random, name: str, days: list[dt.date], made: dict[str, list[Row]]) -> None:
    value = rng.uniform(300, 3000)
    first = rng.choice((0, 0, 0, len(days) // 4))
    gap = 0
    for row in range(first, len(days)):
        value *= math.exp(rng.gauss(0, 0.01))
        if gap == 0 and rng.random() < 0.02:
            gap = rng.choice((1, 1, 2, 9, 10, 11, 14))
        if gap > 0:
            gap -= 1
        else:
            made["indices"].append({"date": days[row].isoformat(), "index": name, "close": round(value, 2)})


def _dividends(
    rng: random.Random, code: str, days: list[dt.date], made: dict[str, list[Row]], *, disclosed: bool
) -> None:
    span = (days[-1] - days[0]).days
    for offset in sorted({rng.randrange(-400, span + 5) for _ in range(rng.choice((1, 1, 2, 4, 8)))}):
        day = days[0] + dt.timedelta(days=offset)
        line: Row = {"stock_code": code, "ex_date": day.isoformat(), "dps": rng.choice((0, 10, 50, 100, 361, 1000.5))}
        if disclosed and rng.random() < 0.9:
            line["disclosed_on"] = (day + dt.timedelta(days=rng.choice((-20, 0, 30, 75)))).isoformat()
        made["dividends"].append(line)


def _statements(rng: random.Random, code: str, days: list[dt.date], made: dict[str, list[Row]]) -> None:
    annual = rng.random() < 0.2
    end_month = rng.choice((12, 12, 12, 3, 6))
    missing = [a for a in FLOWS + BALANCES if rng.random() < 0.06]
    last_year = days[-1].year + 1
    years = rng.choice((2, 3, 4, 5, 12))
    level = math.exp(rng.uniform(math.log(1e9), math.log(1e12)))
    for year in range(last_year - years, last_year + 1):
        flows = dict.fromkeys(FLOWS, 0.0)
        level *= math.exp(rng.gauss(0.03, 0.15))
        for quarter in (1, 2, 3, 4):
            for account in FLOWS:
                flows[account] += round(level * rng.uniform(-0.03, 0.25))
            end = _month_end(year, end_month, quarter)
            late = rng.choice((30, 45, 45, 45, 90, 130)) if quarter < 4 else rng.choice((75, 90, 90, 200))
            disclosed = end + dt.timedelta(days=late)
            if (annual and quarter < 4) or rng.random() < 0.05:
                continue
            balances = {a: round(level * rng.uniform(0.05, 1.5)) for a in BALANCES}
            balances["total_equity"] = round(level * rng.uniform(-0.1, 1.5))
            balances["retained_earnings"] = round(level * rng.uniform(-0.5, 1.0))
            whole = {k: v for k, v in (flows | balances).items() if k not in missing and rng.random() > 0.02}
            if not annual and quarter == 1:
                whole |= {a: abs(v) for a, v in whole.items() if a in FLOWS}
            head = {"stock_code": code, "fiscal_year": year, "fiscal_quarter": quarter, "period_end": end.isoformat()}
            made["financials"].append({**head, "disclosed_on": disclosed.isoformat(), **whole})
            if rng.random() < 0.15:
                again = disclosed + dt.timedelta(days=rng.choice((1, 20, 100, 380)))
                restated = {k: round(v * rng.uniform(0.5, 1.3)) for k, v in whole.items() if rng.random() > 0.03}
                made["financials"].append({**head, "disclosed_on": again.isoformat(), **restated})


def _month_end(year: int, end_month: int, quarter: int) -> dt.date:
    """Last day of a fiscal quarter; the fiscal year is named after the calendar year in which it begins."""
    months = year * 12 + (12 if end_month == 12 else 12 + end_month) + 3 * (quarter - 4)
    return dt.date(months // 12, months % 12 + 1, 1) - dt.timedelta(days=1)
