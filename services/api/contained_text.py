"""Patterns of LIKE for texts that callers search for."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([\\%_])")


def containing(text: str) -> str:
    """Return the pattern of LIKE for every text that contains `text`, in which no sign has a meaning of its own."""
    return "%" + _SIGNS.sub(r"\\\1", text) + "%"
