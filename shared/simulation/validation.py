"""Validation of a request: from plain JSON values to the canonical form that is stored, compared and run.

Every problem that can be seen without a dataset is reported at once. Bounds and types come from the declaration in
`shared.model.request`; this module adds what concerns several fields, and the expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from shared.errors import Problem, RequestError
from shared.language import Role, compile_expression
from shared.model.conversion import Conversion, convert
from shared.model.request import BacktestRequest, Portfolio, RebalanceCalendar, Sell, Universe
from shared.model.suggestions import did_you_mean, nearest
from shared.strategies.catalogue import CAP_GROUPS

_Struct = TypeVar("_Struct", bound=msgspec.Struct)

_SETS = ("markets", "kinds", "sectors", "exclude_sectors", "cap_groups", "stock_codes", "exclude")
_EMPTY_IS_NULL = frozenset({"exclude_sectors", "exclude"})
STANDARD_INDICES = frozenset({"KOSPI", "KOSDAQ"})
"""Index series that an expression may name when the dataset is not known yet."""
MAX_NAMED = 20
"""Unknown names of a list that are reported one by one."""


def request_of(body: Mapping[str, Any], indices: frozenset[str] = STANDARD_INDICES) -> BacktestRequest:
    """Return the request of plain JSON values whose strategy is spelled out.

    `indices` are the index series of the dataset that expressions may name.
    Raises RequestError with every problem of `read_request` when a value has a wrong type or is out of range.
    """
    found = convert(_prepared(body), BacktestRequest)
    if found.problems or found.value is None:
        raise RequestError(read_request(body, indices).problems)
    return found.value


def read_request(body: Mapping[str, Any], indices: frozenset[str] = STANDARD_INDICES) -> Conversion[BacktestRequest]:
    """Return the canonical request of plain JSON values, and every problem that can be seen without a dataset.

    With problems, the request has the defaults of the fields at their places; it is None without a strategy object.
    """
    found = convert(_prepared(body), BacktestRequest)
    if found.value is None:
        return found
    problems: list[Problem] = []
    canonical = _canonical(found.value, indices, problems)
    return Conversion(canonical, merged(found.problems, problems))


def merged(problems: list[Problem], more: Iterable[Problem]) -> list[Problem]:
    """Return the problems, then those of `more` at other places.

    The dates of a window are one place, and a place inside an object is one with the object.
    """
    seen: set[str] = set()
    for problem in problems:
        parts = problem.path.split(".")
        seen |= {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
    if seen & {"start", "end"}:
        seen |= {"start", "end"}
    return [*problems, *(problem for problem in more if problem.path not in seen)]


def _prepared(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body without `dataset`, which is no part of the request."""
    return {name: value for name, value in body.items() if name != "dataset"}


def canonical_request(request: BacktestRequest, indices: frozenset[str] = STANDARD_INDICES) -> BacktestRequest:
    """Return the canonical form: expressions in canonical text, sets sorted, numbers of their declared type.

    `indices` are the index series of the dataset that expressions may name.
    Raises RequestError with every problem that can be seen without a dataset.
    """
    problems: list[Problem] = []
    canonical = _canonical(request, indices, problems)
    if problems:
        raise RequestError(problems)
    return canonical


def _canonical(request: BacktestRequest, indices: frozenset[str], problems: list[Problem]) -> BacktestRequest:
    """Return the canonical form; append the problems, and use the default of an expression that does not compile."""

    def canonical_text(text: str | None, path: str, role: Role = "condition") -> str | None:
        if text is None:
            return None
        try:
            return compile_expression(text, role=role, path=path, indices=indices).text
        except RequestError as error:
            problems.extend(error.problems)
            return None

    problems += contradictions(request)
    strategy = request.strategy
    buy, sell, portfolio, universe = strategy.buy, strategy.sell, strategy.portfolio, strategy.universe
    canonical = msgspec.structs.replace(
        strategy,
        buy=msgspec.structs.replace(
            buy,
            where=canonical_text(buy.where, "strategy.buy.where"),
            rank_by=canonical_text(buy.rank_by, "strategy.buy.rank_by", "number") or "MARKET_CAP",
        ),
        sell=msgspec.structs.replace(_typed(sell), where=canonical_text(sell.where, "strategy.sell.where")),
        portfolio=msgspec.structs.replace(
            _typed(portfolio),
            when=canonical_text(portfolio.when, "strategy.portfolio.when", "market"),
            rebalance=_canonical_calendar(portfolio.rebalance),
        ),
        universe=msgspec.structs.replace(
            _canonical_universe(universe, problems), where=canonical_text(universe.where, "strategy.universe.where")
        ),
    )
    return msgspec.structs.replace(
        _typed(request), strategy=canonical, costs=_typed(request.costs), execution=_typed(request.execution)
    )


@cache
def _numeric(struct: type[msgspec.Struct]) -> tuple[tuple[str, type], ...]:
    """Return (field, int or float) of the number fields of a struct."""
    found: list[tuple[str, type]] = []
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        for kind, number in ((msgspec.inspect.IntType, int), (msgspec.inspect.FloatType, float)):
            if _is_number(field.type, kind):
                found.append((field.name, number))
    return tuple(found)


