"""All finished rows of a sweep as columns: what conditions, sorting, heat maps and the plateau (`plateau.py`) read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shared.research.sweeps.part import Failure, PartTable
from shared.research.sweeps.plan import FIGURES, SweepPlan
from shared.simulation.variants import FIGURES as ALL_FIGURES


@dataclass(frozen=True, kw_only=True)
class SweepTable:
    """The rows of the parts that have ended, by variant number."""

    plan: SweepPlan
    variants: np.ndarray
    """int64 [n]: numbers of the variants, ascending."""
    points: np.ndarray
    figures: np.ndarray
    """float64 [n, len(ALL_FIGURES)]."""
    failures: dict[int, Failure]
    """Problem documents by variant number."""

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """Return the columns that conditions may name: `variant`, `$parameters`, statistics."""
        figures = {name: self.figures[:, ALL_FIGURES.index(name)] for name in FIGURES}
        return {"variant": self.variants.astype(np.float64), **self.plan.space.columns(self.points), **figures}

    @cached_property
    def scores(self) -> np.ndarray:
        """Return the score of each row: greater is better, NaN: not ranked."""
        return self.plan.objective.scores(self.columns)

    def best(self, count: int) -> np.ndarray:
        """Return the rows of the best variants, the best first; the lower number of equal ones."""
        order = np.argsort(np.where(np.isnan(self.scores), np.inf, -self.scores), kind="stable")
        found: np.ndarray = order[: min(count, int(np.count_nonzero(~np.isnan(self.scores))))]
        return found


def table_of(plan: SweepPlan, parts: Sequence[tuple[int, PartTable]]) -> SweepTable:
    """Return the rows of parts, each with the number of its first variant, in any order."""
    ordered = sorted(parts, key=lambda found: found[0])
    width = len(plan.space.levels)
    if not ordered:
        return SweepTable(
            plan=plan, variants=np.empty(0, np.int64), points=np.empty((0, width), np.int32),
            figures=np.empty((0, len(ALL_FIGURES))), failures={},
        )  # fmt: skip
    return SweepTable(
        plan=plan,
        variants=np.concatenate([first + np.arange(len(part.points), dtype=np.int64) for first, part in ordered]),
        points=np.concatenate([part.points for _, part in ordered]),
        figures=np.concatenate([part.figures for _, part in ordered]),
        failures={first + row: found for first, part in ordered for row, found in part.failures.items()},
    )


def extended(table: SweepTable, parts: Sequence[tuple[int, PartTable]]) -> SweepTable:
    """Return the rows of a table and of further parts."""
    more = table_of(table.plan, parts)
    variants = np.concatenate([table.variants, more.variants])
    order = np.argsort(variants, kind="stable")
    return SweepTable(
        plan=table.plan, variants=variants[order],
        points=np.concatenate([table.points, more.points])[order],
        figures=np.concatenate([table.figures, more.figures])[order], failures=table.failures | more.failures,
    )  # fmt: skip


def heatmap(table: SweepTable, x: str, y: str, value: str, reduce: str) -> list[list[float | None]]:
    """Return the cells [y][x]: `value` over the variants of a cell, reduced by median, max, min or count; None: none.

    Variants whose value is undefined are left out, and those that the objective's condition excludes.
    """
    names = list(table.plan.space.lattices)
    column, row = (table.points[:, names.index(name)] for name in (x, y))
    width, height = (len(table.plan.space.lattices[name]) for name in (x, y))
    values = table.columns[value]
    where = table.plan.objective.where
    counted = ~np.isnan(values)
    if where is not None:
        counted &= where.holds(table.columns)
    cell = row[counted].astype(np.int64) * width + column[counted]
    cells: list[float | None] = [None] * (width * height)
    order = np.argsort(cell, kind="stable")
    numbers, starts = np.unique(cell[order], return_index=True)
    for number, group in zip(numbers.tolist(), np.split(values[counted][order], starts[1:]), strict=True):
        cells[number] = _REDUCE[reduce](group)
    return [cells[start : start + width] for start in range(0, width * height, width)]


_REDUCE: dict[str, Callable[[np.ndarray], float]] = {
    "median": lambda group: float(np.median(group)), "max": lambda group: float(np.max(group)),
    "min": lambda group: float(np.min(group)), "count": len,
}  # fmt: skip
