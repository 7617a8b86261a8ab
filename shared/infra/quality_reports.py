"""Quality reports as they are stored, by data revision."""

from __future__ import annotations

from typing import Any

import msgspec

from shared.infra.database.sql import statements
from shared.quality.report import QualityReport

_SQL = statements("quality")
_REPORTS = msgspec.json.Decoder(QualityReport)


async def read_report(connection: Any, revision: int | None = None) -> QualityReport | None:
    """Return the report of a revision, of the newest one without; None when there is none."""
    if revision is None:
        body = await connection.fetchval(_SQL["newest_report"])
    else:
        body = await connection.fetchval(_SQL["report_of"], revision)
    return None if body is None else _REPORTS.decode(body)


async def store_report(connection: Any, report: QualityReport) -> None:
    """Store the report of its revision."""
    await connection.execute(_SQL["store_report"], report.revision, msgspec.json.encode(report))
