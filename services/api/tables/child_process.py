"""XLSX and Parquet from a short-lived child process, fed block by block."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress

import msgspec
import orjson

from services.api.errors import invalid
from services.api.tables.child import TIME_BYTES, FileHeader
from services.api.tables.table import Rows, Table
from services.api.tables.xlsx_limits import MAX_ROWS
from shared.errors import Problem, UnavailableError
from shared.messages import say

CHILD_TIMEOUT_S = 60.0
_CHILDREN = asyncio.Semaphore(2)


async def file_of(table: Table, kind: str) -> tuple[bytes, int]:
    """Return the table as a file of the kind `xlsx` or `parquet`, and the nanoseconds that its process computed.

    Raises a 422 for more rows than a sheet has, UnavailableError when the child fails or takes too long.
    """
    async with _CHILDREN:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.api.tables.child",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert child.stdin is not None  # noqa: S101  opened as a pipe
        assert child.stdout is not None  # noqa: S101
        try:
            async with asyncio.timeout(CHILD_TIMEOUT_S):
                body, _ = await asyncio.gather(child.stdout.read(), _feed(child.stdin, table, kind))
                await child.wait()
        except TimeoutError:
            raise UnavailableError(say("file_too_slow")) from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    if child.returncode != 0:
        raise UnavailableError(say("file_failed"))
    return body[TIME_BYTES:], int.from_bytes(body[:TIME_BYTES])


async def _feed(pipe: asyncio.StreamWriter, table: Table, kind: str) -> None:
    columns = [[column.name, column.kind] for column in table.columns]
    header = {"format": kind, "title": table.name, "columns": columns}
    limit = MAX_ROWS if kind == "xlsx" else sys.maxsize
    with suppress(ConnectionError):  # the child has ended; its exit code is checked
        pipe.write(msgspec.json.encode(msgspec.convert(header, FileHeader)) + b"\n")
        blocks, rows = iter(table.blocks), 0
        while (block := await asyncio.to_thread(_next_line, blocks)) is not None:
            count, line = block
            rows += count
            if rows > limit:
                raise invalid([Problem(path="format", message=say("too_many_rows", limit=MAX_ROWS))])
            pipe.write(line)
            await pipe.drain()
    pipe.close()


def _next_line(blocks: Iterator[Rows]) -> tuple[int, bytes] | None:
    rows = next(blocks, None)
    return None if rows is None else (len(rows), orjson.dumps(rows) + b"\n")
