"""Validation of a canonical request against a dataset version; bounds of its fields: `shared.model.request`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from services.api.backtests.canonicalize import CanonicalRequest
from services.api.context import AppContext
from services.api.datasets import View
from services.api.errors import ApiProblem, invalid
from shared.errors import Problem, RequestError
from shared.language.columns import Column
from shared.messages import say
from shared.model.request import BacktestRequest
from shared.simulation.computing_cost import cost_of_request, stored_bytes_of_expressions, stored_bytes_of_request
from shared.simulation.plan import dataset_problems, expressions_of, window_of
from shared.simulation.validation import STANDARD_INDICES, merged


async def expression_indices(app: AppContext, dataset: object) -> frozenset[str]:
    """Return the index series that expressions may name: those of the pinned or current dataset version, if any."""
    pinned = isinstance(dataset, str) and dataset.isalnum() and len(dataset) <= 64
    view = await (app.datasets.get(str(dataset)) if pinned else app.datasets.current())
    return STANDARD_INDICES if view is None else view.indices


async def find_view(app: AppContext, canonical: CanonicalRequest) -> View | None:
    """Return the dataset version of a request, None when data are loaded and the first version is being built.

    Raises 409 without data, and every problem that the request has with the version.
    """
    if canonical.dataset is None:
        view = await app.datasets.current()
    else:
        view = await app.datasets.get(canonical.dataset)
    if view is not None:
        await validate_with(app, canonical, view)
        return view
    if canonical.dataset is not None:
        problems = [Problem(path="dataset", message=say("unknown_dataset"))]
        current = await app.datasets.current()
        raise invalid(problems if current is None else merged(problems, await _problems_with(canonical, current)))
    if not await app.datasets.has_data():
        raise ApiProblem(409, "no-market-data", say("market_data_missing"))
    return None


async def _problems_with(canonical: CanonicalRequest, view: View) -> list[Problem]:
    find = partial(
        dataset_problems, canonical.request, days=view.days, instruments=view.instruments, indices=view.indices,
        factors=view.factors, listings=view.manifest.listings,
    )  # fmt: skip
    # suggestions for unknown stock codes take long
    return await asyncio.to_thread(find) if canonical.request.strategy.universe.stock_codes else find()


async def validate_with(app: AppContext, canonical: CanonicalRequest, view: View) -> int:
    """Return what a request costs with a version (see `shared.simulation.computing_cost`).

    Raises RequestError with every problem that they have with each other, and a 422 when it would cost too much time or
    memory.
    """
    key = (canonical.digest, view.version)
    known = app.validated.get(key)
    if known is not None:
        return known
    request = canonical.request
    problems = await _problems_with(canonical, view)
    if problems:
        raise RequestError(problems)
    window = window_of(request, view.days)
    cost = cost_of_request(request, view.days, len(view.instruments))
    if cost > app.settings.max_request_cost:
        nodes = sum(expression.nodes for _, expression in expressions_of(request).named())
        rows = window.stop - window.start
        raise ApiProblem(
            422, "too-costly",
            say("too_costly", nodes=nodes, stocks=len(view.instruments), days=rows, cost=cost,
                limit=app.settings.max_request_cost),
        )  # fmt: skip
    require_panel_memory(app, request, view)
    app.validated[key] = cost
    return cost


def require_panel_memory(app: AppContext, request: BacktestRequest, view: View, further: int = 0) -> None:
    """Raise a 422 when the intermediate values of a request, and `further` bytes of them, need too much memory."""
    size = stored_bytes_of_request(request, view.days, len(view.instruments)) + further
    limit = app.settings.panel_bytes // 2
    if size > limit:
        raise ApiProblem(422, "too-costly", say("too_much_memory", bytes=size, limit=limit))


def require_memory_of_columns(
    app: AppContext, request: BacktestRequest, view: View, columns: Sequence[Column], rows: slice
) -> None:  # fmt: skip
    """Raise a 422 when the values of columns on some rows, beside those of a request, need too much memory."""
    expressions = (column.expression for column in columns)
    further = stored_bytes_of_expressions(expressions, rows, len(view.days), len(view.instruments))
    require_panel_memory(app, request, view, further)
