"""Plan of a run: its window, its decision rows, and the rows of each field and factor that it reads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from shared.errors import Problem
from shared.language import Expression, compile_expression, index_names
from shared.language.typecheck import Role
from shared.messages import Message, say
from shared.model.calendar import from_day, to_day
from shared.model.instruments import Instruments
from shared.model.kinds import KRX_MARKETS
from shared.model.market_data import NO_LISTINGS, Listings
from shared.model.request import BacktestRequest, Universe
from shared.model.suggestions import suggest_sectors, suggest_stocks
from shared.simulation.validation import unknown_names
from shared.strategies.catalogue import SECTORS

IMPACT_ROWS = 20
"""Price changes whose deviation scales the market impact."""
WEIGHT_ROWS = 60
"""Price changes whose deviation weighs a position by inverse volatility."""
VOLUME_ROWS = 20
"""Rows before a fill whose mean volume caps it."""
LIQUIDATION_REACH = 30
"""Rows before the window that show whether a row is one of liquidation trading."""
UNIVERSE_BENCHMARKS = ("market", "equal")


@dataclass(frozen=True, kw_only=True)
class Expressions:
    """The checked expressions of a request; None where the request has none."""

    buy: Expression | None
    rank_by: Expression
    sell: Expression | None
    universe: Expression | None
    when: Expression | None

    def named(self) -> tuple[tuple[str, Expression], ...]:
        """Return (path in the request, expression) of those that exist."""
        pairs = (
            ("strategy.buy.where", self.buy),
            ("strategy.buy.rank_by", self.rank_by),
            ("strategy.sell.where", self.sell),
            ("strategy.universe.where", self.universe),
            ("strategy.portfolio.when", self.when),
        )
        return tuple((path, expression) for path, expression in pairs if expression is not None)

    @cached_property
    def indices(self) -> frozenset[str]:
        """Return the index series that some expression reads."""
        return frozenset().union(*(expression.indices for _, expression in self.named()))

    @cached_property
    def factors(self) -> frozenset[str]:
        """Return the factors that some expression reads."""
        return frozenset().union(*(expression.factors for _, expression in self.named()))

    @cached_property
    def with_windows(self) -> tuple[tuple[str, Expression], ...]:
        """Return (path, expression) of those that read other rows than their own."""
        return tuple((path, expression) for path, expression in self.named() if expression.windows)

    @cached_property
    def reaches(self) -> dict[str, int]:
        """Return panel field or factor -> rows that it is read before the simulated row."""
        found: dict[str, int] = {}
        for _, expression in self.named():
            reach = 1 << 30 if expression.whole_history else expression.lookback
            for name in expression.fields | expression.factors:
                found[name] = max(found.get(name, 0), reach + 1)
        return found


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Rows are dataset rows. Row d of the window is decided by row d - 1, the first decision row being
    `decisions.start` (empty slice: nothing is ever decided). `needs` has the rows of each panel field and factor;
    `volatility_spans` the numbers of price changes whose deviation the run reads."""

    window: slice
    decisions: slice
    warmup_rows: int
    needs: dict[str, slice]
    volatility_spans: tuple[int, ...]


def expressions_of(request: BacktestRequest) -> Expressions:
    """Return the compiled expressions of a canonical request; equal texts are compiled once."""
    strategy = request.strategy
    return _expressions(
        strategy.buy.where, strategy.buy.rank_by, strategy.sell.where, strategy.universe.where, strategy.portfolio.when
    )


@lru_cache(maxsize=128)
def _expressions(
    buy: str | None, rank_by: str, sell: str | None, universe: str | None, when: str | None
) -> Expressions:
    def condition(text: str | None, path: str, role: Role = "condition") -> Expression | None:
        return None if text is None else compile_expression(text, role=role, path=path, indices=None)

    return Expressions(
        buy=condition(buy, "strategy.buy.where"),
        rank_by=compile_expression(rank_by, role="number", path="strategy.buy.rank_by", indices=None),
        sell=condition(sell, "strategy.sell.where"),
        universe=condition(universe, "strategy.universe.where"),
        when=condition(when, "strategy.portfolio.when", "market"),
    )


def _reaches(request: BacktestRequest) -> dict[str, int]:
    """Return panel field or factor -> rows that it is read before the window's first row."""
    found = {
        "open": VOLUME_ROWS, "high": 0, "low": 0, "volume": VOLUME_ROWS, "split": VOLUME_ROWS, "last": 1,
        "idle": LIQUIDATION_REACH,
    }  # fmt: skip
    for span in _volatility_spans(request):
        found["adj_close"] = span + 1
    if _weighs_by_cap(request):
        found["MARKET_CAP"] = 1
    for name, reach in expressions_of(request).reaches.items():
        found[name] = max(found.get(name, 0), reach)
    return found


def _weighs_by_cap(request: BacktestRequest) -> bool:
    """Return whether a run reads MARKET_CAP whatever its expressions read."""
    strategy = request.strategy
    return (
        strategy.portfolio.weighting == "market_cap"
        or strategy.universe.cap_groups is not None
        or request.benchmark == "market"
    )


