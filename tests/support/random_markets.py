"""Random small markets in the load form, with every kind of trouble that a real one has."""

from __future__ import annotations

import datetime as dt
import math
import random
from typing import Any

from tests.reference import rules
from tests.reference.listings import Identity, Listing
from tests.support.random_statements import random_dividends, random_statements

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
NAMES = ("가람", "나루", "다온", "마루스팩", "바다기업인수목적1호", "사랑리츠", "아름위탁관리부동산투자회사", "자람")
KINDS = ("common", "preferred", "spac", "reit", "foreign")
RATIOS = (2.0, 5.0, 1.5, 0.1, 0.5, 1.1, 10.0, 0.2, 1.0333, 0.05, 0.142857, 20.0001, 0.333333, 7.0)
HALTS = ("zero", "null", "same", "missing", "block")
"""How a row without trading is written; `block` has a volume but no open."""


def random_market(
    seed: int, *, stocks: int | None = None, rows: int | None = None, states: bool = True
) -> dict[str, list[Row]]:
    """Return a market of 2 to 12 stocks and 30 to 350 rows that only its seed decides.

    `states` allows splits, caps and share counts on rows without trading, and rows that have a volume but no open.
    """
    rng = random.Random(seed)
    n = stocks or rng.choice((2, 4, 6, 6, 8, 12))
    length = rows or rng.choice((30, 45, 60, 60, 80, 80, 120, 150, 200, 260, 350))
    days = _days(rng, length)
    market: dict[str, list[Row]] = {
        name: [] for name in ("prices", "companies", "listings", "financials", "dividends", "indices")
    }
    style = {
        "basis": rng.choice(("split", "split", "change", "change_rate", "mixed", "none")),
        "value": rng.random() < 0.7,
        "cap": rng.choice(("none", "none", "some", "all")),
        "shares": rng.choice(("all", "all", "all", "all", "some")),
        "accounts": rng.random() < 0.6,
        "owners": rng.random() < 0.5,
        "listings": rng.random() < 0.4,
        "kinds": rng.random() < 0.3,
        "wild": rng.choice((0.01, 0.02, 0.05)),
        "states": states,
        "noise": rng.random() < 0.3,
    }
    for code in _codes(rng, n):
        company = _company(rng, code, style)
        entries = _listings(rng, company, days) if style["listings"] and rng.random() < 0.6 else []
        market["companies"].append(company)
        market["listings"] += entries
        _Course(rng, days, company, entries, style).append_to(market["prices"])
        if style["accounts"] and rng.random() < 0.9:
            market["financials"] += random_statements(rng, code, days, owners=style["owners"])
        if rng.random() < 0.7:
            market["dividends"] += random_dividends(rng, code, days)
    for name in rng.choice(((), ("KOSPI",), ("KOSPI", "KOSDAQ"), ("KOSPI", "KOSDAQ"), ("KOSDAQ", "KOSPI", "KONEX"))):
        market["indices"] += _index(rng, name, days)
    if rng.random() < 0.2:
        _add_holiday(rng, days, market["prices"])
    rng.shuffle(market["companies"])
    return market


def spelled(market: dict[str, list[Row]], how: str) -> dict[str, list[Row]]:
    """Return a market whose rows without trading are all written one way: `same`, `zero`, `null` or `missing`.

    A row is written wherever a stock does not trade after its first tradable row and before it is delisted.
    """
    dates = sorted({p["date"] for p in market["prices"]})
    gone = {c["stock_code"]: c.get("delisted_on") or "9999-12-31" for c in market["companies"]}
    by_stock: dict[str, dict[str, Row]] = {}
    for line in market["prices"]:
        by_stock.setdefault(line["stock_code"], {})[line["date"]] = line
    prices: list[Row] = []
    for code, lines in by_stock.items():
        last = None
        for day in dates:
            if day in lines and _trades(lines[day]):
                last = lines[day]["close"]
                prices.append(lines[day])
            elif how != "missing" and last is not None and day < gone[code]:
                cells = dict.fromkeys(("open", "high", "low", "close"), {"same": last, "zero": 0, "null": None}[how])
                prices.append({"date": day, "stock_code": code, **cells, "volume": 0})
    return {**market, "prices": prices}


