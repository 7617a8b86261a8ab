"""Commands to a running supervisor: a unix socket in a folder closed to other users, one line of JSON each way.

    {"simulators": 8}  ->  {"simulators": 8, "before": 2, ...}  or  {"refused": "reason"}

A command is executed even when its client disconnects before the response.
"""

from __future__ import annotations

import asyncio
import json
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from shared.errors import OndolError, UnavailableError

FOLDER = "control"
_SOCKET = "supervisor.sock"
_LINE_S = 5.0
_RESPONSE_S = 300.0


@asynccontextmanager
async def listening(sockets: str, scale: Callable[[int], Awaitable[dict[str, Any]]]) -> AsyncIterator[None]:
    """Accept commands for the duration of the block; commands still running at its end are cancelled."""
    folder = pathlib.Path(sockets) / FOLDER
    folder.mkdir(mode=0o700)
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            response = await _execute(reader, scale)
            with suppress(OSError):  # the client has disconnected
                writer.write(json.dumps(response).encode() + b"\n")
                await writer.drain()
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(handle(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_unix_server(begin, folder / _SOCKET)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _execute(reader: asyncio.StreamReader, scale: Callable[[int], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    try:
        command = json.loads(await asyncio.wait_for(reader.readline(), _LINE_S))
        count = command["simulators"]
        if type(count) is not int:
            raise TypeError
    except (ValueError, TypeError, KeyError, TimeoutError):
        return {"refused": 'The command is invalid; it is a line such as {"simulators": 4}.'}
    try:
        return await scale(count)
    except OndolError as error:
        return {"refused": str(error)}


async def request_scale(sockets: str, count: int) -> dict[str, Any]:
    """Request a number of simulators and return the response; raise UnavailableError when refused or unanswered."""
    try:
        async with asyncio.timeout(_RESPONSE_S):
            reader, writer = await asyncio.open_unix_connection(pathlib.Path(sockets) / FOLDER / _SOCKET)
            try:
                writer.write(json.dumps({"simulators": count}).encode() + b"\n")
                line = await reader.readline()
            finally:
                writer.close()
    except TimeoutError as error:
        raise UnavailableError(f"The system did not respond within {_RESPONSE_S:.0f} s; see its logs.") from error
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise UnavailableError("The system is starting or stopping; try again when it is ready.") from error
    except OSError as error:
        raise UnavailableError(f"The system cannot be reached ({error.strerror}).") from error
    if not line:
        raise UnavailableError("The system stopped before it changed the number of simulators.")
    response: dict[str, Any] = json.loads(line)
    if "refused" in response:
        raise UnavailableError(response["refused"])
    return response
