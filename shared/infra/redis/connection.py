"""A pipelined Redis connection for the hot path, and a client with a circuit breaker.

Commands are packed once and their replies matched in order, without a task for each. A server that hangs, instead of
closing its connections, is detected by the first command that it does not answer in time. Until it answers a PING
again every command fails at once. Measured in docs/adr/0003 and 0013.
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
from redis.exceptions import InvalidResponse, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.infra.redis.seal import Seal

TIMEOUT_S = 5.0
"""How long a blocking read may stay silent beyond its BLOCK time."""
SHARED_TIMEOUT_S = 2.0
"""How long any other command may take."""
PROBE_S = 0.25
_GRACE_S = 0.1

_REFUSALS = ("MISCONF", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "UNBLOCKED force unblock")

Command = tuple[str | bytes | int, ...]


class RefusedError(RedisError):
    """The server answers but refuses a command as long as it is out of memory, read-only, without enough replicas, or
    cannot write its file."""


class _Pending:
    """Commands that were sent together and wait for as many replies."""

    __slots__ = ("count", "future", "replies")

    def __init__(self, future: asyncio.Future[list[Any]], count: int) -> None:
        self.future = future
        self.count = count
        self.replies: list[Any] = []


class PipelinedConnection(asyncio.Protocol):
    """One connection, opened at its first use and reopened after a loss; create it with `BrokerClient`.

    Commands of several tasks are pipelined on it, so a command that blocks needs a connection of its own. Nothing is
    repeated after a loss: the caller knows whether its command may be sent twice.
    """

    def __init__(self, redis: Redis) -> None:
        self._pool = redis.connection_pool
        self._opening = asyncio.Lock()
        self._transport: asyncio.Transport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._stream_protocol: asyncio.BaseProtocol | None = None
        self._reader = _reader()
        self._pending: deque[_Pending] = deque()
        self._closed = False

    async def send(self, *commands: Command, timeout_s: float = TIMEOUT_S) -> list[Any]:
        """Return the replies: bytes, numbers or lists of them; an error of the server is a reply (`raise_errors`).

        Raises ConnectionError and TimeoutError of redis when the server is lost. The timeout includes the connect.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            try:
                async with asyncio.timeout(timeout_s):
                    transport = await self._open()
            except TimeoutError as error:
                raise RedisTimeoutError("the server did not accept the connection in time") from error
        loop = asyncio.get_running_loop()
        pending = _Pending(loop.create_future(), len(commands))
        self._pending.append(pending)
        transport.write(b"".join([hiredis.pack_command(command) for command in commands]))  # type: ignore[arg-type]
        timer = loop.call_later(timeout_s, self._on_timeout, pending, loop)
        try:
            return await pending.future
        finally:
            timer.cancel()

    async def _open(self) -> asyncio.Transport:
        async with self._opening:
            if self._transport is not None and not self._transport.is_closing():
                return self._transport
            # A half-closed connection is not reported as lost while data wait to be sent on it; fail its pending
            # commands now, or they would receive replies of the new connection.
            self._abort(RedisConnectionError("the connection was lost"))
            if self._closed:
                raise _closed()
            connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
            try:
                await connection.connect()  # with the address and the credentials of the client
                if self._closed:
                    raise _closed()
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
            writer = connection._writer
            connection._writer = connection._reader = None
            connection._parser.on_disconnect()
            transport: asyncio.Transport = writer.transport
            self._writer, self._stream_protocol, self._reader = writer, transport.get_protocol(), _reader()
            transport.set_protocol(self)
            self._transport = transport
            return transport

    def data_received(self, data: bytes) -> None:
        """Resolve the pending commands in order."""
        reader = self._reader
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not False:
                pending = self._pending[0]
                pending.replies.append(reply)
                if len(pending.replies) == pending.count:
                    self._pending.popleft()
                    if not pending.future.done():
                        pending.future.set_result(pending.replies)
        except (InvalidResponse, IndexError):
            self._abort(RedisConnectionError("the server sent a reply that belongs to no command"))

    def connection_lost(self, error: Exception | None) -> None:
        """Fail all pending commands."""
        if self._stream_protocol is not None:
            self._stream_protocol.connection_lost(error)
        self._abort(RedisConnectionError("the connection was lost"))

    def _on_timeout(self, pending: _Pending, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Fail a command. With `loop` wait `_GRACE_S` first: this process may be slow, and the reply already here."""
        if pending.future.done():
            return
        if loop is not None:
            loop.call_later(_GRACE_S, self._on_timeout, pending)
        else:
            pending.future.set_exception(RedisTimeoutError("the server did not answer in time"))
            self._abort(RedisConnectionError("the server did not answer in time"))

    def _abort(self, error: Exception) -> None:
        transport, self._transport = self._transport, None
        failed, self._pending = self._pending, deque()
        if transport is not None:
            transport.abort()
        for pending in failed:
            if not pending.future.done():
                pending.future.set_exception(error)

    def close(self) -> None:
        """Close the connection; pending and later commands fail with ConnectionError."""
        self._closed = True
        self._abort(_closed())


class BrokerClient(Redis):
    """A Redis client with pipelined connections and a circuit breaker."""

    _connections: tuple[PipelinedConnection, ...] = ()
    _shared: PipelinedConnection | None = None
    _probe: asyncio.Task[None] | None = None
    seal: Seal | None = None
    """Set by services: what they append is sealed, and events without a seal are not read."""

    def open_connection(self) -> PipelinedConnection:
        """Return a connection of its own, for commands that block; it is closed with the client."""
        connection = PipelinedConnection(self)
        self._connections = (*self._connections, connection)
        return connection

    @property
    def circuit_open(self) -> bool:
        """The server did not answer in time, and has not answered since."""
        return self._probe is not None and not self._probe.done()

    async def send(self, *commands: Command) -> list[Any]:
        """`PipelinedConnection.send` on the shared connection; TimeoutError at once while the circuit is open."""
        self.check_circuit()
        if self._shared is None:
            self._shared = self.open_connection()
        try:
            return await self._shared.send(*commands, timeout_s=SHARED_TIMEOUT_S)
        except RedisTimeoutError:
            self._open_circuit()
            raise

    async def execute(self, *commands: Command, transaction: bool = False) -> list[Any]:
        """Execute commands that may be repeated and return their replies; raise the first error reply.

        After a lost connection they are sent again through redis-py, which reconnects with retries.
        """
        try:
            if transaction:
                replies = raise_errors(await self.send(("MULTI",), *commands, ("EXEC",)))
                return list(replies[-1])
            return raise_errors(await self.send(*commands))
        except (RedisConnectionError, RedisTimeoutError, OSError):
            if self.circuit_open:
                raise
        try:
            async with self.pipeline(transaction=transaction) as pipe:
                for command in commands:
                    await pipe.execute_command(*command)
                return list(await pipe.execute())
        except ResponseError as error:
            raise as_refusal(error) from error

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Like `Redis.execute_command`; TimeoutError at once while the circuit is open."""
        self.check_circuit()
        try:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except RedisTimeoutError:
            self._open_circuit()
            raise
        except ResponseError as error:
            raise as_refusal(error) from error

    def check_circuit(self) -> None:
        """Raise TimeoutError while the circuit is open."""
        if self.circuit_open:
            raise RedisTimeoutError("the server has not answered for a while")

    def _open_circuit(self) -> None:
        if not self.circuit_open:
            self._probe = asyncio.ensure_future(self._until_answered())

    async def _until_answered(self) -> None:
        connection = PipelinedConnection(self)
        try:
            while True:
                with suppress(RedisError, OSError):
                    (reply,) = await connection.send(("PING",), timeout_s=SHARED_TIMEOUT_S / 2)
                    if not isinstance(reply, Exception):
                        return
                await asyncio.sleep(PROBE_S)
        finally:
            connection.close()

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Close the connections and the pool."""
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.wait({self._probe})
        for connection in self._connections:
            connection.close()
        self._connections, self._shared = (), None
        await super().aclose(close_connection_pool)


def raise_errors(replies: list[Any]) -> list[Any]:
    """Return the replies, or raise the first error among them (those inside a transaction included)."""
    for reply in replies:
        if isinstance(reply, Exception):
            raise as_refusal(reply)
        if isinstance(reply, list):
            for inner in reply:
                if isinstance(inner, ResponseError):
                    raise as_refusal(inner)
    return replies


def as_refusal(error: Exception) -> Exception:
    """Return a RefusedError for an error that passes without a change of the command, else the error itself."""
    refused = isinstance(error, OutOfMemoryError | ReadOnlyError) or str(error).startswith(_REFUSALS)
    return RefusedError(str(error)) if refused else error


def _closed() -> RedisConnectionError:
    return RedisConnectionError("the client was closed")


def _reader() -> hiredis.Reader:
    return hiredis.Reader(protocolError=InvalidResponse, replyError=BaseParser.parse_error)
