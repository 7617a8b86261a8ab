"""The matrix of factors and horizons: one query to a simulator for each factor, p-values over all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import orjson

from services.api.context import AppContext
from services.api.datasets import View
from services.api.errors import ApiProblem, invalid
from services.api.factor_requests import ReportRequest, report_request
from services.api.localization import localized_problem
from services.api.research.factor_trials import FactorTrial, factor_trials
from services.api.simulator_queries import query_simulator
from shared.contracts import queries
from shared.errors import Problem
from shared.factors.catalogue import FACTORS
from shared.messages import Language, say
from shared.research.factor_reports.request import FactorMatrixBody
from shared.research.statistics.families import benjamini_yekutieli, holm, two_sided_p

CONCURRENT_FACTORS = 2
"""Factors of a matrix that are computed at the same time, so that queries of other callers come between."""


@dataclass(frozen=True, kw_only=True)
class MatrixRow:
    """The answer of a factor, or the problem document that says why it has none."""

    request: ReportRequest
    answer: dict[str, Any] | None
    problem: Mapping[str, Any] | None
    trials: Sequence[FactorTrial] = ()
    """The portfolios by horizon, for a matrix of a research line."""

    @property
    def factor(self) -> str:
        """Return the canonical text."""
        return str(self.request.canonical.request.strategy.buy.rank_by)


async def matrix_requests(
    app: AppContext, owner: str, body: FactorMatrixBody, view: View, problems: Sequence[Problem]
) -> list[ReportRequest]:
    """Return the request of each factor; raise a 422 with `problems` and every mistake, by field of the body."""
    texts = body.factors
    if texts is None:
        texts = tuple(factor.key for factor in FACTORS if factor.key in view.factors)
    found: list[ReportRequest] = []
    mistakes = list(problems)
    seen: set[str] = set()
    for at, text in enumerate(texts):
        try:
            asked = await report_request(app, owner, body, text, view)
        except ApiProblem as error:
            if not error.errors:
                raise
            mistakes += _new(error.errors, f"factors[{at}]", mistakes)
            continue
        canonical = str(asked.canonical.request.strategy.buy.rank_by)
        if canonical in seen:
            mistakes.append(Problem(path=f"factors[{at}]", message=say("factor_repeated", factor=canonical)))
        seen.add(canonical)
        found.append(asked)
    if mistakes:
        raise invalid(mistakes)
    return found


def _new(found: Sequence[Problem], path: str, known: Sequence[Problem]) -> list[Problem]:
    """Return problems by their place in the body, without those of the window and universe that are known already."""
    placed = [replace(one, path=path) if one.path == "factor" else one for one in found]
    have = {(one.path, str(one.message)) for one in known}
    return [one for one in placed if (one.path, str(one.message)) not in have]


async def matrix_rows(
    app: AppContext, asked: Sequence[ReportRequest], body: FactorMatrixBody, owner: str
) -> list[MatrixRow]:
    """Return the answers of simulators in the order of the factors. A factor that has no report fails alone."""
    running = asyncio.Semaphore(CONCURRENT_FACTORS)

    async def ask(one: ReportRequest) -> MatrixRow:
        query = queries.FactorCoefficients(
            version=one.view.version, request=one.canonical.text, horizons=one.horizons, neutral=body.neutral
        )
        async with running:
            try:
                cost = one.cost(len(one.horizons))
                answer = orjson.loads(await query_simulator(app, query, owner, cost=cost))
                trials = [] if body.research is None else await factor_trials(app, one, body.neutral, owner)
            except ApiProblem as error:
                if error.status != 422:
                    raise
                return MatrixRow(request=one, answer=None, problem=error.document)
        return MatrixRow(request=one, answer=answer, problem=None, trials=trials)

    tasks = [asyncio.ensure_future(ask(one)) for one in asked]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:  # an error ends the answer, so that the other factors are not needed
            task.cancel()


def matrix_document(rows: Sequence[MatrixRow], language: Language) -> dict[str, Any]:
    """Return the matrix with p-values that are adjusted for all of its cells."""
    items = [_item(row, language) for row in rows]
    cells = [cell for item in items for cell in item["horizons"]]
    tested = [cell for cell in cells if cell["p"] is not None]
    p_values = np.array([cell["p"] for cell in tested])
    for name, adjust in (("p_holm", holm), ("p_bhy", benjamini_yekutieli)):
        for cell in cells:
            cell[name] = None
        for cell, p in zip(tested, adjust(p_values).tolist() if tested else (), strict=True):
            cell[name] = p
    first = rows[0].request
    request = first.canonical.request
    return {
        "dataset_version": first.view.version,
        "start": request.start.isoformat(),
        "end": request.end.isoformat(),
        "horizons": list(first.horizons),
        "tests": len(tested),
        "factors": items,
    }


def _item(row: MatrixRow, language: Language) -> dict[str, Any]:
    failure = None
    if row.problem is not None:
        document = localized_problem(row.problem, language)
        failure = {"code": document["code"], "message": document["detail"], "params": document["params"]}
    cells = []
    for of in () if row.answer is None else row.answer["horizons"]:
        t = of["rank_ic"]["t"]
        cells.append({**of, "p": None if t is None else two_sided_p(t)})
    return {"factor": row.factor, "horizons": cells, "failure": failure}
