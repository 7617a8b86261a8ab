"""Validation of a request: from plain JSON values to the canonical form that is stored, compared and run.

Every problem that can be seen without a dataset is reported at once. Bounds of single fields (`MAX_POSITIONS`, …) and
types come from the declaration in `shared.model.request`; this module adds what concerns several fields, and
the expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

import msgspec

from shared.errors import Problem, RequestError
from shared.language import Role
from shared.messages import say
from shared.model.conversion import Conversion, convert
from shared.model.request import BacktestRequest, Portfolio, RebalanceCalendar, Sell, Universe
from shared.model.suggestions import nearest
from shared.simulation.templates import canonical_text
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

    def canonical(text: str | None, path: str, role: Role = "condition") -> str | None:
        if text is None:
            return None
        try:
            return canonical_text(text, role, path, indices)
        except RequestError as error:
            problems.extend(error.problems)
            return None

    problems += contradictions(request)
    strategy = request.strategy
    buy, sell, portfolio, universe = strategy.buy, strategy.sell, strategy.portfolio, strategy.universe
    spelled = msgspec.structs.replace(
        strategy,
        buy=msgspec.structs.replace(
            buy,
            where=canonical(buy.where, "strategy.buy.where"),
            rank_by=canonical(buy.rank_by, "strategy.buy.rank_by", "number") or "MARKET_CAP",
        ),
        sell=msgspec.structs.replace(_typed(sell), where=canonical(sell.where, "strategy.sell.where")),
        portfolio=msgspec.structs.replace(
            _typed(portfolio),
            when=canonical(portfolio.when, "strategy.portfolio.when", "market"),
            rebalance=_canonical_calendar(portfolio.rebalance),
        ),
        universe=msgspec.structs.replace(
            _canonical_universe(universe, problems), where=canonical(universe.where, "strategy.universe.where")
        ),
    )
    return msgspec.structs.replace(
        _typed(request), strategy=spelled, costs=_typed(request.costs), execution=_typed(request.execution)
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
        yield Problem(path="start", message=say("start_after_end", start=request.start, end=request.end))
    yield from _sizing_contradictions(request.strategy.portfolio, request.strategy.sell)
    yield from _calendar_contradictions(request.strategy.portfolio.rebalance)


def _sizing_contradictions(portfolio: Portfolio, sell: Sell) -> Iterable[Problem]:
    path, reweight = "strategy.portfolio", sell.on_rebalance == "reweight"
    if portfolio.position_pct is not None and portfolio.weighting != "equal":
        message = say("position_pct_weighting", weighting=portfolio.weighting)
        yield Problem(path=f"{path}.position_pct", message=message)
    if portfolio.position_pct is not None and reweight:
        message = say("position_pct_reweight")
        yield Problem(path=f"{path}.position_pct", message=message)
    if portfolio.invest == "full" and not reweight:
        message = say("invest_needs_reweight", on_rebalance=sell.on_rebalance)
        yield Problem(path=f"{path}.invest", message=message)
    if portfolio.rebalance_band_pct and not reweight:
        message = say("band_needs_reweight", on_rebalance=sell.on_rebalance)
        yield Problem(path=f"{path}.rebalance_band_pct", message=message)
    if portfolio.keep_rank is None:
        return
    if sell.on_rebalance == "hold":
        message = say("keep_rank_needs_rotate")
        yield Problem(path=f"{path}.keep_rank", message=message)
    if portfolio.keep_rank < portfolio.max_positions:
        positions = portfolio.max_positions
        message = say("keep_rank_below_positions", keep_rank=portfolio.keep_rank, max_positions=positions)
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
        message = say("calendar_forms_conflict" if any(forms) else "calendar_form_missing")
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
        shown = names if not near and len(names) <= 30 else []
        message = say("unknown_name", name=name, suggestions=near, known=shown)
        problems.append(Problem(path=path, message=message, suggestions=near))
    if len(unknown) > MAX_NAMED:
        problems.append(Problem(path=path, message=say("more_unknown_names", count=len(unknown) - MAX_NAMED)))
    return problems
