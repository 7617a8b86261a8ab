"""What may be named in an expression: factors, price fields and index series, their Korean titles, and near misses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from shared.language.functions import BY_NAME
from shared.messages import Message, say
from shared.model import suggestions
from shared.model.fields import LANGUAGE_FIELDS

if TYPE_CHECKING:
    from shared.language.lexer import Token

LETTERS = "A-Za-z_가-힣"
NAME = rf"[{LETTERS}][{LETTERS}0-9]*"
_WORD = re.compile(NAME)
KEYWORDS = {"and": "and", "or": "or", "not": "not", "그리고": "and", "또는": "or", "아니다": "not"}
"""Word -> canonical operator."""

KOREAN_FIELDS = {
    "시가": "open",
    "고가": "high",
    "저가": "low",
    "종가": "close",
    "거래량": "volume",
    "거래대금": "trading_value",
    "상장주식수": "listed_shares",
}

OTHER_WORDS = {
    "sma": "ts_mean", "ma": "ts_mean", "mean": "ts_mean", "avg": "ts_mean", "average": "ts_mean",
    "std": "ts_std", "stddev": "ts_std", "stdev": "ts_std", "sum": "ts_sum", "highest": "ts_max", "lowest": "ts_min",
    "shift": "lag", "ref": "lag", "delay": "lag", "prev": "lag", "roc": "pct_change", "returns": "pct_change",
    "corr": "ts_corr", "correlation": "ts_corr", "ewm": "ema", "percentile": "pct_rank", "percentrank": "pct_rank",
    "ln": "log", "iif": "if", "where": "if", "isnull": "is_null", "isnan": "is_null", "notnull": "not_null",
    "fillna": "coalesce", "price": "close", "market_capitalization": "MARKET_CAP", "marketcap": "MARKET_CAP",
    "median": "row_median", "breadth": "row_count", "universe_mean": "row_mean",
}  # fmt: skip
"""Words of other products."""

_TEXT_FIELDS = {
    **dict.fromkeys(("sector", "sectors", "industry", "업종", "섹터", "산업"), "universe.sectors"),
    **dict.fromkeys(("market", "markets", "exchange", "시장"), "universe.markets"),
    **dict.fromkeys(
        ("code", "stock_code", "stock", "ticker", "symbol", "name", "stock_name", "종목", "종목코드", "종목명"),
        "universe.stock_codes",
    ),
    **dict.fromkeys(("kind", "type", "종류"), "universe.kinds"),
}
"""Words for what is text -> the request field that selects by it."""
_MARKETS = ("KOSPI", "KOSDAQ", "KONEX")


@lru_cache(maxsize=1)
def catalogue_keys() -> tuple[str, ...]:
    """Return the factor keys of the catalogue, in its order."""
    from shared.factors.catalogue import FACTORS

    return tuple(factor.key for factor in FACTORS)


@lru_cache(maxsize=1)
def korean_titles() -> dict[str, str]:
    """Return title in capitals, normalised and without spaces -> factor key or price field."""
    from shared.factors.catalogue import FACTORS

    return {_title(factor.name_ko): factor.key for factor in FACTORS} | KOREAN_FIELDS


@lru_cache(maxsize=1)
def spaced_titles() -> tuple[str, ...]:
    """Return the titles that the catalogue writes with spaces, as written there."""
    from shared.factors.catalogue import FACTORS

    return tuple(factor.name_ko for factor in FACTORS if len(factor.name_ko.split()) > 1)


def _title(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def canonical_name(word: str) -> str:
    """Return a price field in small letters, a Korean title as its key, anything else in capitals."""
    small = word.lower()
    return small if small in LANGUAGE_FIELDS else korean_titles().get(word.upper(), word.upper())


def index_names(loaded: Iterable[str], factors: frozenset[str] | None = None) -> frozenset[str]:
    """Return the names under which loaded index series can be read: in capitals, no price field and no factor.

    A series whose name is no word of the language (`KOSPI 200`, `and`) cannot be read.
    """
    known = frozenset(catalogue_keys()) if factors is None else factors
    words = (name for name in loaded if _WORD.fullmatch(name) and name.lower() not in KEYWORDS)
    return frozenset(name.upper() for name in words if canonical_name(name) == name.upper()).difference(known)


def known_names(factors: frozenset[str] | None, indices: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return every name an expression may read: factors in catalogue order (`factors` restricts or extends them),
    price fields, then index series."""
    if factors is None:
        return (*catalogue_keys(), *LANGUAGE_FIELDS, *sorted(indices))
    keys = [key for key in catalogue_keys() if key in factors]
    return (*keys, *sorted(factors.difference(keys)), *LANGUAGE_FIELDS, *sorted(indices))


