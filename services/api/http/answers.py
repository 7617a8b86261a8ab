"""JSON answers of handlers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from services.api.localization import mark_language
from shared.contracts.http import JSON
from shared.messages import Language


def json_response(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a value as JSON; bytes are JSON already."""
    body = value if isinstance(value, bytes) else orjson.dumps(value)
    return web.Response(status=status, body=body, content_type=JSON, headers=headers)


def localized_response(value: Any, language: Language) -> web.Response:
    """Return a value that is in a language as JSON; bytes are JSON already."""
    response = json_response(value)
    mark_language(response, language)
    return response
