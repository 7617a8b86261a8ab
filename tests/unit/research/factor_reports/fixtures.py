"""Random markets with enough stocks for correlations, and reports over them."""

from __future__ import annotations

from functools import cache
from typing import Any

from shared.language import compile_expression
from shared.model.panels import Panels
from shared.model.request import BacktestRequest
from shared.research.factor_reports.forward_returns import Exit
from shared.research.factor_reports.options import Options
from shared.simulation import canonical_request, request_of
from tests.reference.market import Market, read
from tests.support.markets import panels_of
from tests.support.random_markets import random_market


@cache
def world(seed: int, rows: int = 60, stocks: int = 90) -> tuple[Panels, Market]:
    """Return the panels and the plain form of a random market."""
    market = random_market(seed, stocks=stocks, rows=rows)
    return panels_of(market), read(market)


def request(panels: Panels, factor: str, first: int = 5, last: int = -1, **universe: Any) -> BacktestRequest:
    """Return the request of a factor over a part of the rows; every stock is in the universe by default."""
    days = panels.days.astype("datetime64[D]")
    body = {
        "strategy": {"buy": {"rank_by": factor}, "universe": {"markets": None, "kinds": None} | universe},
        "start": str(days[first]), "end": str(days[last]), "benchmark": None,
    }  # fmt: skip
    return canonical_request(request_of(body), frozenset(panels.indices))


def options(*controls: str, **changes: Any) -> Options:
    """Return options with these changes."""
    given: dict[str, Any] = {
        "horizons": (1, 4), "quantiles": 5, "neutral": "none", "cost_pct": 0.2, "correlations": False, "series": True,
        "rule": Exit(), "controls": tuple(compile_expression(text, role="number", path="") for text in controls),
    }  # fmt: skip
    return Options(**(given | changes))
