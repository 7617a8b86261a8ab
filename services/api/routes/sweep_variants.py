"""Variants of a sweep as backtests, and the holdout, which is opened once."""

from __future__ import annotations

import numpy as np
from aiohttp import web

from services.api.backtests.await_outcome import respond, select_backtest
from services.api.backtests.submit import submit_canonical
from services.api.context import AppContext, RequestContext, Route
from services.api.errors import ApiProblem, not_found
from services.api.http.request import parse_body, parse_object, read_body, wait_seconds
from services.api.routes.backtests import BACKTEST
from services.api.schemas import responses, sweep_responses
from services.api.schemas.requests import ResultQuery
from services.api.schemas.sweep_requests import HoldoutBody
from services.api.sweeps.holdout import answer_holdout
from services.api.sweeps.row import SQL, SweepRow, find_sweep
from services.api.sweeps.submit import canonical_of
from shared.messages import say
from shared.research.sweeps.plan import SweepPlan

WAIT_S = 10.0
"""How long the answer waits for the backtest without `Prefer: wait`."""


async def get_variant(app: AppContext, call: RequestContext) -> web.StreamResponse:
    """`GET /v1/sweeps/{id}/variants/{k}`: the plain backtest; it is submitted when it was not opened before."""
    row = await find_sweep(app, call)
    plan = await app.sweeps.plan(row)
    variant = parse_variant(call, row)
    point = await _point(app, row, plan, variant)
    async with app.database.connection() as connection:
        opened = await connection.fetchval(SQL["select_variant_backtest"], row.id, variant)
    backtest = None if opened is None else await select_backtest(app, opened, call.caller.owner)
    if backtest is None or backtest.status == "cancelled":
        canonical = canonical_of(plan.backtest(point), plan, row.dataset_version)
        backtest = await submit_canonical(app, call, canonical)
        async with app.database.connection() as connection:
            await connection.execute(SQL["insert_variant_backtest"], row.id, variant, backtest.id)
    wait_s = wait_seconds(call.request)
    return await respond(app, call, backtest, WAIT_S if wait_s is None else wait_s)


def parse_variant(call: RequestContext, row: SweepRow) -> int:
    """Return the variant of the path; raise a 404 for one that the sweep does not have."""
    text = call.request.match_info["variant"]
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) < row.variants):
        raise not_found("sweep_variant_not_found", variant=text[:20], last=row.variants - 1)
    return int(text)


async def _point(app: AppContext, row: SweepRow, plan: SweepPlan, variant: int) -> np.ndarray:
    """Return the level numbers of a variant; raise a 409 while tpe has not chosen it."""
    if not plan.is_sequential:
        chosen: np.ndarray = plan.points[variant]
        return chosen
    table = await app.sweeps.table(row)
    if variant >= len(table.points):
        raise ApiProblem(409, "conflict", say("sweep_variant_pending", variant=variant))
    found: np.ndarray = table.points[variant]
    return found


async def open_holdout(app: AppContext, call: RequestContext) -> web.Response:
    """`POST /v1/sweeps/{id}/holdout`: run one variant over the holdout; the sweep says for ever that it was opened."""
    raw = await read_body(call.request, app.settings.max_body_bytes)
    body = parse_body(HoldoutBody, parse_object(raw))
    row = await find_sweep(app, call)
    plan = await app.sweeps.plan(row)
    if plan.body.holdout is None:
        raise ApiProblem(409, "conflict", say("sweep_no_holdout"))
    if body.variant >= row.variants:
        raise not_found("sweep_variant_not_found", variant=body.variant, last=row.variants - 1)
    point = await _point(app, row, plan, body.variant)
    return await answer_holdout(app, call, row, plan, variant=body.variant, point=point)


ROUTES = (
    Route(
        method="GET", path="/v1/sweeps/{id}/variants/{variant}", handler=get_variant, tag="sweeps", query=ResultQuery,
        summary="A variant as a plain backtest", answers={200: BACKTEST, 202: responses.Backtest}, headers=("Prefer",),
        problems=(404, 409),
    ),
    Route(
        method="POST", path="/v1/sweeps/{id}/holdout", handler=open_holdout, tag="sweeps", body=HoldoutBody,
        stores_work=True,
        summary="Run one variant over the holdout, once", answers={201: sweep_responses.HoldoutOpened},
        problems=(400, 404, 409, 413, 415),
    ),
)  # fmt: skip
