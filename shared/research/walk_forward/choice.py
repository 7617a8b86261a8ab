"""What a window chooses from its train, and how good the choice was among all variants of its test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from shared.research.sweeps.columns import SweepTable
from shared.research.sweeps.plateau import plateau
from shared.research.walk_forward.request import Choose
from shared.research.walk_forward.shapes import DriftDocument
from shared.simulation.variants import FIGURES


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The variant of a train: its number, its level numbers, and the mean over its neighbourhood (plateau only)."""

    variant: int
    point: tuple[int, ...]
    mean: float | None = None
    neighbours: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rank:
    """Place of a variant among `of` variants whose objective is defined: 1 is best, equal ones share the mean place.

    `relative` is w of Bailey et al.: the share of the order that lies below, 0 to 1; above 0.5 is better than the
    middle.
    """

    rank: float
    of: int
    relative: float


def choose(table: SweepTable, how: Choose) -> Chosen | None:
    """Return the choice from a whole table; None when no variant is ranked, or (plateau) none has enough neighbours."""
    if how == "plateau":
        found = plateau(table)
        if found is None:
            return None
        row, mean, neighbours = found
        shown = mean if table.plan.objective.descending else -mean
        return Chosen(variant=int(table.variants[row]), point=_point(table, row), mean=shown, neighbours=neighbours)
    best = table.best(1)
    return None if not len(best) else Chosen(variant=int(table.variants[best[0]]), point=_point(table, int(best[0])))


def _point(table: SweepTable, row: int) -> tuple[int, ...]:
    return tuple(table.points[row].tolist())


def rank_of(table: SweepTable, variant: int) -> Rank | None:
    """Return the place of a variant by the statistic of the objective; its condition, one of choosing, is left out.

    None when its statistic is undefined, or when no other variant has one.
    """
    ranking = replace(table.plan.objective, where=None)
    scores = ranking.scores(table.columns)
    own = scores[np.searchsorted(table.variants, variant)]
    scores = scores[~np.isnan(scores)]
    if np.isnan(own) or len(scores) < 2:
        return None
    above, equal = int(np.count_nonzero(scores > own)), int(np.count_nonzero(scores == own))
    place = above + (equal + 1) / 2
    return Rank(rank=place, of=len(scores), relative=(len(scores) + 1 - place) / (len(scores) + 1))


def statistics_of(table: SweepTable, variant: int) -> dict[str, float | None]:
    """Return the statistics of a variant by name; dates are left as day numbers."""
    values = table.figures[np.searchsorted(table.variants, variant)].tolist()
    return {name: None if value != value else value for name, value in zip(FIGURES, values, strict=True)}  # noqa: PLR0124


def drift(levels: Sequence[int], points: Sequence[tuple[int, ...]], names: Sequence[str]) -> dict[str, DriftDocument]:
    """Return for each parameter how often and how far the choice moved from window to window.

    `mean_step` is the mean distance of neighbouring choices in places of the parameter's list, as a fraction of its
    length; 0: never moved, 1: from one end to the other each time.
    """
    found: dict[str, DriftDocument] = {}
    for i, name in enumerate(names):
        steps = [abs(after[i] - before[i]) for before, after in pairwise(points)]
        longest = max(levels[i] - 1, 1)
        found[name] = {
            "changes": sum(step > 0 for step in steps),
            "mean_step": sum(steps) / len(steps) / longest if steps else None,
        }
    return found
