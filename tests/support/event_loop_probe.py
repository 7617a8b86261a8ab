"""The api in a process that measures the latency of its own event loop, queried through pipes.

A probe sleeps repeatedly in the event loop and measures its delay. Time in which a thread of the process was runnable
without a processor (`run_delay` of the scheduler) is subtracted, because it is caused by other processes. The rest is
time in which the event loop was blocked.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from services.api.service import run
from shared.infra.logs import configure
from shared.infra.memory import limit_heap
from shared.settings import Settings

TICK_S = 0.002
THREADS = pathlib.Path("/proc/self/task")


def waited_for_processors() -> float:
    """Return the seconds in which threads of this process were runnable but not running."""
    total = 0
    for thread in os.listdir(THREADS):
        try:
            total += int((THREADS / thread / "schedstat").read_text(encoding="ascii").split()[1])
        except OSError:  # the thread has just ended
            continue
    return total / 1e9


class Probe:
    """Measures the longest blocked time of the event loop since the last query, in milliseconds."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self.ticks = 0

    async def watch(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        waited = waited_for_processors()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            late = loop.time() - due
            before, waited = waited, waited_for_processors()
            self.longest_ms = max(self.longest_ms, 1e3 * (late - max(0.0, waited - before)))
            self.ticks += 1

    async def serve(self) -> None:
        """Answer each line on standard input with the measurement since the previous line."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            ticks = self.ticks
            while self.ticks < ticks + 2:  # noqa: ASYNC110  the next tick measures the current one
                await asyncio.sleep(TICK_S)
            _print({"longest_ms": self.longest_ms, "ticks": self.ticks})
            self.longest_ms, self.ticks = 0.0, 0


def _print(value: object) -> None:
    sys.stdout.write(orjson.dumps(value).decode() + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Run the api as its own `__main__` does, with the probe."""
    limit_heap(mapped_from_bytes=1 << 20)
    configure("api", "warning", ())
    probe = Probe()
    watching = [asyncio.ensure_future(probe.watch()), asyncio.ensure_future(probe.serve())]
    try:
        await run(Settings.from_environment(os.environ), listening=lambda address: _print({"listening": address}))
    finally:
        for task in watching:
            task.cancel()


@dataclass(frozen=True, kw_only=True)
class ProbedApi:
    """The api with a probe in another process."""

    url: str
    process: asyncio.subprocess.Process

    async def longest_ms(self) -> float:
        """Return the longest blocked time of its event loop since the last query."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        return float(orjson.loads(line)["longest_ms"])


@asynccontextmanager
async def probed_api(settings: Settings) -> AsyncIterator[ProbedApi]:
    """Run the api with a probe for the duration of the block."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
    environment |= settings.to_environment() | {"ONDOL_API_HOST": "127.0.0.1", "ONDOL_API_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.event_loop_probe", env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        yield ProbedApi(url=orjson.loads(line)["listening"], process=process)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


if __name__ == "__main__":
    asyncio.run(main())