def _is_number(info: Any, kind: type) -> bool:
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if isinstance(info, msgspec.inspect.UnionType):
        return any(_is_number(part, kind) for part in info.types)
    return isinstance(info, kind)


def _typed(value: _Struct) -> _Struct:
    """Return the struct with numbers of the declared type, so that 1 and 1.0 are the same request; -0.0 is 0.0."""
    changes = {
        name: kind(found) + kind(0)
        for name, kind in _numeric(type(value))
        if (found := getattr(value, name)) is not None
    }
    return msgspec.structs.replace(value, **changes)


def contradictions(request: BacktestRequest) -> Iterable[Problem]:
    """Yield a problem for each pair of fields that cannot stand together, with the remedy."""
    if request.start > request.end:
        yield Problem(path="start", message=f"the start {request.start} is after the end {request.end}; exchange them")
    yield from _sizing_contradictions(request.strategy.portfolio, request.strategy.sell)
    yield from _calendar_contradictions(request.strategy.portfolio.rebalance)


def _sizing_contradictions(portfolio: Portfolio, sell: Sell) -> Iterable[Problem]:
    path, reweight = "strategy.portfolio", sell.on_rebalance == "reweight"
    if portfolio.position_pct is not None and portfolio.weighting != "equal":
        message = f"needs weighting equal, not {portfolio.weighting}; set weighting to equal or position_pct to null"
        yield Problem(path=f"{path}.position_pct", message=message)
    if portfolio.position_pct is not None and reweight:
        message = "cannot go with on_rebalance reweight, which sizes positions by weighting; set position_pct to null"
        yield Problem(path=f"{path}.position_pct", message=message)
    if portfolio.invest == "full" and not reweight:
        message = f"full needs sell.on_rebalance reweight, not {sell.on_rebalance}; set invest to slots or use reweight"
        yield Problem(path=f"{path}.invest", message=message)
    if portfolio.rebalance_band_pct and not reweight:
        message = f"needs sell.on_rebalance reweight, not {sell.on_rebalance}; set the band to 0 or use reweight"
        yield Problem(path=f"{path}.rebalance_band_pct", message=message)
    if portfolio.keep_rank is None:
        return
    if sell.on_rebalance == "hold":
        message = "needs sell.on_rebalance rotate or reweight, not hold; set keep_rank to null or use rotate"
        yield Problem(path=f"{path}.keep_rank", message=message)
    if portfolio.keep_rank < portfolio.max_positions:
        message = f"{portfolio.keep_rank} is below max_positions, {portfolio.max_positions}; use at least that, or null"
        yield Problem(path=f"{path}.keep_rank", message=message)


def _calendar_contradictions(rebalance: str | RebalanceCalendar) -> Iterable[Problem]:
    if isinstance(rebalance, str):
        return
    forms = (
        rebalance.months is not None or rebalance.day is not None,
        rebalance.weekday is not None,
        rebalance.rows is not None,
    )
    if sum(forms) != 1:
        given = "several are given" if any(forms) else "none is given"
        message = f"has exactly one of three forms: months and day, or weekday, or rows; {given}"
        yield Problem(path="strategy.portfolio.rebalance", message=message)


def _canonical_calendar(rebalance: Any) -> Any:
    """Return the calendar with months ascending and the defaults of `months` and `day` filled."""
    if isinstance(rebalance, str) or (rebalance.months is None and rebalance.day is None):
        return rebalance
    months = tuple(range(1, 13)) if rebalance.months is None else tuple(sorted(set(rebalance.months)))
    return msgspec.structs.replace(rebalance, months=months, day=1 if rebalance.day is None else rebalance.day)


def _canonical_universe(universe: Universe, problems: list[Problem]) -> Universe:
    changes: dict[str, Any] = {}
    for name in _SETS:
        values = getattr(universe, name)
        if values is None:
            continue
        if name == "cap_groups":
            problems.extend(unknown_names("strategy.universe.cap_groups", values, CAP_GROUPS))
        unique = tuple(sorted(set(values)))
        changes[name] = None if not unique and name in _EMPTY_IS_NULL else unique
    return msgspec.structs.replace(universe, **changes)


def unknown_names(
    path: str,
    named: Iterable[str],
    known: Iterable[str],
    suggest: Callable[[str], tuple[str, ...]] | None = None,
) -> list[Problem]:
    """Return a problem for each name that is not among the known ones, with those that may have been meant.

    `suggest` finds them; by default the nearest of the known names.
    """
    names = sorted(known)
    have = frozenset(names)
    problems: list[Problem] = []
    unknown = [name for name in named if name not in have]
    for name in unknown[:MAX_NAMED]:
        near = nearest(name, names) if suggest is None else suggest(name)
        remedy = did_you_mean(near)
        if not near and len(names) <= 30:
            remedy = f"; there are {', '.join(names)}"
        problems.append(Problem(path=path, message=f"unknown name {name!r}{remedy}", suggestions=near))
    if len(unknown) > MAX_NAMED:
        problems.append(Problem(path=path, message=f"{len(unknown) - MAX_NAMED} more names are unknown"))
    return problems
