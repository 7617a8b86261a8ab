"""Sweeps: submit, quote, show, list, cancel."""

from __future__ import annotations

import asyncio
import datetime as dt

from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem
from services.api.http.answers import json_response
from services.api.http.pagination import read_cursor, write_cursor
from services.api.http.request import wait_seconds
from services.api.localization import language_of
from services.api.research.record import deflated_returns
from services.api.schemas import sweep_responses
from services.api.schemas.sweep_requests import SweepQuery, SweepsQuery
from services.api.schemas.walk_forward_requests import WalkForwardsQuery
from services.api.sweeps.document import sweep_document, sweep_head
from services.api.sweeps.holdout import earlier_opening
from services.api.sweeps.row import NEWEST, SQL, Kind, SweepRow, find_sweep, parse_sweep_id, select_sweep
from services.api.sweeps.submit import Quote, insert_sweep, limit_problem, publish, read_sweep
from shared.messages import say
from shared.messages.message import MAX_WHOLE
from shared.research.sweeps.plan import digest_of
from shared.research.sweeps.request import SweepBody

POLL_S = 1.0
"""How often a waiting request looks into PostgreSQL when no message arrives."""


async def post_sweep(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/sweeps`."""
    query: SweepQuery = call.query
    quote = await read_sweep(app, call)
    if query.dry_run:
        return json_response(quote_document(app, quote, digest_of(quote.plan, quote.view.version)))
    row = await insert_sweep(app, call, quote)
    wait_s = wait_seconds(call.request)
    headers = {"Location": f"/v1/sweeps/{row.id}"}
    if wait_s is not None:
        headers["Preference-Applied"] = f"wait={wait_s:g}"
        row = await wait_for_end(app, row, wait_s)
    document = await _document(app, call, row)
    return json_response(document, status=200 if row.has_ended else 202, headers=headers)


async def wait_for_end(app: AppContext, row: SweepRow, wait_s: float) -> SweepRow:
    """Return the row at its end, or as it is after a time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_s
    while not row.has_ended and (left := deadline - loop.time()) > 0:
        await app.event_hub.sweeps.wait(str(row.id), min(POLL_S, left))
        row = await select_sweep(app, row)
    return row


def quote_document(app: AppContext, quote: Quote, digest: str) -> dict[str, object]:
    """Return the JSON of a quote."""
    return {
        "variants": quote.plan.variants,
        "combinations": min(quote.plan.space.size, MAX_WHOLE),
        "stocks": quote.stocks,
        "days": quote.days,
        "cost": quote.cost,
        "open_cost": quote.open_cost,
        "max_cost": app.settings.max_sweep_cost,
        "max_variants": app.settings.max_sweep_variants,
        "accepted": limit_problem(app, quote) is None,
        "dataset": quote.view.version,
        "digest": digest,
    }


async def _document(app: AppContext, call: RequestContext, row: SweepRow) -> dict[str, object]:
    plan, table = await app.sweeps.plan(row), await app.sweeps.table(row)
    statistics = await app.sweeps.statistics(row, table)
    returns = None if row.research is None else await app.sweeps.best_returns(row, table)
    deflated = await deflated_returns(app, row.owner, row.research, returns, language_of(call.request))
    return await app.computed.in_thread(call.caller.owner,
        sweep_document, row, plan, table, statistics=statistics, deflated=deflated,
        earlier=await earlier_opening(app, row, plan), now=dt.datetime.now(dt.UTC),
    )  # fmt: skip


async def get_sweep(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/sweeps/{id}`."""
    return json_response(await _document(app, call, await find_sweep(app, call)))


async def list_sweeps(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/sweeps`: the newest first."""
    return await list_of(app, call, "sweep")


async def list_of(app: AppContext, call: RequestContext, kind: Kind) -> web.Response:
    """Answer a page of the caller's sweeps or walk-forwards."""
    query: SweepsQuery | WalkForwardsQuery = call.query
    cursor = read_cursor(query.cursor, str)
    before = NEWEST if cursor is None else parse_sweep_id(cursor, kind)
    async with app.database.connection() as connection:
        records = await connection.fetch(
            SQL["select_sweeps"], call.caller.owner, before, query.status, query.research, query.limit + 1, kind
        )
    now = dt.datetime.now(dt.UTC)
    items = [sweep_head(SweepRow.of(record), now) for record in records[: query.limit]]
    following = write_cursor(items[-1]["id"]) if len(records) > query.limit else None
    return json_response({"items": items, "next_cursor": following})


async def delete_sweep(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/sweeps/{id}`: cancel; the parts that have ended stay."""
    return await cancel(app, call, "sweep")


async def cancel(app: AppContext, call: RequestContext, kind: Kind) -> web.Response:
    """Cancel the sweep or walk-forward that the path names."""
    row = await find_sweep(app, call, kind)
    async with app.database.connection() as connection:
        cancelled = await connection.fetchval(SQL["cancel_sweep"], row.id, call.caller.owner)
    row = await select_sweep(app, row)
    if cancelled is None and row.status != "cancelled":
        raise ApiProblem(
            409, "conflict", say("sweep_ended" if kind == "sweep" else "walk_forward_ended", status=row.status)
        )
    await publish(app, row)
    return json_response(sweep_head(row, dt.datetime.now(dt.UTC)))


ROUTES = (
    Route(
        method="POST", path="/v1/sweeps", handler=post_sweep, tag="sweeps", query=SweepQuery, body=SweepBody,
        stores_work=True,
        summary="Run one strategy at many points, or quote it",
        answers={200: (sweep_responses.SweepQuote, sweep_responses.Sweep), 202: sweep_responses.Sweep},
        headers=("Prefer", "Idempotency-Key"), problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/sweeps", handler=list_sweeps, summary="The caller's sweeps, the newest first",
        tag="sweeps", query=SweepsQuery, answers={200: sweep_responses.SweepList}, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/sweeps/{id}", handler=get_sweep, tag="sweeps",
        summary="A sweep with its progress, best variants and plateau", answers={200: sweep_responses.Sweep},
        problems=(404,),
    ),
    Route(
        method="DELETE", path="/v1/sweeps/{id}", handler=delete_sweep, summary="Cancel a sweep", tag="sweeps",
        answers={200: sweep_responses.SweepHead}, problems=(404, 409),
    ),
)  # fmt: skip
