"""Refusal of new work before the disk of the database is full."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from services.api.errors import ApiProblem
from services.api.metrics import ApiMetrics
from shared.messages import say

log = structlog.get_logger()

EVERY_S = 0.5
RETRY_AFTER_S = 30
RESERVED_PART = 10
"""At most this part of a file system is reserved."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """Bytes of a file system: those that are free for this user, and those that are reserved for accepted work."""

    free: int
    reserve: int


def room_of(folder: str, reserve_bytes: int) -> Room:
    """Return the room on the file system of a folder; OSError when it cannot be read."""
    found = os.statvfs(folder)
    size = found.f_blocks * found.f_frsize
    return Room(free=found.f_bavail * found.f_frsize, reserve=min(reserve_bytes, size // RESERVED_PART))


class DiskGuard:
    """Knows the room on the file systems of some folders."""

    def __init__(self, folders: Sequence[str], reserve_bytes: int, metrics: ApiMetrics) -> None:
        self._folders = folders
        self._reserve_bytes = reserve_bytes
        self._metrics = metrics
        self._unreadable: set[str] = set()
        self._room: Room | None = None

    def require_room(self) -> None:
        """Raise a 503 while a file system has less room than is reserved."""
        room = self._room
        if room is not None and room.free < room.reserve:
            self._metrics.work_refused("disk")
            raise ApiProblem(
                503, "unavailable", say("disk_nearly_full", free=room.free, reserve=room.reserve),
                headers={"Retry-After": str(RETRY_AFTER_S)},
            )  # fmt: skip

    async def watch(self) -> None:
        """Task: read the room every `EVERY_S` seconds; a folder that cannot be read is logged and left out."""
        while True:
            await self.read()
            await asyncio.sleep(EVERY_S)

    async def read(self) -> None:
        """Read the room of every folder, in a thread: a file system of the network may not answer."""
        rooms = [room for folder in self._folders if (room := await asyncio.to_thread(self._read, folder)) is not None]
        self._room = min(rooms, key=lambda room: room.free - room.reserve, default=None)
        if self._room is not None:
            self._metrics.set_disk(self._room.free, self._room.reserve)

    def _read(self, folder: str) -> Room | None:
        try:
            room = room_of(folder, self._reserve_bytes)
        except OSError as error:
            if folder not in self._unreadable:
                self._unreadable.add(folder)
                log.warning("disk.unreadable", folder=folder, error=error.strerror)
            return None
        self._unreadable.discard(folder)
        return room
