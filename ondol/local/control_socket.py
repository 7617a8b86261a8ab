"""Orders to a running supervisor: a unix socket in a folder that no other user may enter, one line of JSON each way.

    {"simulators": 8}  ->  {"simulators": 8, "before": 2, ...}  or  {"refused": "A sentence."}

An order is carried out whether or not the one who gave it waits for the answer.
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
_PATIENCE_S = 300.0


@asynccontextmanager
async def listening(sockets: str, scale: Callable[[int], Awaitable[dict[str, Any]]]) -> AsyncIterator[None]:
    """Take orders for as long as the block lasts; what is not carried out at its end is given up."""
    folder = pathlib.Path(sockets) / FOLDER
    folder.mkdir(mode=0o700)
    tasks: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reply = await _execute(reader, scale)
            with suppress(OSError):  # nobody waits for it any more
                writer.write(json.dumps(reply).encode() + b"\n")
                await writer.drain()
        finally:
            writer.close()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(answer(reader, writer))
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
        order = json.loads(await asyncio.wait_for(reader.readline(), _LINE_S))
        count = order["simulators"]
        if type(count) is not int:
            raise TypeError
    except (ValueError, TypeError, KeyError, TimeoutError):
        return {"refused": "The order was not understood."}
    try:
        return await scale(count)
    except OndolError as error:
        return {"refused": str(error)}


async def ordered(sockets: str, count: int) -> dict[str, Any]:
    """Order so many simulators and wait for the answer; UnavailableError when it is refused or none comes."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_unix_connection(pathlib.Path(sockets) / FOLDER / _SOCKET)
            try:
                writer.write(json.dumps({"simulators": count}).encode() + b"\n")
                line = await reader.readline()
            finally:
                writer.close()
    except TimeoutError as error:
        raise UnavailableError(f"The system has not answered for {_PATIENCE_S:.0f} s; see its logs.") from error
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise UnavailableError("The system is starting or stopping; try again when it is ready.") from error
    except OSError as error:
        raise UnavailableError(f"The system cannot be reached ({error.strerror}).") from error
    if not line:
        raise UnavailableError("The system stopped before it had done it.")
    found: dict[str, Any] = json.loads(line)
    if "refused" in found:
        raise UnavailableError(found["refused"])
    return found
