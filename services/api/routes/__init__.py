"""All routes, one file for each resource."""

from __future__ import annotations

from services.api.routes import backtests, events, exports, operations
from services.api.state import Route

ROUTES: tuple[Route, ...] = (*backtests.ROUTES, *events.ROUTES, *exports.ROUTES, *operations.ROUTES)
"""What is served, described and tested."""
