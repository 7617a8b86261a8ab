"""The words of the language as a list: fields, functions, operators, units and keywords, with help in two languages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

import msgspec

from shared.factors.catalogue import FACTORS
from shared.factors.korean_help import HELP as FACTOR_HELP
from shared.language import korean_help
from shared.language.ast import COMPARISONS
from shared.language.functions import BY_NAME, FUNCTIONS, MAX_N, Family, Function
from shared.language.lexer import SIGNS, UNITS
from shared.language.names import KEYWORDS, KOREAN_FIELDS, OTHER_WORDS, index_names
from shared.model.fields import LANGUAGE_FIELDS
from shared.model.request import about

LANGUAGE_VERSION = 2
"""Raised when a text changes its meaning, or is no longer accepted."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A name that an expression may read."""

    name: Annotated[str, about("Name in expressions.")]
    kind: Annotated[Literal["factor", "price", "index"], about("A factor, a price field, or an index series.")]
    unit: Annotated[str, about("Unit of its values.")]
    category: Annotated[str | None, about("Factors: the group.")]
    name_ko: Annotated[str, about("Korean name.")]
    name_en: Annotated[str, about("English name.")]
    help_ko: Annotated[str, about("What it is, in Korean.")]
    help_en: Annotated[str, about("What it is, and when a stock has no value.")]
    aliases: Annotated[tuple[str, ...], about("Other words of the language that are read as this name.")]
    available: Annotated[bool, about("Whether the current dataset version has it.")]


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """An argument of a function."""

    name: Annotated[str, about("Name in the signature.")]
    kind: Annotated[
        Literal["number", "condition", "rows", "percent"],
        about("An expression that is a number or a condition, or a constant: a whole number of rows, a percentage."),
    ]
    minimum: Annotated[float | None, about("Constants: the smallest value.")]
    maximum: Annotated[float | None, about("Constants: the largest value.")]
    default: Annotated[float | None, about("Value that a form may begin with; every argument has to be written.")]


class FunctionHelp(msgspec.Struct, frozen=True, kw_only=True):
    """A function."""

    name: Annotated[str, about("Name in expressions.")]
    signature: Annotated[str, about("Name and arguments.")]
    group: Annotated[
        Family,
        about("element (by cell), window (over the rows of a stock), cross_section (across the stocks of a row) or "
              "aggregate (one number for all stocks of a row)."),
    ]  # fmt: skip
    group_ko: Annotated[str, about("Korean title of the group.")]
    arguments: Annotated[tuple[Argument, ...], about("Arguments, all of which are needed.")]
    result: Annotated[Literal["number", "condition"], about("What it gives.")]
    help_ko: Annotated[str, about("What it gives, in Korean.")]
    help_en: Annotated[str, about("What it gives.")]
    aliases: Annotated[
        tuple[str, ...], about("Words by which a page may find it; they are not accepted in expressions.")
    ]


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """An operator."""

    operator: Annotated[str, about("The sign.")]
    kind: Annotated[Literal["comparison", "arithmetic"], about("What it is for.")]
    aliases: Annotated[tuple[str, ...], about("Other signs that are read as this one.")]


class UnitHelp(msgspec.Struct, frozen=True, kw_only=True):
    """A unit that may stand directly behind a number."""

    unit: Annotated[str, about("The unit.")]
    factor: Annotated[float, about("What the number is multiplied by.")]


class Keyword(msgspec.Struct, frozen=True, kw_only=True):
    """A word between conditions."""

    keyword: Annotated[str, about("The word.")]
    aliases: Annotated[tuple[str, ...], about("Other words that are read as this one.")]


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """The words of the strategy language."""

    language_version: Annotated[int, about("Version of the language.")]
    fields: Annotated[tuple[Field, ...], about("Factors in the order of the catalogue, price fields, index series.")]
    functions: Annotated[tuple[FunctionHelp, ...], about("Functions.")]
    operators: Annotated[tuple[Operator, ...], about("Operators.")]
    units: Annotated[tuple[UnitHelp, ...], about("Units of numbers.")]
    keywords: Annotated[tuple[Keyword, ...], about("Keywords.")]


