"""Fetch a market: window after window, newest first, so that the newest year is usable while older ones arrive."""

from __future__ import annotations

import datetime as dt

from services.preparer.fetching import dart, fetch_reports, krx, plan
from services.preparer.fetching.krx import Call, KrxAnswers
from services.preparer.fetching.krx_market import YearCache, base_rows, seen_in
from services.preparer.fetching.market import write_market
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.run import FetchReport, Options, Run
from shared.model.calendar import SEOUL


async def fetch(run: Run, options: Options) -> FetchReport:
    """Request what the range lacks, and write the files after each window; errors of a source end this source only."""
    answers = KrxAnswers(run.store)
    now = run.clock.now()
    today = now.astimezone(SEOUL).date()
    newest = options.last == krx.last_published(now)
    _note_absent_keys(run, options)
    if run.has("krx") and "prices" in options.kinds:
        run.expect("prices", planned_calls(run.store, options, now))
        await run.guarded(krx.SOURCE, _recheck_prices(run, answers, options))
    written = -1
    for window in plan.windows(max(options.first, krx.FIRST_DAY), options.last):
        if run.has("krx") and "prices" in options.kinds:
            await run.guarded(krx.SOURCE, _fetch_prices(run, answers, window, now))
        if run.answers > max(written, 0):
            written = write(run, options)
        # filings of the days since the newest published prices belong to the newest window
        reported = plan.Window(first=window.first, last=today) if newest and window.last == options.last else window
        await _fetch_reports(run, reported, options)
        if run.answers > max(written, 0):
            written = write(run, options)
    if options.earlier_reports:
        for window in plan.earlier_windows(options.first):
            await _fetch_reports(run, window, options)
            if run.answers > max(written, 0):
                written = write(run, options)
    if written < 0:
        write(run, options)
    if run.sources.krx is not None and "krx" not in run.report.stopped:
        run.report.failed += run.sources.krx.not_approved.values()
    for source in run.sources.all:
        run.report.calls[source.name] = source.calls
        run.report.used_today[source.name] = run.sources.quota.used(source.name)
    return run.report


def write(run: Run, options: Options) -> int:
    """Write the files of what is stored; return how many answers the run has received until now."""
    if run.writes:
        run.report.written = write_market(run.store, run.directory, approximate=options.approximate)
        run.usable(run.report.written)
    return run.answers


def planned_calls(store: RawStore, options: Options, now: dt.datetime) -> int:
    """Return how many calls of the exchange's API the range needs, about: base information is known only afterwards."""
    window = plan.Window(first=max(options.first, krx.FIRST_DAY), last=options.last)
    answers = KrxAnswers(store)
    limit = None if options.recheck else plan.RECHECK_CALLS
    calls = plan.daily_calls(answers, window, now) + plan.recheck_calls(answers, options.last, now, limit)
    months = len({(call.day.year, call.day.month) for call in calls})
    return len(calls) + months * len(krx.BASE_INFORMATION)


async def _fetch_reports(run: Run, window: plan.Window, options: Options) -> None:
    """Request the filings of a window, their statements, and dividends."""
    if window.last < dart.FIRST_DAY:
        return
    window = plan.Window(first=max(window.first, dart.FIRST_DAY), last=window.last)
    if run.has("dart") and options.kinds & {"statements", "dividends"}:
        await run.guarded(dart.SOURCE, fetch_reports.fetch_filings(run, window))
    if run.has("dart") and "statements" in options.kinds:
        await run.guarded(dart.SOURCE, fetch_reports.fetch_statements(run, window))
    if "dividends" in options.kinds:
        await fetch_reports.fetch_dividends(run, window)


def _note_absent_keys(run: Run, options: Options) -> None:
    absent = {
        "prices": (run.sources.krx, "no prices: ONDOL_KRX_KEY is not set"),
        "statements": (run.sources.dart, "no statements: ONDOL_DART_KEY is not set"),
        "dividends": (
            run.sources.kis, "record dates of dividends: ONDOL_KIS_KEY and ONDOL_KIS_SECRET are not set; reports state "
            "none, so their dividends have approximate ex-dates",
        ),
    }  # fmt: skip
    run.report.notes += [text for kind, (source, text) in absent.items() if kind in options.kinds and source is None]


async def _fetch_prices(run: Run, answers: KrxAnswers, window: plan.Window, now: dt.datetime) -> None:
    """Request prices and indices of a window, then the base information that its months and new stocks need."""
    client = run.sources.krx
    assert client is not None  # noqa: S101 - only called with the source
    await run.calls("prices", plan.daily_calls(answers, window, now), client.fetch)
    await run.calls("prices", plan.base_calls(answers, window), client.fetch)
    seen = seen_in(YearCache(run.store).years())
    if not seen.is_empty():
        known = set(base_rows(answers)["stock_code"])
        await run.calls("prices", plan.unknown_calls(answers, seen, known, window), client.fetch)


async def _recheck_prices(run: Run, answers: KrxAnswers, options: Options) -> None:
    """Request stored prices of the last days again, and report those that the exchange has corrected."""
    client = run.sources.krx
    assert client is not None  # noqa: S101 - only called with the source
    limit = None if options.recheck else plan.RECHECK_CALLS

    async def recheck(call: Call) -> None:
        if await client.fetch(call):
            run.report.corrected.append(f"{call.service.market} {call.day.isoformat()}")

    now = run.clock.now()
    left_out = [day for year in YearCache(run.store).years() for day in year.days.left_out if day <= options.last]
    again = plan.left_out_calls(answers, left_out, now)
    rechecked = plan.recheck_calls(answers, options.last, now, limit)
    await run.calls("prices", dict.fromkeys([*again, *rechecked]), recheck)
