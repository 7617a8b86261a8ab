"""All routes, one file for each resource."""

from __future__ import annotations

from services.api.context import Route
from services.api.routes import (
    analysis,
    backtest_events,
    backtest_exports,
    backtests,
    comparisons,
    health,
    openapi,
    stocks,
    strategies,
    warm_run_events,
    warm_runs,
)

ROUTES: tuple[Route, ...] = (
    *backtests.ROUTES,
    *backtest_events.ROUTES,
    *backtest_exports.ROUTES,
    *comparisons.ROUTES,
    *strategies.ROUTES,
    *stocks.ROUTES,
    *analysis.ROUTES,
    *warm_runs.ROUTES,
    *warm_run_events.ROUTES,
    *health.ROUTES,
    *openapi.ROUTES,
)
"""What is served, described and tested."""
