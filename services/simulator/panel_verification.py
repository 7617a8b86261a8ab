"""Verification of the mapped panels of a host, and what follows from damage: results are withdrawn, processes restart.

Values that were computed from damaged ones may be in other panels and in the memory of any simulator of the host, so
all of them end at once without storing more results, and begin with new panels. What was computed since the last
verification is withdrawn: backtests fail, sweeps and walk-forwards begin anew, their trials leave the ledger, stored
factor reports are deleted, answers leave the cache, selections of the day are replaced by the reason, and paper
accounts get back what they had before their damaged steps.
"""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

import orjson
import structlog

from services.simulator.account_withdrawal import Row, until_done, withdraw_steps
from services.simulator.job import Context
from services.simulator.priority import SWEEP_NICE, lower_priority
from shared.contracts.events import SweepChanged
from shared.contracts.http import problem_document
from shared.infra import metrics
from shared.infra.database.pool import Database
from shared.infra.database.sql import statements
from shared.infra.redis.cache import Cache
from shared.infra.redis.client import LOST as REDIS_LOST
from shared.infra.redis.connection import BrokerClient
from shared.infra.redis.streams import append
from shared.infra.research_ledger import Connection
from shared.messages import say

log = structlog.get_logger()

SQL = statements("backtest")
SWEEP_SQL = statements("sweep")
LEDGER_SQL = statements("research")
REPORT_SQL = statements("factor_report")
WARM_SQL = statements("warm")
VERIFY_EVERY_S = 30.0
"""Pause after a verification; one reads about a gigabyte in a second of one core."""
POLL_S = 0.5
RECORDED_LATER_S = 60
"""How long after its end the trial of a backtest is recorded, at most, unless the api was away."""
ANSWERS_LIVE_S = 600.0
"""Lifetime of answers in the cache: while it cannot be reached for so long, they need not be deleted any more."""
DAMAGED = {**problem_document(500, "run-failed", say("damaged_panels")), "kind": "damaged_panels"}


async def verify_forever(context: Context) -> None:
    """Task: verify the panels; end the process when some are damaged, whichever process has found it."""
    files = context.panel_store.files
    known = files.damaged_at()
    stopped = False
    with ThreadPoolExecutor(1, "verify", initializer=lower_priority, initargs=(SWEEP_NICE,)) as pool:
        try:
            while True:
                for _ in range(int(VERIFY_EVERY_S / POLL_S)):
                    await asyncio.sleep(POLL_S)
                    if files.damaged_at() != known:
                        _end()
                since = files.verified_since()
                damaged = await asyncio.get_running_loop().run_in_executor(pool, files.find_damaged, lambda: stopped)
                if damaged:
                    metrics.PANELS_DAMAGED.inc(len(damaged))
                    log.error("panels.damaged", files=len(damaged), since=since, first=damaged[:5])
                    await _withdraw(context, since)
                    await asyncio.sleep(2 * POLL_S)  # until every other simulator has ended
                    await _withdraw(context, since)
                    _end()
        finally:
            stopped = True


async def _withdraw(context: Context, since: float) -> None:
    sweeps = await withdraw_results(context.database, since)
    await withdraw_answers(context.cache, context.panel_store.files.answers_since(since))
    await withdraw_steps(context.database, context.broker, since)  # last: steps may have read these answers
    await announce(context.broker, sweeps)


async def withdraw_results(database: Database, since: float) -> list[tuple[str, str]]:
    """Withdraw what is stored of computations since a time; repeat it until PostgreSQL has done so.

    Return (id, status) of the sweeps and walk-forwards that begin anew.
    """

    async def withdraw(connection: Connection) -> tuple[list[Row], ...]:
        await connection.execute(SQL["lock_withdrawal"])
        rows = await connection.fetch(SQL["withdraw_results"], since, orjson.dumps(DAMAGED).decode())
        sweeps = await connection.fetch(SWEEP_SQL["withdraw_sweeps"], since)
        lines = await connection.fetch(LEDGER_SQL["withdraw_trials"], since)
        await connection.execute(LEDGER_SQL["record_again"], since, RECORDED_LATER_S)
        reports = await connection.fetch(REPORT_SQL["withdraw_reports"], since)
        selections = await connection.fetch(WARM_SQL["withdraw_selections"], since, say("damaged_selection"))
        return rows, sweeps, lines, reports, selections

    rows, sweeps, lines, reports, selections = await until_done(database, withdraw)
    metrics.RESULTS_WITHDRAWN.inc(len(rows) + len(sweeps) + len(reports) + len(selections))
    log.error(
        "results.withdrawn", rows=len(rows), sweeps=len(sweeps), reports=len(reports),
        selections=len(selections), trials=sum(line["trials"] for line in lines),
    )  # fmt: skip
    return [(str(row["id"]), row["status"]) for row in sweeps]


async def withdraw_answers(cache: Cache, names: set[str]) -> None:
    """Delete answers from the cache; repeat it until the cache has done so, or they have expired."""
    expired = time.monotonic() + ANSWERS_LIVE_S
    while not await cache.forget_results(names) and time.monotonic() < expired:
        log.warning("cache.unavailable", answers=len(names))
        await asyncio.sleep(POLL_S)
    log.error("answers.withdrawn", answers=len(names))


async def announce(broker: BrokerClient, sweeps: list[tuple[str, str]]) -> None:
    """Publish that sweeps have begun anew; simulators and readers look into PostgreSQL every second besides."""
    for sweep, status in sweeps:
        try:
            await append(broker, SweepChanged(sweep_id=sweep, status=status, parts_done=0))
        except REDIS_LOST as error:
            log.warning("broker.disconnected", error=type(error).__name__)


def _end() -> None:
    """End the process at once: a result that is being computed must not be stored."""
    log.error("simulator.ended", reason="damaged panels")
    os._exit(1)
