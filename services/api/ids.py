"""Ids of backtests and computations: UUID version 7, which sort by the time of their creation."""

from __future__ import annotations

import secrets
import time
import uuid


class IdGenerator:
    """Generates ids; those of one generator are strictly ascending."""

    def __init__(self) -> None:
        self._last = 0

    def new_id(self) -> uuid.UUID:
        """Return 48 bits of milliseconds, 12 bits that count within one, and 62 random bits."""
        now = (time.time_ns() // 1_000_000) << 12
        self._last = max(now, self._last + 1)
        high = self._last >> 12
        number = (high & ((1 << 48) - 1)) << 80 | 0x7 << 76 | (self._last & 0xFFF) << 64 | 0b10 << 62
        return uuid.UUID(int=number | secrets.randbits(62))


new_id = IdGenerator().new_id
"""The generator of this process."""
