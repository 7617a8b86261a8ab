"""Redis streams: append events, consume them in a group that survives crashes and flushes, follow them as broadcast."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.contracts.events import BACKTESTS, EVENTS_STREAM, LONG_RUNS, SWEEPS, Event
from shared.contracts.wire import WireError, decode, encode
from shared.infra.redis.client import BLOCK_MS, LOST
from shared.infra.redis.connection import TIMEOUT_S, BrokerClient, Command, PipelinedConnection, raise_errors
from shared.infra.redis.seal import Seal

PREFIX = "ondol:"
MAX_ENTRIES = 20_000
"""Approximate length to which a stream of facts is trimmed; streams of work are never trimmed."""
RECONNECT_S = 0.2

_BODY = b"event"
_WORK = (BACKTESTS, LONG_RUNS)
_SEAL = b"seal"
SEALED_STREAMS = frozenset({EVENTS_STREAM, SWEEPS})
"""Streams of facts: an event without a valid seal is not read. Those of work are read without one, because the work is
checked against rows and content names."""


def key_of(stream: str) -> str:
    """Return the Redis key of a stream."""
    return PREFIX + stream


async def append(broker: BrokerClient, event: Event) -> str:
    """Append an event to its stream and return the entry's id. Shield it: a cancelled call may have appended."""
    (entry,) = await _execute(broker, [key_of(event.stream)], lambda: broker.execute(_add_command(event, broker.seal)))
    return _text(entry)


async def append_many(broker: BrokerClient, events: list[Event]) -> list[str]:
    """Append several events in one round trip; return their ids in order."""
    keys = sorted({key_of(event.stream) for event in events})
    commands = [_add_command(event, broker.seal) for event in events]
    entries = await _execute(broker, keys, lambda: broker.execute(*commands))
    return [_text(entry) for entry in entries]


def _add_command(event: Event, seal: Seal | None) -> Command:
    limit = () if event.stream in _WORK else ("MAXLEN", "~", MAX_ENTRIES)
    body = encode(event)
    sealed = () if seal is None else (_SEAL, seal.of(event.stream, body))
    return ("XADD", key_of(event.stream), *limit, "*", _BODY, body, *sealed)


async def drop_wrong_type(broker: Redis, error: ResponseError, *keys: str) -> None:
    """Delete keys of streams that hold another type (something else wrote them); raise any other error again.

    The stream's entries are lost by then; the reconciler publishes the rows that have no entry.
    """
    if "WRONGTYPE" not in str(error):
        raise error
    for key in keys:
        if await broker.type(key) not in (b"stream", b"none"):
            await broker.unlink(key)


