"""The space of a sweep: the values of every parameter, and the conditions that a point has to meet.

A point is a row of level numbers, one for each parameter; how points are chosen: `sampling.py`, and `tpe.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from shared.research.sweeps.formula import Formula
from shared.research.sweeps.lattice import Lattice, Value


@dataclass(frozen=True)
class Space:
    """The values of every parameter, in the order of the request, and the conditions that they meet."""

    lattices: Mapping[str, Lattice]
    constraints: Sequence[Formula] = ()

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Return the number of values of each parameter."""
        return tuple(len(lattice) for lattice in self.lattices.values())

    @cached_property
    def size(self) -> int:
        """Return the number of combinations before constraints."""
        return math.prod(self.levels)

    def values(self, point: Sequence[int]) -> dict[str, Value]:
        """Return parameter -> value of a point, which has the number of a level for each lattice."""
        return {
            name: lattice.values[level] for (name, lattice), level in zip(self.lattices.items(), point, strict=True)
        }

    def columns(self, points: np.ndarray) -> dict[str, np.ndarray]:
        """Return the values of points as float64 by `$name`, for conditions."""
        return {f"${name}": lattice.numbers[points[:, i]] for i, (name, lattice) in enumerate(self.lattices.items())}

    def admitted(self, points: np.ndarray) -> np.ndarray:
        """Return those of the points that meet every constraint."""
        if not self.constraints or not len(points):
            return points
        columns = self.columns(points)
        mask = np.ones(len(points), np.bool_)
        for constraint in self.constraints:
            mask &= constraint.holds(columns)
        return points[mask]

    def codes(self, points: np.ndarray) -> np.ndarray:
        """Return one key of each point; equal points have equal keys."""
        if self.size < 2**63:
            code = np.zeros(len(points), np.int64)
            for i, count in enumerate(self.levels):
                code = code * count + points[:, i]
            return code
        return np.ascontiguousarray(points).view([("", points.dtype)] * points.shape[1]).ravel()
