"""JSON of a walk-forward."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

from services.api.localization import localized_problem
from services.api.sweeps.document import objective_of, sweep_head
from services.api.sweeps.holdout import Earlier, holdout_document
from services.api.sweeps.row import SweepRow
from shared.messages import Language
from shared.research.walk_forward.plan import WalkForwardPlan
from shared.research.walk_forward.report import Finished, unfinished


def walk_forward_document(
    row: SweepRow, plan: WalkForwardPlan, end: Finished | None, *, deflated: dict[str, Any] | None,
    earlier: Earlier | None, now: dt.datetime, language: Language,
) -> dict[str, Any]:  # fmt: skip
    """Return the JSON of `GET /v1/walk-forwards/{id}`; until it has ended, its windows have chosen nothing.

    `deflated` is what its research line makes of the stitched account.
    """
    path, body = f"/v1/walk-forwards/{row.id}", plan.body
    return {
        **sweep_head(row, now),
        "objective": objective_of(plan.sweep),
        "choose": body.choose,
        "carry": body.carry,
        **(unfinished(plan) if end is None else end.document),
        "deflated": deflated,
        "error": None if end is None or end.error is None else localized_problem(end.error, language),
        "holdout": holdout_document(row, body, earlier),
        "request": msgspec.to_builtins(body),
        "links": {
            "self": path, "result": f"{path}/result", "events": f"{path}/events",
            "tables": f"{path}/windows/{{window}}/table",
        },
    }  # fmt: skip
