"""A market in the load form as plain lists per stock, with splits, last closes and carried values."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from typing import Any

from tests.reference.rules import nearest_tick

CARRY = 60
INDEX_CARRY = 10

Series = list[float | None]


def date_of(value: Any) -> dt.date:
    """A date from its ISO text or itself."""
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)


def number(value: Any) -> float | None:
    """A loaded cell as float; None and NaN are absent."""
    if value is None:
        return None
    value = float(value)
    return None if math.isnan(value) else value


@dataclass
class Stock:
    """One instrument; every list has one entry per row of the dataset."""

    code: str
    name: str
    market: str
    sector: str | None
    delisted_on: dt.date | None
    loaded: list[dict[str, float | None] | None]
    statements: list[dict[str, Any]] = field(default_factory=list)
    dividends: list[dict[str, Any]] = field(default_factory=list)
    trading: list[bool] = field(default_factory=list)
    split: list[float] = field(default_factory=list)
    last: Series = field(default_factory=list)
    adjust: list[float] = field(default_factory=list)
    close: Series = field(default_factory=list)
    cap: Series = field(default_factory=list)
    shares: Series = field(default_factory=list)

    def cell(self, row: int, name: str) -> float | None:
        """The loaded value of a row."""
        found = self.loaded[row]
        return None if found is None else found.get(name)

    def positive(self, row: int, name: str) -> float | None:
        """The loaded value of a row when it is above zero."""
        value = self.cell(row, name)
        return value if value is not None and value > 0 else None

    def tradable(self, row: int) -> bool:
        """Volume and open are above zero."""
        return self.positive(row, "volume") is not None and self.positive(row, "open") is not None


@dataclass
class Market:
    """Rows are trading days, stocks are in ascending order of their code."""

    days: list[dt.date]
    stocks: list[Stock]
    indices: dict[str, Series]
    cache: dict[str, Any] = field(default_factory=dict)

    def gone(self, stock: Stock, row: int) -> bool:
        """The row is on or after the day of delisting."""
        return stock.delisted_on is not None and self.days[row] >= stock.delisted_on

    def index_carried(self, name: str, limit: int | None) -> Series | None:
        """An index with its last value carried over at most `limit` rows."""
        if name not in self.indices:
            return None
        carried: Series = []
        value, age = None, 0
        for found in self.indices[name]:
            if found is not None:
                value, age = found, 0
            else:
                age += 1
            carried.append(value if limit is None or age <= limit else None)
        return carried


def read(market: dict[str, Any]) -> Market:
    """A market in the load form (lists of rows by file) -> Market."""
    days = sorted({date_of(r["date"]) for r in market["prices"]})
    row_of = {day: row for row, day in enumerate(days)}
    stocks: dict[str, Stock] = {}
    for company in market["companies"]:
        gone = company.get("delisted_on")
        stocks[company["stock_code"]] = Stock(
            code=company["stock_code"],
            name=company.get("name", company["stock_code"]),
            market=company["market"],
            sector=company.get("sector"),
            delisted_on=None if gone is None else date_of(gone),
            loaded=[None] * len(days),
        )
    for line in market["prices"]:
        cells = {k: number(v) for k, v in line.items() if k not in {"date", "stock_code"}}
        stocks[line["stock_code"]].loaded[row_of[date_of(line["date"])]] = cells
    for line in market.get("financials") or ():
        statement = {k: number(v) for k, v in line.items() if k not in {"stock_code", "period_end", "disclosed_on"}}
        key = (int(line["fiscal_year"]), int(line["fiscal_quarter"]))
        ends = {"key": key, "end": date_of(line["period_end"]), "disclosed": date_of(line["disclosed_on"])}
        stocks[line["stock_code"]].statements.append({**statement, **ends})
    for line in market.get("dividends") or ():
        disclosed = line.get("disclosed_on")
        stocks[line["stock_code"]].dividends.append(
            {
                "ex_date": date_of(line["ex_date"]),
                "dps": float(line["dps"]),
                "disclosed": None if disclosed is None else date_of(disclosed),
            }
        )
    indices: dict[str, Series] = {}
    for line in market.get("indices") or ():
        series = indices.setdefault(line["index"], [None] * len(days))
        row = row_of.get(date_of(line["date"]))
        if row is not None:
            series[row] = number(line["close"])
    made = Market(days, [stocks[code] for code in sorted(stocks)], indices)
    for stock in made.stocks:
        _derive(made, stock)
    return made


def _split(market: Market, stock: Stock, row: int, before: float | None) -> float:
    if before is None:
        return 1.0
    given = stock.positive(row, "split")
    if given is not None:
        return given
    close = stock.positive(row, "close")
    if close is None:
        return 1.0
    change, rate = stock.cell(row, "change"), stock.cell(row, "change_rate")
    if change is not None:
        base = close - change
    elif rate is not None and rate > -100:
        base = nearest_tick(close / (1 + rate / 100), market.days[row], stock.market)
    else:
        return 1.0
    if base <= 0:
        return 1.0
    found = before / base
    return 1.0 if abs(found - 1) <= 0.005 else found


def _derive(market: Market, stock: Stock) -> None:
    last: float | None = None
    adjust = 1.0
    age = 0
    cap: float | None = None
    cap_age = 0
    shares: float | None = None
    shares_age = 0
    for row in range(len(market.days)):
        split = _split(market, stock, row, last)
        adjust *= split
        close = stock.positive(row, "close")
        if close is not None:
            last, age = close, 0
        else:
            age += 1
            last = None if last is None else last / split
        present = last is not None and age <= CARRY and not market.gone(stock, row)
        trading = stock.positive(row, "volume") is not None
        stock.trading.append(trading)
        stock.split.append(split)
        stock.last.append(last)
        stock.adjust.append(adjust)
        stock.close.append(last if present else None)

        listed = stock.positive(row, "listed_shares")
        shares = None if shares is None else shares * split
        shares_age += 1
        if listed is not None or trading:
            shares, shares_age = listed, 0
        stock.shares.append(shares if present and shares_age <= CARRY else None)

        worth = stock.positive(row, "market_cap")
        if worth is None and close is not None and listed is not None:
            worth = close * listed
        cap_age += 1
        if worth is not None or trading:
            cap, cap_age = worth, 0
        stock.cap.append(cap if present and cap_age <= CARRY else None)
