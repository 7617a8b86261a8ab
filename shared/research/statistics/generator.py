"""Random numbers that are the same bits on every host and with every version of numpy: raw words of Philox 4x64."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Uniforms:
    """Uniform numbers in [0, 1) from a seed and a stream number; the same arguments give the same numbers."""

    def __init__(self, seed: int, stream: int = 0) -> None:
        """Begin the stream of a seed (0 to 2^63)."""
        self._bits = np.random.Philox(key=[seed, stream])

    def draw(self, *shape: int) -> Array:
        """Return float64 numbers of a shape."""
        words = self._bits.random_raw(int(np.prod(shape)))
        found: Array = ((words >> np.uint64(11)) * 2.0**-53).reshape(shape)
        return found


def stationary_indexes(rows: int, draws: int, block: float, uniforms: Uniforms) -> Array:
    """Return int64 [draws, rows]: the rows of each resample of the stationary bootstrap.

    A resample begins anywhere, continues with the next row with probability 1 - 1 / block, and wraps around at the end;
    `block` is the mean length of a block in rows, at least 1. Politis and Romano, Journal of the American Statistical
    Association 89, 1994.
    """
    if not block >= 1:
        raise ValueError(f"the mean block length is at least 1 row, not {block:g}")
    start = (uniforms.draw(draws, rows) * rows).astype(np.int64)
    begins = uniforms.draw(draws, rows) < 1 / block
    begins[:, 0] = True
    places = np.arange(rows)
    last = np.maximum.accumulate(np.where(begins, places, 0), axis=1)
    return (np.take_along_axis(start, last, axis=1) + places - last) % rows


def counts_of(indexes: Array) -> Array:
    """Return float64 [draws, rows]: how often each resample takes each row."""
    draws, rows = indexes.shape
    flat = (indexes + rows * np.arange(draws)[:, None]).ravel()
    return np.bincount(flat, minlength=draws * rows).reshape(draws, rows).astype(np.float64)
