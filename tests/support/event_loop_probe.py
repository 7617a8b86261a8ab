"""The api as a process that watches its own event loop: `python -m tests.support.watched`, asked through its pipes.

A probe sleeps for a moment in the event loop, over and over, and measures by how much it comes late. Time in which a
thread of the process was ready to run and the machine gave it no processor (`run_delay` of the scheduler) is taken
off: it tells about the neighbours, not about the program. What remains was taken from everybody else's requests.
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
    """Seconds in which threads of this process were ready and not run, over all threads that live."""
    total = 0
    for thread in os.listdir(THREADS):
        try:
            total += int((THREADS / thread / "schedstat").read_text(encoding="ascii").split()[1])
        except OSError:  # it has just ended
            continue
    return total / 1e9


class Probe:
    """The longest time since the last question for which the event loop answered nobody, in milliseconds."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self.ticks = 0

    async def watch(self) -> None:
        """Task: measure for ever."""
        loop = asyncio.get_running_loop()
        waited = waited_for_processors()
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            late = loop.time() - due
            before, waited = waited, waited_for_processors()
            self.longest_ms = max(self.longest_ms, 1e3 * (late - max(0.0, waited - before)))
            self.ticks += 1

    async def answer(self) -> None:
        """Task: each line on standard input is answered with what was seen since the one before."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while await reader.readline():
            ticks = self.ticks
            while self.ticks < ticks + 2:  # noqa: ASYNC110  what ends now is seen by the next tick
                await asyncio.sleep(TICK_S)
            _tell({"longest_ms": self.longest_ms, "ticks": self.ticks})
            self.longest_ms, self.ticks = 0.0, 0


def _tell(found: object) -> None:
    sys.stdout.write(orjson.dumps(found).decode() + "\n")
    sys.stdout.flush()


async def main() -> None:
    """The api, as its own `__main__` starts it, and the probe beside it."""
    limit_heap(mapped_from_bytes=1 << 20)
    configure("api", "warning", ())
    probe = Probe()
    watching = [asyncio.ensure_future(probe.watch()), asyncio.ensure_future(probe.answer())]
    try:
        await run(Settings.from_environment(os.environ), listening=lambda address: _tell({"listening": address}))
    finally:
        for task in watching:
            task.cancel()


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A watched api of another process."""

    url: str
    process: asyncio.subprocess.Process

    async def longest_ms(self) -> float:
        """The longest time for which its event loop stood still since the last question."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        return float(orjson.loads(line)["longest_ms"])


@asynccontextmanager
async def watched(settings: Settings) -> AsyncIterator[Watched]:
    """Start it; it is ended with SIGTERM."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
    environment |= settings.to_environment() | {"ONDOL_API_HOST": "127.0.0.1", "ONDOL_API_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.event_loop_probe", env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        yield Watched(url=orjson.loads(line)["listening"], process=process)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


if __name__ == "__main__":
    asyncio.run(main())
