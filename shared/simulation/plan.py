"""What a request will read of a dataset: its window, the rows that decide it, each field and factor with its rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from shared.errors import Problem, RequestError
from shared.language import Expression, compile_expression, index_names
from shared.market import RULE_BOOKS
from shared.model.calendar import from_day, to_day
from shared.model.instruments import Instruments
from shared.model.request import BacktestRequest
from shared.simulation.validation import unknown_names
from shared.strategies.catalogue import SECTORS

VOLATILITY_ROWS = 61
VOLUME_ROWS = 20
UNIVERSE_BENCHMARKS = ("market", "equal")


@dataclass(frozen=True, kw_only=True)
class Expressions:
    """The checked expressions of a request; None where the request has none."""

    buy: Expression | None
    rank_by: Expression
    sell: Expression | None
    universe: Expression | None

    def named(self) -> tuple[tuple[str, Expression], ...]:
        """(path in the request, expression) of those that exist."""
        pairs = (
            ("strategy.buy.where", self.buy),
            ("strategy.buy.rank_by", self.rank_by),
            ("strategy.sell.where", self.sell),
            ("strategy.universe.where", self.universe),
        )
        return tuple((path, expression) for path, expression in pairs if expression is not None)

    @cached_property
    def reaches(self) -> dict[str, int]:
        """Panel field or factor -> rows that it is read before the row that is lived."""
        found: dict[str, int] = {}
        for _, expression in self.named():
            reach = 1 << 30 if expression.whole_history else expression.lookback
            for name in expression.fields | expression.factors:
                found[name] = max(found.get(name, 0), reach + 1)
        return found


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Rows are dataset rows. Row d of the window is decided by row d - 1, the first decision row being
    `decisions.start` (empty slice: nothing is ever decided). `needs` has the rows of each panel field and factor."""

    window: slice
    decisions: slice
    warmup_rows: int
    needs: dict[str, slice]


def expressions_of(request: BacktestRequest) -> Expressions:
    """The expressions of a canonical request."""
    strategy = request.strategy
    return _expressions(strategy.buy.where, strategy.buy.rank_by, strategy.sell.where, strategy.universe.where)


@lru_cache(maxsize=128)
def _expressions(buy: str | None, rank_by: str, sell: str | None, universe: str | None) -> Expressions:
    def condition(text: str | None, path: str) -> Expression | None:
        return None if text is None else compile_expression(text, role="condition", path=path, indices=None)

    return Expressions(
        buy=condition(buy, "strategy.buy.where"),
        rank_by=compile_expression(rank_by, role="number", path="strategy.buy.rank_by", indices=None),
        sell=condition(sell, "strategy.sell.where"),
        universe=condition(universe, "strategy.universe.where"),
    )


def _reaches(request: BacktestRequest) -> dict[str, int]:
    """Panel field or factor -> rows that it is read before the window's first row."""
    strategy, execution = request.strategy, request.execution
    found = {"open": 0, "high": 0, "low": 0, "volume": 0, "split": 0, "last": 1, "idle": 1}
    if execution.price == "close" or strategy.sell.trailing_stop_pct is not None:
        found["close"] = 0
    if execution.max_volume_pct is not None:
        found |= {"volume": VOLUME_ROWS, "split": VOLUME_ROWS}
    if strategy.portfolio.weighting == "inverse_volatility":
        found["adj_close"] = VOLATILITY_ROWS
    if (
        strategy.portfolio.weighting == "market_cap"
        or strategy.universe.cap_groups is not None
        or request.benchmark == "market"
    ):
        found["MARKET_CAP"] = 1
    for name, reach in expressions_of(request).reaches.items():
        found[name] = max(found.get(name, 0), reach)
    return found


def reads(request: BacktestRequest) -> frozenset[str]:
    """Every panel field and factor that a run of the (canonical) request reads."""
    return frozenset(_reaches(request))


def window_of(request: BacktestRequest, days: np.ndarray) -> slice:
    """The dataset rows in [start, end]; may be empty."""
    ends = np.array([to_day(request.start), to_day(request.end) + 1], days.dtype)  # of another type: days are copied
    first, last = days.searchsorted(ends).tolist()
    return slice(first, last)


def plan(request: BacktestRequest, days: np.ndarray) -> Plan:
    """What a run of the (canonical) request reads of a dataset with these day numbers."""
    window = window_of(request, days)
    first = max(window.start - 1, 0)
    stop = max(window.stop - 1, first)
    needs = {name: slice(max(0, window.start - reach), window.stop) for name, reach in _reaches(request).items()}
    return Plan(window=window, decisions=slice(first, stop), warmup_rows=window.start, needs=needs)


def dataset_problems(
    request: BacktestRequest,
    *,
    days: np.ndarray,
    instruments: Instruments,
    indices: Collection[str],
    factors: Collection[str],
) -> list[Problem]:
    """What a dataset's manifest says against a (canonical) request; empty when it can be tried.

    A window without rows, a benchmark that is not loaded, a factor that is not built, unknown stocks, sectors, markets.
    """
    problems = []
    window = window_of(request, days)
    if window.start >= window.stop:
        between = f"{from_day(int(days[0]))} to {from_day(int(days[-1]))}" if len(days) else "no days at all"
        problems.append(
            Problem(
                path="start", message=f"no trading day from {request.start} to {request.end}; the data have {between}"
            )
        )
    if request.benchmark is not None and request.benchmark not in (*UNIVERSE_BENCHMARKS, *indices):
        there = ", ".join([*sorted(indices), *UNIVERSE_BENCHMARKS])
        problems.append(
            Problem(
                path="benchmark", message=f"{request.benchmark!r} is not loaded; there are {there}, and null for none"
            )
        )
    readable = index_names(indices, frozenset(factors))
    for path, expression in expressions_of(request).named():
        problems.extend(
            Problem(path=path, message=f"the index {name} is not in this dataset version{_there_are(readable)}")
            for name in sorted(expression.indices - readable)
        )
        problems.extend(
            Problem(path=path, message=f"the factor {name} is not in this dataset version")
            for name in sorted(expression.factors - set(factors))
        )
    if "MARKET_CAP" in reads(request) and "MARKET_CAP" not in factors:
        problems.append(Problem(path="strategy", message="the factor MARKET_CAP is not in this dataset version"))
    universe = request.strategy.universe
    for name, always, loaded in (
        ("markets", RULE_BOOKS, instruments.market),
        ("sectors", SECTORS, instruments.sector),
        ("stock_codes", (), instruments.ordinal),
    ):
        unknown = [value for value in getattr(universe, name) or () if value not in always and value not in loaded]
        if unknown:
            have = {*always, *(value for value in loaded if value)}
            problems.extend(unknown_names(f"strategy.universe.{name}", unknown, have))
    return problems


def _there_are(names: Collection[str]) -> str:
    return f"; there are {', '.join(sorted(names))}" if names else "; it has no index series"


def refuse_unrunnable(
    request: BacktestRequest,
    *,
    days: np.ndarray,
    instruments: Instruments,
    indices: Collection[str],
    factors: Collection[str],
) -> None:
    """Raises RequestError with all of `dataset_problems`."""
    problems = dataset_problems(request, days=days, instruments=instruments, indices=indices, factors=factors)
    if problems:
        raise RequestError(problems)


def first_and_last(window: slice, days: np.ndarray) -> tuple[dt.date, dt.date]:
    """Dates of the first and the last row of a window that has rows."""
    return from_day(int(days[window.start])), from_day(int(days[window.stop - 1]))
