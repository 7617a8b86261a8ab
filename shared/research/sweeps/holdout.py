"""By what the holdouts of two sweeps are the same."""

from __future__ import annotations

import hashlib
from typing import Any

from shared.language.lexer import tokenize
from shared.language.places import PLACES
from shared.model.request import canonical_json
from shared.research.sweeps.template import Template


def strategy_digest(template: Template) -> str:
    """Return the SHA-256 (hex) of the strategy of a checked template.

    Names and values of its parameters, spaces in expressions and the order of fields change nothing: with other values
    it is the same idea.
    """
    uses = sorted(template.uses, key=lambda use: (use.path, use.start or 0))
    names = dict.fromkeys(use.name for use in uses)
    strategy = template.of({name: f"PARAMETER_{number}" for number, name in enumerate(names)})["strategy"]
    for place in PLACES:
        strategy = _spaced(strategy, place.split("."))
    return hashlib.sha256(canonical_json(strategy)).hexdigest()


def _spaced(value: Any, keys: list[str]) -> Any:
    """Return a strategy whose expression at a place has one space between tokens."""
    if not keys:
        return " ".join(token.text for token in tokenize(value)) if isinstance(value, str) else value
    if not isinstance(value, dict) or keys[0] not in value:
        return value
    return {**value, keys[0]: _spaced(value[keys[0]], keys[1:])}
