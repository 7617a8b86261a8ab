"""Answers that are a table in the format that the query names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace

from aiohttp import web

from services.api.context import AppContext, RequestContext
from services.api.errors import invalid
from services.api.http.streaming import send, send_iterator
from services.api.schemas.requests import TableQuery
from services.api.tables.child_process import file_of
from services.api.tables.csv_writer import csv_pieces
from services.api.tables.table import Table
from shared.errors import Problem
from shared.messages import say

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PARQUET = "application/vnd.apache.parquet"
MEDIA_TYPES = (CSV, XLSX, PARQUET)
"""Media types of a table besides JSON."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def check_format(query: TableQuery) -> None:
    """Raise a 422 for `excel=true` with a format that has no variant for Excel."""
    if query.excel and query.format != "csv":
        raise invalid([Problem(path="excel", message=say("excel_needs_csv"))])


async def send_table(
    app: AppContext, call: RequestContext, table: Table, *, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    """Send a table as the file that `format` of the query names: csv, xlsx or parquet.

    What it computes counts in the share of the caller. XLSX and Parquet files of one owner are made one after another.
    """
    query: TableQuery = call.query
    check_format(query)
    owner = call.caller.owner
    name = _UNSAFE.sub("_", table.name)
    disposition = {"Content-Disposition": f'attachment; filename="{name}.{query.format}"'}
    further = {**(headers or {}), **disposition}
    if query.format == "csv":
        pieces = app.computed.pieces(owner, csv_pieces(table, excel=query.excel))
        return await send_iterator(call.request, pieces, CSV, charset="utf-8", headers=further)
    async with app.file_turns.setdefault(owner, asyncio.Lock()):
        blocks = app.computed.pieces(owner, iter(table.blocks))
        body, spent = await file_of(replace(table, blocks=blocks), query.format)
        app.computed.add(owner, spent)
    return await send(call.request, [body], XLSX if query.format == "xlsx" else PARQUET, headers=further)
