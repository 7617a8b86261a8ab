"""Random raw markets with everything that makes factors hard: halts, gaps, splits, restatements, odd fiscal years."""

from __future__ import annotations

import datetime as dt

import numpy as np

from shared.factors.compute import FactorInputs
from shared.model.calendar import to_day
from shared.model.instruments import Instruments
from shared.model.market_data import ACCOUNTS, PRICE_COLUMNS, Dividends, Listings, RawMarket, Statements, listings_of
from tests.support import build_in_memory

ALWAYS = int(np.iinfo(np.int32).min)
FIRST = to_day(dt.date(2021, 10, 4))


def random_raw(seed: int, rows: int, stocks: int, *, fewer_gaps: bool = False) -> RawMarket:
    """A market of `rows` trading days and `stocks` instruments, the same for the same arguments."""
    g = np.random.default_rng(seed)
    calendar = [day for day in range(FIRST, FIRST + 2 * rows + 30) if (day + 3) % 7 < 5 and g.random() > 0.03]
    days = np.array(calendar[:rows], np.int32)
    prices = {name: np.full((rows, stocks), np.nan) for name in PRICE_COLUMNS}
    delisted: list[int | None] = []
    for i in range(stocks):
        _fill_prices(g, prices, i, rows, gaps=not fewer_gaps)
        gone = g.random() < 0.2 and rows > 3
        end = int(g.integers(rows // 2, rows)) if gone else rows
        delisted.append(int(days[end]) if end < rows else None)
        for name in PRICE_COLUMNS:
            prices[name][end:, i] = np.nan
    markets = tuple(str(g.choice(["KOSPI", "KOSDAQ", "KOSPI", "KOSDAQ", "KONEX"])) for _ in range(stocks))
    names = tuple(f"{i - 1:05d}5" if i % 4 == 1 else f"{i:05d}0" for i in range(stocks))
    issuers = tuple("held together" if i % 7 in {2, 6} else None for i in range(stocks))
    nothing = (None,) * stocks
    return RawMarket(
        days=days,
        instruments=Instruments(
            code=names, name=names, name_en=nothing, market=markets, sector=nothing, listed_on=nothing,
            delisted_on=tuple(delisted), issuer=issuers,
        ),
        prices=prices,
        statements=_statements(g, stocks),
        dividends=_dividends(g, days, stocks),
        indices={name: _index(g, rows) for name in ("KOSPI", "KOSDAQ")},
        listings=_listings(g, days, stocks),
    )  # fmt: skip


def inputs_of(raw: RawMarket) -> FactorInputs:
    """Return what the preparer computes factors from."""
    return build_in_memory.inputs_of(raw, build_in_memory.stored_fields(raw))


def _fill_prices(g: np.random.Generator, prices: dict[str, np.ndarray], i: int, rows: int, *, gaps: bool) -> None:
    listed = int(g.integers(0, max(1, rows // 3))) if g.random() < 0.4 else 0
    shares = float(g.integers(1, 100) * 100_000)
    price = float(g.integers(20, 200) * 100)
    with_value, with_cap, with_shares = g.random(3) < (0.9, 0.3, 0.9)
    still = halted = missing = 0
    for d in range(listed, rows):
        still, halted, missing = max(0, still - 1), max(0, halted - 1), max(0, missing - 1)
        chance = g.random()
        if gaps and chance < 0.02:
            halted = int(g.choice([1, 2, 5, 30]))
        elif gaps and chance < 0.025 and d > listed:
            missing = int(g.choice([1, 3, 59, 60, 61, 70]))
        elif chance < 0.03:
            still = 20
        if missing:
            continue
        split = float(g.choice([2, 5, 0.5, 3, 0.1])) if g.random() < 0.006 and d > listed else 1.0
        price = max(1.0, round(price / split * (1.0 if still or halted else float(np.exp(g.normal(0, 0.02))))))
        shares = round(shares * split)
        if g.random() < 0.01:
            shares = round(shares * 1.01)
        row = {"split": split, "close": price, "listed_shares": shares if with_shares and g.random() > 0.02 else np.nan}
        if halted:
            row |= {"volume": 0.0, "open": 0.0, "high": 0.0, "low": 0.0, "trading_value": 0.0}
            if g.random() < 0.5 and split == 1:
                row |= {"open": np.nan, "high": np.nan, "low": np.nan, "close": np.nan}
        else:
            up, down = (0.0, 0.0) if still else g.random(2) * 0.02
            row |= {"open": price, "high": round(price * (1 + up)), "low": max(1.0, round(price * (1 - down)))}
            row["volume"] = float(g.integers(1, 100_000))
            row["trading_value"] = row["volume"] * price
        if not with_value:
            row["trading_value"] = np.nan
        row["market_cap"] = row["close"] * shares * 1.01 if with_cap and g.random() > 0.05 else np.nan
        for name, value in row.items():
            prices[name][d, i] = value


def _listings(g: np.random.Generator, days: np.ndarray, stocks: int) -> Listings:
    """Transfers between markets of every third stock, with a first entry that may begin after the first row."""
    entries = []
    for i in range(0, stocks, 3):
        for _ in range(int(g.integers(1, 4))):
            market = str(g.choice(["KOSPI", "KOSDAQ", "KONEX"]))
            entries.append((i, int(g.integers(days[0] - 30, days[-1] + 30)), market, None, None))
    return listings_of({entry[:2]: entry for entry in entries}.values())


def _index(g: np.random.Generator, rows: int) -> np.ndarray:
    series = 2000 * np.exp(np.cumsum(g.normal(0, 0.01, rows)))
    for start in g.integers(0, rows, 3):
        series[start : start + int(g.choice([1, 5, 10, 11, 14]))] = np.nan
    return series


def _statements(g: np.random.Generator, stocks: int) -> Statements:
    statements: list[tuple[int, int, int, int, int, dict[str, float]]] = []
    for i in range(stocks):
        kind = g.choice(["quarters", "quarters", "years", "none", "holes"], p=[0.35, 0.25, 0.15, 0.1, 0.15])
        if kind == "none":
            continue
        closing = int(g.choice([12, 12, 12, 3, 6]))
        lost = {name for name in ACCOUNTS if g.random() < (0.4 if name.endswith("_owners") else 0.06)}
        sometimes = {name for name in ACCOUNTS if g.random() < 0.1}
        last_year = int(g.choice([2020, 2021, 2022, 2023, 2023, 2023]))
        for year in range(int(g.choice([2012, 2017, 2019])), last_year + 1):
            revenue = 0.0
            for quarter in (4,) if kind == "years" else (1, 2, 3, 4):
                if kind == "holes" and g.random() < 0.15:
                    continue
                months = year * 12 + closing - 1 - 3 * (4 - quarter)
                end = to_day(dt.date((months + 1) // 12, (months + 1) % 12 + 1, 1)) - 1
                disclosed = end + int(g.integers(20, 90)) + (int(g.integers(100, 400)) if g.random() < 0.05 else 0)
                revenue += float(np.exp(g.normal(24, 0.4)))
                for _ in range(int(g.choice([1, 2, 3], p=[0.8, 0.15, 0.05]))):
                    accounts = _accounts(g, quarter, lost, sometimes)
                    if accounts["revenue"] > 0 and g.random() < 0.98:
                        accounts["revenue"] = float(round(revenue))
                    statements.append((i, year, quarter, end, disclosed, accounts))
                    disclosed += int(g.integers(1, 300))
    order = g.permutation(len(statements))
    chosen = [statements[k] for k in order]
    columns = [np.array([row[c] for row in chosen], np.int32) for c in range(5)]
    return Statements(
        instrument=columns[0],
        fiscal_year=columns[1],
        fiscal_quarter=columns[2],
        period_end=columns[3],
        disclosed_on=columns[4],
        accounts={name: np.array([row[5][name] for row in chosen], np.float64) for name in ACCOUNTS},
    )


def _accounts(g: np.random.Generator, quarter: int, lost: set[str], sometimes: set[str]) -> dict[str, float]:
    size = float(np.exp(g.normal(24, 0.4)))
    ranges = {"net_income": (-0.05, 0.2), "operating_cash_flow": (-0.1, 0.3), "total_equity": (-0.1, 1.0)}
    values = {}
    for name in ACCOUNTS:
        low, high = ranges.get(name, (0.0, 1.0))
        value = round(size * float(g.uniform(low, high)) * quarter)
        if g.random() < 0.02:
            value = 0
        values[name] = np.nan if name in lost or (name in sometimes and g.random() < 0.5) else float(value)
    return values


def _dividends(g: np.random.Generator, days: np.ndarray, stocks: int) -> Dividends:
    rows = [
        (i, int(g.integers(days[0] - 500, days[-1] + 50)), float(g.choice([0, 100, 250, 1000])), g.random() < 0.5)
        for i in range(stocks)
        for _ in range(int(g.choice([0, 1, 2, 8])))
    ]
    late = [int(g.integers(-30, 120)) for _ in rows]
    return Dividends(
        instrument=np.array([r[0] for r in rows], np.int32),
        ex_date=np.array([r[1] for r in rows], np.int32),
        dps=np.array([r[2] for r in rows], np.float64),
        disclosed_on=np.array([r[1] + n if r[3] else ALWAYS for r, n in zip(rows, late, strict=True)], np.int32),
    )
