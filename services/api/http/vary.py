"""The `Vary` header: which request headers an answer depends on."""

from __future__ import annotations

from aiohttp import web


def add_vary(response: web.StreamResponse, header: str) -> None:
    """Say that the answer depends on a request header."""
    found = response.headers.get("Vary")
    if found is None:
        response.headers["Vary"] = header
    elif header.lower() not in found.lower():
        response.headers["Vary"] = f"{found}, {header}"
