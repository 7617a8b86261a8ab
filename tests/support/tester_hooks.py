"""Schemathesis hooks that put existing names, valid expressions and days of the market into generated requests.

Loaded through `SCHEMATHESIS_HOOKS`. Every second valid request is changed; invalid requests and the other half of the
valid ones are sent unchanged.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

import schemathesis
from schemathesis.generation import GenerationMode

NAMES = {
    **{
        f"/v1/backtests/{{id}}/{computed}": os.environ["TESTED_BRIEF_BACKTEST"]
        for computed in ("audit", "explain", "replay", "robustness")
    },
    "/v1/backtests/{id}": os.environ["TESTED_BACKTEST"],
    "/v1/strategies/{id}": "peter_lynch",
    "/v1/warm-runs/{id}": "1",
    "/v1/factors/{key}": "PER",
    "/v1/stocks/{code}": os.environ["TESTED_STOCK"],
    "/v1/datasets/{version}": "current",
}
FIRST, LAST = os.environ["TESTED_FIRST"], os.environ["TESTED_LAST"]
WHERE = itertools.cycle(("PER < 15", "rank(ROE) < 0.2", "close > ts_mean(close, 20) and PBR < 3", "MOMENTUM_1M > 0"))
RANK_BY = itertools.cycle(("ROE", "MARKET_CAP", "0 - PER", "rank(MOMENTUM_3M)"))
TURNS = itertools.count()


def _sensible(value: Any, start: str | None, end: str | None) -> None:
    """Replace conditions, numbers and days inside a body or a query, in place."""
    for name, part in value.items():
        if isinstance(part, dict):
            _sensible(part, start, end)
        elif name == "where" and part is not None:
            value[name] = next(WHERE)
        elif name == "rank_by" and part is not None:
            value[name] = next(RANK_BY)
        elif name in ("start", "end", "date"):
            value[name] = {"start": start, "end": end, "date": end}[name]
        elif name in ("markets", "sectors", "cap_groups", "stock_codes", "exclude", "dataset", "benchmark", "strategy"):
            value[name] = None if not isinstance(part, str) or name != "strategy" else "peter_lynch"


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Change every second valid request."""
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE or next(TURNS) % 2:
        return
    path = case.operation.path
    found = next((name for start, name in NAMES.items() if path.startswith(start)), None)
    if found is not None and case.method not in ("DELETE", "PUT"):
        for parameter in case.path_parameters:
            case.path_parameters[parameter] = found
    if isinstance(case.query, dict):
        case.query.pop("cursor", None)
        _sensible(case.query, FIRST, LAST)
    if isinstance(case.body, dict):
        _sensible(case.body, FIRST, LAST)
