"""Calls of each source per day in Seoul, counted on disk before they are made."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Callable
from dataclasses import dataclass

import orjson

from shared.market_files.answers import QuotaExceededError
from shared.model.calendar import SEOUL

KEPT_DAYS = 31


class Quota:
    """The counts in `quota.json`: day -> source -> calls. One process at a time writes them (see RawStore.locked)."""

    def __init__(self, path: pathlib.Path, now: Callable[[], dt.datetime]) -> None:
        self._path = path
        self._now = now
        try:
            self._counts: dict[str, dict[str, int]] = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            self._counts = {}

    def today(self) -> str:
        """Return the day in Seoul."""
        return self._now().astimezone(SEOUL).date().isoformat()

    def used(self, source: str) -> int:
        """Return the calls of a source today."""
        return self._counts.get(self.today(), {}).get(source, 0)

    def count(self, source: str, limit: int) -> None:
        """Count one call; QuotaExceededError, without counting, when the limit of the day is reached."""
        today, used = self.today(), self.used(source)
        if used >= limit:
            raise QuotaExceededError(
                f"the {limit:,} calls of today ({today} in Seoul) are used; run the command again tomorrow, and it "
                "continues where it stopped"
            )
        self._counts.setdefault(today, {})[source] = used + 1
        for day in sorted(self._counts)[:-KEPT_DAYS]:
            del self._counts[day]
        self._write()

    def exhaust(self, source: str, limit: int) -> None:
        """Record that the source refuses further calls today."""
        self._counts.setdefault(self.today(), {})[source] = max(limit, self.used(source))
        self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f".{self._path.name}.new")
        temporary.write_bytes(orjson.dumps(self._counts, option=orjson.OPT_INDENT_2))
        temporary.replace(self._path)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limit of a source: calls per day in Seoul, and the least time between two calls in seconds."""

    daily_calls: int
    pace_s: float
