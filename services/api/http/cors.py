"""Cross-origin requests of web pages (CORS): off unless ONDOL_CORS_ORIGINS lists the origins of the pages."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from services.api.http.vary import add_vary

REQUEST_HEADERS = (
    "Accept-Language", "Authorization", "Cache-Control", "Content-Type", "Idempotency-Key", "Last-Event-ID",
    "Ondol-Origin", "Prefer",
)  # fmt: skip
RESPONSE_HEADERS = (
    "Content-Disposition", "Content-Language", "Link", "Location", "Preference-Applied", "Retry-After",
)  # fmt: skip
MAX_AGE_S = 600
"""Time for which a browser may remember a preflight answer."""


def origin_allowed(request: web.BaseRequest, origins: Iterable[str]) -> str | None:
    """Return the origin of a request when the setting lists it."""
    origin = request.headers.get("Origin")
    return origin if origin is not None and origin in origins else None


def allow_origin(request: web.BaseRequest, response: web.StreamResponse, origins: Iterable[str]) -> None:
    """Let the page of a listed origin read the answer."""
    add_vary(response, "Origin")
    origin = origin_allowed(request, origins)
    if origin is not None:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Expose-Headers"] = ", ".join(RESPONSE_HEADERS)


def options_response(request: web.BaseRequest, allowed: Iterable[str], origins: Iterable[str]) -> web.Response:
    """Return the answer to OPTIONS: the methods of the route, and of a listed origin what its pages may send."""
    methods = ", ".join(sorted({*allowed, "OPTIONS"}))
    response = web.Response(status=204, headers={"Allow": methods})
    if origin_allowed(request, origins) is not None and "Access-Control-Request-Method" in request.headers:
        response.headers["Access-Control-Allow-Methods"] = methods
        response.headers["Access-Control-Allow-Headers"] = ", ".join(REQUEST_HEADERS)
        response.headers["Access-Control-Max-Age"] = str(MAX_AGE_S)
    return response
