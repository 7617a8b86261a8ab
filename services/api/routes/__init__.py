"""All routes, one file for each resource."""

from __future__ import annotations

from services.api.routes import (
    backtests,
    compare,
    description,
    events,
    exports,
    market,
    operations,
    questions,
    strategies,
    warm_events,
    warming,
)
from services.api.state import Route

ROUTES: tuple[Route, ...] = (
    *backtests.ROUTES,
    *events.ROUTES,
    *exports.ROUTES,
    *compare.ROUTES,
    *strategies.ROUTES,
    *market.ROUTES,
    *questions.ROUTES,
    *warming.ROUTES,
    *warm_events.ROUTES,
    *operations.ROUTES,
    *description.ROUTES,
)
"""What is served, described and tested."""
