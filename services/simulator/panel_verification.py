"""Verification of the mapped panels of a host, and what follows from damage: results are withdrawn, processes restart.

Values that were computed from damaged ones may be in other panels and in the memory of any simulator of the host, so
all of them end at once without storing more results, and begin with new panels.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import orjson
import structlog

from services.simulator.priority import SWEEP_NICE, lower_priority
from shared.contracts.http import problem_document
from shared.dataset.panel_files import PanelFiles
from shared.errors import UnavailableError
from shared.infra import metrics
from shared.infra.database.pool import LOST, Database
from shared.infra.database.sql import statements
from shared.messages import say

log = structlog.get_logger()

SQL = statements("backtest")
VERIFY_EVERY_S = 30.0
"""Pause after a verification; one reads about a gigabyte in a second of one core."""
POLL_S = 0.5
DAMAGED = {**problem_document(500, "run-failed", say("damaged_panels")), "kind": "damaged_panels"}


async def verify_forever(files: PanelFiles, database: Database) -> None:
    """Task: verify the panels; end the process when some are damaged, whichever process has found it."""
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
                    await withdraw_results(database, since)
                    await asyncio.sleep(2 * POLL_S)  # until every other simulator has ended
                    await withdraw_results(database, since)
                    _end()
        finally:
            stopped = True


async def withdraw_results(database: Database, since: float) -> None:
    """Fail the computations that have completed since a time; repeat it until PostgreSQL has done so."""
    while True:
        try:
            async with database.connection() as connection:
                rows = await connection.fetch(SQL["withdraw_results"], since, orjson.dumps(DAMAGED).decode())
        except (*LOST, UnavailableError, asyncpg.OperatorInterventionError) as error:
            log.warning("database.unavailable", error=type(error).__name__)
            await asyncio.sleep(POLL_S)
        else:
            metrics.RESULTS_WITHDRAWN.inc(len(rows))
            log.error("results.withdrawn", rows=len(rows))
            return


def _end() -> None:
    """End the process at once: a result that is being computed must not be stored."""
    log.error("simulator.ended", reason="damaged panels")
    os._exit(1)
