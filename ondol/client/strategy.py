"""A strategy as Python values, checked when it is made; expressions are checked by the API."""

from __future__ import annotations

import datetime as dt
import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypedDict, Unpack, cast

import msgspec

from ondol.client.address import language
from shared.errors import Problem
from shared.infra.api_client.errors import InvalidRequest, Mistake
from shared.messages import render, say
from shared.model import request as model
from shared.model.conversion import convert, unknown_fields


class Calendar(TypedDict, total=False):
    """Rebalance days: `months` and `day`, or `weekday`, or `rows`."""

    months: list[int]
    day: int
    weekday: Literal["mon", "tue", "wed", "thu", "fri"]
    rows: int


class StrategyFields(TypedDict, total=False):
    """Fields of a strategy by their flat names; those that are left out have the defaults of the API."""

    rank_by: str | None
    order: Literal["asc", "desc"]
    sell: str | None
    take_profit_pct: float | None
    stop_loss_pct: float | None
    trailing_stop_pct: float | None
    min_hold_days: int
    max_hold_days: int | None
    on_rebalance: Literal["hold", "rotate", "reweight"]
    max_positions: int
    weighting: Literal["equal", "market_cap", "inverse_volatility"]
    position_pct: float | None
    max_position_value: float | None
    max_new_per_day: int | None
    max_per_sector: int | None
    rebalance: Literal["daily", "weekly", "monthly", "quarterly"] | Calendar
    rebalance_band_pct: float
    invest: Literal["slots", "full"]
    keep_rank: int | None
    when: str | None
    when_false: Literal["hold", "sell"]
    stop_drawdown_pct: float | None
    stop_resume_days: int
    markets: Iterable[str] | None
    kinds: Iterable[str] | None
    sectors: Iterable[str] | None
    exclude_sectors: Iterable[str] | None
    cap_groups: Iterable[str] | None
    stock_codes: Iterable[str] | None
    exclude: Iterable[str] | None
    universe: str | None


CONDITIONS = {"buy": ("buy", "where"), "sell": ("sell", "where"), "universe": ("universe", "where")}
"""Flat name of a part's condition -> its place in a request."""

_PARTS: dict[str, type[msgspec.Struct]] = {
    "buy": model.Buy,
    "sell": model.Sell,
    "portfolio": model.Portfolio,
    "universe": model.Universe,
}

PLACES = CONDITIONS | {
    name: (part, name) for part, kind in _PARTS.items() for name in kind.__struct_fields__ if name != "where"
}
"""Flat name -> (part, field) of a request."""


class Strategy:
    """When to buy, when to sell, how many positions of which size, out of which stocks.

    Mistakes in names, values and ranges raise InvalidRequest at once, with all of them. Expressions are checked by the
    API: with `client.check(strategy)`, or when a backtest is sent.

        Strategy(buy="PER < 10 and ROE > 10", rank_by="MOMENTUM_3M", sell="PER > 20", max_positions=10)
        Strategy(base="peter_lynch", max_positions=10)    # a strategy of the catalogue with changes

    buy: condition that a stock has to meet; None: every stock of the universe. base: id of a catalogue or stored
    strategy whose fields the named ones replace. The other fields are those of `POST /v1/backtests` by their flat
    names; `sell` and `universe` are the conditions of these parts.
    """

    def __init__(self, buy: str | None = None, *, base: str | None = None, **fields: Unpack[StrategyFields]) -> None:
        given: dict[str, Any] = {**({"buy": buy} if buy is not None else {}), **fields}
        problems = unknown_fields("", (name for name in given if name not in PLACES), PLACES)
        nested: dict[str, Any] = {} if base is None else {"id": base}
        for name, value in given.items():
            if name in PLACES:
                part, field = PLACES[name]
                nested.setdefault(part, {})[field] = plain(value)
        self._fields = nested
        refuse([*problems, *_check(nested)])

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Strategy:
        """Return the strategy of a request's `strategy` object; raise InvalidRequest with all its mistakes."""
        found = cls.__new__(cls)
        found._fields = cast(dict[str, Any], plain(document))
        refuse(_check(found._fields))
        return found

    def replace(self, **fields: Unpack[StrategyFields]) -> Strategy:
        """Return a copy with other values of these fields."""
        changed = Strategy(None, **fields).to_dict()
        merged = {name: dict(part) if isinstance(part, dict) else part for name, part in self._fields.items()}
        for part, values in changed.items():
            merged[part] = merged.get(part, {}) | values
        return Strategy.from_dict(merged)

    def to_dict(self) -> dict[str, Any]:
        """Return the `strategy` object of a request."""
        return cast(dict[str, Any], json.loads(json.dumps(self._fields)))

    def expressions(self) -> list[tuple[str, str]]:
        """Return (place, text) of each expression, such as ("buy.where", "PER < 10")."""
        places = [(part, field) for part in _PARTS for field in ("where", "rank_by", "when")]
        found = [(f"{part}.{field}", self._fields.get(part, {}).get(field)) for part, field in places]
        return [(place, text) for place, text in found if text is not None]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Strategy) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(json.dumps(self._fields, sort_keys=True))

    def __repr__(self) -> str:
        flat = {place: name for name, place in PLACES.items()}
        words = [f"base={self._fields['id']!r}"] if "id" in self._fields else []
        for part, values in self._fields.items():
            if isinstance(values, dict):
                words += [f"{flat.get((part, name), name)}={value!r}" for name, value in values.items()]
        return f"Strategy({', '.join(words)})"


Strategy.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # completion in notebooks reads it
    [
        inspect.Parameter("buy", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None),
        *(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=...)
            for name in ("base", *StrategyFields.__annotations__)
        ),
    ]
)


def _check(fields: Mapping[str, Any]) -> list[Problem]:
    parts = {name: value for name, value in fields.items() if name != "id"}
    if "id" in fields and not isinstance(fields["id"], str):
        return [Problem(path="base", message=say("not_a_strategy_id"))]
    return convert(parts, model.Strategy, "strategy").problems


def refuse(problems: Iterable[Problem]) -> None:
    """Raise InvalidRequest when there are problems, in the language of ONDOL_LANGUAGE."""
    spoken = language() or "en"
    found = tuple(
        Mistake(
            path=p.path,
            message=render(p.code, p.params, spoken) or p.message,
            code=p.code,
            params=dict(p.params),
            line=p.line,
            column=p.column,
            suggestions=p.suggestions,
        )
        for p in problems
    )
    if found:
        raise InvalidRequest.of(found)


def plain(value: Any) -> Any:
    """Return a value in terms of JSON: numpy scalars as numbers, dates as text, sets and tuples as lists."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, dt.datetime):
        return value.date().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value))
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return value.item()
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    return value
