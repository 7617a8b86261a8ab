"""Logs: one JSON object per line on standard error, with an event name and bound fields."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(service: str, level: str, secrets: tuple[str | None, ...] = ()) -> None:
    """Send structlog and the standard library's logging to standard error as JSON; `secrets` never appear in a line."""
    hidden = tuple(sorted({part for secret in secrets for part in _parts(secret)}, key=len, reverse=True))

    def name(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        return event

    def render(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        line = orjson.dumps(event, default=str, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS).decode()
        for secret in hidden:
            line = line.replace(secret, "***")
        return line

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        name,
    ]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render]
    )
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def _parts(secret: str | None) -> tuple[str, ...]:
    """Return the secret parts: the password of a URL, or the whole value."""
    if not secret:
        return ()
    url = urlsplit(secret)
    if url.scheme:
        return (url.password,) if url.password else ()
    return (secret,)
