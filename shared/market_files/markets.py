"""Spellings of the markets of the Korea Exchange."""

from __future__ import annotations

import re

MARKET_SPELLINGS = {
    "KOSPI": "KOSPI", "STK": "KOSPI", "코스피": "KOSPI", "유가증권": "KOSPI", "유가증권시장": "KOSPI",
    "KOSDAQ": "KOSDAQ", "KSQ": "KOSDAQ", "코스닥": "KOSDAQ", "코스닥시장": "KOSDAQ", "KOSDAQGLOBAL": "KOSDAQ",
    "코스닥글로벌": "KOSDAQ", "KONEX": "KONEX", "KNX": "KONEX", "코넥스": "KONEX", "코넥스시장": "KONEX",
}  # fmt: skip
"""Usual spellings of the exchange's markets, upper-case and without blanks, `-` and `_`."""


def market_of(spelling: str) -> str:
    """Return the market that a spelling means; an unknown spelling is returned as it is."""
    return MARKET_SPELLINGS.get(re.sub(r"[\s_-]", "", spelling).upper(), spelling)
