"""Batches of tree-structured Parzen estimators (Bergstra, Bardenet, Bengio & Kegl 2011) on a lattice.

The history in index order is the state: the points of a batch are a pure function of the space, the seed, the batch's
first index, and points and scores of everything before it. Nothing depends on how many processes ran the batches.

The variants before are divided into the best ones and the rest. Each group is a mixture of product kernels, one for
each of its points, and a uniform prior; `CANDIDATES` points are drawn from the mixture of the best, and the one with
the greatest ratio of the two densities is chosen that no variant has had before.
"""

from __future__ import annotations

import math

import numpy as np

from shared.research.sweeps.sampling import random_points, uniforms
from shared.research.sweeps.space import Space

CANDIDATES = 24
MAX_BEST = 25
_STREAM = 1 << 20
_PLACES = 9
"""Decimal places of a score that count: the last bits of exp and log differ between processors."""


def startup_runs(space: Space, batch: int) -> int:
    """Return how many of the first variants are random: whole batches, at least 10 variants."""
    least = max(10, 4 * len(space.levels))
    return math.ceil(least / batch) * batch


def next_points(
    space: Space, points: np.ndarray, scores: np.ndarray, *, seed: int, count: int, batch: int
) -> np.ndarray:
    """Return int32 [at most count, parameters]: the points of the next batch.

    points: int32 [n, parameters], all variants before; scores: float64 [n], greater is better, NaN for variants that
    failed or do not meet the objective's condition. There are fewer points when the space has no others.
    """
    first, startup = len(points), startup_runs(space, batch)
    if first < startup:
        return random_points(space, first + count, seed)[first:]
    best, rest = _divided(points, scores)
    seen = set(space.codes(points).tolist())
    found: list[np.ndarray] = []
    for index in range(first, first + count):
        drawn = _candidates(space, best, seed, index)
        admitted = space.admitted(drawn)
        if len(admitted):
            ratio = np.round(_log_density(space, best, admitted) - _log_density(space, rest, admitted), _PLACES)
            admitted = admitted[np.argsort(-ratio, kind="stable")]
        chosen = _first_unseen(space, admitted, seen)
        if chosen is None:
            chosen = _first_unseen(space, random_points(space, len(seen) + 1, seed + 1), seen)
        if chosen is None:
            break
        seen.update(space.codes(chosen[None, :]).tolist())
        found.append(chosen)
    return np.array(found, np.int32).reshape(len(found), len(space.levels))


def _divided(points: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the best points and the others; equal scores in index order, absent ones last."""
    order = np.argsort(np.where(np.isnan(scores), np.inf, -scores), kind="stable")
    ranked = min(math.ceil(0.1 * len(points)), MAX_BEST)
    best = max(1, min(ranked, int(np.count_nonzero(~np.isnan(scores)))))
    return points[order[:best]], points[order[best:]]


def _bandwidths(space: Space, centres: np.ndarray) -> np.ndarray:
    """Return float64 [centres, parameters]: the standard deviation of each kernel, in levels.

    It is the greater distance to the neighbouring centres (the ends of the range count as centres), at least a
    hundredth of the range, or its share of a centre while there are fewer, and at least half a level.
    """
    found = np.empty(centres.shape, np.float64)
    for i, levels in enumerate(space.levels):
        order = np.argsort(centres[:, i], kind="stable")
        around = np.concatenate([[-0.5], centres[order, i], [levels - 0.5]])
        gaps = np.diff(around)
        least = max(0.5, levels / min(100.0, 1.0 + len(centres)))
        found[order, i] = np.clip(np.maximum(gaps[:-1], gaps[1:]), least, levels)
    return found


def _candidates(space: Space, centres: np.ndarray, seed: int, index: int) -> np.ndarray:
    """Draw points from the mixture: a centre (or the prior), then a level near it for each parameter."""
    width = len(space.levels)
    drawn = uniforms(seed, _STREAM + index, CANDIDATES * (1 + 2 * width)).reshape(CANDIDATES, 1 + 2 * width)
    which = np.minimum((drawn[:, 0] * (len(centres) + 1)).astype(np.int64), len(centres))
    points = np.empty((CANDIDATES, width), np.int32)
    chosen = np.minimum(which, len(centres) - 1)
    deviations = _bandwidths(space, centres)[chosen]
    for i, (levels, lattice) in enumerate(zip(space.levels, space.lattices.values(), strict=True)):
        uniform, second = drawn[:, 1 + 2 * i], drawn[:, 2 + 2 * i]
        anywhere = np.minimum((uniform * levels).astype(np.int64), levels - 1)
        centre = centres[chosen, i]
        if lattice.is_numeric:
            normal = np.sqrt(-2.0 * np.log(1.0 - uniform)) * np.cos(2.0 * math.pi * second)
            near = np.round(centre + deviations[:, i] * np.round(normal, _PLACES)).astype(np.int64)
            near = np.abs(near)
            near = np.clip(np.where(near > levels - 1, 2 * (levels - 1) - near, near), 0, levels - 1)
        else:
            near = np.where(second < _KEEP, centre, anywhere)
        points[:, i] = np.where(which == len(centres), anywhere, near)
    return points


_KEEP = 0.8
"""Probability with which a kernel of a parameter without order keeps its value."""


def _log_density(space: Space, centres: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return float64 [points]: the logarithm of the density of a mixture of kernels and the uniform prior."""
    kernels = np.zeros((len(points), len(centres)))
    deviations = _bandwidths(space, centres)
    for i, (levels, lattice) in enumerate(zip(space.levels, space.lattices.values(), strict=True)):
        distance = points[:, i, None] - centres[None, :, i]
        if lattice.is_numeric:
            deviation = deviations[None, :, i]
            kernels += -0.5 * (distance / deviation) ** 2 - np.log(deviation * math.sqrt(2 * math.pi))
        else:
            kernels += np.log(np.where(distance == 0, _KEEP, 0.0) + (1 - _KEEP) / levels)
    prior = -sum(math.log(levels) for levels in space.levels)
    terms = np.concatenate([kernels, np.full((len(points), 1), prior)], axis=1)
    top = terms.max(axis=1)
    result: np.ndarray = top + np.log(np.exp(terms - top[:, None]).sum(axis=1)) - math.log(len(centres) + 1)
    return result


def _first_unseen(space: Space, points: np.ndarray, seen: set[object]) -> np.ndarray | None:
    for point, code in zip(points, space.codes(points).tolist(), strict=True):
        if code not in seen:
            found: np.ndarray = point
            return found
    return None
