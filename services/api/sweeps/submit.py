"""Submission of a sweep: plan, validate against the dataset, quote the cost, insert, publish."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import msgspec

from services.api.backtests.canonicalize import CanonicalRequest, spelled_out
from services.api.backtests.validate import expression_indices, find_view
from services.api.context import AppContext, RequestContext
from services.api.daily_bytes import check_daily_bytes, is_limited, usage_of
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid
from services.api.http.request import parse_object, read_body
from services.api.http.request_headers import idempotency_key_of
from services.api.ids import new_id
from services.api.own_factors import Definitions, resolve
from services.api.research.lines import line_problem, open_line
from services.api.sweeps.row import SQL, Kind, SweepRow
from services.api.user_strategies import referenced_entry
from shared.contracts.events import SweepChanged
from shared.errors import Problem, RequestError
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append
from shared.market import RULES_VERSION
from shared.messages import say
from shared.model.conversion import Conversion, convert
from shared.model.request import canonical_json, request_digest
from shared.research.sweeps.plan import SweepPlan, digest_of, encode_plan, plan_sweep
from shared.research.sweeps.request import MAX_PARAMETERS, MAX_VALUES, SweepBody
from shared.research.walk_forward.request import WalkForwardBody
from shared.simulation import ENGINE_VERSION
from shared.simulation.plan import window_of
from shared.simulation.validation import canonical_request, request_of

B = TypeVar("B", SweepBody, WalkForwardBody)

MAX_BODY_VALUES = MAX_PARAMETERS * MAX_VALUES + 1000
"""Values of a body: lists of all parameters, and a template."""
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
    line_problem: ApiProblem | None = None
    """Why its research line takes no such number of trials."""

    @property
    def stocks(self) -> int:
        """Return the number of stocks of the dataset."""
        return len(self.view.instruments)


@dataclass(frozen=True, kw_only=True)
class Submission:
    """The row of a sweep or a walk-forward, and its parts: their first numbers and numbers of variants."""

    kind: Kind
    plan: str
    method: str
    research: str | None
    digest: str
    dataset: str
    sequential: bool
    variants: int
    parts: tuple[list[int], list[int]]
    cost: int
    size: int
    """The most bytes that its parts have."""


@dataclass(frozen=True, kw_only=True)
class ReadBody(Generic[B]):
    """A body whose template has its strategy spelled out, with the mistakes that were found so far."""

    body: B
    problems: list[Problem]
    indices: frozenset[str]

    @property
    def dataset(self) -> Any:
        """Return the dataset version that the template names."""
        return self.body.template.get("dataset")


async def read_template(app: AppContext, call: RequestContext, shape: type[B]) -> ReadBody[B]:
    """Return the body of a request with a template; raise a 422 when it cannot be read."""
    raw = await read_body(call.request, app.settings.max_body_bytes)
    found: Conversion[B] = convert(parse_object(raw, MAX_BODY_VALUES), shape)
    if found.value is None:
        raise invalid(found.problems)
    template = found.value.template
    indices = await expression_indices(app, template.get("dataset"))
    own = await referenced_entry(app, call.caller.owner, template.get("strategy"))
    problems: list[Problem] = []
    whole, _ = spelled_out(template, own or {}, problems)
    before = [*found.problems, *(replace(problem, path=f"template.{problem.path}") for problem in problems)]
    return ReadBody(body=msgspec.structs.replace(found.value, template=whole), problems=before, indices=indices)


async def plan_body(
    app: AppContext, call: RequestContext, read: ReadBody[B],
    make: Callable[[B, frozenset[str], list[Problem]], SweepPlan],
) -> tuple[SweepPlan, B]:  # fmt: skip
    """Return the plan that `make` makes of a body, and the body with the own factors of its template as text."""

    async def attempt(names: Definitions) -> tuple[SweepPlan, B]:
        body = msgspec.structs.replace(read.body, template=names.body(read.body.template, "template."))
        return await asyncio.to_thread(make, body, read.indices, read.problems), body

    found, _ = await resolve(app, call.caller.owner, attempt)
    return found


async def read_sweep(app: AppContext, call: RequestContext) -> Quote:
    """Return the plan and the cost of the body; raise a 422 with every mistake, 409 without data."""
    read = await read_template(app, call, SweepBody)
    plan, _ = await plan_body(app, call, read, plan_sweep)
    view = await find_dataset(app, plan, read.dataset)
    days = _days(plan, view)
    return Quote(
        plan=plan, view=view, days=days, cost=plan.variants * len(view.instruments) * days,
        open_cost=await open_cost_of(app, call),
        line_problem=await line_problem_of(app, call, plan.body.research, plan.variants),
    )  # fmt: skip


async def line_problem_of(app: AppContext, call: RequestContext, name: str | None, trials: int) -> ApiProblem | None:
    """Return why a research line takes no so many trials."""
    return None if name is None else line_problem(await app.lines.row(call.caller.owner, name), name, trials)


async def open_cost_of(app: AppContext, call: RequestContext) -> int:
    """Return the cost of the caller's unfinished sweeps."""
    async with app.database.connection() as connection:
        return int(await connection.fetchval(SQL["open_cost"], call.caller.owner))


