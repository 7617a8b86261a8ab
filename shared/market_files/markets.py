"""Listings of stocks, and spellings of the markets of the Korea Exchange."""

from __future__ import annotations

import re

import polars as pl

LISTINGS_SCHEMA = {"stock_code": pl.String, "from_date": pl.Date, "market": pl.String, "name": pl.String}
"""Columns of `listings`: market and name of a stock from a date on."""

_NAMES = {
    "KOSPI": "KOSPI STK 코스피 코스피시장 유가 유가증권 유가증권시장 유가증권시장상장법인 KOSPIMARKET",
    "KOSDAQ": "KOSDAQ KSQ 코스닥 코스닥시장 코스닥시장상장법인 KOSDAQGLOBAL 코스닥글로벌 KOSDAQMARKET",
    "KONEX": "KONEX KNX 코넥스 코넥스시장 코넥스시장상장법인",
}
MARKET_SPELLINGS = {spelling: market for market, names in _NAMES.items() for spelling in names.split()}
"""Usual spellings of the exchange's markets, upper-case and without blanks, `-` and `_`."""


def market_of(spelling: str) -> str:
    """Return the market that a spelling means; an unknown spelling is returned as it is."""
    return MARKET_SPELLINGS.get(re.sub(r"[\s_-]", "", spelling).upper(), spelling)
