"""The body of `POST /v1/backtests`, checked before it is sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from ondol.client.strategy import Strategy, plain, refuse
from shared.model.conversion import convert, unknown_fields
from shared.model.request import BacktestOptions, Costs, Execution

Day = str | dt.date
"""A day: `"2023-01-02"`, a date, or what has `isoformat` as pandas.Timestamp has."""

StrategyLike = Strategy | str | Mapping[str, Any]
"""A strategy, the id of one, or the `strategy` object of a request."""


class RequestFields(TypedDict, total=False):
    """Fields of a request besides its strategy and window; those of costs and execution also by their flat names."""

    initial_cash: float
    costs: Mapping[str, Any]
    execution: Mapping[str, Any]
    benchmark: str | None
    risk_free_pct: float
    dataset: str | None
    research: str | None
    commission_pct: float
    slippage_pct: float
    tax_pct: float | None
    impact: float | None
    dividend_tax_pct: float | None
    price: Literal["open", "close"]
    price_limits: bool | None
    tick_size: bool | None
    max_volume_pct: float | None
    dividends: bool
    delisting: Literal["liquidation", "last_price", "haircut", "zero"]
    delisting_haircut_pct: float
    stale_haircut_pct: float


_FLAT = {name: part for part, kind in (("costs", Costs), ("execution", Execution)) for name in kind.__struct_fields__}
"""Flat name -> part of the request that has the field."""

_OPTIONS = frozenset(BacktestOptions.__struct_fields__) - {"start", "end"} | {"dataset", "research"}


def plain_options(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a request by their places, without checks of their values, which may be `$parameters`."""
    known = [*_OPTIONS, *_FLAT]
    refuse(unknown_fields("", (name for name in fields if name not in known), known))
    options: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _FLAT:
            options.setdefault(_FLAT[name], {})[name] = plain(value)
        elif name in ("costs", "execution"):
            options[name] = plain(value) | options.get(name, {})
        else:
            options[name] = plain(value)
    return options


def request_body(strategy: StrategyLike, start: Day, end: Day, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a request; raise InvalidRequest with every mistake of its fields."""
    known = [*_OPTIONS, *_FLAT]
    problems = unknown_fields("", (name for name in fields if name not in known), known)
    if not isinstance(strategy, Strategy | str):
        strategy = Strategy.from_dict(strategy)
    options: dict[str, Any] = {"start": day_text(start), "end": day_text(end)}
    for name, value in fields.items():
        if name in _FLAT:
            options.setdefault(_FLAT[name], {})[name] = plain(value)
        elif name in ("costs", "execution"):
            options[name] = plain(value) | options.get(name, {})
        elif name in _OPTIONS:
            options[name] = plain(value)
    beside: dict[str, Any] = {name: options.pop(name) for name in ("dataset", "research") if name in options}
    problems += convert(options, BacktestOptions).problems
    refuse(problems)
    return {"strategy": strategy if isinstance(strategy, str) else strategy.to_dict(), **options, **beside}


def day_text(day: Day) -> str:
    """Return a day as YYYY-MM-DD; other texts are left to the check."""
    return day if isinstance(day, str) else str(plain(day))[:10]
