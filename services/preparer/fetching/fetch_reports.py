"""Fetch what companies report: filing lists, statements, originals of corrected reports, dividends, record dates."""

from __future__ import annotations

from services.preparer.fetching import dart, kis, plan
from services.preparer.fetching.dart import Report
from services.preparer.fetching.dart_market import payers, stored_filings
from services.preparer.fetching.dart_reports import reports_of
from services.preparer.fetching.run import Run
from shared.model.calendar import SEOUL

ANNUAL = "11011"


async def fetch_filings(run: Run, window: plan.Window) -> None:
    """Request the filing lists of a window, and once a month the codes of corporations."""
    client = run.sources.dart
    assert client is not None  # noqa: S101 - only called with the source
    now = run.clock.now()
    today = now.astimezone(SEOUL).date()
    if not run.store.has(client.corporations(today)):
        await run.calls("filing lists", [today], client.fetch_corporations)
    spans = dart.list_spans(window.first, window.last, today)
    await run.calls("filing lists", [s for s in spans if client.is_list_wanted(s, now)], client.fetch_list)


def reports_in(run: Run, window: plan.Window) -> list[Report]:
    """Return the reports whose newest filing is in a window, newest first."""
    reports, strange = reports_of(stored_filings(run.store))
    note = f"{strange:,} filings of periods that are no quarter of the company's fiscal year are left out"
    if strange and note not in run.report.notes:
        run.report.notes.append(note)
    return [report for report in reports if window.first <= report.filed_on <= window.last]


async def fetch_statements(run: Run, window: plan.Window) -> None:
    """Request the statements of the reports of a window, then the filings that were corrected later."""
    client = run.sources.dart
    assert client is not None  # noqa: S101 - only called with the source
    now = run.clock.now()
    reports = reports_in(run, window)
    wanted = [report for report in reports if client.is_statement_wanted(report, now)]
    await run.calls("statements", wanted, client.fetch_statement)
    originals = [(report, receipt) for report in reports for receipt in client.missing_filings(report)]

    async def fetch_original(item: tuple[Report, str]) -> None:
        await client.fetch_filing(*item)

    await run.calls("corrected reports", originals, fetch_original)


async def fetch_dividends(run: Run, window: plan.Window) -> None:
    """Request record dates where a key is given; else the dividends of reports, interim ones of payers only."""
    broker, client = run.sources.kis, run.sources.dart
    now = run.clock.now()
    if broker is not None and run.has(kis.SOURCE):
        months = [m for m in kis.months(window.first, window.last) if broker.is_wanted(m, now)]
        await run.guarded(kis.SOURCE, run.calls("record dates", months, broker.fetch))
    if broker is None and client is not None and run.has(dart.SOURCE):
        await run.guarded(dart.SOURCE, _fetch_stated(run, client, window))


async def _fetch_stated(run: Run, client: dart.Dart, window: plan.Window) -> None:
    now = run.clock.now()
    wanted = [report for report in reports_in(run, window) if client.is_dividend_wanted(report, now)]
    annual = [report for report in wanted if report.code == ANNUAL]
    await run.calls("dividends", annual, client.fetch_dividends)
    paying = payers(run.store)
    interim = [report for report in wanted if report.code != ANNUAL and report.corp_code in paying]
    await run.calls("dividends", interim, client.fetch_dividends)
