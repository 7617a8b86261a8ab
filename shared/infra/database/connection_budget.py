"""The connection budget: whether the pools of all running processes fit into PostgreSQL's max_connections.

The application_name of a pool contains its maximum size, and pg_stat_activity lists the names of all connected pools.
A pool checks the budget after it has opened: of two that start concurrently at least the later one counts both.
"""

from __future__ import annotations

import secrets

import asyncpg

from shared.errors import SetupError
from shared.infra.database.sql import statements


def application_name(name: str, size: int) -> str:
    """Return the `application_name` of a pool of at most `size` connections."""
    return f"ondol-{name}-{size}-{secrets.token_hex(4)}"


async def check_budget(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> None:
    """Raise SetupError if open plus reserved connections would exceed max_connections."""
    row = await connection.fetchrow(statements("connections")["connection_usage"])
    if row["reserved"] >= row["available"]:
        raise SetupError(
            f"PostgreSQL admits {row['available']} connections (max_connections less the reserved ones), and with this "
            f"process up to {row['reserved']} may be used, by {row['pools']} pools and others: raise max_connections, "
            "lower ONDOL_DATABASE_POOL_SIZE, or run fewer processes."
        )


async def check_budget_for(
    connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, what: str, count: int, each: int
) -> None:
    """Raise SetupError if `count` more processes (`what`) of `each` connections would exceed max_connections."""
    row = await connection.fetchrow(statements("connections")["connection_usage"])
    if row["reserved"] + count * each >= row["available"]:
        raise SetupError(
            f"PostgreSQL admits {row['available']} connections, up to {row['reserved']} may be used, and {count} more "
            f"{what} may use {count * each}: close other connections to it, or start fewer."
        )
