"""The holdout of a sweep or walk-forward: its days are opened once for a strategy and once in a research line."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import Any

import numpy as np
from aiohttp import web

from services.api.backtests.canonicalize import CanonicalRequest
from services.api.backtests.serialize import instant
from services.api.backtests.submit import submit_canonical
from services.api.context import AppContext, RequestContext
from services.api.errors import ApiProblem
from services.api.http.answers import json_response
from services.api.sweeps.row import SQL, SweepRow
from services.api.sweeps.submit import canonical_of
from shared.errors import Problem
from shared.infra.research_ledger import SQL as LEDGER
from shared.infra.research_ledger import Connection
from shared.messages import say
from shared.research.sweeps.holdout import strategy_digest
from shared.research.sweeps.plan import SweepPlan
from shared.research.sweeps.request import SweepBody
from shared.research.walk_forward.request import WalkForwardBody

Days = tuple[dt.date, dt.date]
Earlier = Any
"""A row of `holdout_opening` with `same_strategy`, an asyncpg.Record."""


def days_of(body: SweepBody | WalkForwardBody) -> Days:
    """Return the first and last day of the holdout of a body, which has one."""
    assert body.holdout is not None  # noqa: S101 - checked by the caller
    return body.holdout.from_, dt.date.fromisoformat(body.template["end"])


async def earlier_opening(app: AppContext, row: SweepRow, plan: SweepPlan) -> Earlier | None:
    """Return the opening that keeps the holdout of a sweep closed; None without one, or when it is open itself."""
    if plan.body.holdout is None or row.holdout_opened_at is not None:
        return None
    strategy = await asyncio.to_thread(strategy_digest, plan.template)
    async with app.database.connection() as connection:
        return await _earlier(connection, row, strategy, days_of(plan.body))


async def _earlier(connection: Connection, row: SweepRow, strategy: str, days: Days) -> Earlier | None:
    return await connection.fetchrow(
        LEDGER["select_earlier_holdout"], row.owner, strategy, *days, row.id, row.research
    )  # fmt: skip


def holdout_document(
    row: SweepRow, body: SweepBody | WalkForwardBody, earlier: Earlier | None
) -> dict[str, Any] | None:  # fmt: skip
    """Return the JSON of the holdout of a sweep or walk-forward; None without one."""
    if body.holdout is None:
        return None
    first, last = days_of(body)
    return {
        "from": first.isoformat(),
        "to": last.isoformat(),
        "opened_at": instant(row.holdout_opened_at),
        "variant": row.holdout_variant,
        "backtest": None if row.holdout_backtest is None else str(row.holdout_backtest),
        "opened_before": None if earlier is None else opening_document(earlier),
    }


def opening_document(opening: Earlier) -> dict[str, Any]:
    """Return the one opening of a holdout as answers have it: by which run and variant, its days, its backtest."""
    return {
        "kind": opening["kind"], "id": str(opening["source"]), "variant": opening["variant"],
        "from": opening["first_day"].isoformat(), "to": opening["last_day"].isoformat(),
        "opened_at": instant(opening["opened_at"]),
        "backtest": None if opening["backtest"] is None else str(opening["backtest"]),
    }  # fmt: skip


async def answer_holdout(
    app: AppContext, call: RequestContext, row: SweepRow, plan: SweepPlan, *, variant: int, point: np.ndarray
) -> web.Response:
    """Open the holdout of a sweep or walk-forward for a variant.

    Raises a 409 when it was opened before, or days of it for the same strategy or in the same line. What was
    interrupted between the opening and its backtest is completed by the same request.
    """
    canonical = over_holdout(plan, point, row.dataset_version)
    row = await _open(app, row, plan, variant)
    backtest = await submit_canonical(app, call, canonical)
    async with app.database.transaction() as connection:
        await connection.execute(SQL["set_holdout_backtest"], row.id, backtest.id)
        await connection.execute(LEDGER["set_opened_backtest"], row.id, backtest.id)
    document = {
        row.kind: str(row.id), "variant": variant, "opened_at": instant(row.holdout_opened_at),
        "backtest": str(backtest.id),
    }  # fmt: skip
    return json_response(document, status=201, headers={"Location": f"/v1/backtests/{backtest.id}"})


async def _open(app: AppContext, row: SweepRow, plan: SweepPlan, variant: int) -> SweepRow:
    """Write that the holdout is opened, and return the row."""
    strategy = await asyncio.to_thread(strategy_digest, plan.template)
    days = days_of(plan.body)
    async with app.database.transaction() as connection:
        await connection.fetchval(LEDGER["lock_holdouts"], row.owner)
        row = SweepRow.of(await connection.fetchrow(SQL["select_sweep"], row.id, row.owner, row.kind))
        if row.holdout_opened_at is None:
            if row.status != "completed":
                raise ApiProblem(409, "conflict", say("sweep_holdout_unfinished", status=row.status))
            if (earlier := await _earlier(connection, row, strategy, days)) is not None:
                raise _opened_before(earlier)
            await connection.fetchval(SQL["open_holdout"], row.id, row.owner, variant)
            row = SweepRow.of(await connection.fetchrow(SQL["select_sweep"], row.id, row.owner, row.kind))
        elif row.holdout_variant != variant or row.holdout_backtest is not None:
            opened = instant(row.holdout_opened_at)
            raise ApiProblem(409, "conflict", say("sweep_holdout_opened", opened=opened, variant=row.holdout_variant))
        await connection.execute(
            LEDGER["insert_holdout"], row.owner, row.research, strategy, row.kind, row.id, variant, *days,
            row.holdout_opened_at,
        )  # fmt: skip
        if row.research is not None:
            await connection.execute(LEDGER["touch_line"], row.owner, row.research)
    return row


def _opened_before(earlier: Earlier) -> ApiProblem:
    path, found = "sweeps" if earlier["kind"] == "sweep" else "walk-forwards", earlier["source"]
    if earlier["backtest"] is not None:
        path, found = "backtests", earlier["backtest"]
    message = say(
        "holdout_opened_for_strategy" if earlier["same_strategy"] else "holdout_opened_in_line",
        opened=instant(earlier["opened_at"]), first=earlier["first_day"], last=earlier["last_day"],
        variant=earlier["variant"], place=f"/v1/{path}/{found}",
        **({} if earlier["same_strategy"] else {"name": earlier["research"]}),
    )  # fmt: skip
    return ApiProblem(409, "conflict", message, [Problem(path="holdout.from", message=message)])


def over_holdout(plan: SweepPlan, point: np.ndarray, dataset: str) -> CanonicalRequest:
    """Return the request of a point over the holdout, which the plan has."""
    first, last = days_of(plan.body)
    body = {**plan.backtest(point), "start": first.isoformat(), "end": last.isoformat()}
    return canonical_of(body, plan, dataset)
