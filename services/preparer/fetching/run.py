"""A run of a fetch: what is wanted, what it has done, and why a source stopped."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from services.preparer.fetching.calls import run_calls
from services.preparer.fetching.market import Written
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.source import Clock
from services.preparer.fetching.sources import Sources
from shared.market_files.answers import AnswerError

Progress = Callable[[str, int, int | None], None]
"""Called with (what is being done, how much is done, of how much or None)."""

KINDS = ("prices", "statements", "dividends")
"""What can be fetched (`--only`)."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which days and kinds are fetched.

    `recheck` requests all prices of the last days again; with `approximate`, dividends whose record date is not known
    count from the end of their period.
    """

    first: dt.date
    last: dt.date
    kinds: frozenset[str] = frozenset(KINDS)
    recheck: bool = False
    earlier_reports: bool = False
    """Fetch the filings of two years before the first day too."""
    approximate: bool = False


@dataclass(kw_only=True)
class FetchReport:
    """What a run did: calls by source, corrected answers, why a source stopped early, and the written files."""

    directory: str
    calls: dict[str, int] = field(default_factory=dict)
    used_today: dict[str, int] = field(default_factory=dict)
    corrected: list[str] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    """Answers that stayed damaged, and services without approval; a later run requests them again."""
    notes: list[str] = field(default_factory=list)
    written: Written = field(default_factory=Written)

    @property
    def complete(self) -> bool:
        """Every source answered everything that was asked."""
        return not self.stopped and not self.failed


@dataclass(kw_only=True)
class Run:
    """A run of `fetch`: `usable` is called after each time the files were written."""

    directory: pathlib.Path
    store: RawStore
    sources: Sources
    clock: Clock
    progress: Progress
    usable: Callable[[Written], None]
    report: FetchReport
    writes: bool = True
    """Write the files after each window; without it the caller writes what it needs."""
    answers: int = 0
    _counts: dict[str, list[int]] = field(default_factory=dict)

    def expect(self, what: str, count: int) -> None:
        """Add calls that are going to be made to the total of a kind of work."""
        self._counts.setdefault(what, [0, 0])[1] += count

    async def calls(self, what: str, items: Iterable[object], call: Callable[..., Awaitable[object]]) -> None:
        """Run calls and show the progress; calls beyond the expected ones raise the total."""
        waiting = list(items)
        counts = self._counts.setdefault(what, [0, 0])
        counts[1] = max(counts[1], counts[0] + len(waiting))

        def advance() -> None:
            counts[0] += 1
            self.answers += 1
            self.progress(what, *counts)

        self.report.failed += await run_calls(waiting, call, advance)

    async def guarded(self, source: str, work: Awaitable[None]) -> None:
        """Await the work of a source; an error of it ends this source for the run and is reported."""
        try:
            await work
        except AnswerError as error:
            self.report.stopped[source] = str(error)

    def has(self, source: str) -> bool:
        """Whether a source can be used: its key is set, and it has not stopped."""
        client = {"krx": self.sources.krx, "dart": self.sources.dart, "kis": self.sources.kis}[source]
        return client is not None and source not in self.report.stopped
