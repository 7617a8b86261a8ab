"""Submission of a sweep: plan, validate against the dataset, quote the cost, insert, publish."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from services.api.backtests.canonicalize import CanonicalRequest, spelled_out
from services.api.backtests.submit import idempotency_key_of, own_strategies
from services.api.backtests.validate import expression_indices, find_view
from services.api.context import AppContext, RequestContext
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid
from services.api.http.request import parse_object, read_body
from services.api.ids import new_id
from services.api.sweeps.row import SQL, SweepRow
from shared.contracts.events import SweepChanged
from shared.errors import Problem, RequestError
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.market import RULES_VERSION
from shared.messages import say
from shared.model.conversion import convert
from shared.model.request import canonical_json, request_digest
from shared.research.sweeps.plan import SweepPlan, digest_of, encode_plan, plan_sweep
from shared.research.sweeps.request import SweepBody
from shared.simulation import ENGINE_VERSION
from shared.simulation.plan import window_of
from shared.simulation.validation import canonical_request, request_of

MAX_CHECKED = 50
"""Text values (factors, choices) of parameters that are validated against the dataset before the sweep is accepted."""


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What a sweep costs; `open_cost` is that of the caller's unfinished sweeps."""

    plan: SweepPlan
    view: View
    days: int
    cost: int
    open_cost: int

    @property
    def stocks(self) -> int:
        """Return the number of stocks of the dataset."""
        return len(self.view.instruments)


async def read_sweep(app: AppContext, call: RequestContext) -> Quote:
    """Return the plan and the cost of the body; raise a 422 with every mistake, 409 without data."""
    raw = await read_body(call.request, app.settings.max_body_bytes)
    body = parse_object(raw)
    found = convert(body, SweepBody)
    if found.value is None:
        raise invalid(found.problems)
    template = found.value.template
    dataset = template.get("dataset")
    indices = await expression_indices(app, dataset)
    own = await own_strategies(app, dict(template), call.caller)
    problems: list[Problem] = []
    whole, _ = spelled_out(template, own or {}, problems)
    plan_body = msgspec.structs.replace(found.value, template=whole)
    before = [*found.problems, *(replace(problem, path=f"template.{problem.path}") for problem in problems)]
    plan = await asyncio.to_thread(plan_sweep, plan_body, indices, before)
    view = await _find_view(app, plan, dataset)
    days = _days(plan, view)
    async with app.database.connection() as connection:
        open_cost = await connection.fetchval(SQL["open_cost"], call.caller.owner)
    return Quote(
        plan=plan, view=view, days=days, cost=plan.variants * len(view.instruments) * days, open_cost=open_cost
    )


def limit_problem(app: AppContext, quote: Quote) -> ApiProblem | None:
    """Return the problem of a sweep that the caller may not ask for now."""
    limit = app.settings.max_sweep_variants
    if quote.plan.variants > limit:
        message = say("sweep_too_many_variants", count=quote.plan.variants, limit=limit)
        field = "parameters" if quote.plan.body.search.method == "grid" else "search.runs"
        return invalid([Problem(path=field, message=message)])
    limit = app.settings.max_sweep_cost
    if quote.cost + quote.open_cost > limit:
        detail = say(
            "sweep_too_costly", variants=quote.plan.variants, stocks=quote.stocks, days=quote.days, cost=quote.cost,
            open=quote.open_cost, limit=limit,
        )  # fmt: skip
        return ApiProblem(422, "too-costly", detail, [Problem(path="search.runs", message=detail)])
    return None


async def insert_sweep(app: AppContext, call: RequestContext, quote: Quote) -> SweepRow:
    """Insert a sweep within the caller's limits and publish it; return the row that its idempotency key has made."""
    problem = limit_problem(app, quote)
    if problem is not None:
        raise problem
    plan, owner, key = quote.plan, call.caller.owner, idempotency_key_of(call.request)
    digest = digest_of(plan, quote.view.version)
    identity = new_id()
    async with app.database.transaction() as connection:
        await connection.fetchval(SQL["lock_owner"], owner)
        if key is not None:
            await connection.execute(SQL["expire_sweep_idempotency_key"], owner, key)
            earlier = await connection.fetchrow(SQL["select_idempotent_sweep"], owner, key)
            if earlier is not None:
                if earlier["digest"] != digest:
                    raise ApiProblem(422, "idempotency-conflict", say("idempotency_conflict"))
                return SweepRow.of(earlier)
        open_cost = await connection.fetchval(SQL["open_cost"], owner)
        problem = limit_problem(app, replace(quote, open_cost=open_cost))
        if problem is not None:
            raise problem
        await connection.execute(
            SQL["insert_sweep"], identity, owner, plan.body.research, encode_plan(plan), plan.body.search.method,
            digest, quote.view.version, ENGINE_VERSION, RULES_VERSION, plan.is_sequential, plan.variants,
            plan.part_size(app.settings.sweep_part_variants or None), quote.cost, dt.datetime.now(dt.UTC), key,
        )  # fmt: skip
        row = SweepRow.of(await connection.fetchrow(SQL["select_sweep"], identity, owner))
    app.sweeps.remember(row, plan)
    await publish(app, row)
    return row


async def publish(app: AppContext, row: SweepRow) -> None:
    """Publish a change; without the broker, simulators and readers find it in PostgreSQL within about a second."""
    with suppress(*LOST):
        await append(app.broker, SweepChanged(sweep_id=str(row.id), status=row.status, parts_done=row.parts_done))


def canonical_of(body: dict[str, Any], plan: SweepPlan, version: str) -> CanonicalRequest:
    """Return the canonical request of a body that the plan made; raise RequestError with its mistakes."""
    request = canonical_request(request_of(body, plan.indices), plan.indices)
    return CanonicalRequest(
        request=request, text=canonical_json(request).decode(), digest=request_digest(request), strategy_id=None,
        dataset=version,
    )  # fmt: skip


async def _find_view(app: AppContext, plan: SweepPlan, dataset: Any) -> View:
    """Return the dataset version, raise the problems that it has with the first variant and with each text value."""
    view: View | None = None
    problems: list[Problem] = []
    for body in _checked_bodies(plan):
        try:
            canonical = canonical_of(body, plan, dataset)
        except RequestError:
            continue  # a combination that fails alone
        try:
            view = await find_view(app, canonical) or view
        except (ApiProblem, RequestError) as error:
            problem = as_problem(error)
            if not problem.errors:
                raise
            problems += _new(problem.errors, problems)
    if problems:
        raise invalid([replace(problem, path=f"template.{problem.path}") for problem in problems])
    if view is None:
        raise ApiProblem(409, "no-dataset", say("sweep_no_dataset"))
    return view


def _new(found: Sequence[Problem], known: Sequence[Problem]) -> list[Problem]:
    have = {(problem.path, str(problem.message)) for problem in known}
    return [problem for problem in found if (problem.path, str(problem.message)) not in have]


def _checked_bodies(plan: SweepPlan) -> list[dict[str, Any]]:
    first = {name: lattice.values[0] for name, lattice in plan.space.lattices.items()}
    texts = [
        first | {name: value}
        for name, lattice in plan.space.lattices.items()
        for value in lattice.values[1:]
        if isinstance(value, str)
    ]
    return [plan.template.of(values) for values in (first, *texts[:MAX_CHECKED])]


def _days(plan: SweepPlan, view: View) -> int:
    for body in _checked_bodies(plan):
        with suppress(RequestError):
            window = window_of(canonical_of(body, plan, view.version).request, view.days)
            return int(window.stop - window.start)
    return 0
