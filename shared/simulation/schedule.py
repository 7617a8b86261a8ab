"""One account over days on which its strategy changes: the holdings, the cash and the books are carried on.

Law: with one segment, or with segments of equal requests, the run is `engine.simulate` of that request, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import CancelledRunError
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.simulation.coverage import FactorCoverage
from shared.simulation.engine import Run, begin_run, blocks, coverage_of, never_cancelled, simulate_block
from shared.simulation.ledger import Ledger
from shared.simulation.request_warnings import coverage_warnings, no_candidates
from shared.simulation.warnings import ResultWarning


@dataclass(frozen=True, kw_only=True)
class Segment:
    """The dataset rows [start, stop) of the window on which a canonical request holds.

    Its decisions are those of the rows before: the strategy of a segment decides on the last row before its first one,
    and what is held from earlier segments is sold by its rules.
    """

    start: int
    stop: int
    request: BacktestRequest


def simulate_schedule(
    segments: Sequence[Segment], panels: Panels, *, cancelled: Callable[[], bool] = never_cancelled
) -> Run:
    """Simulate segments that follow each other without a gap and fill the window of their requests.

    All requests have the same `start`, `end`, `initial_cash`, `costs`, `execution`, `benchmark` and `risk_free_pct`.
    The run has the request of the first segment, and the warnings of all. Raises ValueError for other segments,
    RunError as `engine.simulate` does (a factor must have values in each segment that reads it), CancelledRunError,
    ChunkMissingError.
    """
    merged = _merged(segments)
    states = [begin_run(segment.request, panels) for segment in merged]
    first = states[0]
    window = first.plan.window
    if (merged[0].start, merged[-1].stop) != (window.start, window.stop):
        raise ValueError("the segments must fill the window of their requests")
    if len(merged) > 1:
        first.ledger = Ledger(
            columns=len(panels.instruments), rows=window.stop - window.start, cash=first.request.initial_cash,
            max_positions=max(segment.request.strategy.portfolio.max_positions for segment in merged),
            sectors=len(first.inputs.sectors),
        )  # fmt: skip
    counts = []
    for segment, state in zip(merged, states, strict=True):
        state.ledger, state.benchmark = first.ledger, first.benchmark
        counts.append(_simulate_segment(segment, state, cancelled))
    warnings: list[ResultWarning] = []
    for state, coverage in zip(states, counts, strict=True):
        state.coverage = coverage.validate(panels, state.universe)
        warnings += [*state.warnings, *coverage_warnings(state.coverage, panels)]
    pairs = list(zip(states, counts, strict=True))
    traded = first.ledger.state.candidate_days or any(c.found_candidates(panels, s.universe) for s, c in pairs)
    if not traded:
        state, coverage = pairs[0]
        rows = slice(coverage.first, coverage.first + len(coverage.decides))
        warnings.append(no_candidates(state.expressions, state.universe, panels, rows, coverage.decides))
    first.warnings = [warning for index, warning in enumerate(warnings) if warning not in warnings[:index]]
    return first


def _merged(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments, neighbours with equal requests as one."""
    found: list[Segment] = []
    for segment in segments:
        before = found[-1] if found else None
        if before is not None and before.stop != segment.start:
            raise ValueError("the segments must follow each other without a gap")
        if before is not None and before.request == segment.request:
            found[-1] = Segment(start=before.start, stop=segment.stop, request=segment.request)
        else:
            found.append(segment)
    if not found or any(_account(segment) != _account(found[0]) for segment in found):
        raise ValueError("the requests of the segments may differ in their strategies only")
    return found


def _account(segment: Segment) -> tuple[object, ...]:
    request = segment.request
    return (
        request.start, request.end, request.initial_cash, request.costs, request.execution, request.benchmark,
        request.risk_free_pct,
    )  # fmt: skip


def _simulate_segment(segment: Segment, state: Run, cancelled: Callable[[], bool]) -> FactorCoverage:
    """Simulate the rows of a segment; return the coverage of its factors on the rows that decide them."""
    decisions = slice(max(segment.start - 1, state.plan.decisions.start), max(segment.stop - 1, 0))
    coverage = coverage_of(state, decisions)
    for rows in blocks(slice(segment.start, segment.stop), len(state.panels.instruments)):
        if cancelled():
            raise CancelledRunError("the backtest was cancelled")
        simulate_block(state, coverage, rows, cancelled)
    return coverage