@lru_cache(maxsize=16)
def known_keys(factors: frozenset[str] | None) -> frozenset[str]:
    """Return the factors and price fields that an expression may read."""
    return frozenset(known_names(factors))


def nearest(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that the word may have meant, the nearest first."""
    sought = word.upper()[:64]
    names = list(names)
    if (other := OTHER_WORDS.get(sought.lower())) in names:
        return (str(other),)
    if not sought.isascii():
        keys = (korean_titles()[title] for title in suggestions.nearest(sought, korean_titles()))
        return tuple(key for key in dict.fromkeys(keys) if key in names)
    return suggestions.nearest(word, names)


def text_field(word: str) -> str | None:
    """Return the request field that selects by what a word names (`sector` -> `universe.sectors`), else None."""
    return _TEXT_FIELDS.get(word.lower())


def text_comparison(word: str | None) -> tuple[Message, tuple[str, ...]]:
    """Return message and suggestion for a comparison with text; `word` is the name it is compared with, if any."""
    field = None if word is None else text_field(word)
    if field is None:
        return say("text_comparison"), ()
    return say("text_field_comparison", name=word, field=field), (field,)


def unknown(
    word: str,
    what: Literal["name", "function"],
    factors: frozenset[str] | None,
    indices: frozenset[str] = frozenset(),
) -> tuple[Message, tuple[str, ...]]:
    """Return message and suggestions for a name or function that does not exist."""
    shown = word if len(word) <= 64 else word[:64] + "…"
    if what == "name":
        if factors is not None and word in catalogue_keys():
            return say("factor_not_in_dataset", name=word), ()
        if word.lower() in BY_NAME:
            signature = BY_NAME[word.lower()].signature
            return say("function_without_arguments", name=word.lower(), signature=signature), (signature,)
        if text_field(word) is not None:
            return text_comparison(word.lower())
        if word in _MARKETS:
            return say("index_is_market", name=word), ("universe.markets",)
    names = known_names(factors, indices) if what == "name" else tuple(BY_NAME)
    found = nearest(word, names)
    code = "unknown_word" if what == "name" else "unknown_function"
    return say(code, name=shown, suggestions=found), found


def unknown_names(
    tokens: Sequence[Token], factors: frozenset[str] | None, indices: frozenset[str], limit: int = 20
) -> list[tuple[int, Message, tuple[str, ...]]]:
    """Return offset, message and suggestions of each word among the tokens that names nothing, at most `limit`."""
    known = frozenset(known_names(factors, indices))
    mistakes: list[tuple[int, Message, tuple[str, ...]]] = []
    for token, following in pairwise(tokens):
        if token.kind != "name" or len(mistakes) == limit or token.text.lower() == "in":
            continue
        is_call = following.kind == "bracket" and following.text == "("
        if is_call and token.text.lower() not in BY_NAME:
            mistakes.append((token.at, *unknown(token.text.lower(), "function", factors, indices)))
        elif not is_call and canonical_name(token.text) not in known:
            mistakes.append((token.at, *unknown(canonical_name(token.text), "name", factors, indices)))
    return mistakes
