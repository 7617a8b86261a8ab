"""Change the number of simulators of a running system; changes run one at a time."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from ondol.local.run_file import RunFile
from ondol.local.supervisor import Supervisor
from shared.errors import OndolError, SetupError, UnavailableError
from shared.infra.database.connection_budget import check_budget_for
from shared.infra.database.pool import LOST, lone_connection

MAX_SIMULATORS = 64
_CONNECTIONS = 180
"""Connections of all service pools, of the embedded PostgreSQL's 500; listeners, heartbeats, COPY and the command line
use the rest. A pool has at least two, so simulators added later may exceed it: up to 308 for pools and 128 for
listeners and heartbeats, with 64 simulators reached in any steps."""
_SMALLEST = 2
_BESIDES = 2
"""Connections of a simulator in addition to its pool."""


def names_of(count: int) -> list[str]:
    """Return `simulator-1`, `simulator-2` and so on."""
    return [f"simulator-{number + 1}" for number in range(count)]


def checked(count: int) -> int:
    """Return the number, or raise SetupError when it is out of range."""
    if not 1 <= count <= MAX_SIMULATORS:
        raise SetupError(f"A system has 1 to {MAX_SIMULATORS} simulators, not {count}.")
    return count


def pool_size(limit: int, *, used: int, new: int) -> int:
    """Return the pool size of `new` services when existing pools use up to `used` connections."""
    return max(_SMALLEST, min(limit, (_CONNECTIONS - used) // new))


class SimulatorScaler:
    """Starts and stops simulators; a failure leaves the number unchanged."""

    def __init__(self, supervisor: Supervisor, run_file: RunFile, *, database_url: str, max_pool_size: int) -> None:
        self._supervisor = supervisor
        self._run_file = run_file
        self._database_url = database_url
        self._max_pool_size = max_pool_size
        self._turn = asyncio.Lock()

    async def scale(self, count: int) -> dict[str, Any]:
        """Set the number and wait until new simulators are ready and surplus ones gone; raise OndolError on failure."""
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
        size = pool_size(self._max_pool_size, used=self._supervisor.connections, new=len(new))
        try:
            async with lone_connection(self._database_url) as connection:
                await check_budget_for(connection, "simulators", len(new), size + _BESIDES)
        except (*LOST, asyncpg.PostgresError) as error:
            raise UnavailableError(f"PostgreSQL is unavailable ({error}); try again.") from error
        try:
            await self._supervisor.start(new, size)
            self._run_file.add(self._supervisor.processes(new), self._supervisor.ports(new))
            await self._supervisor.until_ready(new, new)
        except (OSError, OndolError) as error:
            await asyncio.gather(*(self._stop(name) for name in new))
            raise SetupError(f"{_sentence(error)} The number of simulators is still {before}.") from error
        self._supervisor.supervise(new)

    async def _stop(self, name: str) -> tuple[str, int | None]:
        codes = await self._supervisor.stop([name])
        self._run_file.remove(name)
        return name, codes[name]


def _sentence(error: OSError | OndolError) -> str:
    return f"A process could not be started ({error.strerror})." if isinstance(error, OSError) else str(error)