def _trades(line: Row) -> bool:
    return bool(line["volume"]) and bool(line["open"])


def _days(rng: random.Random, length: int) -> list[dt.date]:
    day = rng.choice(STARTS) + dt.timedelta(days=rng.randrange(20))
    found: list[dt.date] = []
    while len(found) < length:
        if day.weekday() < 5 and rng.random() > 0.04:
            found.append(day)
        day += dt.timedelta(days=rng.choice((4, 9)) if rng.random() < 0.01 else 1)
    return found


def _codes(rng: random.Random, n: int) -> list[str]:
    """Return different codes: most end in 0, some are preferred shares of an earlier one, some begin with 9."""
    codes: list[str] = []
    while len(codes) < n:
        kind = rng.random()
        if kind < 0.2 and codes:
            code = rng.choice(codes)[:5] + rng.choice("57K")
        elif kind < 0.3:
            code = f"9{rng.randrange(10_000):04d}0"
        elif kind < 0.4:
            code = f"{rng.randrange(1_000_000):06d}"
        else:
            code = f"{rng.randrange(90_000):05d}0"
        if code not in codes:
            codes.append(code)
    return codes


def _company(rng: random.Random, code: str, style: Row) -> Row:
    name = rng.choice(NAMES) if rng.random() < 0.4 else "N" + code
    company: Row = {"stock_code": code, "name": name, "market": rng.choice(MARKETS), "sector": rng.choice(SECTORS)}
    if style["kinds"] and rng.random() < 0.5:
        company["kind"] = rng.choice(KINDS)
    if style["kinds"] and rng.random() < 0.4:
        company["issuer"] = rng.choice(("X", "Y"))
    return company


def _listings(rng: random.Random, company: Row, days: list[dt.date]) -> list[Row]:
    offsets = rng.sample(range(-10, (days[-1] - days[0]).days), rng.choice((1, 2, 3)))
    return [
        {
            "stock_code": company["stock_code"],
            "from_date": (days[0] + dt.timedelta(days=offset)).isoformat(),
            "market": rng.choice(MARKETS),
            "name": rng.choice((None, None, *NAMES)),
            "sector": rng.choice((None, *SECTORS)),
        }
        for offset in offsets
    ]


