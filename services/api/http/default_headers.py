"""Security headers of every answer, in one place: a route sets only what differs from them."""

from __future__ import annotations

from typing import Final

from aiohttp import web

DEFAULTS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Answers belong to one key and may not be stored by a proxy or a browser, run as a page, or be shown in a frame."""


def secure(response: web.StreamResponse) -> None:
    """Add the headers that a route has not set."""
    headers = response.headers
    for name, value in DEFAULTS.items():
        if name not in headers:
            headers[name] = value


async def secure_prepared(_: web.Request, response: web.StreamResponse) -> None:
    """Add them when an answer begins (a signal of the application)."""
    secure(response)
