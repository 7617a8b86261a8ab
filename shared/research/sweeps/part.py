"""A part of a sweep: the variants of a range of indexes, run and packed into the bytes that are stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import zstandard

from shared.contracts.http import problem_document, run_problem
from shared.errors import CancelledRunError, DatasetError, RequestError
from shared.messages import say
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.research.ledger.trials import NO_TRIALS, Trials, WeeklyReturns, trial_digest, trials_of, weeks_of
from shared.research.sweeps.plan import SweepPlan
from shared.simulation.variants import FIGURES, VariantTable, run_variants

Failure = dict[str, Any]
"""The problem document of a variant that has no result."""


@dataclass(frozen=True, kw_only=True)
class PartTable:
    """The rows of n variants.

    points: int32 [n, parameters]. figures: float64 [n, len(names)], NaN where undefined or failed. weekly: float32
    [n, weeks], the returns of ISO weeks, without columns where they are not kept; week_ends: int32 [weeks], day
    numbers. failures: problem documents by row.
    """

    points: np.ndarray
    names: tuple[str, ...]
    figures: np.ndarray
    weekly: np.ndarray
    week_ends: np.ndarray
    failures: dict[int, Failure]

    def pack(self) -> bytes:
        """Return the compressed bytes."""
        head = orjson.dumps(
            {
                "names": self.names, "rows": len(self.points), "parameters": self.points.shape[1],
                "weeks": len(self.week_ends), "failures": {str(row): found for row, found in self.failures.items()},
            }
        )  # fmt: skip
        arrays = (
            self.points.astype("<i4"), self.figures.T.astype("<f8"), self.weekly.T.astype("<f4"),
            self.week_ends.astype("<i4"),
        )  # fmt: skip
        body = b"".join((len(head).to_bytes(4, "little"), head, *(np.ascontiguousarray(a).tobytes() for a in arrays)))
        return zstandard.ZstdCompressor(level=3).compress(body)

    def returns_of(self, row: int) -> WeeklyReturns | None:
        """Return the weekly returns of a row; None where they are not kept."""
        if not len(self.week_ends):
            return None
        return WeeklyReturns(weeks=weeks_of(self.week_ends), values=self.weekly[row].copy())


def unpack(data: bytes) -> PartTable:
    """Return the part that `pack` made; raise DatasetError for other bytes."""
    try:
        body = zstandard.ZstdDecompressor().decompress(data)
        length = int.from_bytes(body[:4], "little")
        head = orjson.loads(body[4 : 4 + length])
        rows, width, weeks, names = head["rows"], head["parameters"], head["weeks"], tuple(head["names"])
        at = 4 + length
        arrays = []
        for kind, shape in (
            ("<i4", (rows, width)),
            ("<f8", (len(names), rows)),
            ("<f4", (weeks, rows)),
            ("<i4", (weeks,)),
        ):
            size = int(np.prod(shape)) * np.dtype(kind).itemsize
            arrays.append(np.frombuffer(body[at : at + size], kind).reshape(shape))
            at += size
    except (zstandard.ZstdError, orjson.JSONDecodeError, KeyError, ValueError) as error:
        raise DatasetError("The stored part of a sweep is damaged.") from error
    points, figures, weekly, week_ends = arrays
    failures = {int(row): found for row, found in head["failures"].items()}
    return PartTable(
        points=points, names=names, figures=figures.T, weekly=weekly.T, week_ends=week_ends, failures=failures
    )


@dataclass(frozen=True, kw_only=True)
class PartRequests:
    """The requests of a part: those that exist, their rows, and why the other rows have none."""

    requests: list[BacktestRequest]
    rows: list[int]
    failures: dict[int, Failure]


def requests_of(plan: SweepPlan, points: np.ndarray, cancelled: Callable[[], bool]) -> PartRequests:
    """Return the requests of points; `cancelled` is polled between them. Raises CancelledRunError."""
    found = PartRequests(requests=[], rows=[], failures={})
    for row, point in enumerate(points):
        if cancelled():
            raise CancelledRunError("the sweep was cancelled")
        try:
            found.requests.append(plan.request(point))
        except RequestError as error:
            problems = error.problems
            single = len(problems) == 1
            detail = problems[0].message if single else say("invalid_request", count=len(problems))
            document = problem_document(422, "invalid-request", detail, problems)
            found.failures[row] = {**document, "kind": "request"}
        else:
            found.rows.append(row)
    return found


@dataclass(frozen=True, kw_only=True)
class PartRun:
    """The rows of a part, and the trials that it adds to its research line."""

    table: PartTable
    trials: Trials = NO_TRIALS


def run_part(
    plan: SweepPlan, points: np.ndarray, panels: Panels, found: PartRequests, cancelled: Callable[[], bool],
    *, first: int | None = None,
) -> PartRun:  # fmt: skip
    """Run the requests of a part; raise CancelledRunError, ChunkMissingError.

    first: number of the first variant of a part that belongs to a research line; None: no trials are wanted.
    """
    table = run_variants(found.requests, panels, cancelled=cancelled)
    weeks = table.week_ends if plan.body.keep.returns == "weekly" else table.week_ends[:0]
    figures = np.full((len(points), len(FIGURES)), np.nan)
    weekly = np.full((len(points), len(weeks)), np.nan, np.float32)
    figures[found.rows] = table.figures
    weekly[found.rows] = table.weekly_returns[:, : len(weeks)]
    failures = dict(found.failures)
    for row, failure in zip(found.rows, table.failures, strict=True):
        if failure is not None:
            failures[row] = run_problem(failure, "variant-failed")
    rows = PartTable(
        points=points, names=FIGURES, figures=figures, weekly=weekly, week_ends=weeks,
        failures=dict(sorted(failures.items())),
    )  # fmt: skip
    return PartRun(table=rows, trials=NO_TRIALS if first is None else _trials(table, found, first))


def _trials(table: VariantTable, found: PartRequests, first: int) -> Trials:
    """Return the trials of the variants that have a result."""
    weeks = weeks_of(table.week_ends)
    ran = [k for k, failure in enumerate(table.failures) if failure is None]
    return trials_of(
        [trial_digest(found.requests[k]) for k in ran],
        [WeeklyReturns(weeks=weeks, values=table.weekly_returns[k]) for k in ran],
        [first + found.rows[k] for k in ran],
    )


def failed_part(points: np.ndarray, failure: Failure) -> PartTable:
    """Return a part all of whose variants failed for one reason."""
    return PartTable(
        points=points, names=FIGURES, figures=np.full((len(points), len(FIGURES)), np.nan),
        weekly=np.empty((len(points), 0), np.float32), week_ends=np.empty(0, np.int32),
        failures=dict.fromkeys(range(len(points)), failure),
    )  # fmt: skip
