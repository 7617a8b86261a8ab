"""Queries over a universe as backtest requests, which is how simulators read universes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from services.api.backtests.canonicalize import CanonicalRequest, canonicalize_body
from services.api.backtests.validate import validate_with
from services.api.context import AppContext
from services.api.datasets import View
from shared.errors import Problem, RequestError


async def universe_request(app: AppContext, universe: Mapping[str, Any], view: View, day: dt.date) -> CanonicalRequest:
    """Return the canonical request of one day over a universe (`markets`, `kinds`, `sectors`).

    Raises RequestError with every problem under the name of the query parameter.
    """
    body = {"strategy": {"universe": universe}, "start": day.isoformat(), "end": day.isoformat(), "benchmark": None}
    try:
        canonical = await canonicalize_body(body, {}, view.indices)
        await validate_with(app, canonical, view)
    except RequestError as error:
        raise RequestError([as_parameter(problem) for problem in error.problems]) from None
    return canonical


def as_parameter(problem: Problem) -> Problem:
    """Return the problem with the name of the query parameter instead of the path in a request."""
    path = problem.path.removeprefix("strategy.buy.").removeprefix("strategy.universe.")
    return replace(problem, path="strategy" if path == "strategy.id" else path)
