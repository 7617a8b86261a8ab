"""The plateau of a sweep: the variant that is good together with its neighbours."""

from __future__ import annotations

import numpy as np

from shared.research.sweeps.columns import SweepTable


def plateau(table: SweepTable, *, least: float = 0.5) -> tuple[int, float, int] | None:
    """Return (row, mean, neighbours) of the variant whose neighbourhood has the greatest mean score, None without one.

    The neighbourhood of a variant is itself and what differs by one value of one parameter (of a list: one place). A
    neighbourhood counts when at least `least` of its neighbours are ranked; a variant without a score has none.
    """
    levels = table.plan.space.levels
    if table.plan.space.size >= 2**62 or not len(table.variants):
        return None
    codes = table.plan.space.codes(table.points)
    order = np.argsort(codes, kind="stable")
    ordered = codes[order]
    total, count = table.scores.copy(), (~np.isnan(table.scores)).astype(np.int64)
    total[np.isnan(total)] = 0.0
    possible = np.zeros(len(codes), np.int64)
    strides = np.append(np.cumprod(levels[:0:-1], dtype=np.int64)[::-1], 1)
    for i, limit in enumerate(levels):
        for step in (-1, 1):
            inside = (table.points[:, i] + step >= 0) & (table.points[:, i] + step < limit)
            possible += inside
            wanted = codes + step * strides[i]
            at = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
            near = table.scores[order[at]]
            ranked = inside & (ordered[at] == wanted) & ~np.isnan(near)
            total += np.where(ranked, near, 0.0)
            count += ranked
    neighbours = count - 1
    counts = ~np.isnan(table.scores) & (possible > 0) & (neighbours >= least * possible)
    if not counts.any():
        return None
    mean = np.where(counts, total / np.maximum(count, 1), -np.inf)
    row = int(np.argmax(mean))
    return row, float(mean[row]), int(neighbours[row])
