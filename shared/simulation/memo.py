"""What is kept between runs because a run is shorter than making it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The last things that were made, by what they were made of; with one too many, all are forgotten.

    Safe to use from several threads: two may make the same thing at the same time, and each has one.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[Hashable, tuple[T]] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What the key names, made when it is not there."""
        found = self._known.get(key)
        if found is None:
            found = (make(),)
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[key] = found
        return found[0]
