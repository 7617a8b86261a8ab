"""How the modules of this package declare messages."""

from __future__ import annotations

from typing import Any

from shared.messages.message import MessageKind


def kind(code: str, en: str, ko: str, /, **parameters: Any) -> MessageKind:
    """Declare a message; each parameter is given with an example."""
    return MessageKind(code=code, en=en, ko=ko, parameters=parameters)
