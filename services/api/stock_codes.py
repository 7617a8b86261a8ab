"""Stock codes of queries, with suggestions for those that a dataset version lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.api.datasets import View
from services.api.errors import ApiProblem
from shared.errors import Problem
from shared.messages import say
from shared.model.suggestions import suggest_stocks
from shared.simulation.validation import unknown_names


async def require_stock(view: View, code: str) -> int:
    """Return the column of a stock; raise a 404 that suggests similar ones."""
    column = view.instruments.ordinal.get(code)
    if column is not None:
        return column
    names = await asyncio.to_thread(_suggest, view, code)
    detail = say("stock_not_found", code=code[:64], suggestions=names)
    problem = Problem(path="code", message=say("unknown_stock_code", suggestions=names), suggestions=names)
    raise ApiProblem(404, "not-found", detail, [problem])


async def unknown_codes(view: View, codes: Sequence[str], path: str) -> list[Problem]:
    """Return the problems of the codes that the dataset version lacks, with suggestions."""
    unknown = [code for code in codes if code not in view.instruments.ordinal]
    if not unknown:
        return []
    # suggestions take long
    return await asyncio.to_thread(unknown_names, path, unknown, view.codes, lambda code: _suggest(view, code))


def _suggest(view: View, code: str) -> tuple[str, ...]:
    instruments = view.instruments
    return suggest_stocks(code, dict(zip(instruments.code, instruments.name, strict=True)))
