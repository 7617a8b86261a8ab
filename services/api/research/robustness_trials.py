"""The changed backtests of a robustness report as trials of the line of their backtest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from services.api.backtests.row import BacktestRow
from services.api.context import AppContext
from services.api.research.factor_trials import recorded_document
from shared.infra.research_ledger import Entry, Source
from shared.research.ledger.trials import WeeklyReturns, score_of


async def record_robustness(
    app: AppContext, owner: str, row: BacktestRow, trials: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Record the trials of a simulator's robustness report; return the `recorded` of the answer, None without a line.

    A closed line takes them, too: its backtest can be examined, and what is seen counts.
    """
    if row.research is None:
        return None
    entries = await asyncio.to_thread(lambda: [_entry(trial) for trial in trials])
    return await recorded_document(app, owner, row.research, Source(kind="robustness", id=row.id), entries)


def _entry(trial: Mapping[str, Any]) -> Entry:
    """Return a trial of the answer as the ledger records it; a week without a return is null."""
    returns = WeeklyReturns(weeks=np.array(trial["weeks"], "<i4"), values=np.array(trial["returns"], "<f4"))
    return Entry(digest=trial["digest"], score=score_of(returns.values), pack=returns.pack, variant=None)
