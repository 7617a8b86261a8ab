"""What the thread of sweeps does: the points of a part, and its runs over the panels of a dataset."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from services.simulator.consumer import InFlight
from services.simulator.reservation import reserved_panels
from services.simulator.sweep_store import PartJob
from shared.contracts.http import problem_document
from shared.contracts.research import BEST_VARIANTS
from shared.dataset.panel_reader import PanelReader
from shared.dataset.panels import MappedPanels
from shared.model.request import BacktestRequest
from shared.research.sweeps import tpe
from shared.research.sweeps.columns import SweepTable, table_of
from shared.research.sweeps.part import PartRun, PartTable, requests_of, run_part
from shared.research.sweeps.plan import SweepPlan
from shared.simulation.computing_cost import read_bytes_of_request, stored_bytes_of_request
from shared.simulation.variants import one_of_each_group, variant_needs

PAUSE_S = 0.75
"""Longest pause of a part at one poll, so that a stream of short backtests slows sweeps and does not stop them."""
PAUSE_PART = 3
"""A part pauses at most this many times as long as it works, however often it polls."""
LEAST_PAUSE_S, PAUSE_STEP_S = 0.005, 0.001


def best_of(table: SweepTable) -> list[tuple[int, float]]:
    """Return (variant, score) of the best variants of a part."""
    return [(int(table.variants[row]), float(table.scores[row])) for row in table.best(BEST_VARIANTS)]


def points_of(plan: SweepPlan, first: int, count: int, history: list[tuple[int, PartTable]] | None) -> np.ndarray:
    """Return the points of `count` variants from `first` on; `history`: the parts before, from which tpe chooses."""
    if history is None:
        return plan.points[first : first + count]
    before = table_of(plan, history)
    search = plan.body.search
    return tpe.next_points(
        plan.space, before.points, before.scores, seed=search.seed, count=count, batch=search.batch
    )  # fmt: skip


def pausing(job: PartJob, in_flight: InFlight) -> Callable[[], bool]:
    """Return what a part polls: it pauses while there is short work on the host, and says whether to stop.

    A pause takes at most PAUSE_S, and PAUSE_PART times as long as the part has worked since the last one.
    """
    resumed = time.monotonic()

    def cancelled() -> bool:
        nonlocal resumed
        now = time.monotonic()
        until = now + min(PAUSE_S, PAUSE_PART * (now - resumed))
        if until - now >= LEAST_PAUSE_S and in_flight.is_urgent:
            while in_flight.is_urgent and not job.stop and time.monotonic() < until:
                time.sleep(PAUSE_STEP_S)
            resumed = time.monotonic()
        return job.stop

    return cancelled


def map_needs(requests: Sequence[BacktestRequest], panels: PanelReader) -> None:
    """Map the rows of every field and factor that runs of these requests read."""
    by_rows: dict[tuple[int, int], list[str]] = {}
    for name, needed in variant_needs(requests, panels.days).items():
        if name in panels.factors or not name.isupper():
            by_rows.setdefault((needed.start, needed.stop), []).append(name)
    for (start, stop), names in by_rows.items():
        panels.ensure(names, slice(start, stop))


@contextmanager
def reserved_for(
    requests: Sequence[BacktestRequest], panels: MappedPanels, is_stopped: Callable[[], bool]
) -> Iterator[None]:  # fmt: skip
    """Reserve the panel memory of runs that follow each other: what one has stored can be evicted for the next one."""
    days, stocks = panels.days, len(panels.instruments)
    stored = max((stored_bytes_of_request(request, days, stocks) for request in requests), default=0)

    def read() -> int:
        return max(read_bytes_of_request(request, days, stocks) for request in requests)

    with reserved_panels(panels, stored, read, is_stopped):
        yield


def run_variants_of(
    plan: SweepPlan, points: np.ndarray, panels: MappedPanels, *, job: PartJob, in_flight: InFlight, first: int | None
) -> PartRun:  # fmt: skip
    """Run the variants of a part; raise CancelledRunError, ChunkMissingError.

    first: number of the first variant of a part of a research line, else None.
    """
    cancelled = pausing(job, in_flight)
    found = requests_of(plan, points, cancelled)
    different = one_of_each_group(found.requests)
    with reserved_for(different, panels, lambda: job.stop):
        reader = panels.reader()
        map_needs(different, reader)
        return run_part(plan, points, reader, found, cancelled, first=first)


def failure(status: int, word: str, detail: str, kind: str) -> dict[str, object]:
    """Return the problem document of variants or of a walk-forward that could not be run."""
    return {**problem_document(status, word, detail), "kind": kind}
