"""Cursors of paged lists: an opaque text that holds the position after which the next page begins."""

from __future__ import annotations

import base64
import binascii
from typing import TypeVar

import orjson

from services.api.errors import invalid
from shared.errors import Problem
from shared.messages import say

P = TypeVar("P", int, str)
_NO_BIGINT = 2**63
"""Positions are numbers that PostgreSQL stores."""


def write_cursor(position: object) -> str:
    """Return a position as URL-safe text, which `read_cursor` reads."""
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


def read_cursor(text: str | None, kind: type[P]) -> P | None:
    """Return the position of a cursor, None without one; raise a 422 for a text that `write_cursor` did not write."""
    if text is None:
        return None
    try:
        value = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, orjson.JSONDecodeError, ValueError):
        value = None
    if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int) and abs(value) >= _NO_BIGINT):
        raise invalid_cursor()
    return value


def invalid_cursor() -> Exception:
    """Return the 422 of a cursor that belongs to no page of the list."""
    return invalid([Problem(path="cursor", message=say("invalid_cursor"))])