_UNIT_OF_FIELD = {"volume": "shares", "raw_volume": "shares", "listed_shares": "shares"}
_HELP_OF_FIELD = {
    "trading_value": "value traded on the row; 0 on a row without trading",
    "listed_shares": "number of listed shares",
}
_DEFAULT_N = {"lag": 1.0, "delta": 1.0, "pct_change": 1.0}


def language(factors: Collection[str], indices: Collection[str]) -> Language:
    """Return the whole language; `factors` and `indices` are those of a dataset version."""
    return Language(
        language_version=LANGUAGE_VERSION,
        fields=(*_factors(factors), *_prices(), *_indices(indices)),
        functions=tuple(map(_function, FUNCTIONS)),
        operators=(
            *(_operator(sign, "comparison") for sign in COMPARISONS),
            *(_operator(sign, "arithmetic") for sign in "+-*/"),
        ),
        units=tuple(UnitHelp(unit=unit, factor=float("1" + power)) for unit, power in UNITS.items()),
        keywords=tuple(
            Keyword(keyword=word, aliases=tuple(w for w, read in KEYWORDS.items() if read == word and w != word))
            for word in dict.fromkeys(KEYWORDS.values())
        ),
    )


def _factors(available: Collection[str]) -> list[Field]:
    return [
        Field(
            name=factor.key, kind="factor", unit=factor.unit, category=factor.category, name_ko=factor.name_ko,
            name_en=factor.name_en, help_ko=FACTOR_HELP[factor.key],
            help_en=factor.formula + (f"; no value when {factor.null_when}" if factor.null_when else ""),
            aliases=("".join(factor.name_ko.split()),), available=factor.key in available,
        )
        for factor in FACTORS
    ]  # fmt: skip


def _prices() -> list[Field]:
    korean = {name: word for word, name in KOREAN_FIELDS.items()}
    found = []
    for name in LANGUAGE_FIELDS:
        name_ko, help_ko = korean_help.FIELDS[name]
        plain = name.removeprefix("raw_").replace("_", " ")
        basis = "as traded on the row" if name.startswith("raw_") else "split-adjusted, on the basis of the first row"
        found.append(
            Field(
                name=name, kind="price", unit=_UNIT_OF_FIELD.get(name, "won"), category=None, name_ko=name_ko,
                name_en=f"{plain} as traded" if name.startswith("raw_") else plain, help_ko=help_ko,
                help_en=_HELP_OF_FIELD.get(name, f"{plain}, {basis}"),
                aliases=(korean[name],) if name in korean else (), available=True,
            )
        )  # fmt: skip
    return found


def _indices(loaded: Collection[str]) -> list[Field]:
    return [
        Field(
            name=name, kind="index", unit="points", category=None, name_ko=f"{name} 지수", name_en=f"{name} index",
            help_ko=korean_help.INDEX, help_en="close of the index, the same for all stocks", aliases=(),
            available=True,
        )
        for name in sorted(index_names(loaded))
    ]  # fmt: skip


def _function(function: Function) -> FunctionHelp:
    others = tuple(word for word, name in OTHER_WORDS.items() if name == function.name and word not in BY_NAME)
    return FunctionHelp(
        name=function.name, signature=function.signature, group=function.family,
        group_ko=korean_help.FAMILIES[function.family],
        arguments=tuple(_argument(function, name) for name in function.parameters), result=function.gives,
        help_ko=korean_help.FUNCTIONS[function.name], help_en=function.meaning,
        aliases=(*korean_help.FUNCTION_WORDS[function.name], *others),
    )  # fmt: skip


def _argument(function: Function, name: str) -> Argument:
    if name == "n":
        return Argument(
            name=name, kind="rows", minimum=float(function.least_n), maximum=float(MAX_N),
            default=_DEFAULT_N.get(function.name, 20.0),
        )  # fmt: skip
    if name == "p":
        return Argument(name=name, kind="percent", minimum=0.0, maximum=50.0, default=1.0)
    kind: Literal["number", "condition"] = "condition" if name == "c" else "number"
    return Argument(name=name, kind=kind, minimum=None, maximum=None, default=None)


def _operator(sign: str, kind: Literal["comparison", "arithmetic"]) -> Operator:
    return Operator(operator=sign, kind=kind, aliases=tuple(other for other, read in SIGNS.items() if read == sign))
