"""Factor reports in PostgreSQL: each is stored once for its owner, by what it was computed from."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

from services.api.backtests.serialize import instant
from services.api.context import AppContext, RequestContext
from services.api.errors import not_found
from services.api.ids import new_id
from shared.contracts import queries
from shared.contracts.http import LATEST
from shared.infra.database.sql import statements
from shared.model.request import request_from_json
from shared.research.factor_reports.request import DIGEST_VERSION, FactorReportBody
from shared.settings import MIB
from shared.simulation import ENGINE_VERSION
from shared.simulation.result.storage import pack_json, unpack

SQL = statements("factor_report")
MAX_REPORTS: Final = 1_000
"""Stored reports of an owner; a new one replaces the oldest."""
MAX_BYTES: Final = 64 * MIB
"""Compressed bytes of the stored reports of an owner, above which the oldest are deleted."""

Row = Any
"""A row of `factor_report`, an asyncpg.Record."""


def query_digest(query: queries.FactorReport) -> str:
    """Return the SHA-256 (hex) of everything that a report follows from."""
    content = [queries.payload_of(query), ENGINE_VERSION, DIGEST_VERSION]
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def find_equal(app: AppContext, owner: str, query: queries.FactorReport) -> Row | None:
    """Return the stored report of a query."""
    async with app.database.connection() as connection:
        return await connection.fetchrow(SQL["select_equal_report"], owner, query_digest(query))


async def store_report(
    app: AppContext, owner: str, query: queries.FactorReport, body: FactorReportBody, answer: bytes,
    *, most: int = MAX_REPORTS, most_bytes: int = MAX_BYTES,
) -> Row:  # fmt: skip
    """Store the answer of a simulator to a query; return its row, that of another request which was faster."""
    report = orjson.loads(answer)
    universe = request_from_json(query.request).strategy.universe
    request = {name: value for name, value in msgspec.to_builtins(body).items() if name != "research"} | {
        "factor": report["factor"], "universe": msgspec.to_builtins(universe), "controls": query.controls,
        "horizons": query.horizons, "breakdowns": query.breakdowns, "dataset": query.version,
    }  # fmt: skip
    packed = await asyncio.to_thread(pack_json, answer)
    texts = (orjson.dumps(value).decode() for value in (queries.payload_of(query), request))
    async with app.database.transaction() as connection:
        await connection.execute(
            SQL["insert_report"], new_id(), owner, query_digest(query), *texts, report["factor"], query.version,
            ENGINE_VERSION, report["digest"], orjson.dumps(_summary(report)).decode(), packed,
        )  # fmt: skip
        row = await connection.fetchrow(SQL["select_equal_report"], owner, query_digest(query))
        await connection.execute(SQL["drop_old_reports"], owner, most, most_bytes)
    return row


def _summary(report: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "window": report["window"],
        "horizons": [
            {"horizon": of["horizon"], "rank_ic": of["rank_ic"]["mean"], "t": of["rank_ic"]["t"]}
            for of in report["horizons"]
        ],
    }


async def find_report(app: AppContext, call: RequestContext) -> Row:
    """Return the caller's report that the path names (`latest`: the newest); raise a 404 without one."""
    text, owner = call.request.match_info["id"], call.caller.owner
    async with app.database.connection() as connection:
        if text == LATEST:
            row = await connection.fetchrow(SQL["select_newest_report"], owner)
        else:
            row = await connection.fetchrow(SQL["select_report"], parse_report_id(text), owner)
    if row is None:
        raise not_found("factor_report_not_found")
    return row


def parse_report_id(text: str) -> uuid.UUID:
    """Return the id of a path; raise a 404 for a text that is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise not_found("factor_report_not_found") from None


def report_head(row: Row) -> dict[str, Any]:
    """Return the JSON of a report in a list."""
    return {
        "id": str(row["id"]), "factor": row["factor"], "dataset_version": row["dataset_version"],
        "engine_version": row["engine_version"], "digest": row["digest"], "created_at": instant(row["created_at"]),
        **orjson.loads(row["summary"]),
    }  # fmt: skip


async def report_document(row: Row, recorded: Mapping[str, Any] | None = None) -> bytes:
    """Return the JSON of a report, with the trials that its request has `recorded`; raise DatasetError when the stored
    bytes are damaged."""
    report = orjson.loads(await asyncio.to_thread(unpack, bytes(row["report"])))
    head = {
        "id": str(row["id"]), "created_at": instant(row["created_at"]), "engine_version": row["engine_version"],
        "request": orjson.loads(row["request"]), "recorded": recorded,
    }  # fmt: skip
    return orjson.dumps(head | report)
