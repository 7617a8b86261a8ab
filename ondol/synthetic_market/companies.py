"""The companies of a synthetic market: names, listing days and delistings.

Every name marks its company as synthetic. Arrays are [N], one element a stock, in the order of the stock codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from shared.strategies.catalogue import SECTORS

KOSPI: Final = 0
KOSDAQ: Final = 1
KONEX: Final = 2
MARKETS: Final = ("KOSPI", "KOSDAQ", "KONEX")

FINANCIAL: Final = frozenset({"금융", "기타 금융", "보험", "은행", "증권"})
"""Sectors whose companies state no current items, cost of sales or inventories."""

STAYS: Final = 0
MERGED: Final = 1
LIQUIDATED: Final = 2
SUSPENDED: Final = 3
VANISHES: Final = 4
"""How a stock ends: not at all; delisted without notice; after a halt and seven days of liquidation trading; in a halt
without end; or with prices that stop while `delisted_on` is null."""


@dataclass(frozen=True, kw_only=True)
class Companies:
    """The companies; rows are indices of trading days."""

    code: list[str]
    name: list[str]
    name_en: list[str | None]
    market: np.ndarray  # int8 [N], position in MARKETS
    sector: np.ndarray  # int16 [N], position in SECTORS, -1 without one
    preferred: np.ndarray  # bool [N]: a preferred share, which has no statements of its own
    first_row: np.ndarray  # int32 [N], the row of the first price
    stop_row: np.ndarray  # int32 [N], the row after the last price
    ending: np.ndarray  # int8 [N], one of STAYS ...
    age_days: np.ndarray  # int32 [N], calendar days listed before the first row (0 for new listings)
    cap: np.ndarray  # float64 [N], won at the first price
    price: np.ndarray  # float64 [N], won, about the first price
    volatility: np.ndarray  # float64 [N], of a day, without market and sector
    beta: np.ndarray  # float64 [N]
    turnover: np.ndarray  # float64 [N], share of the listed shares that trades on a usual day

    def __len__(self) -> int:
        return len(self.code)


def make_companies(random: np.random.Generator, stocks: int, rows: int) -> Companies:
    """Return `stocks` companies for a market of `rows` trading days, with plausible sizes, listings and delistings."""
    draw = random.random(stocks)
    market = np.where(draw < 0.335, KOSPI, np.where(draw < 0.985, KOSDAQ, KONEX)).astype(np.int8)
    weight = np.array([0.3 if name in FINANCIAL else 1.0 for name in SECTORS])
    for popular, more in (("전기 / 전자", 3.0), ("IT서비스", 3.0), ("화학", 2.0), ("제약", 2.0), ("기계 / 장비", 2.5)):
        weight[SECTORS.index(popular)] *= more
    sector = random.choice(len(SECTORS), stocks, p=weight / weight.sum()).astype(np.int16)
    sector[random.random(stocks) < 0.002] = -1
    preferred = (random.random(stocks) < 0.03) & (market == KOSPI)
    preferred[0] = False

    spread = random.standard_normal(stocks)
    centre = np.choose(market, [np.log(2.6e11), np.log(1.25e11), np.log(1.5e10)])
    cap = np.exp(centre + spread * np.choose(market, [1.75, 1.0, 0.7]))
    cap[(market == KOSPI) & (spread > 2.6)] *= 4.0
    cap[preferred] *= 0.05
    cap = np.maximum(cap, 6e9)
    price = np.exp(np.log(9000) + 0.25 * (np.log(cap) - np.log(1.5e11)) + 0.85 * random.standard_normal(stocks))
    price = np.clip(price, 400.0, 1.2e6)
    volatility = 0.0215 * np.exp(0.28 * random.standard_normal(stocks) - 0.06 * (np.log(cap) - np.log(1.5e11)))
    volatility = np.clip(volatility, 0.008, 0.05)
    turnover = 0.0045 * np.exp(0.9 * random.standard_normal(stocks)) * np.where(preferred, 0.5, 1.0)
    turnover[random.random(stocks) < 0.02] *= 0.004  # illiquid

    first_row, stop_row, ending = _listing_periods(random, stocks, rows)
    age = np.where(first_row > 0, 0, random.integers(200, 16000, stocks)).astype(np.int32)
    code, name, name_en = _names(random, sector, preferred)
    return Companies(
        code=code, name=name, name_en=name_en, market=market, sector=sector, preferred=preferred, first_row=first_row,
        stop_row=stop_row, ending=ending, age_days=age, cap=cap, price=price, volatility=volatility,
        beta=np.clip(1.0 + 0.35 * random.standard_normal(stocks), 0.1, 2.2), turnover=turnover,
    )  # fmt: skip


def _listing_periods(random: np.random.Generator, stocks: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return first row, row after the last, and ending: about 4 % a year are listed and 2 % delisted."""
    years = rows / 246
    first_row = np.zeros(stocks, np.int32)
    stop_row = np.full(stocks, rows, np.int32)
    ending = np.zeros(stocks, np.int8)
    order = random.permutation(stocks)
    new = order[: round(stocks * min(0.04 * years, 0.3))]
    delisted = order[::-1][: round(stocks * min(0.02 * years, 0.2))]
    if rows > 40:
        first_row[new] = random.integers(5, rows - 10, len(new))
    if rows > 160:
        stop_row[delisted] = random.integers(120, rows - 5, len(delisted))
        ending[delisted] = random.choice(
            [MERGED, LIQUIDATED, SUSPENDED, VANISHES], len(delisted), p=[0.3, 0.45, 0.2, 0.05]
        )
        if len(delisted) >= 4:
            ending[delisted[:4]] = (MERGED, LIQUIDATED, SUSPENDED, VANISHES)
    return first_row, stop_row, ending


def _names(
    random: np.random.Generator, sector: np.ndarray, preferred: np.ndarray
) -> tuple[list[str], list[str], list[str | None]]:
    code, name, name_en = [], [], []
    nameless = random.random(len(sector)) < 0.02
    for i in range(len(sector)):
        stem = "기업" if sector[i] < 0 else SECTORS[sector[i]].split(" / ")[0]
        code.append(f"S{i + 1:04d}{'5' if preferred[i] else '0'}")
        name.append(f"가상{stem} {i + 1:04d}{'우' if preferred[i] else ''}")
        name_en.append(None if nameless[i] else f"Synthetic {i + 1:04d}{' (pref.)' if preferred[i] else ''}")
    return code, name, name_en
