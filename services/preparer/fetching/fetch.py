"""Fetch a market: window after window, newest first, so that the newest year is usable while older ones arrive."""

from __future__ import annotations

import datetime as dt
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from services.preparer.fetching import krx, plan
from services.preparer.fetching.calls import run_calls
from services.preparer.fetching.krx import Call, KrxAnswers
from services.preparer.fetching.krx_market import YearCache, base_rows
from services.preparer.fetching.market import Written, write_market
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.source import Clock
from services.preparer.fetching.sources import Sources
from shared.market_files.answers import AnswerError

Progress = Callable[[str, int, int | None], None]
"""Called with (what is being done, how much is done, of how much or None)."""

KINDS = ("prices",)
"""What can be fetched (`--only`)."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which days and kinds are fetched; `recheck` requests all prices of the last days again."""

    first: dt.date
    last: dt.date
    kinds: frozenset[str] = frozenset(KINDS)
    recheck: bool = False


@dataclass(kw_only=True)
class FetchReport:
    """What a run did: calls by source, corrected answers, why a source stopped early, and the written files."""

    directory: str
    calls: dict[str, int] = field(default_factory=dict)
    used_today: dict[str, int] = field(default_factory=dict)
    corrected: list[str] = field(default_factory=list)
    stopped: dict[str, str] = field(default_factory=dict)
    written: Written = field(default_factory=Written)

    @property
    def complete(self) -> bool:
        """Every source answered everything that was asked."""
        return not self.stopped


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
    done: int = 0
    total: int = 0

    def advance(self) -> None:
        """Count an answer."""
        self.done += 1
        self.progress("answers", self.done, max(self.total, self.done))

    def write(self) -> None:
        """Write the files of what is stored."""
        self.report.written = write_market(self.store, self.directory)
        self.usable(self.report.written)


async def fetch(run: Run, options: Options) -> FetchReport:
    """Request what the range lacks, and write the files after each window; errors of a source end this source only."""
    windows = list(plan.windows(max(options.first, krx.FIRST_DAY), options.last))
    answers = KrxAnswers(run.store)
    now = run.clock.now()
    run.total = planned_calls(run, options) if "prices" in options.kinds else 0
    if run.sources.krx is not None and "prices" in options.kinds:
        await _guarded(run, krx.SOURCE, _recheck_prices(run, answers, options))
    for window in windows:
        before = run.done
        if run.sources.krx is not None and "prices" in options.kinds and krx.SOURCE not in run.report.stopped:
            await _guarded(run, krx.SOURCE, _fetch_prices(run, answers, window, now))
        if run.done > before:
            run.write()
    if not run.report.written.rows:
        run.write()
    for source in run.sources.all:
        run.report.calls[source.name] = source.calls
        run.report.used_today[source.name] = run.sources.quota.used(source.name)
    return run.report


def planned_calls(run: Run, options: Options) -> int:
    """Return how many calls of the exchange's API the range needs, about: base information is known only afterwards."""
    window = plan.Window(first=max(options.first, krx.FIRST_DAY), last=options.last)
    answers, now = KrxAnswers(run.store), run.clock.now()
    limit = None if options.recheck else plan.RECHECK_CALLS
    calls = plan.daily_calls(answers, window, now) + plan.recheck_calls(answers, options.last, now, limit)
    months = len({(call.day.year, call.day.month) for call in calls})
    return len(calls) + months * len(krx.BASE_INFORMATION)


async def _guarded(run: Run, source: str, work: object) -> None:
    try:
        await work  # type: ignore[misc]
    except AnswerError as error:
        run.report.stopped[source] = str(error)


async def _fetch_prices(run: Run, answers: KrxAnswers, window: plan.Window, now: dt.datetime) -> None:
    """Request prices and indices of a window, then the base information that its months and new stocks need."""
    client = run.sources.krx
    assert client is not None  # noqa: S101 - only called with the source
    await run_calls(plan.daily_calls(answers, window, now), client.fetch, run.advance)
    await run_calls(plan.base_calls(answers, window), client.fetch, run.advance)
    years = YearCache(run.store).years()
    if years:
        seen = pl.concat([year.seen for year in years])
        known = set(base_rows(answers)["stock_code"])
        await run_calls(plan.unknown_calls(answers, seen, known, window), client.fetch, run.advance)


async def _recheck_prices(run: Run, answers: KrxAnswers, options: Options) -> None:
    """Request stored prices of the last days again, and report those that the exchange has corrected."""
    client = run.sources.krx
    assert client is not None  # noqa: S101 - only called with the source
    limit = None if options.recheck else plan.RECHECK_CALLS
    last = options.last

    async def recheck(call: Call) -> None:
        if await client.fetch(call):
            run.report.corrected.append(f"{call.service.market} {call.day.isoformat()}")

    now = run.clock.now()
    left_out = [day for year in YearCache(run.store).years() for day in year.days.left_out if day <= last]
    again = plan.left_out_calls(answers, left_out, now)
    await run_calls(dict.fromkeys([*again, *plan.recheck_calls(answers, last, now, limit)]), recheck, run.advance)