class _Course:
    """The prices of one stock, row by row."""

    def __init__(self, rng: random.Random, days: list[dt.date], company: Row, entries: list[Row], style: Row) -> None:
        self.rng, self.days, self.company, self.style = rng, days, company, style
        self.identity = Identity(company["stock_code"], company["name"], company["market"], None, None)
        self.identity.listings = sorted(
            (Listing(dt.date.fromisoformat(e["from_date"]), e["market"], None, None) for e in entries),
            key=lambda entry: entry.since,
        )
        self.price = float(round(math.exp(rng.uniform(math.log(300), math.log(300_000)))))
        self.shares = float(round(math.exp(rng.uniform(math.log(1e5), math.log(3e8)))))
        self.volume = math.exp(rng.uniform(math.log(20), math.log(2e5)))
        self.has_shares = style["shares"] == "all" or rng.random() < 0.7
        self.first, self.stop = 0, len(days)
        if rng.random() < 0.3:
            self.first = rng.randrange(len(days) * 2 // 3)
        self.halts: dict[int, str] = {}
        self.free: set[int] = set()
        self._halts()
        if rng.random() < 0.5:
            self._delisting()

    def _halts(self) -> None:
        """Choose the rows without trading and how they are written."""
        rng, row = self.rng, self.first + 1
        while row < self.stop:
            if rng.random() < 0.02:
                length = rng.choice((1, 1, 2, 3, 6, 25)) if rng.random() > 0.06 else rng.randrange(58, 72)
                how = rng.choice(HALTS)
                for r in range(row, row + length):
                    self.halts[r] = how if how != "block" else rng.choice(HALTS)
                row += length
            row += 1

    def _delisting(self) -> None:
        """End the stock: at once, after liquidation trading, or after a long suspension."""
        rng = self.rng
        self.stop = rng.randrange(self.first + 1, len(self.days) + 1)
        kind = rng.random()
        if kind < 0.25:
            return  # prices end without `delisted_on`
        last = self.days[self.stop - 1]
        if kind < 0.6 and self.stop - self.first > 6:
            traded = rng.choice((1, 2, 5, 7, 8, 9))
            halted = rng.choice((2, 3, 4, 10, 30))
            begin = max(self.first + 1, self.stop - traded - halted)
            how = rng.choice(HALTS)
            for r in range(begin, self.stop):
                self.halts.pop(r, None)
                if r < self.stop - traded:
                    self.halts[r] = how
                else:
                    self.free.add(r)
            gone = last + dt.timedelta(days=rng.choice((1, 1, 3, 6, 15, 25)))
        elif kind < 0.8:
            begin = max(self.first + 1, self.stop - rng.choice((5, 20, 30, 40)))
            for r in range(begin, self.stop):
                self.halts[r] = self.halts.get(r) or rng.choice(HALTS)
            gone = last + dt.timedelta(days=rng.choice((1, 2, 20)))
        else:
            gone = last + dt.timedelta(days=rng.choice((1, 1, 2, 3, 5, 30, 31)))
        self.company["delisted_on"] = gone.isoformat()

    def append_to(self, prices: list[Row]) -> None:
        """Write the rows of the stock."""
        rng, style = self.rng, self.style
        before: float | None = None
        for row in range(self.first, self.stop):
            ratio = rng.choice(RATIOS) if rng.random() < (0.012 if row > self.first else 0.2) else 1.0
            how = self.halts.get(row)
            if how == "missing" or (how is not None and before is None):
                continue
            used = 1.0 if before is None or before / ratio < 5 or (how and not style["states"]) else ratio
            ratio = used if before is not None else ratio
            base = self.price / used
            if used != 1.0:
                self.shares = float(round(self.shares * used))
                self.volume *= used
            line = self._halted_row(row, base, how) if how else self._traded_row(row, base)
            if not how or style["states"]:
                _basis(rng, line, ratio, base, style["basis"])
            if not how:
                before = self.price
            elif used != 1.0 and "split" in line:
                self.price = base
            prices.append(line)
        if "delisted_on" in self.company and style["noise"] and before is not None:
            prices += [self._row_after(day) for day in self.days if day.isoformat() >= self.company["delisted_on"]][:3]

    def _row_after(self, day: dt.date) -> Row:
        """Return a row without trading after the delisting, which says nothing."""
        line: Row = {"date": day.isoformat(), "stock_code": self.company["stock_code"], "volume": 0, "split": 2.0}
        return line | dict.fromkeys(("open", "high", "low", "close"), self.price)

    def _halted_row(self, row: int, base: float, how: str) -> Row:
        rng, style = self.rng, self.style
        cell = {"zero": 0, "null": None, "same": max(1.0, float(round(base))), "block": None}[how]
        line: Row = {"date": self.days[row].isoformat(), "stock_code": self.company["stock_code"]}
        line |= dict.fromkeys(("open", "high", "low", "close"), cell) | {"volume": 0}
        if how == "block" and style["states"]:
            line |= {"volume": 5, "close": float(round(base)), "open": 0}
        if not style["states"]:
            return line
        if rng.random() < 0.5 and self.has_shares:
            line["listed_shares"] = self.shares
        if style["cap"] != "none" and rng.random() < 0.3:
            line["market_cap"] = base * self.shares
        if style["value"] and rng.random() < 0.7:
            line["trading_value"] = 0
        return line

    def _traded_row(self, row: int, base: float) -> Row:
        rng, style, day = self.rng, self.style, self.days[row]
        market = self.identity.market_on(day)
        low, upper = (base / 3, base * 1.2) if row in self.free else rules.limits(base, day, market)
        prices = _bar(rng, base, low=low, upper=upper, day=day, market=market, wild=style["wild"])
        self.price = prices[3]
        traded = max(1, round(self.volume * math.exp(rng.gauss(0, 0.7))))
        line: Row = {"date": day.isoformat(), "stock_code": self.company["stock_code"]}
        line |= dict(zip(("open", "high", "low", "close"), prices, strict=True)) | {"volume": traded}
        if self.has_shares and (style["shares"] == "all" or rng.random() < 0.97):
            line["listed_shares"] = self.shares
        if style["value"] and rng.random() < 0.99:
            line["trading_value"] = traded * round((prices[0] + prices[3]) / 2)
        if style["cap"] == "all" or (style["cap"] == "some" and rng.random() < 0.8):
            line["market_cap"] = self.price * self.shares
        if rng.random() < 0.02:
            self.shares = float(round(self.shares * 1.03))
        return line


def _bar(
    rng: random.Random, base: float, *, low: float, upper: float, day: dt.date, market: str, wild: float
) -> tuple[float, float, float, float]:
    """Return open, high, low and close between the day's limits."""

    def inside(value: float) -> float:
        return float(max(1, round(min(max(value, low), upper))))

    kind = rng.random()
    if kind < 0.02:
        return (inside(upper),) * 4
    if kind < 0.04:
        return (inside(low),) * 4
    if kind < 0.05:
        bottom = inside(low)
        return bottom, max(bottom, inside(low * 1.05)), bottom, max(bottom, inside(low * 1.02))
    if kind < 0.08:
        return (inside(base),) * 4
    opening = inside(base * math.exp(rng.gauss(0, wild)))
    close = inside(opening * math.exp(rng.gauss(0, wild)))
    if rng.random() < 0.5:
        opening, close = rules.nearest_tick(opening, day, market), rules.nearest_tick(close, day, market)
    opening, close = max(opening, 1.0), max(close, 1.0)
    high = max(opening, close, inside(max(opening, close) * math.exp(abs(rng.gauss(0, wild / 2)))))
    bottom = min(opening, close, inside(min(opening, close) * math.exp(-abs(rng.gauss(0, wild / 2)))))
    return opening, high, bottom, close


def _basis(rng: random.Random, line: Row, ratio: float, base: float, kind: str) -> None:
    """Add the column that states the base price of the day."""
    if kind == "mixed":
        kind = rng.choice(("split", "change", "change_rate", "all", "none"))
    if kind in {"split", "all"} and (ratio != 1 or rng.random() < 0.5):
        line["split"] = ratio
    if not line["close"]:
        return
    whole = float(max(1, round(base)))
    if kind in {"change", "all"}:
        line["change"] = line["close"] - whole
    if kind in {"change_rate", "all"}:
        line["change_rate"] = round((line["close"] / whole - 1) * 100, 2)


def _index(rng: random.Random, name: str, days: list[dt.date]) -> list[Row]:
    """Return an index with gaps, values of 0, a late start, and values on dates that are no rows."""
    value, gap, found = rng.uniform(300, 3000), 0, []
    first = rng.choice((0, 0, 0, len(days) // 4))
    for row in range(first, len(days)):
        value *= math.exp(rng.gauss(0, 0.01))
        if gap == 0 and rng.random() < 0.02:
            gap = rng.choice((1, 1, 2, 9, 10, 11, 14))
        if gap > 0:
            gap -= 1
            if rng.random() < 0.1:
                found.append({"date": days[row].isoformat(), "index": name, "close": 0})
        else:
            found.append({"date": days[row].isoformat(), "index": name, "close": round(value, 2)})
    between = days[len(days) // 2] + dt.timedelta(days=1)
    if between not in days and rng.random() < 0.3:
        found.append({"date": between.isoformat(), "index": name, "close": round(value * 2, 2)})
    return found


def _add_holiday(rng: random.Random, days: list[dt.date], prices: list[Row]) -> None:
    """Add a date on which stocks have rows and none of them trades: it is no row of the dataset."""
    row = rng.randrange(1, len(days))
    day = days[row - 1] + dt.timedelta(days=1)
    if day in days:
        return
    for code in sorted({p["stock_code"] for p in prices if p["date"] < day.isoformat()}):
        line: Row = {"date": day.isoformat(), "stock_code": code, "volume": 0}
        prices.append(line | dict.fromkeys(("open", "high", "low", "close"), 0) | {"split": rng.choice((1.0, 2.0))})
