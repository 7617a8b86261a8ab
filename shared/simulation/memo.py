"""Bounded memo of values that several runs compute from the same inputs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    """Values by key; when `max_entries` would be exceeded, all entries are dropped.

    Safe to use from several threads: two may compute the same value at the same time, and each gets one.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._values: dict[Hashable, tuple[T]] = {}

    def contains(self, key: Hashable) -> bool:
        """Return whether the value of a key is cached."""
        return key in self._values

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return the value of a key, computing it when it is not cached."""
        found = self._values.get(key)
        if found is None:
            found = (compute(),)
            if len(self._values) >= self._max_entries:
                self._values.clear()
            self._values[key] = found
        return found[0]
