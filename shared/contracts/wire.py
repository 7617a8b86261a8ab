"""Encode and decode events: a JSON object with the type beside the fields, strict and forward compatible."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import orjson

from shared.contracts.events import EVENTS, Event
from shared.errors import OndolError

_BY_TYPE = {event.type: event for event in EVENTS}
_FIELDS = {event.type: tuple(field.name for field in dataclasses.fields(event)) for event in EVENTS}

for _event in EVENTS:
    msgspec.json.Decoder(_event)  # compiled while there is one thread, see shared/model/request.py


class WireError(OndolError):
    """Bytes that are not a known event; they are dropped."""


def encode(event: Event) -> bytes:
    """Return the JSON of an event; NaN becomes null."""
    body = {name: getattr(event, name) for name in _FIELDS[event.type]}
    return orjson.dumps({"type": event.type, **body}, option=orjson.OPT_SERIALIZE_NUMPY)


def decode(data: bytes) -> Event:
    """Return the event in `data`; ignore unknown fields (newer sender), use defaults for absent ones."""
    try:
        body: Any = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise WireError("The message is not JSON.") from error
    if not isinstance(body, dict):
        raise WireError("The message is not a JSON object.")
    kind = body.pop("type", None)
    if not isinstance(kind, str) or kind not in _BY_TYPE:
        raise WireError(f"Unknown event type {str(kind)[:64]!r}.")
    try:
        return msgspec.convert(body, _BY_TYPE[kind])
    except msgspec.ValidationError as error:
        raise WireError(f"The event {kind} is malformed: {error}") from error