async def _execute(broker: Redis, keys: list[str], call: Callable[[], Awaitable[Any]]) -> Any:
    """Await `call`; if a key has the wrong type, delete it and repeat the call."""
    try:
        return await call()
    except ResponseError as error:
        await drop_wrong_type(broker, error, *keys)
        return await call()


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One entry that this consumer owns until it is acknowledged; `event` is None for bytes that are no event."""

    entry: str
    event: Event | None
    claimed: bool = False
    """Claimed from a consumer that stopped renewing it."""
    inherited: bool = False
    """Delivered to a process of the same name before this one started."""
    queued: bool = False
    """It was in the stream before this consumer looked: more may wait than there are free slots."""
    sealed: bool = True
    """A service of this system appended the entry; always true without a seal."""

    @property
    def redelivered(self) -> bool:
        """Another process has received the work before, and may have crashed while it processed it."""
        return self.claimed or self.inherited or getattr(self.event, "abandoned", False)


class Consumer:
    """A member of a consumer group. `name` is stable over restarts: a restarted process reads its own entries first."""

    def __init__(self, broker: BrokerClient, stream: str, group: str, name: str, *, lease_ms: int = 5000) -> None:
        self._broker = broker
        self._key = key_of(stream)
        self._group = group
        self._name = name
        self._lease_ms = lease_ms
        self._own: str | None = "0"
        """The last entry read from those delivered before a restart; None when there are no more."""
        self._next_claim = 0.0
        self._connection: PipelinedConnection | None = None

    async def read(self, *, block_ms: int = BLOCK_MS, count: int = 1) -> list[Delivery]:
        """Read up to `count` entries: own ones from before a restart, then abandoned ones, then new ones.

        Waits at most `block_ms` for a new entry; empty when there is none. Entries that are there already are marked
        as `queued`. After a flush the group is created again
        at 0 (the caller reconciles with its rows).
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
            return await self._read(">", count, None) or await self._read(">", count, block_ms)
        except ResponseError as error:
            if not _is_missing(error):
                await drop_wrong_type(self._broker, error, self._key)
            await self.create_group()
            return []

    async def create_group(self) -> None:
        """Create the group at 0 (never `$`: earlier entries would be lost)."""
        try:
            await self._broker.xgroup_create(self._key, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    async def ack(self, *entries: str) -> None:
        """Acknowledge and delete entries in one transaction."""
        await self._acknowledge(entries)

    async def ack_with(self, entry: str, event: Event) -> None:
        """Append an event, acknowledge the entry and delete it in one transaction and one round trip."""
        await self._acknowledge((entry,), event)

    async def _acknowledge(self, entries: tuple[str, ...], event: Event | None = None) -> None:
        added = () if event is None else (_add_command(event, self._broker.seal),)
        commands = (*added, ("XACK", self._key, self._group, *entries), ("XDEL", self._key, *entries))
        try:
            await self._broker.execute(*commands, transaction=True)
        except ResponseError as error:
            await drop_wrong_type(self._broker, error, self._key, *(key_of(e.stream) for e in (event,) if e))
            if event is not None:
                await append(self._broker, event)

    async def renew(self, *entries: str) -> None:
        """Prevent others from claiming entries; call it every third of the lease from a `Heartbeat`."""
        await self._claim(entries, None)

    async def release(self, *entries: str) -> None:
        """Make entries claimable by others at once (graceful stop)."""
        await self._claim(entries, self._lease_ms * 10)

    async def _claim(self, entries: tuple[str, ...], idle_ms: int | None) -> None:
        """Own these entries with this idle time; does nothing without the group (after a flush)."""
        if not entries:
            return
        try:
            await self._broker.xclaim(self._key, self._group, self._name, 0, list(entries), idle=idle_ms, justid=True)
        except ResponseError as error:
            if not _is_missing(error):
                await drop_wrong_type(self._broker, error, self._key)

    async def _read(self, start: str, count: int, block_ms: int | None) -> list[Delivery]:
        self._connection = self._connection or self._broker.open_connection()
        block = () if block_ms is None else ("BLOCK", block_ms)
        command = (
            "XREADGROUP", "GROUP", self._group, self._name, "COUNT", count, *block, "STREAMS", self._key, start,
        )  # fmt: skip
        return [
            Delivery(
                entry=entry,
                event=_event(fields),
                inherited=start != ">",
                queued=start == ">" and block_ms is None,
                sealed=_is_sealed(fields, stream, self._broker.seal),
            )
            for stream, entry, fields in await _read_entries(self._connection, command, block_ms or 0)
        ]

    async def _claim_abandoned(self) -> list[Delivery]:
        _, entries, *_ = await self._broker.xautoclaim(self._key, self._group, self._name, self._lease_ms, "0", count=1)
        return [
            Delivery(entry=_text(entry), event=_event(fields), claimed=True)
            for entry, fields in entries
            if fields is not None
        ]


class Broadcast:
    """Reads every event of some streams without consuming it; `positions` are the ids of the last read entries."""

    def __init__(self, broker: BrokerClient, *streams: str, positions: dict[str, str] | None = None) -> None:
        self._broker = broker
        self._streams = streams
        self._connection: PipelinedConnection | None = None
        self.positions = dict(positions or {})

    async def start(self) -> None:
        """Set the position to the newest entry of each stream: everything appended afterwards is read."""
        for stream in self._streams:
            key = key_of(stream)
            newest = await _execute(self._broker, [key], partial(self._broker.xrevrange, key, count=1))
            self.positions[stream] = _text(newest[0][0]) if newest else "0-0"

    async def read(self, *, block_ms: int = BLOCK_MS, count: int = 500) -> list[tuple[str, Event]]:
        """Return (entry id, event) since the last call, waiting at most `block_ms`; skip bytes that are no event."""
        keys = {key_of(stream): self.positions.get(stream, "0-0") for stream in self._streams}
        self._connection = self._connection or self._broker.open_connection()
        command: Command = ("XREAD", "COUNT", count, "BLOCK", block_ms, "STREAMS", *keys, *keys.values())
        try:
            entries = await _read_entries(self._connection, command, block_ms)
        except ResponseError as error:
            await drop_wrong_type(self._broker, error, *keys)
            return []
        found: list[tuple[str, Event]] = []
        for stream, entry, fields in entries:
            self.positions[stream] = entry
            event = _event(fields)
            if event is not None and (stream not in SEALED_STREAMS or _is_sealed(fields, stream, self._broker.seal)):
                found.append((entry, event))
        return found

    async def follow(
        self, on_lost: Callable[[Exception], None], on_connected: Callable[[], None] | None = None
    ) -> AsyncIterator[Event]:
        """Yield every event from now on, for ever, and reconnect to a lost broker.

        `on_lost` is called with each error of the broker, `on_connected` before each read.
        """
        started = bool(self.positions)
        while True:
            try:
                if not started:
                    await self.start()
                    started = True
                if on_connected is not None:
                    on_connected()
                events = await self.read()
            except LOST as error:
                on_lost(error)
                await asyncio.sleep(RECONNECT_S)
                continue
            for _, event in events:
                yield event


async def _read_entries(
    connection: PipelinedConnection, command: Command, block_ms: int
) -> list[tuple[str, str, dict[bytes, bytes] | None]]:
    """Execute a read that may block; return (stream, entry id, fields) of each entry in order."""
    (reply,) = raise_errors(await connection.send(command, timeout_s=block_ms / 1000 + TIMEOUT_S))
    return [
        (_text(key).removeprefix(PREFIX), _text(entry),
         None if fields is None else dict(zip(fields[::2], fields[1::2], strict=True)))
        for key, entries in reply or []
        for entry, fields in entries
    ]  # fmt: skip


def _is_missing(error: ResponseError) -> bool:
    """Return whether the stream or its group does not exist."""
    return str(error).startswith(("NOGROUP", "UNBLOCKED"))


def _is_sealed(fields: dict[bytes, bytes] | None, stream: str, seal: Seal | None) -> bool:
    """Return whether an entry has the seal of its stream; without a seal to compare with, every entry counts."""
    found = fields or {}
    return seal is None or seal.matches(stream, found.get(_BODY, b""), found.get(_SEAL, b""))


def _event(fields: dict[bytes, bytes] | None) -> Event | None:
    try:
        return decode((fields or {}).get(_BODY, b""))
    except WireError:
        return None


def _text(entry: Any) -> str:
    return entry.decode() if isinstance(entry, bytes) else str(entry)


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """Entries of a stream, entries delivered to a group and not acknowledged, and entries not delivered yet."""

    length: int
    pending: int
    lag: int


async def backlog(broker: BrokerClient, stream: str, group: str) -> Backlog:
    """Return the backlog of a group; zeros where stream or group do not exist."""
    key = key_of(stream)
    length = int(await _execute(broker, [key], lambda: broker.xlen(key)))
    try:
        groups = await broker.xinfo_groups(key)
    except ResponseError:
        groups = []
    for found in groups:
        if _text(found["name"]) == group:
            return Backlog(length=length, pending=int(found["pending"]), lag=int(found.get("lag") or 0))
    return Backlog(length=length, pending=0, lag=length)


async def live_consumers(broker: BrokerClient, stream: str, group: str, within_ms: int) -> int:
    """Return how many consumers of a group have read or renewed entries in the last `within_ms`; 0 without the group.

    A consumer that was stopped keeps its name in the group and is idle.
    """
    try:
        consumers = await broker.xinfo_consumers(key_of(stream), group)
    except ResponseError:
        return 0
    return sum(1 for found in consumers if found["idle"] <= within_ms)


async def pending_ids(broker: BrokerClient, stream: str) -> set[str]:
    """Return the `computation_id` of every entry of the stream (for the reconciler)."""
    found: set[str] = set()
    key, start = key_of(stream), "-"
    while True:
        entries = await _execute(broker, [key], partial(broker.xrange, key, min=start, count=1000))
        for _, fields in entries:
            name = getattr(_event(fields), "computation_id", None)
            if name is not None:
                found.add(name)
        if len(entries) < 1000:
            return found
        start = "(" + _text(entries[-1][0])
