"""The Sobol sequence in up to 16 dimensions, with the direction numbers of Joe and Kuo (new-joe-kuo-6.21201)."""

from __future__ import annotations

from functools import cache

import numpy as np

MAX_BITS = 30

_DIRECTIONS: tuple[tuple[int, int, tuple[int, ...]], ...] = (
    (1, 0, (1,)), (2, 1, (1, 3)), (3, 1, (1, 3, 1)), (3, 2, (1, 1, 1)), (4, 1, (1, 1, 3, 3)), (4, 4, (1, 3, 5, 13)),
    (5, 2, (1, 1, 5, 5, 17)), (5, 4, (1, 1, 5, 5, 5)), (5, 7, (1, 1, 7, 11, 19)), (5, 11, (1, 1, 5, 1, 1)),
    (5, 13, (1, 1, 1, 3, 11)), (5, 14, (1, 3, 5, 5, 31)), (6, 1, (1, 3, 3, 9, 7, 49)),
    (6, 13, (1, 1, 1, 15, 21, 21)), (6, 16, (1, 3, 1, 13, 27, 49)),
)  # fmt: skip
"""(degree, coefficients of the primitive polynomial, first direction numbers) of the second dimension and on."""


@cache
def _matrix(dimension: int) -> np.ndarray:
    """Return uint64 [MAX_BITS]: the direction numbers of a dimension, scaled to MAX_BITS bits."""
    if dimension == 0:
        numbers = [1 << (MAX_BITS - 1 - i) for i in range(MAX_BITS)]
        return np.array(numbers, np.uint64)
    degree, coefficients, first = _DIRECTIONS[dimension - 1]
    numbers = [m << (MAX_BITS - 1 - i) for i, m in enumerate(first)]
    for i in range(degree, MAX_BITS):
        value = numbers[i - degree] ^ (numbers[i - degree] >> degree)
        for k in range(1, degree):
            if coefficients >> (degree - 1 - k) & 1:
                value ^= numbers[i - k]
        numbers.append(value)
    return np.array(numbers, np.uint64)


def sobol_bits(start: int, count: int, width: int) -> np.ndarray:
    """Return uint64 [count, width]: points number `start` and on, in units of 2 to the power of -MAX_BITS."""
    index = np.arange(start, start + count, dtype=np.uint64)
    gray = index ^ (index >> np.uint64(1))
    bits = np.zeros((count, width), np.uint64)
    for dimension in range(width):
        matrix = _matrix(dimension)
        for position in range(MAX_BITS):
            is_set = (gray >> np.uint64(position)) & np.uint64(1)
            bits[:, dimension] ^= matrix[position] * is_set
    return bits
