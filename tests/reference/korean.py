"""Korean input of the language: titles of factors and fields, words, signs and units of numbers."""

from __future__ import annotations

import unicodedata

TITLES: dict[str, str] = {
    "주가수익비율": "PER",
    "주가순자산비율": "PBR",
    "주가매출비율": "PSR",
    "주가현금흐름비율": "PCR",
    "주가수익성장비율": "PEG",
    "EV/EBITDA": "EV_EBITDA",
    "EV/매출": "EV_SALES",
    "EV/FCF": "EV_FCF",
    "배당수익률": "DIVIDEND_YIELD",
    "이익수익률": "EARNINGS_YIELD",
    "FCF수익률": "FCF_YIELD",
    "장부가대비시가": "BOOK_TO_MARKET",
    "CAPE": "CAPE_RATIO",
    "주가유형순자산비율": "PTBV",
    "자기자본이익률": "ROE",
    "총자산이익률": "ROA",
    "투하자본수익률": "ROIC",
    "매출총이익률": "GPM",
    "영업이익률": "OPM",
    "순이익률": "NPM",
    "자산회전율": "ASSET_TURNOVER",
    "재고자산회전율": "INVENTORY_TURNOVER",
    "품질점수": "QUALITY_SCORE",
    "발생액비율": "ACCRUALS_RATIO",
    "매출액증가율1년": "REVENUE_GROWTH_1Y",
    "매출액증가율3년": "REVENUE_GROWTH_3Y",
    "순이익증가율1년": "EARNINGS_GROWTH_1Y",
    "순이익증가율3년": "EARNINGS_GROWTH_3Y",
    "영업현금흐름증가율": "OCF_GROWTH_1Y",
    "자산증가율": "ASSET_GROWTH_1Y",
    "순자산증가율": "BOOK_VALUE_GROWTH_1Y",
    "지속가능성장률": "SUSTAINABLE_GROWTH_RATE",
    "1개월모멘텀": "MOMENTUM_1M",
    "3개월모멘텀": "MOMENTUM_3M",
    "6개월모멘텀": "MOMENTUM_6M",
    "12개월모멘텀": "MOMENTUM_12M",
    "52주최고가대비": "DISTANCE_FROM_52W_HIGH",
    "52주최저가대비": "DISTANCE_FROM_52W_LOW",
    "상대강도": "RELATIVE_STRENGTH",
    "거래대금모멘텀": "VOLUME_MOMENTUM",
    "차입금/자기자본": "DEBT_TO_EQUITY",
    "부채비율": "DEBT_RATIO",
    "유동비율": "CURRENT_RATIO",
    "당좌비율": "QUICK_RATIO",
    "이자보상배율": "INTEREST_COVERAGE",
    "알트만Z": "ALTMAN_Z_SCORE",
    "베타": "BETA",
    "이익품질": "EARNINGS_QUALITY",
    "RSI14일": "RSI_14",
    "볼린저밴드위치": "BOLLINGER_POSITION",
    "MACD시그널": "MACD_SIGNAL",
    "스토캐스틱14일": "STOCHASTIC_14",
    "거래량변화율": "VOLUME_ROC",
    "52주가격위치": "PRICE_POSITION",
    "등락률": "CHANGE_RATE",
    "시가총액": "MARKET_CAP",
    "영업이익증가율": "OPERATING_INCOME_GROWTH_YOY",
    "시가": "open",
    "고가": "high",
    "저가": "low",
    "종가": "close",
    "거래량": "volume",
    "거래대금": "trading_value",
    "상장주식수": "listed_shares",
}
"""Title without spaces -> key of a factor or price field."""

WORDS = {"그리고": "and", "또는": "or", "아니다": "not"}
SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "×": "*", "÷": "/"}
UNITS = {"만": 1e4, "억": 1e8, "조": 1e12}

BY_LENGTH = sorted(TITLES, key=len, reverse=True)


def normalised(text: str) -> str:
    """Return the text in NFKC with the mathematical signs in ASCII."""
    text = unicodedata.normalize("NFKC", text)
    for sign, ascii_sign in SIGNS.items():
        text = text.replace(sign, ascii_sign)
    return text


def is_word_letter(character: str) -> bool:
    """Return whether a character is a letter, a digit or `_`."""
    return character.isalnum() or character == "_"


def title_at(text: str, at: int) -> tuple[str, int] | None:
    """Return (key, end) of the longest title that begins at a position, None when none does."""
    for title in BY_LENGTH:
        end = at + len(title)
        if text[at:end].lower() == title.lower() and not (end < len(text) and is_word_letter(text[end])):
            return TITLES[title].lower(), end
    return None
