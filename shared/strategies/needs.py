"""The factors that a strategy reads, and the inputs that these factors need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.errors import RequestError
from shared.factors.catalogue import BY_KEY
from shared.language import compile_expression

_EXPRESSIONS: tuple[tuple[str, str, Any], ...] = (
    ("buy", "where", "condition"),
    ("buy", "rank_by", "number"),
    ("sell", "where", "condition"),
    ("universe", "where", "condition"),
    ("portfolio", "when", "market"),
)

_LOADED = {"earnings": "net_income", "book_equity": "total_equity", "cap": "market_cap", "company_cap": "market_cap"}
"""Derived input -> the loaded column without which it is absent (the owners' parts are used where loaded)."""


class Needs(NamedTuple):
    """Keys of factors, and names of loaded inputs (accounts of statements, prices, dividends); both sorted."""

    factors: tuple[str, ...]
    inputs: tuple[str, ...]


def needs_of(strategy: Mapping[str, Any]) -> Needs:
    """Return what a strategy in the shape of a request needs; an expression that does not compile needs nothing."""
    factors: set[str] = set()
    for part, name, role in _EXPRESSIONS:
        text = (strategy.get(part) or {}).get(name)
        if text is None and name == "rank_by":
            text = "MARKET_CAP"
        if text is None:
            continue
        try:
            factors |= compile_expression(text, role=role, path=f"strategy.{part}.{name}", indices=None).factors
        except RequestError:  # a stored strategy of an earlier language; submitting it reports the problem
            continue
    known = [BY_KEY[key] for key in sorted(factors) if key in BY_KEY]
    names = {need.partition(" ")[0] if need.endswith(" ago") else need for factor in known for need in factor.needs}
    inputs = {_LOADED.get(name, name) for name in names}
    return Needs(tuple(factor.key for factor in known), tuple(sorted(inputs)))
