"""Submission of a walk-forward: divide the days of the dataset, validate, quote the cost, insert, publish."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.api.context import AppContext, RequestContext
from services.api.sweeps.row import SweepRow
from services.api.sweeps.submit import (
    Quote,
    Submission,
    find_dataset,
    insert,
    line_problem_of,
    open_cost_of,
    plan_body,
    read_template,
)
from shared.research.walk_forward.plan import WalkForwardPlan, digest_of, divided, encode_plan, plan_walk_forward
from shared.research.walk_forward.request import WalkForwardBody


@dataclass(frozen=True, kw_only=True)
class WalkForwardQuote:
    """What a walk-forward costs: the days of all its runs together."""

    plan: WalkForwardPlan
    quote: Quote

    @property
    def digest(self) -> str:
        """Return the digest of plan and dataset version: equal ones have equal results."""
        return digest_of(self.plan, self.quote.view.version)


async def read_walk_forward(app: AppContext, call: RequestContext) -> WalkForwardQuote:
    """Return the plan and the cost of the body; raise a 422 with every mistake, 409 without data."""
    read = await read_template(app, call, WalkForwardBody)
    sweep, body = await plan_body(app, call, read, plan_walk_forward)
    view = await find_dataset(app, sweep, read.dataset)
    plan = divided(body, sweep, view.days)
    cost = plan.variants * len(view.instruments) * plan.rows
    open_cost = await open_cost_of(app, call)
    problem = await line_problem_of(app, call, body.research, plan.runs * plan.variants + 1)
    quote = Quote(plan=sweep, view=view, days=plan.rows, cost=cost, open_cost=open_cost, line_problem=problem)
    return WalkForwardQuote(plan=plan, quote=quote)


async def insert_walk_forward(app: AppContext, call: RequestContext, found: WalkForwardQuote) -> SweepRow:
    """Insert a walk-forward within the caller's limits and publish it."""
    plan, quote = found.plan, found.quote
    submission = Submission(
        kind="walk_forward", plan=encode_plan(plan), method=plan.body.search.method, research=plan.body.research,
        digest=found.digest, dataset=quote.view.version, sequential=False, variants=plan.runs * plan.variants,
        parts=plan.parts(app.settings.sweep_part_variants or None), cost=quote.cost,
        size=plan.stored_bytes(quote.days),
    )  # fmt: skip
    row = await insert(app, call, submission, replace(quote, plan=plan.sweep))
    app.walk_forwards.add_plan(row, plan)
    return row
