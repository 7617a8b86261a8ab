"""The scheduled fetch: what is new since the last loaded day is fetched, checked and loaded.

Only days with the prices of both markets and a plausible number of stocks are loaded, and the load refuses what the
quality rules refuse; a rejected or incomplete fetch changes nothing and is repeated by the next scheduled run.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import pathlib
import shutil
import tempfile
from dataclasses import dataclass
from typing import Final, Literal

import orjson
import structlog

from services.preparer.fetching import krx
from services.preparer.fetching.fetch import fetch
from services.preparer.fetching.market import Written, write_recent, write_reports
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.run import FetchReport, Options, Run
from services.preparer.fetching.source import Clock
from services.preparer.fetching.sources import open_sources
from services.preparer.loading.load import load_market
from services.preparer.loading.refusals import Refusals
from shared.contracts.events import MarketLoaded
from shared.errors import LoadError, SetupError
from shared.infra import metrics
from shared.infra.database.pool import lone_connection
from shared.infra.database.sql import statements
from shared.infra.market_tables import read_days
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import append
from shared.model.calendar import SEOUL, from_day
from shared.settings import Settings

log = structlog.get_logger()

Job = Literal["fetch", "filings"]
Outcome = Literal["loaded", "unchanged", "waiting", "incomplete", "rejected", "failed"]

KINDS: Final[dict[Job, frozenset[str]]] = {
    "fetch": frozenset({"prices"}), "filings": frozenset({"prices", "statements", "dividends"}),
}  # fmt: skip
LEAST_DAYS: Final = 14
"""Days before the newest one that are fetched when nothing is stored, so that corrections and splits are seen."""
MOST_DAYS: Final = 370
"""A longer gap is left to `ondol fetch`."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What the database has: the last trading day, and all stock codes."""

    last_day: dt.date
    codes: frozenset[str]


class DailyFetch:
    """Runs the scheduled jobs one after the other; its folder is that of `ondol fetch`."""

    def __init__(
        self, settings: Settings, broker: BrokerClient, directory: pathlib.Path, clock: Clock | None = None
    ) -> None:
        self._settings = settings
        self._broker = broker
        self._directory = directory
        self._clock = clock or Clock()
        self._running = asyncio.Lock()
        self._state = directory / "raw" / "scheduled.json"

    def restore_metrics(self) -> None:
        """Set the times of the last successes, which an earlier process has written, else the time of now."""
        successes = self._successes()
        for job in KINDS:
            metrics.FETCH_LAST_SUCCESS.labels(job).set(successes.get(job, self._clock.now().timestamp()))

    def today(self) -> dt.date:
        """Return the date in Seoul."""
        return self._clock.now().astimezone(SEOUL).date()

    async def run(self, job: Job) -> Outcome:
        """Run a job: fetch, check, load; return the outcome, which is logged and counted."""
        async with self._running:
            try:
                outcome = await self._run(job)
            except (LoadError, SetupError) as error:
                outcome = "rejected" if isinstance(error, LoadError) else "failed"
                log.error(f"fetch.{outcome}", job=job, error=str(error))
            except Exception:
                metrics.FETCH_RUNS.labels(job, "failed").inc()
                raise
        metrics.FETCH_RUNS.labels(job, outcome).inc()
        if outcome in ("loaded", "unchanged"):
            self._record_success(job)
        return outcome

    async def _run(self, job: Job) -> Outcome:
        loaded = await self._read_loaded()
        if loaded is None:
            log.info("fetch.skipped", job=job, reason="no market is loaded: run ondol fetch DIR, then ondol load DIR")
            return "waiting"
        now = self._clock.now()
        newest = krx.last_published(now)
        first = max(min(loaded.last_day, newest - dt.timedelta(days=LEAST_DAYS)), newest - dt.timedelta(days=MOST_DAYS))
        kinds = KINDS[job] - ({"prices"} if not self._settings.krx_key else set())
        store = RawStore(self._directory)
        with store.locked():
            report = await self._fetch(store, Options(first=first, last=newest, kinds=kinds))
            return await self._load(job, store, report, loaded, first, newest)

    async def _fetch(self, store: RawStore, options: Options) -> FetchReport:
        report = FetchReport(directory=str(self._directory))
        async with open_sources(self._settings, store, self._clock) as sources:
            run = Run(
                directory=self._directory, store=store, sources=sources, clock=self._clock, report=report,
                progress=lambda *_: None, usable=lambda _: None, writes=False,
            )  # fmt: skip
            await fetch(run, options)
        for source, reason in report.stopped.items():
            log.warning("source.stopped", source=source, reason=reason)
        for place in report.corrected:
            log.info("prices.corrected", place=place)
        return report

    async def _load(  # noqa: PLR0917
        self, job: Job, store: RawStore, report: FetchReport, loaded: Loaded, first: dt.date, newest: dt.date
    ) -> Outcome:
        folder = pathlib.Path(tempfile.mkdtemp(prefix=".load-", dir=self._directory))
        try:
            written = await asyncio.to_thread(self._write, job, store, folder, loaded, first, newest)
            revision = None
            if written.rows:
                found = await load_market(folder, self._settings.database_url or "", refusals=Refusals())
                revision = found.revision
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if revision is not None:
            await asyncio.shield(append(self._broker, MarketLoaded(revision=revision)))
        last = written.last_day or loaded.last_day
        log.info(
            "fetch.completed", job=job, calls=report.calls, revision=revision, last_day=last.isoformat(),
            left_out=written.left_out or None, corrected=len(report.corrected), failed=report.failed or None,
        )  # fmt: skip
        if report.stopped or report.failed:
            return "incomplete"
        if job == "fetch" and last < newest:
            return "waiting"
        return "unchanged" if revision is None else "loaded"

    def _write(  # noqa: PLR0917
        self, job: Job, store: RawStore, folder: pathlib.Path, loaded: Loaded, first: dt.date, newest: dt.date
    ) -> Written:
        """Write the recent days, and for filings all statements and dividends of loaded stocks, into `folder`."""
        written = write_recent(store, folder, (newest - first).days)
        if job == "filings":
            # ex-dates follow from the holiday table: the folder has the last days only
            write_reports(store, folder, (), written, codes=loaded.codes, approximate=False)
        return written

    async def _read_loaded(self) -> Loaded | None:
        async with lone_connection(self._settings.database_url or "") as connection:
            days = await read_days(connection)
            rows = await connection.fetch(statements("load")["known_instruments"])
        if not len(days):
            return None
        return Loaded(last_day=from_day(int(days[-1])), codes=frozenset(row["code"] for row in rows))

    def _successes(self) -> dict[str, float]:
        try:
            found: dict[str, float] = orjson.loads(self._state.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            return {}
        return found

    def _record_success(self, job: Job) -> None:
        at = self._clock.now().timestamp()
        metrics.FETCH_LAST_SUCCESS.labels(job).set(at)
        temporary = self._state.with_name(".scheduled.json.new")
        temporary.write_bytes(orjson.dumps({**self._successes(), job: at}))
        temporary.replace(self._state)
