"""Walk-forwards: submit, quote, show, list, cancel; their events, tables, stitched results and holdouts."""

from __future__ import annotations

import datetime as dt

import numpy as np
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, not_found
from services.api.http.answers import json_response
from services.api.http.request import wait_seconds
from services.api.localization import language_of, mark_language
from services.api.research.record import deflated_returns
from services.api.routes.sweep_events import stream_events
from services.api.routes.sweep_tables import send_variants
from services.api.routes.sweeps import cancel, list_of, quote_document, wait_for_end
from services.api.schemas import sweep_responses, walk_forward_responses
from services.api.schemas.sweep_requests import SweepQuery
from services.api.schemas.walk_forward_requests import WalkForwardsQuery, WindowTableQuery
from services.api.sweeps.holdout import answer_holdout, earlier_opening
from services.api.sweeps.row import SweepRow, find_sweep
from services.api.tables.download import MEDIA_TYPES, check_format
from services.api.walk_forwards.document import walk_forward_document
from services.api.walk_forwards.submit import insert_walk_forward, read_walk_forward
from shared.messages import say
from shared.messages.warnings import in_korean
from shared.research.walk_forward.request import WalkForwardBody


async def post_walk_forward(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/walk-forwards`."""
    query: SweepQuery = call.query
    found = await read_walk_forward(app, call)
    if query.dry_run:
        return json_response(quote_document(app, found.quote, found.digest))
    row = await insert_walk_forward(app, call, found)
    wait_s = wait_seconds(call.request)
    headers = {"Location": f"/v1/walk-forwards/{row.id}"}
    if wait_s is not None:
        headers["Preference-Applied"] = f"wait={wait_s:g}"
        row = await wait_for_end(app, row, wait_s)
    document = await _document(app, call, row)
    return json_response(document, status=200 if row.has_ended else 202, headers=headers)


async def _document(app: AppContext, call: RequestContext, row: SweepRow) -> dict[str, object]:
    plan, end = await app.walk_forwards.plan(row), await app.walk_forwards.end(row)
    language = language_of(call.request)
    returns = None if row.research is None else await app.walk_forwards.returns(row)
    deflated = await deflated_returns(app, row.owner, row.research, returns, language)
    now = dt.datetime.now(dt.UTC)
    earlier = await earlier_opening(app, row, plan.sweep)
    return walk_forward_document(row, plan, end, deflated=deflated, earlier=earlier, now=now, language=language)


async def get_walk_forward(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/walk-forwards/{id}`."""
    return json_response(await _document(app, call, await find_sweep(app, call, "walk_forward")))


async def list_walk_forwards(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/walk-forwards`: the newest first."""
    return await list_of(app, call, "walk_forward")


async def delete_walk_forward(app: AppContext, call: RequestContext) -> web.Response:
    """`DELETE /v1/walk-forwards/{id}`: cancel; the tables of runs that have ended stay."""
    return await cancel(app, call, "walk_forward")


async def get_events(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/walk-forwards/{id}/events`."""
    return await stream_events(app, call, "walk_forward")


async def get_result(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/walk-forwards/{id}/result`: the stitched account."""
    row = await find_sweep(app, call, "walk_forward")
    result = await app.walk_forwards.result(row)
    if result is None:
        raise ApiProblem(409, "conflict", say("walk_forward_no_result", status=row.status))
    language = language_of(call.request)
    if language != "en":
        result = {**result, "warnings": in_korean(result["warnings"])}
    response = json_response(result)
    mark_language(response, language)
    return response


async def get_window_table(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/walk-forwards/{id}/windows/{window}/table`."""
    query: WindowTableQuery = call.query
    check_format(query)
    row = await find_sweep(app, call, "walk_forward")
    plan = await app.walk_forwards.plan(row)
    text, last = call.request.match_info["window"], len(plan.windows) - 1
    if text == "next" and query.of == "train":
        run = plan.next_run
    elif text.isascii() and text.isdigit() and len(text) <= 4 and int(text) <= last:
        run = plan.run_of(int(text), query.of)
    else:
        raise not_found("walk_forward_window_not_found", window=text[:20], last=last)
    table = await app.walk_forwards.table(row, run)
    return await send_variants(app, call, table, plan.variants, f"walk-forward-{row.id}-{text}-{query.of}")


async def open_holdout(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/walk-forwards/{id}/holdout`: run the values of `next` over the holdout, once."""
    row = await find_sweep(app, call, "walk_forward")
    plan, end = await app.walk_forwards.plan(row), await app.walk_forwards.end(row)
    if plan.body.holdout is None:
        raise ApiProblem(409, "conflict", say("walk_forward_no_holdout"))
    if end is None or row.status != "completed":
        raise ApiProblem(409, "conflict", say("walk_forward_holdout_unfinished", status=row.status))
    following = end.document["next"]
    if following is None:
        raise ApiProblem(409, "conflict", say("walk_forward_no_next"))
    variant = int(following["variant"])
    point: np.ndarray = plan.sweep.points[variant]
    return await answer_holdout(app, call, row, plan.sweep, variant=variant, point=point)


ROUTES = (
    Route(
        method="POST", path="/v1/walk-forwards", handler=post_walk_forward, tag="walk-forwards", query=SweepQuery,
        stores_work=True,
        body=WalkForwardBody, summary="Choose parameters on each train, trade them on its test; or quote it",
        answers={
            200: (sweep_responses.SweepQuote, walk_forward_responses.WalkForward),
            202: walk_forward_responses.WalkForward,
        },
        headers=("Prefer", "Idempotency-Key"), problems=(400, 409, 413, 415),
    ),
    Route(
        method="GET", path="/v1/walk-forwards", handler=list_walk_forwards, tag="walk-forwards",
        summary="The caller's walk-forwards, the newest first", query=WalkForwardsQuery,
        answers={200: walk_forward_responses.WalkForwardList}, problems=(404,),
    ),
    Route(
        method="GET", path="/v1/walk-forwards/{id}", handler=get_walk_forward, tag="walk-forwards",
        summary="A walk-forward with its windows, its stitched account and the values to trade next",
        answers={200: walk_forward_responses.WalkForward}, problems=(404,),
    ),
    Route(
        method="DELETE", path="/v1/walk-forwards/{id}", handler=delete_walk_forward, tag="walk-forwards",
        summary="Cancel a walk-forward", answers={200: walk_forward_responses.WalkForwardHead}, problems=(404, 409),
    ),
    Route(
        method="GET", path="/v1/walk-forwards/{id}/events", handler=get_events, tag="walk-forwards",
        summary="Progress as server-sent events: status, part, then completed, failed or cancelled",
        answers={200: "text/event-stream"}, headers=("Last-Event-ID",), problems=(404,),
    ),
    Route(
        method="GET", path="/v1/walk-forwards/{id}/result", handler=get_result, tag="walk-forwards",
        summary="The stitched account: equity, trades, statistics",
        answers={200: walk_forward_responses.StitchedResult}, problems=(404, 409),
    ),
    Route(
        method="GET", path="/v1/walk-forwards/{id}/windows/{window}/table", handler=get_window_table,
        tag="walk-forwards", query=WindowTableQuery, also=MEDIA_TYPES,
        summary="All variants over the train or the test of a window (`next`: of the values to trade next)",
        answers={200: sweep_responses.SweepTablePage}, problems=(404,),
    ),
    Route(
        method="POST", path="/v1/walk-forwards/{id}/holdout", handler=open_holdout, tag="walk-forwards",
        stores_work=True,
        summary="Run the values to trade next over the holdout, once",
        answers={201: walk_forward_responses.WalkForwardHoldout}, problems=(404, 409),
    ),
)  # fmt: skip
