"""What may be named in an expression: the functions with their signatures, fields, factors, and near misses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from shared.model import suggestions
from shared.model.fields import LANGUAGE_FIELDS

if TYPE_CHECKING:
    from shared.language.lexer import Token

Family = Literal["element", "window", "cross_section"]
Scale = Literal["keep", "none", "zero"]
"""Scale degree of a function: the arguments' common one; 0 whatever theirs; 0, and theirs must be 0."""


@dataclass(frozen=True, kw_only=True)
class Function:
    """One function. `parameters`: `x y` numbers, `c` a condition, `n` a whole number, `p` a percentage of a tail."""

    name: str
    parameters: tuple[str, ...]
    family: Family
    scale: Scale
    meaning: str
    gives: Literal["number", "condition"] = "number"
    least_n: int = 1

    @property
    def signature(self) -> str:
        """`ts_mean(x, n)`."""
        return f"{self.name}({', '.join(self.parameters)})"


def _function(signature: str, family: Family, scale: Scale, meaning: str, **more: object) -> Function:
    name, _, rest = signature.rstrip(")").partition("(")
    parameters = tuple(word.strip() for word in rest.split(","))
    return Function(name=name, parameters=parameters, family=family, scale=scale, meaning=meaning, **more)  # type: ignore[arg-type]


FUNCTIONS: tuple[Function, ...] = (
    _function("rank(x)", "cross_section", "zero", "position in the row, 1 = smallest, ties by average"),
    _function("rank_desc(x)", "cross_section", "zero", "position in the row, 1 = largest, ties by average"),
    _function("pct_rank(x)", "cross_section", "zero", "(rank - 1) / (count - 1), from 0 to 1"),
    _function("zscore(x)", "cross_section", "zero", "(x - mean) / sample deviation of the row"),
    _function("demean(x)", "cross_section", "zero", "x less the mean of the row"),
    _function("sector_rank(x)", "cross_section", "zero", "`rank` among the stocks of the same sector"),
    _function("sector_demean(x)", "cross_section", "zero", "x less the mean of its sector in the row"),
    _function("winsorize(x, p)", "cross_section", "zero", "x cut off at the quantiles p % and 100 - p % of the row"),
    _function("lag(x, n)", "window", "keep", "the value exactly n rows ago"),
    _function("delta(x, n)", "window", "keep", "x - lag(x, n)"),
    _function("pct_change(x, n)", "window", "none", "(x / lag(x, n) - 1) * 100"),
    _function("ts_mean(x, n)", "window", "keep", "mean of the last n rows"),
    _function("ts_std(x, n)", "window", "keep", "sample deviation of the last n rows"),
    _function("ts_sum(x, n)", "window", "keep", "sum of the last n rows"),
    _function("ts_min(x, n)", "window", "keep", "smallest of the last n rows"),
    _function("ts_max(x, n)", "window", "keep", "largest of the last n rows"),
    _function("ts_rank(x, n)", "window", "none", "(rank of today among the last n rows - 1) / (n - 1)", least_n=2),
    _function("ts_corr(x, y, n)", "window", "none", "correlation of x and y over the last n rows"),
    _function("ema(x, n)", "window", "keep", "exponential mean, alpha = 2 / (n + 1), over all values so far"),
    _function("abs(x)", "element", "keep", "magnitude"),
    _function("log(x)", "element", "zero", "natural logarithm"),
    _function("sqrt(x)", "element", "zero", "square root"),
    _function("sign(x)", "element", "none", "-1, 0 or 1"),
    _function("min(x, y)", "element", "keep", "the smaller of two"),
    _function("max(x, y)", "element", "keep", "the larger of two"),
    _function("clip(x, lo, hi)", "element", "keep", "x, not below lo, not above hi"),
    _function("if(c, x, y)", "element", "keep", "x where the condition c holds, y elsewhere"),
    _function("coalesce(x, y)", "element", "keep", "x where it is present, y elsewhere"),
    _function("is_null(x)", "element", "none", "whether x is absent", gives="condition"),
    _function("not_null(x)", "element", "none", "whether x is present", gives="condition"),
)
BY_NAME = {function.name: function for function in FUNCTIONS}

