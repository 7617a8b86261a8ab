"""Strategies of the catalogue as data: ten famous ones, four presets, and the standard one of the benchmarks.

Also the sector names and market-cap groups of a universe, and the rule by which a request names a strategy of the
catalogue and changes parts of it.
"""

from __future__ import annotations

import copy
import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from shared.errors import Problem, RequestError
from shared.messages import say
from shared.model.suggestions import nearest


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy of the catalogue; `strategy` and `costs` are in the shape of `POST /v1/backtests`.

    `period_days` (presets only) is the window that a form offers. `sectors_original` is history and not applied.
    """

    id: str
    strategy: dict[str, Any]
    costs: dict[str, Any]
    name_ko: str = ""
    name_en: str = ""
    summary: str = ""
    summary_ko: str = ""
    tags: tuple[str, ...] = ()
    period_days: int | None = None
    sectors_original: tuple[str, ...] = ()
    kind: Literal["famous", "preset", "standard", "own"] = "own"


class CapGroup(NamedTuple):
    """A band of market capitalisation in won within one market: lower bound included, upper (inf: none) not."""

    market: str
    lower: float
    upper: float


_HERE = pathlib.Path(__file__).resolve().parent


def _read(name: str) -> Any:
    return json.loads((_HERE / name).read_text(encoding="utf-8"))


def _entries(values: list[dict[str, Any]], kind: str) -> tuple[Entry, ...]:
    return tuple(msgspec.convert({**value, "kind": kind}, Entry) for value in values)


_MARKET = _read("market.json")
_FAMOUS_FILE = _read("famous.json")

NOTE: Final[str] = _FAMOUS_FILE["note"]
"""Notice for every page that lists the famous strategies."""

FAMOUS: Final[tuple[Entry, ...]] = _entries(_FAMOUS_FILE["strategies"], "famous")
PRESETS: Final[tuple[Entry, ...]] = _entries(_read("presets.json")["presets"], "preset")
STANDARD: Final[Entry] = _entries([_read("standard.json")], "standard")[0]
"""The strategy S that benchmarks use; not offered to users."""

BY_ID: Final[dict[str, Entry]] = {entry.id: entry for entry in (*FAMOUS, *PRESETS)}
"""Strategies that `"strategy": "<id>"` may name, besides the caller's own."""

SECTORS: Final[tuple[str, ...]] = tuple(_MARKET["sectors"])
CAP_GROUPS: Final[dict[str, CapGroup]] = {
    name: CapGroup(name.partition("_")[0], float(lower), math.inf if upper is None else float(upper))
    for name, (lower, upper) in _MARKET["cap_groups"].items()
}


def _overlay(base: Mapping[str, Any], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the fields of `named`; objects merge field by field, all else (null, lists) replaces."""
    merged = copy.deepcopy(dict(base))
    for key, value in named.items():
        below = merged.get(key)
        merged[key] = _overlay(below, value) if isinstance(below, dict) and isinstance(value, Mapping) else value
    return merged


def strategy_request(
    reference: object, body: Mapping[str, Any], own: Mapping[str, Entry] | None = None
) -> dict[str, Any]:
    """Return the request body with its strategy spelled out, ready for validation; `body` is not changed.

    `reference` is the request's `strategy`: an id, an object with `id` and the parts to change, or a whole strategy
    (returned untouched, as is anything that validation has to refuse). A named strategy has its own costs; fields that
    the request names win one by one, null included, and lists replace. `own` are the caller's own strategies by id.
    Raises RequestError for an unknown id.
    """
    whole = dict(body)
    named = isinstance(reference, Mapping) and "id" in reference
    identity = reference["id"] if isinstance(reference, Mapping) and named else reference
    if not isinstance(identity, str):
        whole["strategy"] = reference
        return whole
    known = {**(own or {}), **BY_ID}
    entry = known.get(identity)
    if entry is None:
        near = nearest(identity, sorted(known))
        message = say("unknown_strategy", id=identity, suggestions=near, known=[] if near else sorted(known))
        path = "strategy.id" if named else "strategy"
        raise RequestError([Problem(path=path, message=message, suggestions=near)])
    parts = {key: value for key, value in reference.items() if key != "id"} if isinstance(reference, Mapping) else {}
    whole["strategy"] = _overlay(entry.strategy, parts)
    whole["costs"] = _overlay({"costs": entry.costs}, {"costs": body["costs"]} if "costs" in body else {})["costs"]
    return whole
