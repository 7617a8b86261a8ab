"""Factor reports as the backtest requests that simulators read them as."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from services.api.backtests.canonicalize import CanonicalRequest, canonicalize_body
from services.api.backtests.validate import expression_indices, require_panel_memory, validate_with
from services.api.context import AppContext, RequestContext
from services.api.datasets import View
from services.api.errors import ApiProblem, as_problem, invalid
from services.api.http.request import parse_object, read_body
from services.api.own_factors import Definitions, resolve
from services.api.views import require_view
from shared.errors import Problem, RequestError
from shared.language import Expression, compile_expression
from shared.messages import say
from shared.model.conversion import convert
from shared.model.request import BacktestRequest
from shared.research.factor_reports.request import FactorWindow, backtest_body, place_of
from shared.simulation.computing_cost import cost_of_request, stored_bytes_of_returns
from shared.simulation.plan import window_of

Body = TypeVar("Body", bound=FactorWindow)

WORK_OF_A_CELL = 50
"""About the nanoseconds of a core for each cell and horizon of a report."""
CELLS_OF_A_REQUEST = 10_000_000
"""A report counts as one more request of the key for each so many days x stocks x horizons."""


@dataclass(frozen=True, kw_only=True)
class ReportRequest:
    """A factor over a window and a universe of a dataset version; `horizons` ascend."""

    canonical: CanonicalRequest
    view: View
    horizons: tuple[int, ...]

    @property
    def cells(self) -> int:
        """Return days x stocks of the window."""
        return cells_of(self.canonical.request, self.view)

    def cost(self, horizons: int) -> int:
        """Return what the report costs with so many horizons (`shared.simulation.computing_cost`)."""
        return report_cost(self.canonical.request, self.view, horizons)


def cells_of(request: BacktestRequest, view: View) -> int:
    """Return days x stocks of the window of a request."""
    rows = window_of(request, view.days)
    return int(rows.stop - rows.start) * len(view.instruments)


def report_cost(request: BacktestRequest, view: View, horizons: int) -> int:
    """Return what a report costs with so many horizons (`shared.simulation.computing_cost`)."""
    expressions = cost_of_request(request, view.days, len(view.instruments))
    return expressions + WORK_OF_A_CELL * horizons * cells_of(request, view)


async def read_factor_body(app: AppContext, call: RequestContext, shape: type[Body]) -> tuple[Body, list[Problem]]:
    """Return the body with the mistakes of its fields; raise a 422 when it has no value."""
    raw = await read_body(call.request, app.settings.max_body_bytes)
    found = convert(parse_object(raw), shape)
    if found.value is None:
        raise invalid(found.problems)
    problems = list(found.problems)
    if len(set(found.value.horizons)) != len(found.value.horizons):
        problems.append(Problem(path="horizons", message=say("horizon_repeated")))
    return found.value, problems


async def find_report_view(app: AppContext, dataset: str | None) -> View:
    """Return the dataset version of a report; raise a 422 for an unknown one, a 409 without data."""
    if dataset is None:
        return await require_view(app)
    view = await app.datasets.get(dataset) if dataset.isalnum() else None
    if view is None:
        raise invalid([Problem(path="dataset", message=say("unknown_dataset"))])
    return view


async def report_request(
    app: AppContext, owner: str, body: FactorWindow, factor: str, view: View, *, problems: Iterable[Problem] = ()
) -> ReportRequest:
    """Return the request of a factor; raise a 422 with `problems` and all of its mistakes, by field of the body."""
    found = list(problems)
    try:
        canonical, _ = await resolve(
            app, owner,
            lambda names: canonicalize_body(names.body(backtest_body(body, factor), ""), {}, view.indices),
        )  # fmt: skip
        await validate_with(app, canonical, view)
        returns = stored_bytes_of_returns(window_of(canonical.request, view.days), len(view.instruments))
        require_panel_memory(app, canonical.request, view, returns)
    except (ApiProblem, RequestError) as error:
        problem = as_problem(error)
        if not problem.errors and not found:
            raise
        seen = {one.path for one in found}
        found += [replace(one, path=place_of(one.path)) for one in problem.errors if place_of(one.path) not in seen]
        raise invalid(found) from None
    if found:
        raise invalid(found)
    return ReportRequest(canonical=canonical, view=view, horizons=tuple(sorted(body.horizons)))


async def canonical_factor(app: AppContext, owner: str, text: str) -> str:
    """Return the canonical text of a factor by which reports are found; raise a 422 for a text that is none."""
    indices = await expression_indices(app, None)

    async def read(names: Definitions) -> Expression:
        return compile_expression(names.text(text, "factor"), role="number", path="factor", indices=indices)

    try:
        expression, _ = await resolve(app, owner, read)
    except RequestError as error:
        raise invalid(error.problems) from None
    return expression.text


async def read_controls(
    app: AppContext, owner: str, texts: Sequence[str], view: View
) -> tuple[tuple[str, ...], list[Problem]]:
    """Return the canonical texts of further regressors, and their mistakes."""
    found, problems = [], []
    for at, text in enumerate(texts):
        path = f"controls[{at}]"

        async def read(names: Definitions, text: str = text, path: str = path) -> Expression:
            return compile_expression(names.text(text, path), role="number", path=path, indices=view.indices)

        try:
            expression, _ = await resolve(app, owner, read)
        except RequestError as error:
            problems += error.problems
            continue
        if absent := sorted(expression.factors.difference(view.factors)):
            problems.append(Problem(path=path, message=say("factor_absent", name=", ".join(absent))))
        found.append(expression.text)
    return tuple(found), problems
