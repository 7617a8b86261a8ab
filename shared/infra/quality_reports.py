"""Quality reports as they are stored, by data revision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from shared.infra.database.sql import statements
from shared.quality.report import QualityReport

_SQL = statements("quality")
_REPORTS = msgspec.json.Decoder(QualityReport)


async def read_report(connection: Any, revision: int | None = None) -> QualityReport | None:
    """Return the report of a revision, of the newest one without; None when there is none."""
    if revision is None:
        row = await connection.fetchrow(_SQL["newest_report"])
    else:
        row = await connection.fetchrow(_SQL["report_of"], revision)
    if row is None:
        return None
    # A revision that took others back has the report of the earlier data, which names the earlier revision.
    return replace(_REPORTS.decode(row["report"]), revision=row["revision"])


async def store_report(connection: Any, report: QualityReport) -> None:
    """Store the report of its revision."""
    await connection.execute(_SQL["store_report"], report.revision, msgspec.json.encode(report))
