"""The quality report of the stored market: computed part by part after a load, kept by data revision."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import asyncpg

from services.preparer.part_inputs import Array, market_rows, ticks_of
from shared.dataset.derive import derive_rows
from shared.infra import market_tables
from shared.infra.quality_reports import store_report
from shared.model.fields import PART
from shared.model.instruments import Instruments
from shared.model.market_data import Listings
from shared.quality.price_checks import PricePart, check_prices
from shared.quality.report import Finding, QualityReport, merged
from shared.quality.statement_checks import check_statements


async def make_report(connection: asyncpg.Connection, revision: int) -> QualityReport:
    """Check everything that is stored, keep the report for this revision, and return it."""
    instruments = await market_tables.read_instruments(connection)
    listings = await market_tables.read_listings(connection)
    days = await market_tables.read_days(connection)
    findings: list[Finding] = []
    for first in range(0, len(instruments), PART):
        columns = slice(first, min(first + PART, len(instruments)))
        members, entries = _cut(instruments, columns), listings.of_columns(columns)
        found = await market_tables.read_statements(connection, columns.start, columns.stop)
        findings += await asyncio.to_thread(check_statements, found, instruments.code)
        if len(days):
            prices = await market_tables.read_prices(connection, days, columns.start, columns.stop)
            findings += await asyncio.to_thread(_check_prices, days, members, entries, prices)
    report = QualityReport(revision=revision, findings=merged(findings))
    await store_report(connection, report)
    return report


def _check_prices(days: Array, members: Instruments, listings: Listings, prices: Mapping[str, Array]) -> list[Finding]:
    delisted = members.delisted_day
    derived = derive_rows(days, delisted, prices, ticks_of(members, listings))
    part = PricePart(
        days=days, codes=members.code, delisted_day=delisted, market=market_rows(days, members, listings),
        prices=prices, last=derived["last"], split=derived["split"], idle=derived["idle"],
    )  # fmt: skip
    return check_prices(part)


def _cut(instruments: Instruments, columns: slice) -> Instruments:
    return Instruments(**{name: getattr(instruments, name)[columns] for name in Instruments.__struct_fields__})
