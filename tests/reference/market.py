"""A loaded market as plain lists: rows, splits, last closes and carried values (section 1)."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from tests.reference import rules
from tests.reference.listings import Identity, Listing, issuer_of

CARRY = 60
INDEX_CARRY = 10
LIQUIDATION_DAYS = 21
LIQUIDATION_ROWS = 7
LIQUIDATION_HALT = 3

Series = list[float | None]


def date_of(value: Any) -> dt.date:
    """Return a date from its ISO text or itself."""
    return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)


def optional_date(value: Any) -> dt.date | None:
    """Return a date, None when the cell is empty."""
    return None if value is None or value == "" else date_of(value)


def number(value: Any) -> float | None:
    """Return a loaded cell as float; None, NaN and an empty text are absent."""
    if value is None or value == "":
        return None
    value = float(value)
    return None if math.isnan(value) else value


def text(value: Any) -> str | None:
    """Return a loaded text; empty is absent."""
    return None if value is None or value == "" else str(value)


@dataclass
class Stock:
    """One instrument; every list has one entry per row of the dataset."""

    identity: Identity
    issuer: tuple[str, str]
    delisted_on: dt.date | None
    loaded: list[dict[str, float | None] | None]
    statements: list[dict[str, Any]] = field(default_factory=list)
    dividends: list[dict[str, Any]] = field(default_factory=list)
    split: list[float] = field(default_factory=list)
    last: Series = field(default_factory=list)
    idle: list[int | None] = field(default_factory=list)
    adjust: list[float] = field(default_factory=list)
    close: Series = field(default_factory=list)
    cap: Series = field(default_factory=list)
    shares: Series = field(default_factory=list)
    liquidation: list[bool] = field(default_factory=list)
    market: list[str] = field(default_factory=list)
    sector: list[str | None] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)

    @property
    def code(self) -> str:
        """The stock code."""
        return self.identity.code

    def cell(self, row: int, name: str) -> float | None:
        """Return the loaded value of a row."""
        line = self.loaded[row]
        return None if line is None else line.get(name)

    def positive(self, row: int, name: str) -> float | None:
        """Return the loaded value of a row when it is above zero."""
        value = self.cell(row, name)
        return value if value is not None and value > 0 else None

    def tradable(self, row: int) -> bool:
        """Return whether volume and open are above zero."""
        return self.positive(row, "volume") is not None and self.positive(row, "open") is not None

    def volume(self, row: int) -> float | None:
        """Return the loaded volume of a tradable row, 0 on a carried row, else None."""
        if self.close[row] is None:
            return None
        return self.cell(row, "volume") if self.tradable(row) else 0.0

    def splits_between(self, row: int, later: int) -> float:
        """Return the product of the splits after `row` up to and including `later`."""
        product = 1.0
        for r in range(row + 1, later + 1):
            product *= self.split[r]
        return product


@dataclass
class Market:
    """Rows are trading days, stocks are in ascending order of their code."""

    days: list[dt.date]
    stocks: list[Stock]
    indices: dict[str, Series]
    cache: dict[str, Any] = field(default_factory=dict)

    def gone(self, stock: Stock, row: int) -> bool:
        """Return whether the row is on or after the day of delisting."""
        return stock.delisted_on is not None and self.days[row] >= stock.delisted_on

    def index_carried(self, name: str, limit: int | None) -> Series | None:
        """Return an index with its last value carried over at most `limit` rows; None when it is not loaded."""
        if name not in self.indices:
            return None
        carried: Series = []
        value, age = None, 0
        for loaded in self.indices[name]:
            if loaded is not None:
                value, age = loaded, 0
            else:
                age += 1
            carried.append(value if limit is None or age <= limit else None)
        return carried


def read(market: dict[str, Any]) -> Market:
    """Return a market from its load form: a list of rows per file."""
    days = trading_days(market)
    row_of = {day: row for row, day in enumerate(days)}
    stocks: dict[str, Stock] = {}
    for company in market["companies"]:
        stocks[company["stock_code"]] = _stock(company, len(days))
    for line in market.get("listings") or ():
        stocks[line["stock_code"]].identity.listings.append(
            Listing(date_of(line["from_date"]), line["market"], text(line.get("name")), text(line.get("sector")))
        )
    for line in market["prices"]:
        row, stock = row_of.get(date_of(line["date"])), stocks[line["stock_code"]]
        ignored = row is None or (stock.delisted_on is not None and days[row] >= stock.delisted_on)
        if row is not None and not ignored:
            stock.loaded[row] = {k: number(v) for k, v in line.items() if k not in {"date", "stock_code"}}
    for line in market.get("financials") or ():
        stocks[line["stock_code"]].statements.append(_statement(line))
    for line in market.get("dividends") or ():
        stocks[line["stock_code"]].dividends.append(
            {
                "ex_date": date_of(line["ex_date"]),
                "dps": float(line["dps"]),
                "disclosed": optional_date(line.get("disclosed_on")),
                "kind": text(line.get("kind")),
            }
        )
    indices: dict[str, Series] = {}
    for line in market.get("indices") or ():
        series = indices.setdefault(line["index"], [None] * len(days))
        row, value = row_of.get(date_of(line["date"])), number(line["close"])
        if row is not None and value is not None and value > 0:
            series[row] = value
    result = Market(days, [stocks[code] for code in sorted(stocks)], indices)
    for stock in result.stocks:
        _derive(result, stock)
    return result


def trading_days(market: dict[str, Any]) -> list[dt.date]:
    """Return the dates on which at least one stock is tradable."""
    gone = {c["stock_code"]: optional_date(c.get("delisted_on")) for c in market["companies"]}
    days = set()
    for line in market["prices"]:
        volume, opening, day = number(line.get("volume")), number(line.get("open")), date_of(line["date"])
        leaves = gone[line["stock_code"]]
        if (volume or 0) > 0 and (opening or 0) > 0 and (leaves is None or day < leaves):
            days.add(day)
    return sorted(days)


def _stock(company: dict[str, Any], rows: int) -> Stock:
    code, market = company["stock_code"], company["market"]
    identity = Identity(
        code=code,
        name=company.get("name") or code,
        market=market,
        sector=text(company.get("sector")),
        kind=text(company.get("kind")),
    )
    return Stock(
        identity=identity,
        issuer=issuer_of(code, market, text(company.get("issuer"))),
        delisted_on=optional_date(company.get("delisted_on")),
        loaded=[None] * rows,
    )


def _statement(line: dict[str, Any]) -> dict[str, Any]:
    amounts = {k: number(v) for k, v in line.items() if k not in {"stock_code", "period_end", "disclosed_on"}}
    return {
        **amounts,
        "key": (int(line["fiscal_year"]), int(line["fiscal_quarter"])),
        "end": date_of(line["period_end"]),
        "disclosed": date_of(line["disclosed_on"]),
    }


@cache
def nearest_ratio(split: float) -> float:
    """Return p/q (whole, up to 100, one of them up to 10) within a relative 1e-5 of a loaded split, else the split."""
    ratios = [p / q for p in range(1, 101) for q in range(1, 101) if min(p, q) <= 10]
    near = [ratio for ratio in ratios if abs(split - ratio) <= 1e-5 * ratio]
    return min(near, key=lambda ratio: abs(split - ratio), default=split)


def split_of(market: Market, stock: Stock, row: int, before: float | None) -> float:
    """Return the split of a row: stated, or from the base price that follows from `change` or `change_rate`."""
    if before is None:
        return 1.0
    stated = stock.positive(row, "split")
    if stated is not None:
        return nearest_ratio(stated)
    if not stock.tradable(row):
        return 1.0
    close = stock.positive(row, "close")
    change, rate = stock.cell(row, "change"), stock.cell(row, "change_rate")
    if close is None:
        return 1.0
    if change is not None:
        base = close - change
    elif rate is not None and rate > -100:
        base = close / (1 + rate / 100)
        if stock.market[row] in rules.KOREAN:
            base = rules.nearest_tick(base, market.days[row], stock.market[row])
    else:
        return 1.0
    if base <= 0:
        return 1.0
    split = before / base
    return 1.0 if abs(split - 1) <= 0.005 else split


def _derive(market: Market, stock: Stock) -> None:
    """Fill the lists of a stock from its loaded rows, row by row."""
    stock.identity.listings.sort(key=lambda entry: entry.since)
    last: float | None = None
    cap: float | None = None
    shares: float | None = None
    idle: int | None = None
    adjust = 1.0
    for row, day in enumerate(market.days):
        stock.market.append(stock.identity.market_on(day))
        stock.sector.append(stock.identity.sector_on(day))
        stock.kind.append(stock.identity.kind_on(day))
        split = split_of(market, stock, row, last)
        adjust *= split
        last = None if last is None else last / split
        shares = None if shares is None else shares * split
        idle = None if idle is None else idle + 1
        worth, listed = stock.positive(row, "market_cap"), stock.positive(row, "listed_shares")
        if stock.tradable(row):
            last, idle = stock.positive(row, "close"), 0
            shares = listed
            cap = worth
            if cap is None and listed is not None and last is not None:
                cap = last * listed
        elif last is not None:
            cap = cap if worth is None else worth
            shares = shares if listed is None else listed
        carried = idle is not None and idle <= CARRY and not market.gone(stock, row)
        stock.split.append(split)
        stock.adjust.append(adjust)
        stock.last.append(last)
        stock.idle.append(idle)
        stock.close.append(last if carried else None)
        stock.cap.append(cap if carried else None)
        stock.shares.append(shares if carried else None)
    for row in range(len(market.days)):
        stock.liquidation.append(is_liquidation_row(market, stock, row))


def is_liquidation_row(market: Market, stock: Stock, row: int) -> bool:
    """Return whether a row is one of liquidation trading before a delisting (section 3)."""
    if stock.delisted_on is None or not stock.tradable(row):
        return False
    if not 0 < (stock.delisted_on - market.days[row]).days <= LIQUIDATION_DAYS:
        return False
    traded = 0
    for r in range(row, -1, -1):
        if stock.tradable(r):
            traded += 1
            if traded > LIQUIDATION_ROWS:
                return False
            halted = 0
        else:
            halted += 1
            if halted == LIQUIDATION_HALT:
                return True
    return False