def limit_problem(app: AppContext, quote: Quote) -> ApiProblem | None:
    """Return the problem of a sweep that the caller may not ask for now."""
    limit = app.settings.max_sweep_variants
    if quote.plan.variants > limit:
        message = say("sweep_too_many_variants", count=quote.plan.variants, limit=limit)
        field = "parameters" if quote.plan.body.search.method == "grid" else "search.runs"
        return invalid([Problem(path=field, message=message)])
    limit = app.settings.max_sweep_cost
    if quote.line_problem is not None:
        return quote.line_problem
    if quote.cost + quote.open_cost > limit:
        detail = say(
            "sweep_too_costly", variants=quote.plan.variants, stocks=quote.stocks, days=quote.days, cost=quote.cost,
            open=quote.open_cost, limit=limit,
        )  # fmt: skip
        return ApiProblem(422, "too-costly", detail, [Problem(path="search.runs", message=detail)])
    return None


async def insert_sweep(app: AppContext, call: RequestContext, quote: Quote) -> SweepRow:
    """Insert a sweep within the caller's limits and publish it; return the row that its idempotency key has made."""
    plan = quote.plan
    size = plan.part_size(app.settings.sweep_part_variants or None)
    firsts = list(range(0, plan.variants, size))
    submission = Submission(
        kind="sweep", plan=encode_plan(plan), method=plan.body.search.method, research=plan.body.research,
        digest=digest_of(plan, quote.view.version), dataset=quote.view.version, sequential=plan.is_sequential,
        variants=plan.variants, parts=(firsts, [min(size, plan.variants - first) for first in firsts]),
        cost=quote.cost, size=plan.stored_bytes(plan.variants, quote.days),
    )  # fmt: skip
    row = await insert(app, call, submission, quote)
    app.sweeps.add_plan(row, plan)
    return row


async def insert(app: AppContext, call: RequestContext, submission: Submission, quote: Quote) -> SweepRow:
    """Insert what is submitted within the caller's limits and publish it; return the row of its idempotency key."""
    problem = limit_problem(app, quote)
    if problem is not None:
        raise problem
    owner, key = call.caller.owner, idempotency_key_of(call.request)
    identity = new_id()
    async with app.database.transaction() as connection:
        await connection.fetchval(SQL["lock_owner"], owner)
        if key is not None:
            await connection.execute(SQL["expire_sweep_idempotency_key"], owner, key)
            earlier = await connection.fetchrow(SQL["select_idempotent_sweep"], owner, key)
            if earlier is not None:
                if earlier["digest"] != submission.digest:
                    raise ApiProblem(422, "idempotency-conflict", say("idempotency_conflict"))
                return SweepRow.of(earlier)
        if is_limited(call.caller):
            usage = await usage_of(connection, call.caller)
            check_daily_bytes(app, call.caller, usage, submission.size, dt.datetime.now(dt.UTC))
        open_cost = await connection.fetchval(SQL["open_cost"], owner)
        problem = limit_problem(app, replace(quote, open_cost=open_cost))
        if problem is not None:
            raise problem
        new = submission
        if new.research is not None:
            await open_line(connection, owner, new.research, new.variants)
        await connection.execute(
            SQL["insert_sweep"], identity, owner, new.kind, new.research, new.plan, new.method, new.digest,
            new.dataset, ENGINE_VERSION, RULES_VERSION, new.sequential, new.variants, *new.parts, new.cost,
            dt.datetime.now(dt.UTC), key, new.size,
        )  # fmt: skip
        row = SweepRow.of(await connection.fetchrow(SQL["select_sweep"], identity, owner, submission.kind))
    await publish(app, row)
    return row


async def publish(app: AppContext, row: SweepRow) -> None:
    """Publish a change; without the broker, simulators and readers find it in PostgreSQL within about a second."""
    with suppress(*LOST):
        await append(app.broker, SweepChanged(sweep_id=str(row.id), status=row.status, parts_done=row.parts_done))


def canonical_of(body: dict[str, Any], plan: SweepPlan, version: str) -> CanonicalRequest:
    """Return the canonical request of a body that the plan made; raise RequestError with its mistakes.

    It is a trial of the plan's research line.
    """
    request = canonical_request(request_of(body, plan.indices), plan.indices)
    return CanonicalRequest(
        request=request, text=canonical_json(request).decode(), digest=request_digest(request), strategy_id=None,
        dataset=version, research=plan.body.research,
    )  # fmt: skip


async def find_dataset(app: AppContext, plan: SweepPlan, dataset: Any) -> View:
    """Return the dataset version, raise the problems that it has with the first variant, with the
    greatest numbers (the longest windows), and with each text value."""
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
    greatest = first | {
        name: lattice.values[-1]
        for name, lattice in plan.space.lattices.items()
        if isinstance(lattice.values[-1], int | float)
    }
    return [plan.template.of(values) for values in (first, greatest, *texts[:MAX_CHECKED])]


def _days(plan: SweepPlan, view: View) -> int:
    for body in _checked_bodies(plan):
        with suppress(RequestError):
            window = window_of(canonical_of(body, plan, view.version).request, view.days)
            return int(window.stop - window.start)
    return 0
