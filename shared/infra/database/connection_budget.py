"""Whether PostgreSQL has room for every connection that the running processes may take.

The name of a pool says how many connections it may open; PostgreSQL shows the names of all that are connected. So what
may be taken is counted from the record itself, whoever else is there, and a process that has gone counts no more. A
pool counts itself after it has opened: of two that start at once at least the later one sees both.
"""

from __future__ import annotations

import secrets

import asyncpg

from shared.errors import SetupError
from shared.infra.database.sql import statements


def announced(name: str, size: int) -> str:
    """The `application_name` of a pool that opens at most `size` connections."""
    return f"ondol-{name}-{size}-{secrets.token_hex(4)}"


async def refuse_crowd(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> None:
    """SetupError when the connections that are there, and those that pools may still open, fill the server."""
    row = await connection.fetchrow(statements("connections")["connection_usage"])
    if row["taken"] >= row["room"]:
        raise SetupError(
            f"PostgreSQL admits {row['room']} connections (max_connections less the reserved ones), and with this "
            f"process up to {row['taken']} may be taken, by {row['pools']} pools and others: raise max_connections, "
            "lower ONDOL_DATABASE_POOL_SIZE, or run fewer processes."
        )


async def refuse_more(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, what: str, count: int, each: int
) -> None:
    """SetupError when the server has no room for `count` more processes (`what`) of `each` connections."""
    row = await connection.fetchrow(statements("connections")["connection_usage"])
    if row["taken"] + count * each >= row["room"]:
        raise SetupError(
            f"PostgreSQL admits {row['room']} connections, up to {row['taken']} may be taken, and {count} more {what} "
            f"may take {count * each}: close other connections to it, or start fewer."
        )