MAX_N = 500
DEGREES = {"open": 1, "high": 1, "low": 1, "close": 1, "volume": -1}
"""Scale degree of the adjusted fields; every other name has 0."""

OTHER_WORDS = {
    "sma": "ts_mean", "ma": "ts_mean", "mean": "ts_mean", "avg": "ts_mean", "average": "ts_mean",
    "std": "ts_std", "stddev": "ts_std", "stdev": "ts_std", "sum": "ts_sum", "highest": "ts_max", "lowest": "ts_min",
    "shift": "lag", "ref": "lag", "delay": "lag", "prev": "lag", "roc": "pct_change", "returns": "pct_change",
    "corr": "ts_corr", "correlation": "ts_corr", "ewm": "ema", "percentile": "pct_rank", "percentrank": "pct_rank",
    "ln": "log", "iif": "if", "where": "if", "isnull": "is_null", "isnan": "is_null", "notnull": "not_null",
    "fillna": "coalesce", "price": "close", "market_capitalization": "MARKET_CAP", "marketcap": "MARKET_CAP",
}  # fmt: skip
"""What other products call it."""


@lru_cache(maxsize=1)
def catalogue_keys() -> tuple[str, ...]:
    """The factor keys of the catalogue, in its order."""
    from shared.factors.catalogue import FACTORS

    return tuple(factor.key for factor in FACTORS)


@lru_cache(maxsize=1)
def _korean() -> dict[str, str]:
    from shared.factors.catalogue import FACTORS

    return {"".join(factor.name_ko.split()).upper(): factor.key for factor in FACTORS}


def canonical_name(word: str) -> str:
    """A field in small letters, anything else in capitals."""
    small = word.lower()
    return small if small in LANGUAGE_FIELDS else word.upper()


def known_names(factors: frozenset[str] | None) -> tuple[str, ...]:
    """Every name an expression may read, factors first, in catalogue order; `factors` restricts or extends them."""
    if factors is None:
        return (*catalogue_keys(), *LANGUAGE_FIELDS)
    keys = [key for key in catalogue_keys() if key in factors]
    return (*keys, *sorted(factors.difference(keys)), *LANGUAGE_FIELDS)


def nearest(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to three names that the word may have meant, the nearest first."""
    sought = word.upper()[:64]
    names = list(names)
    if (other := OTHER_WORDS.get(sought.lower())) in names:
        return (str(other),)
    if (key := _korean().get(sought)) in names:
        return (str(key),)
    return suggestions.nearest(word, names)


def unknown(
    word: str, what: Literal["name", "function"], factors: frozenset[str] | None
) -> tuple[str, tuple[str, ...]]:
    """Message and suggestions for a name or function that does not exist."""
    if what == "name" and factors is not None and word in catalogue_keys():
        return f"the factor {word} is not in this dataset", ()
    if what == "name" and word.lower() in BY_NAME:
        signature = BY_NAME[word.lower()].signature
        return f"{word.lower()} is a function; write {signature}", (signature,)
    names = known_names(factors) if what == "name" else tuple(BY_NAME)
    found = nearest(word, names)
    shown = word if len(word) <= 64 else word[:64] + "…"
    return f"unknown {what} {shown}" + (f"; did you mean {', '.join(found)}?" if found else ""), found


def unknown_names(
    tokens: Sequence[Token], factors: frozenset[str] | None, limit: int = 20
) -> list[tuple[int, str, tuple[str, ...]]]:
    """Offset, message and suggestions of each word among the tokens that names nothing, at most `limit`."""
    known = frozenset(known_names(factors))
    mistakes: list[tuple[int, str, tuple[str, ...]]] = []
    for token, following in pairwise(tokens):
        if token.kind != "name" or len(mistakes) == limit:
            continue
        is_call = following.kind == "bracket" and following.text == "("
        if is_call and token.text.lower() not in BY_NAME:
            mistakes.append((token.at, *unknown(token.text.lower(), "function", factors)))
        elif not is_call and canonical_name(token.text) not in known:
            mistakes.append((token.at, *unknown(canonical_name(token.text), "name", factors)))
    return mistakes
