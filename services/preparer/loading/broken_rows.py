"""The broken rows of the files of one kind, which stop a load: the first ones of each kind of mistake, and counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.preparer.loading.files import MarketFiles
from shared.errors import LoadError

SHOWN = 20
"""Rows of each kind of mistake that a message lists."""
MAX_COUNTED = 1_000_000
"""A load stops reading when so many rows are broken."""


@dataclass(kw_only=True)
class _Mistake:
    count: int = 0
    shown: list[tuple[int, str]] = field(default_factory=list)


class BrokenRows:
    """Collects the broken rows of files while they are read."""

    def __init__(self, files: MarketFiles) -> None:
        self._files = files
        self._mistakes: dict[str, _Mistake] = {}

    def add(
        self, mistake: str, rows: np.ndarray | Sequence[int], reason: Callable[[int], str], before: int = 0
    ) -> None:
        """Add the rows that make a mistake, numbered from `before` on; `reason` says what is wrong with one of them.

        LoadError with all that was added when more than MAX_COUNTED rows are broken.
        """
        if not len(rows):
            return
        found = self._mistakes.setdefault(mistake, _Mistake())
        found.count += len(rows)
        found.shown += [(before + int(row), reason(int(row))) for row in rows[: SHOWN - len(found.shown)]]
        if self._count() > MAX_COUNTED:
            self.refuse()

    def match(self, values: Sequence[str | None], pattern: re.Pattern[str], reason: str) -> None:
        """Add the values that do not match `pattern`; `reason` has a `{}` for the value."""
        rows = [row for row, value in enumerate(values) if value is not None and not pattern.fullmatch(value)]
        self.add(reason.format("…"), rows, lambda row: reason.format(repr(values[row])))

    def refuse(self) -> None:
        """LoadError with all that was added; nothing without."""
        if not self._mistakes:
            return
        shown = sorted(entry for mistake in self._mistakes.values() for entry in mistake.shown)
        count = self._count()
        if count == 1:
            raise self._files.error(*shown[0])
        lines = [f"{self._files.where(row)}: {reason}." for row, reason in shown]
        for name, mistake in self._mistakes.items():
            if mistake.count > len(mistake.shown):
                lines.append(f"… and {mistake.count - len(mistake.shown):,} more rows: {name}.")
        first = f"{count:,} rows of {self._files.name} are broken" + (" so far:" if count > MAX_COUNTED else ":")
        raise LoadError("\n".join([first, *lines, "Nothing was changed."]))

    def _count(self) -> int:
        return sum(mistake.count for mistake in self._mistakes.values())
