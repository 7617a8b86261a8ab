"""Ids that sort by the time of their making (UUID version 7)."""

from __future__ import annotations

import secrets
import time
import uuid


class Ids:
    """Makes ids; those of one process are strictly ascending."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> uuid.UUID:
        """48 bits of milliseconds, 12 bits that count within one, 62 random bits."""
        now = (time.time_ns() // 1_000_000) << 12
        self._last = max(now, self._last + 1)
        high = self._last >> 12
        number = (high & ((1 << 48) - 1)) << 80 | 0x7 << 76 | (self._last & 0xFFF) << 64 | 0b10 << 62
        return uuid.UUID(int=number | secrets.randbits(62))


IDS = Ids()
