"""Streams: appending events, a consumer group that survives crashes and flushes, and broadcast reading."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.contracts.events import BACKTESTS, Event
from shared.contracts.wire import WireError, decode, encode
from shared.infra.redis.client import BLOCK_MS, LOST
from shared.infra.redis.connection import PATIENCE_S, Client, Line, raise_errors

PREFIX = "ondol:"
KEPT = 20_000
"""Entries that a stream of facts keeps; a stream of work is never trimmed."""

_BODY = b"event"


def key_of(stream: str) -> str:
    """The Redis key of a stream."""
    return PREFIX + stream


async def append(broker: Redis, event: Event) -> str:
    """Append an event to its stream and return the entry's id. Do not cancel it half-way: shield it."""
    limit = None if event.stream == BACKTESTS else KEPT
    key, body = key_of(event.stream), {_BODY: encode(event)}
    if isinstance(broker, Client):
        try:
            (reply,) = raise_errors(await broker.ask(_addition(event)))
        except (*LOST, ResponseError):  # the ordinary client opens a connection, tries again, and knows what to say
            if broker.away:
                raise
        else:
            return _text(reply)
    try:
        entry = await broker.xadd(key, body, maxlen=limit, approximate=True)  # type: ignore[arg-type]
    except ResponseError as error:
        await replace_foreign(broker, error, key)
        entry = await broker.xadd(key, body, maxlen=limit, approximate=True)  # type: ignore[arg-type]
    return _text(entry)


def _addition(event: Event) -> tuple[str | bytes | int, ...]:
    """XADD of an event."""
    limit = () if event.stream == BACKTESTS else ("MAXLEN", "~", KEPT)
    return ("XADD", key_of(event.stream), *limit, "*", _BODY, encode(event))


async def replace_foreign(broker: Redis, error: ResponseError, *keys: str) -> None:
    """Remove keys of streams that hold something else (somebody planted it); any other error is raised again.

    What the stream held is gone already; rows without a hint are announced again by the reconciler.
    """
    if "WRONGTYPE" not in str(error):
        raise error
    for key in keys:
        if await broker.type(key) not in (b"stream", b"none"):
            await broker.unlink(key)


