"""Portfolios of factors as trials of the ledger: one for each factor and horizon of a report or a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from services.api.context import AppContext
from services.api.factor_requests import ReportRequest
from services.api.research.lines import open_line
from services.api.simulator_queries import query_simulator
from shared.contracts import queries
from shared.infra.research_ledger import SQL, Entry, Source, record_trials
from shared.research.factor_reports.options import Neutral
from shared.research.factor_reports.portfolio import portfolio_digest
from shared.research.ledger.report import best_document
from shared.research.ledger.trials import WeeklyReturns, score_of


@dataclass(frozen=True, kw_only=True)
class FactorTrial:
    """The portfolio of a factor at one horizon."""

    factor: str
    horizon: int
    digest: int
    returns: WeeklyReturns

    @property
    def entry(self) -> Entry:
        """Return the trial as the ledger records it."""
        score = score_of(self.returns.values)
        return Entry(
            digest=self.digest, score=score, pack=self.returns.pack, variant=None, factor=self.factor,
            horizon=self.horizon,
        )  # fmt: skip

    @property
    def document(self) -> dict[str, Any]:
        """Return what an answer has of it."""
        found = best_document(self.returns)
        return {
            "factor": self.factor, "horizon": self.horizon, "weeks": len(self.returns.values),
            "sharpe_annual": None if found is None else found["sharpe_annual"],
        }  # fmt: skip


async def require_open_line(app: AppContext, owner: str, name: str | None, count: int) -> None:
    """Make the line of a request unless it exists; raise a 409 when it takes no `count` further trials."""
    if name is not None:
        async with app.database.transaction() as connection:
            await open_line(connection, owner, name, count)


async def factor_trials(app: AppContext, asked: ReportRequest, neutral: Neutral, owner: str) -> list[FactorTrial]:
    """Return the portfolios of a factor at each horizon of its request, computed by a simulator."""
    query = queries.FactorPortfolios(
        version=asked.view.version, request=asked.canonical.text, horizons=asked.horizons, neutral=neutral
    )
    answer = orjson.loads(await query_simulator(app, query, owner, cost=asked.cost(len(asked.horizons))))
    request = asked.canonical.request
    return [
        FactorTrial(
            factor=str(request.strategy.buy.rank_by), horizon=of["horizon"],
            digest=portfolio_digest(request, neutral, of["horizon"]),
            returns=WeeklyReturns(weeks=np.array(of["weeks"], "<i4"), values=np.array(of["returns"], "<f4")),
        )
        for of in answer["horizons"]
    ]  # fmt: skip


async def record_factors(
    app: AppContext, owner: str, name: str, source: Source, trials: Sequence[FactorTrial]
) -> dict[str, Any]:
    """Record portfolios in a line; return the `recorded` of the answer."""
    entries = [trial.entry for trial in trials]
    found = await recorded_document(app, owner, name, source, entries)
    return found | {"portfolios": [trial.document for trial in trials]}


async def recorded_document(
    app: AppContext, owner: str, name: str, source: Source, entries: Sequence[Entry]
) -> dict[str, Any]:
    """Record trials in a line; return how many were new and repeated, and how many the line has now."""
    async with app.database.transaction() as connection:
        recorded = await record_trials(connection, owner, name, source, entries)
        row = await connection.fetchrow(SQL["select_line"], owner, name)
    recorded.count()
    return {"research": name, "new": recorded.new, "repeated": recorded.repeated, "trials": row["trials"]}
