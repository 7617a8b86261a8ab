"""R22: what forks or supervises is stopped (SIGSTOP), and its children are killed."""

from __future__ import annotations

import os
import pathlib
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

import aiohttp

from tests.chaos.caller import Callers, requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import System, until

LIMIT_S = 45.0


def parent_of(process: int) -> int:
    """Return the process id of the parent of a process."""
    text = pathlib.Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    return int(text.rpartition(")")[2].split()[1])


def children_of(process: int) -> list[int]:
    """Return the process ids of the children of a process."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if parent_of(int(folder.name)) == process:
                found.append(int(folder.name))
    return found


async def live_simulators(system: System) -> int | None:
    """Return the number of simulators that /readyz names; None when the API does not answer."""
    timeout = aiohttp.ClientTimeout(total=5)
    with suppress(aiohttp.ClientError, TimeoutError, OSError, ValueError):
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(system.url + "/readyz") as response:
            count: int | None = (await response.json())["simulators"]
            return count
    return None


async def r22(context: Context) -> CheckResult:
    """Stop the fork server, the supervisor and PostgreSQL in turn, kill their children, and wait for a backtest."""
    result, system = CheckResult(), context.system
    expected = len(system.simulators())

    async def all_live() -> bool:
        return await live_simulators(system) == expected

    async def none_live() -> bool:
        return await live_simulators(system) == 0

    await until(all_live, 30, f"{expected} live simulators in /readyz")
    simulators = [system.pids()[name] for name in system.simulators()]
    _stop_and_kill(parent_of(simulators[0]), simulators)
    began = time.monotonic()
    await until(none_live, 20, "a readiness without live simulators")
    result.add(none_named_s=time.monotonic() - began)
    await _works_again(context, result, "fork_server", began)
    await until(all_live, 30, f"{expected} live simulators in /readyz again")
    simulators = [system.pids()[name] for name in system.simulators()]
    _stop_and_kill(system.process.pid, simulators)
    await _works_again(context, result, "supervisor", time.monotonic())
    postgres = system.pids()["postgres"]
    _stop_and_kill(postgres, children_of(postgres))
    await _works_again(context, result, "postgres", time.monotonic())
    return result


def _stop_and_kill(process: int, children: Sequence[int]) -> None:
    os.kill(process, signal.SIGSTOP)
    for child in children:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


async def _works_again(context: Context, result: CheckResult, name: str, began: float) -> None:
    """Wait for the end of a new backtest, and until every process runs; add the seconds since `began`."""
    callers = Callers(context.system)
    tally = await callers.submit(requests(1, time.monotonic_ns() & 0xFFFFFF, context.start, context.end), context.seed)
    await callers.ended(tally, 120)
    took = time.monotonic() - began
    result.add(**{f"{name}_s": took})
    result.require(len(tally.accepted) == 1, f"{name}: the backtest was not accepted")
    result.require_in_time(took <= LIMIT_S, f"{name}: work went on after {took:.1f} s")
    await context.system.healthy(60)
