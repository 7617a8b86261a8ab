"""The plain backtests of a robustness report: each is a request that `POST /v1/backtests` takes as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from shared.model.calendar import from_day
from shared.model.panels import Panels
from shared.model.request import BacktestRequest, RebalanceCalendar
from shared.research.robustness.expressions import a_row_later, moved, neighbours, step_of
from shared.simulation.plan import window_of

SHIFTS = 20
"""Starts that are tried, the request's own among them."""
SEEDED_PAIRS = 10
"""Random divisions of the stocks into two halves."""
SLIPPAGE_MULTIPLES = (0, 1, 2, 3)
USUAL_SLIPPAGE_PCT = 0.1
"""What is multiplied where the request has no slippage."""
PHASE_DAYS = (1, 6, 11, 16, 21)
"""Days of the month of a monthly or quarterly calendar."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")

_FIELDS = (
    ("sell", "take_profit_pct", False), ("sell", "stop_loss_pct", False), ("sell", "trailing_stop_pct", False),
    ("sell", "min_hold_days", True), ("sell", "max_hold_days", True), ("portfolio", "max_positions", True),
    ("portfolio", "position_pct", False), ("portfolio", "max_new_per_day", True), ("portfolio", "max_per_sector", True),
    ("portfolio", "keep_rank", True), ("portfolio", "stop_drawdown_pct", False),
    ("portfolio", "rebalance_band_pct", False),
)  # fmt: skip
"""Numeric fields of a strategy with neighbours, and whether they are whole."""
_TEXTS = (("buy", "where"), ("buy", "rank_by"), ("sell", "where"), ("portfolio", "when"), ("universe", "where"))


@dataclass(frozen=True, kw_only=True)
class ChangedBacktest:
    """One changed request: `name` is unique in its group; `parameter` and `value` say what was changed to what."""

    name: str
    request: BacktestRequest
    parameter: str | None = None
    value: float | str | None = None


def changed(request: BacktestRequest, part: str, **fields: Any) -> BacktestRequest:
    """Return the request with other fields in a part of its strategy."""
    replaced = msgspec.structs.replace(getattr(request.strategy, part), **fields)
    return msgspec.structs.replace(request, strategy=msgspec.structs.replace(request.strategy, **{part: replaced}))


def with_slippage(request: BacktestRequest, slippage_pct: float) -> BacktestRequest:
    """Return the request with a slippage in percent of the price."""
    return msgspec.structs.replace(request, costs=msgspec.structs.replace(request.costs, slippage_pct=slippage_pct))


def neighbour_changes(request: BacktestRequest) -> Iterator[ChangedBacktest]:
    """Give the request with each number of its strategy one step lower and one step higher."""
    for part, field in _TEXTS:
        text = getattr(getattr(request.strategy, part), field)
        for found in () if text is None else neighbours(text):
            parameter = f"{part}.{field}#{found.number}"
            yield ChangedBacktest(
                name=f"{parameter}={found.value:g}", parameter=parameter, value=found.value,
                request=changed(request, part, **{field: found.text}),
            )  # fmt: skip
    for part, field, whole in _FIELDS:
        before = getattr(getattr(request.strategy, part), field)
        if not before:
            continue
        step = step_of(float(before), whole=whole)
        for value in (moved(float(before), -step), moved(float(before), step)):
            if value > 0:
                parameter = f"{part}.{field}"
                yield ChangedBacktest(
                    name=f"{parameter}={value:g}", parameter=parameter, value=value,
                    request=changed(request, part, **{field: int(value) if whole else value}),
                )  # fmt: skip


def slippage_changes(request: BacktestRequest) -> Iterator[ChangedBacktest]:
    """Give the request with 0, 1, 2 and 3 times its slippage."""
    unit = request.costs.slippage_pct or USUAL_SLIPPAGE_PCT
    for multiple in SLIPPAGE_MULTIPLES:
        value = min(float(round(unit * multiple, 10)), 50.0)
        yield ChangedBacktest(
            name=f"x{multiple}", parameter="costs.slippage_pct", value=value, request=with_slippage(request, value)
        )


def start_changes(request: BacktestRequest, days: np.ndarray) -> Iterator[ChangedBacktest]:
    """Give the request with its start 0 to 19 rows later, as long as half of the window is left."""
    window = window_of(request, days)
    for shift in range(min(SHIFTS, (window.stop - window.start) // 2)):
        start = request.start if not shift else from_day(int(days[window.start + shift]))
        yield ChangedBacktest(
            name=f"+{shift}", parameter="start", value=start.isoformat(),
            request=msgspec.structs.replace(request, start=start),
        )  # fmt: skip


def phase_changes(request: BacktestRequest) -> Iterator[ChangedBacktest]:
    """Give the request with its weekly, monthly or quarterly calendar on other days."""
    how = request.strategy.portfolio.rebalance
    calendars: list[RebalanceCalendar] = []
    if how == "weekly" or (isinstance(how, RebalanceCalendar) and how.weekday is not None):
        calendars = [RebalanceCalendar(weekday=day) for day in WEEKDAYS]  # type: ignore[arg-type]
    elif how in {"monthly", "quarterly"} or (isinstance(how, RebalanceCalendar) and how.months is not None):
        months = (
            how.months if isinstance(how, RebalanceCalendar) else tuple(range(1, 13, 3 if how == "quarterly" else 1))
        )
        calendars = [RebalanceCalendar(months=months, day=day) for day in PHASE_DAYS]
    for calendar in calendars:
        name = calendar.weekday or f"day {calendar.day}"
        yield ChangedBacktest(
            name=name, parameter="portfolio.rebalance", value=calendar.weekday or calendar.day,
            request=changed(request, "portfolio", rebalance=calendar),
        )  # fmt: skip


def delay_changes(request: BacktestRequest) -> Iterator[ChangedBacktest]:
    """Give the request that decides on each row as on the row before: conditions and ranking, not the universe."""
    strategy = request.strategy
    later = changed(
        request, "buy", where=a_row_later(strategy.buy.where, "condition"),
        rank_by=a_row_later(strategy.buy.rank_by, "number"),
    )  # fmt: skip
    later = changed(later, "sell", where=a_row_later(strategy.sell.where, "condition"))
    yield ChangedBacktest(
        name="+1", request=changed(later, "portfolio", when=a_row_later(strategy.portfolio.when, "market"))
    )


def universe_changes(request: BacktestRequest, panels: Panels, seed: int) -> Iterator[ChangedBacktest]:
    """Give the request over parts of its universe: each market, halves by capitalisation, by code and by lot."""
    universe, instruments = request.strategy.universe, panels.instruments
    present = set(instruments.market)
    for market in ("KOSPI", "KOSDAQ"):
        is_part = universe.markets is None or (market in universe.markets and len(universe.markets) > 1)
        if is_part and market in present:
            yield ChangedBacktest(name=market, request=changed(request, "universe", markets=(market,)))
    for name, comparison in (("large half", ">="), ("small half", "<")):
        text = f"MARKET_CAP {comparison} row_median(MARKET_CAP)"
        where = text if universe.where is None else f"({universe.where}) and {text}"
        yield ChangedBacktest(name=name, request=changed(request, "universe", where=where))
    left_out = frozenset(universe.exclude or ())
    codes = sorted(set(universe.stock_codes or instruments.code) - left_out)
    even = [code for code in codes if not ord(code[-2:][0]) % 2]
    halves: list[tuple[str, Sequence[str]]] = [("even codes", even), ("odd codes", sorted(set(codes) - set(even)))]
    rng = np.random.default_rng(seed)
    for pair in range(1, SEEDED_PAIRS + 1):
        order = rng.permutation(len(codes)).tolist()
        for part, chosen in (("a", order[: len(codes) // 2]), ("b", order[len(codes) // 2 :])):
            halves.append((f"random half {pair}{part}", sorted(codes[at] for at in chosen)))
    for name, half in halves:
        if half:
            yield ChangedBacktest(
                name=name, request=changed(request, "universe", stock_codes=tuple(half), exclude=None)
            )