def _volatility_spans(request: BacktestRequest) -> tuple[int, ...]:
    spans = (IMPACT_ROWS,) if request.costs.impact is not None else ()
    if request.strategy.portfolio.weighting == "inverse_volatility":
        spans = (*spans, WEIGHT_ROWS)
    return spans


def reads(request: BacktestRequest) -> frozenset[str]:
    """Return every panel field and factor that a run of the (canonical) request reads."""
    return frozenset(_reaches(request))


def window_of(request: BacktestRequest, days: np.ndarray) -> slice:
    """Return the dataset rows in [start, end]; may be empty."""
    ends = np.array([to_day(request.start), to_day(request.end) + 1], days.dtype)  # of another type: days are copied
    first, last = days.searchsorted(ends).tolist()
    return slice(first, last)


def plan(request: BacktestRequest, days: np.ndarray) -> Plan:
    """Return the plan of a run of the (canonical) request over a dataset with these day numbers."""
    window = window_of(request, days)
    first = max(window.start - 1, 0)
    stop = max(window.stop - 1, first)
    needs = {name: slice(max(0, window.start - reach), window.stop) for name, reach in _reaches(request).items()}
    return Plan(
        window=window, decisions=slice(first, stop), warmup_rows=window.start, needs=needs,
        volatility_spans=_volatility_spans(request),
    )  # fmt: skip


def dataset_problems(
    request: BacktestRequest,
    *,
    days: np.ndarray,
    instruments: Instruments,
    indices: Collection[str],
    factors: Collection[str],
    listings: Listings = NO_LISTINGS,
) -> list[Problem]:
    """Return the problems of a (canonical) request that a dataset's manifest shows; empty when it can be run.

    A window without rows, a benchmark that is not loaded, a factor that is not built, unknown stocks, sectors, markets.
    """
    problems = []
    window = window_of(request, days)
    if window.start >= window.stop:
        message = say("no_trading_day_at_all", start=request.start, end=request.end)
        if len(days):
            first, last = from_day(int(days[0])), from_day(int(days[-1]))
            message = say("no_trading_day", start=request.start, end=request.end, first=first, last=last)
        problems.append(Problem(path="start", message=message))
    if request.benchmark is not None and request.benchmark not in (*UNIVERSE_BENCHMARKS, *indices):
        known = [*sorted(indices), *UNIVERSE_BENCHMARKS]
        message = say("benchmark_absent", benchmark=request.benchmark, known=known)
        problems.append(Problem(path="benchmark", message=message))
    expressions = expressions_of(request)
    readable = index_names(indices, frozenset(factors)) if expressions.indices else frozenset()
    absent_indices, absent_factors = expressions.indices - readable, expressions.factors.difference(factors)
    for path, expression in expressions.named() if absent_indices or absent_factors else ():
        problems.extend(
            Problem(path=path, message=_index_absent(name, readable))
            for name in sorted(expression.indices & absent_indices)
        )
        problems.extend(
            Problem(path=path, message=say("factor_absent", name=name))
            for name in sorted(expression.factors & absent_factors)
        )
    if "MARKET_CAP" not in factors and (_weighs_by_cap(request) or "MARKET_CAP" in expressions.factors):
        problems.append(Problem(path="strategy", message=say("factor_absent", name="MARKET_CAP")))
    return problems + _unknown_in_universe(request.strategy.universe, instruments, listings)


def _unknown_in_universe(universe: Universe, instruments: Instruments, listings: Listings) -> list[Problem]:
    """Return a problem for each market, sector and stock code that the dataset lacks, with suggestions."""

    def suggest_sector(word: str) -> tuple[str, ...]:
        loaded = (sector for sector in (*instruments.sector, *listings.sector) if sector)
        return suggest_sectors(word, sorted({*SECTORS, *loaded}))

    def suggest_stock(word: str) -> tuple[str, ...]:
        return suggest_stocks(word, dict(zip(instruments.code, instruments.name, strict=True)))

    problems: list[Problem] = []
    for name, standard, loaded, suggest in (
        ("markets", KRX_MARKETS, (instruments.market, listings.market), None),
        ("sectors", SECTORS, (instruments.sector, listings.sector), suggest_sector),
        ("exclude_sectors", SECTORS, (instruments.sector, listings.sector), suggest_sector),
        ("stock_codes", (), (instruments.ordinal,), suggest_stock),
    ):
        named = [value for value in getattr(universe, name) or () if value not in standard]
        if not named:
            continue
        unknown = [value for value in named if not any(value in values for values in loaded)]
        if unknown:
            have = {*standard, *(value for values in loaded for value in values if value)}
            problems.extend(unknown_names(f"strategy.universe.{name}", unknown, have, suggest))
    return problems


def _index_absent(name: str, readable: Collection[str]) -> Message:
    return say("index_absent", name=name, known=sorted(readable)) if readable else say("no_index_loaded", name=name)