async def append_many(broker: Redis, events: list[Event]) -> list[str]:
    """Append several events in one round trip; returns their ids in order."""
    pipe = broker.pipeline(transaction=False)
    for event in events:
        limit = None if event.stream == BACKTESTS else KEPT
        pipe.xadd(key_of(event.stream), {_BODY: encode(event)}, maxlen=limit, approximate=True)
    try:
        return [_text(entry) for entry in await pipe.execute()]
    except ResponseError as error:
        await replace_foreign(broker, error, *{key_of(event.stream) for event in events})
        return [await append(broker, event) for event in events]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One entry that this consumer owns until `done`; `event` None means bytes that are no event (drop it)."""

    entry: str
    event: Event | None
    claimed: bool
    """Taken over from a consumer that fell silent."""
    inherited: bool = False
    """Delivered to a process of the same name before this one started: it may be what ended that process."""


class Consumer:
    """One member of a consumer group. `name` is stable over restarts, so that a restart takes up its own entries."""

    def __init__(self, broker: Redis, stream: str, group: str, name: str, *, lease_ms: int = 5000) -> None:
        self._broker = broker
        self._key = key_of(stream)
        self._group = group
        self._name = name
        self._lease_ms = lease_ms
        self._own: str | None = "0"
        """The last of the entries from before a restart that was looked at; None when there are no more."""
        self._next_claim = 0.0
        self._line: Line | None = None

    async def take(self, *, block_ms: int = BLOCK_MS, count: int = 1) -> list[Delivery]:
        """Up to `count` entries: first own ones from before a restart, then abandoned ones, then new ones.

        Waits at most `block_ms` for a new entry; empty when there is none. After a flush the group is made again at 0
        (the caller reconciles with its rows).
        """
        try:
            if self._own is not None:
                found = await self._read(self._own, count, None)
                self._own = found[-1].entry if found else None
                if found:
                    return found
            if time.monotonic() >= self._next_claim:
                self._next_claim = time.monotonic() + self._lease_ms / 2000
                found = await self._claim_abandoned()
                if found:
                    self._next_claim = 0.0
                    return found
            return await self._read(">", count, block_ms)
        except ResponseError as error:
            if not _is_gone(error):
                await replace_foreign(self._broker, error, self._key)
            await self.create_group()
            return []

    async def create_group(self) -> None:
        """Create the group at 0 (never `$`: entries before it would be lost)."""
        try:
            await self._broker.xgroup_create(self._key, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def done(self, *entries: str) -> None:
        """Acknowledge and delete entries, both or neither."""
        async with self._broker.pipeline(transaction=True) as pipe:
            pipe.xack(self._key, self._group, *entries)
            pipe.xdel(self._key, *entries)
            try:
                await pipe.execute()
            except ResponseError as error:
                await replace_foreign(self._broker, error, self._key)

    async def finish(self, entry: str, event: Event) -> None:
        """Append what came of an entry, then acknowledge and delete it: all or nothing, in one round trip."""
        if isinstance(self._broker, Client):
            try:
                raise_errors(
                    await self._broker.ask(
                        ("MULTI",), _addition(event), ("XACK", self._key, self._group, entry),
                        ("XDEL", self._key, entry), ("EXEC",),
                    )
                )  # fmt: skip
            except (*LOST, ResponseError):  # told twice is as good as told once
                if self._broker.away:
                    raise
            else:
                return
        limit = None if event.stream == BACKTESTS else KEPT
        async with self._broker.pipeline(transaction=True) as pipe:
            pipe.xadd(key_of(event.stream), {_BODY: encode(event)}, maxlen=limit, approximate=True)
            pipe.xack(self._key, self._group, entry)
            pipe.xdel(self._key, entry)
            try:
                await pipe.execute()
            except ResponseError as error:
                await replace_foreign(self._broker, error, self._key, key_of(event.stream))

    async def renew(self, *entries: str) -> None:
        """Keep entries from being claimed by others; call it from a `Heartbeat` every third of the lease."""
        await self._claim(entries, None)

    async def hand_back(self, *entries: str) -> None:
        """Make entries claimable by others at once (graceful stop)."""
        await self._claim(entries, self._lease_ms * 10)

    def on(self, broker: Redis) -> Consumer:
        """The same member over another connection (the heartbeat thread has its own)."""
        return Consumer(broker, self._key.removeprefix(PREFIX), self._group, self._name, lease_ms=self._lease_ms)

    async def _claim(self, entries: tuple[str, ...], idle_ms: int | None) -> None:
        """Own these entries, idle for so long; without the group (a flush) there is nothing to own."""
        if not entries:
            return
        try:
            await self._broker.xclaim(self._key, self._group, self._name, 0, list(entries), idle=idle_ms, justid=True)
        except ResponseError as error:
            if not _is_gone(error):
                await replace_foreign(self._broker, error, self._key)

    async def _read(self, start: str, count: int, block_ms: int | None) -> list[Delivery]:
        answer: Any
        if block_ms is not None and isinstance(self._broker, Client):
            self._line = self._line or self._broker.line()
            command = (
                "XREADGROUP", "GROUP", self._group, self._name, "COUNT", count, "BLOCK", block_ms, "STREAMS",
                self._key, start,
            )  # fmt: skip
            answer = await _entries(self._line, command, block_ms)
        else:
            answer = await self._broker.xreadgroup(
                self._group, self._name, {self._key: start}, count=count, block=block_ms
            )
        return [
            Delivery(entry=_text(entry), event=_event(fields), claimed=False, inherited=start != ">")
            for _, entries in answer or []
            for entry, fields in entries
        ]

    async def _claim_abandoned(self) -> list[Delivery]:
        _, entries, *_ = await self._broker.xautoclaim(self._key, self._group, self._name, self._lease_ms, "0", count=1)
        return [
            Delivery(entry=_text(entry), event=_event(fields), claimed=True)
            for entry, fields in entries
            if fields is not None
        ]


async def _entries(line: Line, command: tuple[str | bytes | int, ...], block_ms: int) -> list[Any] | None:
    """The answer of a blocking read as the ordinary client gives it: (key, [(entry, fields)]) of each stream."""
    (reply,) = raise_errors(await line.ask(command, patience_s=block_ms / 1000 + PATIENCE_S))
    if reply is None:
        return None
    return [
        (key, [(entry, None if f is None else dict(zip(f[::2], f[1::2], strict=True))) for entry, f in entries])
        for key, entries in reply
    ]


def _is_gone(error: ResponseError) -> bool:
    """The stream, or its group, does not exist (any more)."""
    return str(error).startswith(("NOGROUP", "UNBLOCKED"))


def _event(fields: dict[bytes, bytes] | None) -> Event | None:
    try:
        return decode((fields or {}).get(_BODY, b""))
    except WireError:
        return None


def _text(entry: Any) -> str:
    return entry.decode() if isinstance(entry, bytes) else str(entry)


class Broadcast:
    """Reads every event of some streams without taking it from anybody; `positions` are the last seen entries."""

    def __init__(self, broker: Redis, *streams: str, positions: dict[str, str] | None = None) -> None:
        self._broker = broker
        self._streams = streams
        self._line: Line | None = None
        self.positions = dict(positions or {})

    async def start(self) -> None:
        """Fix the position at the newest entry of each stream: everything that is appended afterwards is read."""
        for stream in self._streams:
            try:
                newest = await self._broker.xrevrange(key_of(stream), count=1)
            except ResponseError as error:
                await replace_foreign(self._broker, error, key_of(stream))
                newest = []
            self.positions[stream] = _text(newest[0][0]) if newest else "0-0"

    async def read(self, *, block_ms: int = BLOCK_MS, count: int = 500) -> list[tuple[str, Event]]:
        """(entry id, event) since the last call, waiting at most `block_ms`; bytes that are no event are skipped."""
        asked: dict[Any, Any] = {key_of(stream): self.positions.get(stream, "0-0") for stream in self._streams}
        answer: Any
        try:
            if isinstance(self._broker, Client):
                self._line = self._line or self._broker.line()
                command = ("XREAD", "COUNT", count, "BLOCK", block_ms, "STREAMS", *asked, *asked.values())
                answer = await _entries(self._line, command, block_ms)
            else:
                answer = await self._broker.xread(asked, count=count, block=block_ms)
        except ResponseError as error:
            await replace_foreign(self._broker, error, *asked)
            return []
        found: list[tuple[str, Event]] = []
        for key, entries in answer or []:
            stream = _text(key).removeprefix(PREFIX)
            for entry, fields in entries:
                self.positions[stream] = _text(entry)
                event = _event(fields)
                if event is not None:
                    found.append((_text(entry), event))
        return found

    async def __aiter__(self) -> AsyncIterator[tuple[str, Event]]:
        while True:
            for pair in await self.read():
                yield pair


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """What waits in a stream for a group: entries in it, entries delivered and not done, entries not delivered yet."""

    length: int
    pending: int
    lag: int


async def backlog(broker: Redis, stream: str, group: str) -> Backlog:
    """The backlog of a group; zeros where stream or group do not exist."""
    try:
        length = int(await broker.xlen(key_of(stream)))
    except ResponseError as error:
        await replace_foreign(broker, error, key_of(stream))
        length = 0
    try:
        groups = await broker.xinfo_groups(key_of(stream))
    except ResponseError:
        groups = []
    for found in groups:
        if _text(found["name"]) == group:
            return Backlog(length=length, pending=int(found["pending"]), lag=int(found.get("lag") or 0))
    return Backlog(length=length, pending=0, lag=length)


async def queued(broker: Redis, stream: str) -> set[str]:
    """`computation_id` of every entry that is in the stream (for the reconciler)."""
    found: set[str] = set()
    start = "-"
    while True:
        try:
            entries = await broker.xrange(key_of(stream), min=start, count=1000)
        except ResponseError as error:
            await replace_foreign(broker, error, key_of(stream))
            return found
        for _, fields in entries:
            name = getattr(_event(fields), "computation_id", None)
            if name is not None:
                found.add(name)
        if len(entries) < 1000:
            return found
        start = "(" + _text(entries[-1][0])
