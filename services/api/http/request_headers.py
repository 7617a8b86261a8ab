"""Request headers with a value that is checked: the idempotency key and the kind of client.

A route that declares one of them (`Route.headers`) refuses an invalid value before it does anything, also where the
value is not used, for example in a dry run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from services.api.errors import invalid
from shared.contracts.http import ORIGIN_HEADER, ORIGINS
from shared.errors import Problem
from shared.messages import say

LONGEST_KEY: Final = 255


def idempotency_key_of(request: web.Request) -> str | None:
    """Return the `Idempotency-Key` of a request, None without one; raise a 422 for an invalid one."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        raise invalid([Problem(path="Idempotency-Key", message=say("invalid_idempotency_key"))])
    return key


def origin_of(request: web.Request) -> str:
    """Return the kind of client, one of ORIGINS, in any case of letters; `user` without the header; raise a 422 for
    an unknown one."""
    origin = request.headers.get(ORIGIN_HEADER, "user").lower()
    if origin not in ORIGINS:
        raise invalid([Problem(path=ORIGIN_HEADER, message=say("not_a_choice", value=origin[:64], choices=ORIGINS))])
    return origin


CHECKED: Final[dict[str, Callable[[web.Request], str | None]]] = {
    "Idempotency-Key": idempotency_key_of,
    ORIGIN_HEADER: origin_of,
}
"""Header -> reader that raises a 422 for an invalid value."""
