"""A backtest from request to outcome.

1. Plan: the window's rows, the rows that decide them, the panels that are read (plan.py); a request that the dataset
   cannot serve is refused.
2. Bind: panels, rules, options and dividends become addresses and numbers for the kernel (native_inputs.py).
3. For each block of rows: the decisions of the rows before (decisions.py), the coverage of their factors (coverage.py),
   the days themselves (native.py; the rules are in shared/native/day_loop.c), progress, a poll for cancellation.
4. A factor that no decision could read is an error, a strategy that never found a candidate a warning.
5. Statistics, result, digest (statistics.py, result/).

Nothing of a block depends on how the rows are cut into blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import orjson

from shared.errors import CancelledRunError, RunError
from shared.language.evaluate import materialized_name
from shared.market import RULES_VERSION
from shared.messages import joined
from shared.model.calendar import iso
from shared.model.panels import Panels
from shared.model.request import BacktestRequest, request_digest
from shared.simulation import ranking_cache
from shared.simulation.benchmark import Benchmark, add_universe_returns, index_benchmark
from shared.simulation.coverage import CoverageReport, FactorCoverage
from shared.simulation.decisions import decide
from shared.simulation.ledger import Ledger, Purchases
from shared.simulation.native_inputs import KernelInputs, bind
from shared.simulation.plan import UNIVERSE_BENCHMARKS, Expressions, Plan, dataset_problems, expressions_of, plan
from shared.simulation.rebalance import rebalance_rows
from shared.simulation.request_warnings import coverage_warnings, no_candidates, request_warnings
from shared.simulation.result.encoding import Fragment, literal
from shared.simulation.result.outcome import Outcome
from shared.simulation.result.tables import (
    corporate_action_rows,
    encode,
    equity_rows,
    open_position_rows,
    round_trip_rows,
    trade_rows,
)
from shared.simulation.run_warnings import FinishedRun, run_warnings
from shared.simulation.statistics import EquityCurve, RoundTrips, TradeTotals, statistics
from shared.simulation.structures import Block, address
from shared.simulation.universe import UniverseMask, universe_rows
from shared.simulation.warnings import ResultWarning, encode_warnings

ENGINE_VERSION = "2"
"""Changes whenever the same request on the same dataset may give another result."""

BLOCK_ROWS = 1024
BLOCK_CELLS = 3_000_000
"""A block has at most so many rows and, where that leaves 64 rows, cells: planes of a few MB."""

Progress = Callable[[float, list[dict[str, Any]]], None]


def never_cancelled() -> bool:
    """Return False: the run is not cancelled."""
    return False


@dataclass(kw_only=True)
class Run:
    """A run with the state that its days have left."""

    request: BacktestRequest
    panels: Panels
    plan: Plan
    expressions: Expressions
    universe: UniverseMask
    inputs: KernelInputs
    level: ranking_cache.RankingLevel
    rebalance: np.ndarray
    ledger: Ledger
    benchmark: Benchmark | None
    warnings: list[ResultWarning]
    coverage: CoverageReport | None = None
    """Findings about the factors that the decisions read, once the days are simulated."""
    figures: bytes = b"{}"
    """The statistics as JSON, once the days are simulated."""
    evaluate_ms: float = 0.0
    simulate_ms: float = 0.0
    statistics_ms: float = 0.0
    encode_ms: float = 0.0

    def curve(self) -> EquityCurve:
        """Return the equity curve with its benchmark."""
        bought = self.ledger.state.first_purchase
        return EquityCurve(
            days=self.panels.days[self.plan.window],
            equity=self.ledger.equity,
            cash=self.ledger.cash,
            positions=self.ledger.positions,
            initial_cash=self.request.initial_cash,
            benchmark=None if self.benchmark is None else self.benchmark.returns,
            idle_days=len(self.ledger.equity) if bought < 0 else bought - self.plan.window.start,
            risk_free_pct=self.request.risk_free_pct,
        )

    def purchases(self) -> Purchases:
        """Return the purchases with their participation."""
        window = self.plan.window
        return self.ledger.purchases(self.panels.panel("volume", window), window.start)

    def totals(self, bought: Purchases) -> TradeTotals:
        """Return the sums over all fills; `bought` are the purchases among them."""
        state = self.ledger.state
        return TradeTotals(
            sales=state.sales,
            commission=state.commission,
            tax=state.tax,
            slippage=state.slippage,
            dividends=state.dividends,
            fills=bought.fills,
            participation=bought.participation,
        )


def run(
    request: BacktestRequest,
    panels: Panels,
    *,
    planned: Plan | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
    progress: Progress | None = None,
) -> Outcome:
    """Run a canonical request over a dataset version; `planned` is its `plan`, where that is known already.

    `cancelled` is polled between blocks of rows; `progress` gets the fraction done and the new equity points
    `{date, equity, cash, positions}`. Raises RunError (kinds `request_refused`, `factor_absent`, `benchmark_absent`),
    CancelledRunError, ChunkMissingError.
    """
    return outcome_of(simulate(request, panels, planned=planned, cancelled=cancelled, progress=progress))


def outcome_of(finished: Run) -> Outcome:
    """Return the outcome of a simulated run: its tables with the provenance."""
    parts = result_tables(finished)
    begun = perf_counter()
    provenance = {
        "dataset_version": finished.panels.version,
        "engine_version": ENGINE_VERSION,
        "request_digest": request_digest(finished.request),
        "rules_version": RULES_VERSION,
    }
    return Outcome(
        encoded=encode(parts, provenance),
        statistics=finished.figures,
        timing={
            "evaluate_ms": finished.evaluate_ms,
            "simulate_ms": finished.simulate_ms,
            "statistics_ms": finished.statistics_ms,
            "encode_ms": finished.encode_ms + 1000 * (perf_counter() - begun),
        },
    )


def simulate(
    request: BacktestRequest,
    panels: Panels,
    *,
    planned: Plan | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
    progress: Progress | None = None,
) -> Run:
    """Simulate the days of a run and check the coverage of its factors; the result is not encoded."""
    state, coverage = simulate_days(request, panels, planned=planned, cancelled=cancelled, progress=progress)
    begun = perf_counter()
    state.coverage = coverage.validate(panels, state.universe)
    state.warnings += coverage_warnings(state.coverage, panels)
    if not state.ledger.state.candidate_days and not coverage.found_candidates(panels, state.universe):
        state.warnings.append(
            no_candidates(state.expressions, state.universe, panels, state.plan.decisions, coverage.decides)
        )
    state.evaluate_ms += 1000 * (perf_counter() - begun)
    return state


def simulate_days(
    request: BacktestRequest,
    panels: Panels,
    *,
    planned: Plan | None = None,
    cancelled: Callable[[], bool] = never_cancelled,
    progress: Progress | None = None,
) -> tuple[Run, FactorCoverage]:
    """Simulate the days of a run; the coverage of its factors is counted, not checked."""
    begun = perf_counter()
    state = begin_run(request, panels, planned)
    state.simulate_ms += 1000 * (perf_counter() - begun)
    plan = state.plan
    coverage = coverage_of(state)
    for rows in blocks(plan.window, len(panels.instruments)):
        if cancelled():
            raise CancelledRunError("the backtest was cancelled")
        simulate_block(state, coverage, rows, cancelled)
        if progress is not None:
            progress((rows.stop - plan.window.start) / (plan.window.stop - plan.window.start), _points(state, rows))
    if cancelled():
        raise CancelledRunError("the backtest was cancelled")
    return state, coverage


def blocks(window: slice, columns: int) -> Iterator[slice]:
    """Yield the rows of a window in blocks."""
    length = min(BLOCK_ROWS, max(64, BLOCK_CELLS // columns))
    for start in range(window.start, window.stop, length):
        yield slice(start, min(start + length, window.stop))


def begin_run(request: BacktestRequest, panels: Panels, planned: Plan | None = None) -> Run:
    """Return a run of which no day is simulated; raises RunError (`request_refused`, `benchmark_absent`)."""
    problems = dataset_problems(
        request,
        days=panels.days,
        instruments=panels.instruments,
        indices=panels.indices,
        factors=panels.factors,
        listings=panels.listings,
    )
    if problems:
        raise RunError("request_refused", joined(p.message for p in problems), tuple(problems))
    planned = planned or plan(request, panels.days)
    expressions = expressions_of(request)
    rows = planned.window.stop - planned.window.start
    benchmark = None
    if request.benchmark in UNIVERSE_BENCHMARKS:
        benchmark = Benchmark(returns=np.zeros(rows))
    elif request.benchmark is not None:
        benchmark = index_benchmark(request.benchmark, panels, planned.window)
    universe = universe_rows(request.strategy.universe, panels, expressions.universe)
    inputs = bind(request, panels, planned)
    return Run(
        request=request,
        panels=panels,
        plan=planned,
        expressions=expressions,
        universe=universe,
        level=ranking_cache.ranking_level(
            materialized_name(expressions.rank_by, universe.key), expressions.buy, universe.key, panels
        ),
        inputs=inputs,
        rebalance=rebalance_rows(panels.days, planned.window, request.strategy.portfolio.rebalance),
        ledger=Ledger(
            columns=len(panels.instruments),
            rows=rows,
            cash=request.initial_cash,
            max_positions=request.strategy.portfolio.max_positions,
            sectors=len(inputs.sectors),
        ),
        benchmark=benchmark,
        warnings=list(request_warnings(request, panels, planned)),
    )


def coverage_of(state: Run, decisions: slice | None = None) -> FactorCoverage:
    """Return the coverage of the factors of a run, of which nothing is counted; `decisions`: of these rows only."""
    decisions = decisions or state.plan.decisions
    before = state.plan.window.start - 1
    decides = np.ascontiguousarray(state.rebalance[decisions.start - before : decisions.stop - before])
    return FactorCoverage.of(state.expressions, decides, decisions.start, len(state.panels.instruments))


def simulate_block(state: Run, coverage: FactorCoverage, rows: slice, cancelled: Callable[[], bool]) -> None:
    """Decide and simulate the rows of one block, which follows those that the ledger has seen."""
    begun = perf_counter()
    plan, panels = state.plan, state.panels
    block = Block(
        rebalance=address(state.rebalance, np.bool_), window=plan.window.start, start=rows.start, stop=rows.stop
    )
    decided = slice(max(rows.start - 1, plan.decisions.start), rows.stop - 1)
    block.decided = plan.decisions.start
    decisions = None
    if decided.stop > decided.start:
        decisions = decide(
            state.expressions, state.universe, panels, decided,
            descending=state.request.strategy.buy.order == "desc", level=state.level, cancelled=cancelled,
        )  # fmt: skip
        decisions.put_into(block)
        coverage.add(panels, state.universe, decided, block.universe)
    evaluated = perf_counter()
    state.ledger.advance(state.inputs.market, state.inputs.rules, state.inputs.options, block)
    if state.benchmark is not None and decisions is not None and state.request.benchmark in UNIVERSE_BENCHMARKS:
        add_universe_returns(
            state.benchmark.returns, state.inputs.market, block.universe, plan.window, rows,
            weighted=state.request.benchmark == "market",
        )  # fmt: skip
    state.evaluate_ms += 1000 * (evaluated - begun)
    state.simulate_ms += 1000 * (perf_counter() - evaluated)


def _points(state: Run, rows: slice) -> list[dict[str, Any]]:
    first = state.plan.window.start
    inside = slice(rows.start - first, rows.stop - first)
    dates = _dates(state.panels.days[rows])
    ledger = state.ledger
    return [
        {"date": date, "equity": equity, "cash": cash, "positions": positions}
        for date, equity, cash, positions in zip(
            dates, ledger.equity[inside].tolist(), ledger.cash[inside].tolist(), ledger.positions[inside].tolist(),
            strict=True,
        )
    ]  # fmt: skip


def _dates(days: np.ndarray) -> list[str]:
    found: list[str] = np.datetime_as_string(days.astype("datetime64[D]")).tolist()
    return found


def result_tables(state: Run) -> dict[str, Fragment]:
    """Return the parts of the result in the shape of the interface, with keys in name order."""
    begun = perf_counter()
    panels, window, ledger, instruments = state.panels, state.plan.window, state.ledger, state.panels.instruments
    curve, days, first = state.curve(), state.panels.days, window.start
    holdings, trips = ledger.holdings, RoundTrips(ledger.trips, days)
    months, years = curve.monthly_returns(), curve.yearly_returns()
    bought = state.purchases()
    figures = statistics(curve, trips, state.totals(bought), months)
    state.figures = orjson.dumps(figures)
    state.statistics_ms = 1000 * (perf_counter() - begun)
    begun = perf_counter()
    first_day, last_day = int(days[first]), int(days[window.stop - 1])
    last = panels.panel("last", slice(window.stop - 1, window.stop))[0][holdings["col"]]
    warnings = [*state.warnings, *([] if state.benchmark is None else state.benchmark.warnings)]
    strategy = state.request.strategy
    warnings += run_warnings(
        FinishedRun(
            panels=panels, window=window, ledger=ledger, curve=curve, kind=state.inputs.kind, bought=bought.positions,
            participation=bought.participation,
            exposure=figures["exposure"], max_positions=strategy.portfolio.max_positions,
            kinds=strategy.universe.kinds,
        )
    )  # fmt: skip
    around = {
        "first": iso(first_day),
        "last": iso(last_day),
        "rows": window.stop - first,
        "warmup_rows": state.plan.warmup_rows,
    }
    parts = {
        "corporate_actions": corporate_action_rows(ledger.corporate_actions, instruments, days),
        "equity": equity_rows(curve),
        "monthly_returns": literal(orjson.dumps([{"month": name, "return": value} for name, value in months])),
        "open_positions": open_position_rows(holdings, last, instruments, days, last_day),
        "round_trips": round_trip_rows(trips, instruments, days),
        "statistics": literal(state.figures),
        "trades": trade_rows(ledger.trades, instruments, days),
        "unfilled": literal(orjson.dumps(ledger.unfilled())),
        "warnings": literal(encode_warnings(warnings)),
        "window": literal(orjson.dumps(around)),
        "yearly_returns": literal(orjson.dumps([{"return": value, "year": name} for name, value in years])),
    }
    state.encode_ms = 1000 * (perf_counter() - begun)
    return parts


def result_of(state: Run) -> dict[str, Any]:
    """Return the result without its provenance, as values."""
    found: dict[str, Any] = orjson.loads(b"".join((encode(result_tables(state), {}).json, b"}")))
    return found
