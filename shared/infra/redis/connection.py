"""A Redis connection for the commands of the hot path: packed once, answered in order, without a task for each.

A server that hangs, instead of dying, is found out by the first command that it does not answer in time. Until it
answers a PING again nobody waits for it: every command fails at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import Any

import hiredis
from redis._parsers.base import BaseParser
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

PATIENCE_S = 5.0
"""How long a reading that blocks may stay silent beyond what it asked for."""
QUICK_S = 2.0
"""How long any other command may."""
PROBE_S = 0.25
_GRACE_S = 0.1

Command = tuple[str | bytes | int, ...]


class _Ask:
    """Commands that were sent together and wait for as many replies."""

    __slots__ = ("answer", "count", "replies")

    def __init__(self, answer: asyncio.Future[list[Any]], count: int) -> None:
        self.answer = answer
        self.count = count
        self.replies: list[Any] = []


class Line(asyncio.Protocol):
    """One connection, opened when it is first used and again after a loss; made by `Client`.

    Commands of several tasks follow each other on it, so a command that blocks needs a line of its own. Nothing is
    repeated after a loss: the caller knows whether its command may be sent twice.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._opening = asyncio.Lock()
        self._transport: asyncio.Transport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._before: asyncio.BaseProtocol | None = None
        self._reader = _reader()
        self._asked: deque[_Ask] = deque()
        self._closed = False

    async def ask(self, *commands: Command, patience_s: float = PATIENCE_S) -> list[Any]:
        """The replies, bytes or numbers or lists of them; an error of the server is a reply, too (`raise_errors`).

        Raises ConnectionError and TimeoutError of redis when the server is lost. Patience begins with the opening.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            try:
                async with asyncio.timeout(patience_s):
                    transport = await self._open()
            except TimeoutError as error:
                raise RedisTimeoutError("the server did not take the connection in time") from error
        loop = asyncio.get_running_loop()
        asked = _Ask(loop.create_future(), len(commands))
        self._asked.append(asked)
        transport.write(b"".join([hiredis.pack_command(command) for command in commands]))  # type: ignore[arg-type]
        timer = loop.call_later(patience_s, self._late, asked, loop)
        try:
            return await asked.answer
        finally:
            timer.cancel()

    async def _open(self) -> asyncio.Transport:
        async with self._opening:
            if self._transport is not None and not self._transport.is_closing():
                return self._transport
            # A connection that the server half closed is not lost as long as something is to be sent on it: whoever
            # waits for its replies must not wait for those of the new one.
            self._cut(RedisConnectionError("the connection was lost"))
            if self._closed:
                raise _closed()
            connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                await connection.connect()  # the address and the login are those of the client
                if self._closed:
                    raise _closed()
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            writer = connection._writer
            connection._writer = connection._reader = None
            connection._parser.on_disconnect()
            transport: asyncio.Transport = writer.transport
            self._writer, self._before, self._reader = writer, transport.get_protocol(), _reader()
            transport.set_protocol(self)
            self._transport = transport
            return transport

    def data_received(self, data: bytes) -> None:
        """Hand replies to those who asked, in order."""
        reader = self._reader
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not False:
                asked = self._asked[0]
                asked.replies.append(reply)
                if len(asked.replies) == asked.count:
                    self._asked.popleft()
                    if not asked.answer.done():
                        asked.answer.set_result(asked.replies)
        except (InvalidResponse, IndexError):
            self._cut(RedisConnectionError("the server sent what no command asked for"))

    def connection_lost(self, error: Exception | None) -> None:
        """Everybody who waits hears of it."""
        if self._before is not None:
            self._before.connection_lost(error)
        self._cut(RedisConnectionError("the connection was lost"))

    def _late(self, asked: _Ask, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """`loop`: this process may be what was late; replies that have arrived meanwhile are read first."""
        if asked.answer.done():
            return
        if loop is not None:
            loop.call_later(_GRACE_S, self._late, asked)
        else:
            asked.answer.set_exception(RedisTimeoutError("the server did not answer in time"))
            self._cut(RedisConnectionError("the server did not answer in time"))

    def _cut(self, error: Exception) -> None:
        transport, self._transport = self._transport, None
        waiting, self._asked = self._asked, deque()
        if transport is not None:
            transport.abort()
        for asked in waiting:
            if not asked.answer.done():
                asked.answer.set_exception(error)

    def close(self) -> None:
        """Close the connection for good; whoever waits for it, opens it or asks later gets a ConnectionError."""
        self._closed = True
        self._cut(_closed())


class Client(Redis):
    """A Redis client that also has lines."""

    _lines: tuple[Line, ...] = ()
    _shared: Line | None = None

    def line(self) -> Line:
        """A line of its own, for commands that block; it is closed with the client."""
        made = Line(self)
        self._lines = (*self._lines, made)
        return made

    _probe: asyncio.Task[None] | None = None

    @property
    def away(self) -> bool:
        """The server did not answer in time, and has not answered since."""
        return self._probe is not None and not self._probe.done()

    async def ask(self, *commands: Command) -> list[Any]:
        """`Line.ask` on a line that everybody shares; TimeoutError at once while the server is away."""
        self.refuse_away()
        if self._shared is None:
            self._shared = self.line()
        try:
            return await self._shared.ask(*commands, patience_s=QUICK_S)
        except RedisTimeoutError:
            self._is_late()
            raise

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Like the ordinary client; TimeoutError at once while the server is away."""
        self.refuse_away()
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except RedisTimeoutError:
            self._is_late()
            raise

    def refuse_away(self) -> None:
        """TimeoutError while the server is away."""
        if self.away:
            raise RedisTimeoutError("the server has not answered for a while")

    def _is_late(self) -> None:
        if not self.away:
            self._probe = asyncio.ensure_future(self._until_back())

    async def _until_back(self) -> None:
        line = Line(self)
        try:
            while True:
                with suppress(RedisError, OSError):
                    (reply,) = await line.ask(("PING",), patience_s=QUICK_S / 2)
                    if not isinstance(reply, Exception):
                        return
                await asyncio.sleep(PROBE_S)
        finally:
            line.close()

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the lines and the pool."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait({self._probe})
        for line in self._lines:
            line.close()
        self._lines, self._shared = (), None
        await super().aclose(close_connection_pool)


def raise_errors(replies: list[Any]) -> list[Any]:
    """The replies, when none is an error (also none of those inside a transaction); else the first one is raised."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, list):
            for inner in reply:
                if isinstance(inner, ResponseError):
                    raise inner
    return replies


def _closed() -> RedisConnectionError:
    return RedisConnectionError("the client was closed")


def _reader() -> hiredis.Reader:
    return hiredis.Reader(protocolError=InvalidResponse, replyError=BaseParser.parse_error)
