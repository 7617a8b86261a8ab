"""All routes, one module for each resource."""

from __future__ import annotations

from services.api.context import Route
from services.api.routes import (
    backtest_analysis,
    backtest_events,
    backtest_exports,
    backtests,
    calendar,
    comparisons,
    datasets,
    docs,
    factors,
    health,
    language,
    pages,
    quality,
    rankings,
    schedule,
    screen,
    sectors,
    session,
    stock_prices,
    stocks,
    strategies,
    values,
    warm_run_events,
    warm_runs,
)

ROUTES: tuple[Route, ...] = (
    *backtests.ROUTES,
    *backtest_events.ROUTES,
    *backtest_exports.ROUTES,
    *backtest_analysis.ROUTES,
    *comparisons.ROUTES,
    *strategies.ROUTES,
    *screen.ROUTES,
    *rankings.ROUTES,
    *factors.ROUTES,
    *stocks.ROUTES,
    *stock_prices.ROUTES,
    *values.ROUTES,
    *sectors.ROUTES,
    *calendar.ROUTES,
    *language.ROUTES,
    *datasets.ROUTES,
    *quality.ROUTES,
    *warm_runs.ROUTES,
    *warm_run_events.ROUTES,
    *schedule.ROUTES,
    *health.ROUTES,
    *docs.ROUTES,
    *session.ROUTES,
    *pages.ROUTES,
)
"""What is served, described and tested."""
