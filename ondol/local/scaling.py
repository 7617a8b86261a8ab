"""How many simulators a running system has: orders change the number, one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from ondol.local.run_file import RunFile
from ondol.local.supervisor import Supervisor
from shared.errors import OndolError, SetupError, UnavailableError
from shared.infra.database.connection_budget import check_budget_for
from shared.infra.database.pool import LOST, lone_connection

MOST = 64
_CONNECTIONS = 180
"""What the pools of the services share of the embedded PostgreSQL's 500 connections; their watches, heartbeats and
copies, and the command line, take of the rest. A pool has at least two, so simulators that come later may need more:
up to 308 for pools and 128 for watches and heartbeats, with 64 simulators reached in any steps."""
_SMALLEST = 2
_BESIDES = 2
"""Connections of a simulator beside its pool."""


def names_of(count: int) -> list[str]:
    """The names of so many simulators."""
    return [f"simulator-{number + 1}" for number in range(count)]


def checked(count: int) -> int:
    """The number itself; SetupError when a system cannot have so many simulators."""
    if not 1 <= count <= MOST:
        raise SetupError(f"A system has 1 to {MOST} simulators, not {count}.")
    return count


def pool_size(most: int, *, taken: int, new: int) -> int:
    """The size of the pools of `new` services beside pools that may take `taken` connections."""
    return max(_SMALLEST, min(most, (_CONNECTIONS - taken) // new))


class SimulatorScaler:
    """Carries orders out. What fails leaves the number as it was."""

    def __init__(self, supervisor: Supervisor, run_file: RunFile, *, database_url: str, most_pool: int) -> None:
        self._supervisor = supervisor
        self._run_file = run_file
        self._database_url = database_url
        self._most_pool = most_pool
        self._turn = asyncio.Lock()

    async def scale(self, count: int) -> dict[str, Any]:
        """Have so many: returns once new ones are ready and surplus ones gone. OndolError says why it cannot be."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            began = loop.time()
            here = [name for name in self._supervisor.names if name.startswith("simulator-")]
            wanted = names_of(checked(count))
            new = [name for name in wanted if name not in here]
            if new:
                await self._start(new, len(here))
            stopped = await asyncio.gather(*(self._stop(name) for name in here if name not in wanted))
            return {
                "simulators": count,
                "before": len(here),
                "started": self._supervisor.processes(new),
                "stopped": dict(stopped),
                "seconds": round(loop.time() - began, 3),
            }

    async def _start(self, new: list[str], before: int) -> None:
        size = pool_size(self._most_pool, taken=self._supervisor.connections, new=len(new))
        try:
            async with lone_connection(self._database_url) as connection:
                await check_budget_for(connection, "simulators", len(new), size + _BESIDES)
        except (*LOST, asyncpg.PostgresError) as error:
            raise UnavailableError(f"PostgreSQL does not answer ({error}); try again.") from error
        try:
            await self._supervisor.start(new, size)
            self._run_file.came(self._supervisor.processes(new), self._supervisor.ports(new))
            await self._supervisor.until_ready(new, new)
        except (OSError, OndolError) as error:
            await asyncio.gather(*(self._stop(name) for name in new))
            raise SetupError(f"{_sentence(error)} The number of simulators is {before} as before.") from error
        self._supervisor.keep(new)

    async def _stop(self, name: str) -> tuple[str, int | None]:
        codes = await self._supervisor.stop([name])
        self._run_file.gone(name)
        return name, codes[name]


def _sentence(error: OSError | OndolError) -> str:
    return f"A process could not be started ({error.strerror})." if isinstance(error, OSError) else str(error)
