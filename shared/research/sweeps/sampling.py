"""The points of a sweep by grid, random, Latin hypercube and Sobol search: which values variant k has.

All methods but tpe (`tpe.py`) are pure functions of the space, the method, the number of runs and the seed: any process
computes the same points, so that nothing but part numbers is queued. Random bits come from Philox, a counter-based
generator whose output is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shared.research.sweeps.sobol_sequence import MAX_BITS, sobol_bits
from shared.research.sweeps.space import Space

MAX_GRID = 10_000_000
"""Combinations that a grid may have before its constraints."""
_BLOCK = 1 << 17
_DRAWS = 64
"""Blocks of draws after which a random search ends with the points that it has found."""


def uniforms(seed: int, stream: int, count: int, start: int = 0) -> np.ndarray:
    """Return float64 [count] in [0, 1): values number `start` and on of a stream of a seed."""
    generator = np.random.Philox(key=[seed, stream])
    generator.advance(start // 4)
    skip = start % 4
    raw: np.ndarray = generator.random_raw(skip + count)[skip:]
    return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53


def grid_points(space: Space) -> np.ndarray:
    """Return int32 [n, parameters]: every combination that the constraints admit, the last parameter fastest."""
    return np.concatenate(list(_grid_blocks(space)))


def _grid_blocks(space: Space) -> Iterator[np.ndarray]:
    for start in range(0, space.size, _BLOCK):
        rest = np.arange(start, min(start + _BLOCK, space.size), dtype=np.int64)
        points = np.empty((len(rest), len(space.levels)), np.int32)
        for i in reversed(range(len(space.levels))):
            rest, points[:, i] = np.divmod(rest, space.levels[i])
        yield space.admitted(points)


def random_points(space: Space, runs: int, seed: int) -> np.ndarray:
    """Return at most `runs` distinct points, each equally likely; more runs continue the points of fewer."""
    width = len(space.levels)
    counts = np.array(space.levels, np.float64)

    def blocks() -> Iterator[np.ndarray]:
        for number in range(_DRAWS):
            count = _BLOCK // 8
            drawn = uniforms(seed, 0, count * width, number * count * width).reshape(count, width)
            yield (drawn * counts).astype(np.int32)

    return _first_distinct(space, blocks(), runs)


def sobol_points(space: Space, runs: int, seed: int) -> np.ndarray:
    """Return at most `runs` distinct points of a Sobol sequence with a digital shift, in its order."""
    width = len(space.levels)
    shift = np.random.Philox(key=[seed, 1]).random_raw(width) >> np.uint64(64 - MAX_BITS)

    def blocks() -> Iterator[np.ndarray]:
        for number in range(_DRAWS):
            count = _BLOCK // 8
            bits = sobol_bits(number * count, count, width) ^ shift
            levels = np.array(space.levels, np.uint64)
            yield ((bits * levels) >> np.uint64(MAX_BITS)).astype(np.int32)

    return _first_distinct(space, blocks(), runs)


def lhs_points(space: Space, runs: int, seed: int) -> np.ndarray:
    """Return a Latin hypercube: each parameter visits `runs` equal shares of its values once, in random order.

    What a constraint refuses and what repeats a point is left out, so that there may be fewer than `runs`.
    """
    points = np.empty((runs, len(space.levels)), np.int32)
    for i, count in enumerate(space.levels):
        order = np.argsort(uniforms(seed, 2 + 2 * i, runs), kind="stable")
        inside = uniforms(seed, 3 + 2 * i, runs)
        points[:, i] = np.minimum((order + inside) / runs * count, count - 1)
    return _first_distinct(space, iter([points]), runs)


def _first_distinct(space: Space, blocks: Iterator[np.ndarray], runs: int) -> np.ndarray:
    """Return the first `runs` distinct admitted points, in order."""
    seen: set[Any] = set()
    found: list[np.ndarray] = []
    for block in blocks:
        points = space.admitted(block)
        new = []
        for row, key in enumerate(space.codes(points).tolist()):
            if key not in seen:
                seen.add(key)
                new.append(row)
        found.append(points[new])
        if len(seen) >= runs or len(seen) == space.size:
            break
    return np.concatenate(found)[:runs]
