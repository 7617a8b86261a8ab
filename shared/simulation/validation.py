"""From a request as given to the one form that is stored, compared and run: all its mistakes at once, or none."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from shared.errors import Problem, RequestError
from shared.language import compile_expression
from shared.model.request import BacktestRequest, Universe
from shared.strategies.catalogue import CAP_GROUPS

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

MOST_POSITIONS = 5_000
LONGEST_HOLD = 36_500
LONGEST_LIST = 10_000

_NUMBERS: dict[str, tuple[float, float, str]] = {
    "initial_cash": (1, 1e15, "won, from 1 to 1e15"),
    "risk_free_pct": (-100, 1_000, "% per year, from -100 to 1000"),
    "costs.commission_pct": (0, 50, "% from 0 to 50"),
    "costs.slippage_pct": (0, 50, "% from 0 to 50"),
    "costs.tax_pct": (0, 49, "% from 0 to 49, or null for the dated table"),
    "execution.max_volume_pct": (1e-9, 100, "% above 0, at most 100"),
    "execution.delisting_haircut_pct": (0, 100, "% from 0 to 100"),
    "strategy.sell.take_profit_pct": (1e-9, 1e6, "% above 0"),
    "strategy.sell.stop_loss_pct": (1e-9, 100, "% above 0, at most 100"),
    "strategy.sell.trailing_stop_pct": (1e-9, 100, "% above 0, at most 100"),
    "strategy.sell.min_hold_days": (0, LONGEST_HOLD, f"calendar days from 0 to {LONGEST_HOLD}"),
    "strategy.sell.max_hold_days": (0, LONGEST_HOLD, f"calendar days from 0 to {LONGEST_HOLD}"),
    "strategy.portfolio.max_positions": (1, MOST_POSITIONS, f"a whole number from 1 to {MOST_POSITIONS}"),
    "strategy.portfolio.position_pct": (1e-9, 100, "% above 0, at most 100"),
    "strategy.portfolio.max_position_value": (1, 1e15, "won, from 1 to 1e15"),
    "strategy.portfolio.max_new_per_day": (1, MOST_POSITIONS, f"a whole number from 1 to {MOST_POSITIONS}"),
}
"""Path -> (least, most, what is allowed)."""

_LISTS = ("markets", "sectors", "cap_groups", "stock_codes", "exclude")

_PLAIN = (str, int, float, list, type(None))
_NULL_IS_DEFAULT = {("strategy", "buy", "rank_by")}


def request_of(body: Mapping[str, Any]) -> BacktestRequest:
    """A request from plain JSON values (dates as text, strategy spelled out); `rank_by: null` takes its default.

    Raises RequestError for a wrong type or an unknown field (the first one found).
    """

    def cleaned(value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, _PLAIN) or not isinstance(value, Mapping):
            return value
        return {
            key: cleaned(below, (*path, key))
            for key, below in value.items()
            if not (below is None and (*path, key) in _NULL_IS_DEFAULT) and (*path, key) != ("dataset",)
        }

    try:
        return msgspec.convert(cleaned(body, ()), BacktestRequest)
    except msgspec.ValidationError as error:
        text, _, place = str(error).partition(" - at `$")
        raise RequestError([Problem(path=place.rstrip("`").lstrip("."), message=text)]) from None


def canonical_request(request: BacktestRequest) -> BacktestRequest:
    """The canonical form: expressions in canonical text, lists sorted without repeats, numbers of their type.

    Raises RequestError with every mistake that can be seen without a dataset.
    """
    problems = [*_number_problems(request), *_consistency_problems(request)]
    buy = request.strategy.buy
    sell, universe = request.strategy.sell, request.strategy.universe
    where = _condition(buy.where, "strategy.buy.where", problems)
    rank_by = _expression(buy.rank_by, "number", "strategy.buy.rank_by", problems)
    sell_where = _condition(sell.where, "strategy.sell.where", problems)
    universe = _canonical_universe(universe, problems)
    if problems:
        raise RequestError(problems)
    strategy = msgspec.structs.replace(
        request.strategy,
        buy=msgspec.structs.replace(buy, where=where, rank_by=rank_by),
        sell=msgspec.structs.replace(_typed(sell), where=sell_where),
        portfolio=_typed(request.strategy.portfolio),
        universe=universe,
    )
    return msgspec.structs.replace(
        _typed(request), strategy=strategy, costs=_typed(request.costs), execution=_typed(request.execution)
    )


@cache
def _numeric(struct: type[msgspec.Struct]) -> tuple[tuple[str, type], ...]:
    fields = [(field.name, field.type) for field in msgspec.structs.fields(struct)]
    whole = [(name, int) for name, declared in fields if declared in (int, int | None)]
    return (*whole, *((name, float) for name, declared in fields if declared in (float, float | None)))


def _typed(value: _Struct) -> _Struct:
    """Numbers of the declared type, so that 1 and 1.0 are the same request; -0.0 is 0.0."""
    changes = {
        name: kind(found) + kind(0)
        for name, kind in _numeric(type(value))
        if (found := getattr(value, name)) is not None
    }
    return msgspec.structs.replace(value, **changes)


_AT = {path: attrgetter(path) for path in _NUMBERS}


def _number_problems(request: BacktestRequest) -> Iterable[Problem]:
    for path, (least, most, allowed) in _NUMBERS.items():
        value = _AT[path](request)
        if value is not None and not (math.isfinite(value) and least <= value <= most):
            yield Problem(path=path, message=f"{value:g} is outside of what is allowed: {allowed}")


def _consistency_problems(request: BacktestRequest) -> Iterable[Problem]:
    portfolio = request.strategy.portfolio
    if request.start > request.end:
        yield Problem(path="start", message=f"the start {request.start} is after the end {request.end}")
    if portfolio.position_pct is not None and portfolio.weighting != "equal":
        yield Problem(
            path="strategy.portfolio.position_pct",
            message=f"goes with weighting equal only, not with {portfolio.weighting}; leave it null",
        )


def _expression(text: str, role: Any, path: str, problems: list[Problem]) -> str:
    try:
        return compile_expression(text, role=role, path=path).text
    except RequestError as error:
        problems.extend(error.problems)
        return text


def _condition(text: str | None, path: str, problems: list[Problem]) -> str | None:
    return None if text is None else _expression(text, "condition", path, problems)


def _canonical_universe(universe: Universe, problems: list[Problem]) -> Universe:
    changes: dict[str, Any] = {"where": _condition(universe.where, "strategy.universe.where", problems)}
    for name in _LISTS:
        values = getattr(universe, name)
        if values is None:
            continue
        path = f"strategy.universe.{name}"
        if not values and name != "exclude":
            problems.append(Problem(path=path, message="an empty list admits no stock; null does not restrict"))
        if len(values) > LONGEST_LIST:
            problems.append(Problem(path=path, message=f"has {len(values)} entries, at most {LONGEST_LIST} allowed"))
        if name == "cap_groups":
            problems.extend(unknown_names(path, values, CAP_GROUPS))
        changes[name] = tuple(sorted(set(values))) or None if name == "exclude" else tuple(sorted(set(values)))
    return msgspec.structs.replace(universe, **changes)


MOST_NAMES = 20
"""Unknown names of a list that are told one by one."""


def unknown_names(path: str, named: Iterable[str], known: Iterable[str]) -> list[Problem]:
    """A problem for each name that is not among the known ones, with the nearest of them."""
    have = sorted(known)
    there = frozenset(have)
    found: list[Problem] = []
    unknown = [name for name in named if name not in there]
    for name in unknown[:MOST_NAMES]:
        near = tuple(difflib.get_close_matches(name, have, n=3))
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        if not near and len(have) <= 30:
            hint = f"; there are {', '.join(have)}"
        found.append(Problem(path=path, message=f"unknown name {name!r}{hint}", suggestions=near))
    if len(unknown) > MOST_NAMES:
        found.append(Problem(path=path, message=f"{len(unknown) - MOST_NAMES} more names are unknown"))
    return found
