"""R27: the disk of a home loses everything that was not flushed, as at a loss of power, and the home is served again.

The home is on ext4 on a loop device. At the loss all processes are killed and the device is copied at once: it has what
the file system has written to it, by fsync or by itself, and not what is only in the memory of the kernel. The copy is
mounted in the place of the disk, where the file system recovers from its journal.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import random
import shutil
import signal
import tempfile
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp

from tests.chaos.caller import requests
from tests.chaos.database import family
from tests.chaos.results import CannotRunError, CheckResult, Context
from tests.chaos.system import System, make_market, serving, until

DISK_MIB = 500
AT_ONCE = 6
STATES = """
select b.id, c.status, c.result_digest, c.attempts
from backtest b left join computation c on c.id = b.computation where b.id = any($1)
"""


class LossyDisk:
    """A file system on a loop device; `lose` leaves on it what was flushed."""

    def __init__(self, folder: pathlib.Path, images: pathlib.Path) -> None:
        self.folder = folder
        self._images = images
        self._losses = 0

    @property
    def _image(self) -> pathlib.Path:
        return self._images / f"{self._losses}.img"

    async def create(self) -> None:
        """Make and mount the file system; CannotRunError without the right or the programs."""
        with self._image.open("wb") as file:
            file.truncate(DISK_MIB << 20)
        made = await _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1", str(self._image))
        if made or await self._mount():
            raise CannotRunError("the check needs root, mkfs.ext4 and loop devices")

    async def _mount(self) -> int:
        # nothing is written in the background during the check
        code = await _run("mount", "-o", "loop,commit=300", str(self._image), str(self.folder))
        if not code:
            self.folder.chmod(0o711)
        return code

    async def lose(self) -> None:
        """Replace the file system by a copy of its device."""
        lost = self._image
        self._losses += 1
        await _run("cp", "--sparse=always", str(lost), str(self._image))
        await self.unmount()
        lost.unlink()
        if await self._mount():
            raise AssertionError("the file system cannot be mounted after the loss")

    async def unmount(self) -> None:
        """Unmount the file system, also while files are open."""
        await _run("umount", "-l", str(self.folder))


async def _run(*words: str) -> int:
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError:
        return 127
    return await process.wait()


@asynccontextmanager
async def lossy_disk() -> AsyncIterator[LossyDisk]:
    """Create a disk for the duration of the block."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ondol-power-"))
    memory = pathlib.Path("/dev/shm")  # noqa: S108  the device: in memory where there is some
    images = pathlib.Path(tempfile.mkdtemp(prefix="ondol-power-", dir=memory if memory.is_dir() else None))
    disk = LossyDisk(folder, images)
    try:
        await disk.create()
        yield disk
    finally:
        await disk.unmount()
        shutil.rmtree(images, ignore_errors=True)
        folder.rmdir()


async def r27(context: Context) -> CheckResult:
    """Lose the power under load, several times, at moments of the seed."""
    result, dice = CheckResult(), random.Random(context.seed)
    market = await make_market(context.scratch / "small-market", stocks=60, years=2)
    rounds, count = context.count(6, 1), context.count(200, 60)
    accepted: list[uuid.UUID] = []
    seen: dict[uuid.UUID, str] = {}
    figures: Counter[str] = Counter()
    async with lossy_disk() as disk:
        home = disk.folder / "home"
        for number in range(rounds + 1):
            async with serving(home, simulators=2, ENABLE_CACHE_WARMING="false") as system:
                if number == 0:
                    await system.load(market)
                else:
                    await _ended(system, accepted)
                    await _judge(system, accepted, seen, figures, result)
                if number == rounds:
                    break
                bodies = requests(count, context.seed * 100 + number, context.start, context.end)
                load = asyncio.create_task(_submit(system, bodies, accepted, seen))

                async def answered(begun: int = len(seen)) -> bool:
                    return len(seen) > begun

                await until(answered, 60, "an answer before the loss")
                await asyncio.sleep(dice.uniform(0.05, 1.5))
                figures["dropped"] += await _lose(system, disk)
                load.cancel()
                with suppress(asyncio.CancelledError):
                    await load
    result.add(losses=rounds, accepted=len(accepted), seen=len(seen), **figures)
    result.require(figures["dropped"] == rounds, "a file that was not flushed survived: the check proves nothing")
    result.require(len(seen) > 0, "no answer was seen before a loss")
    return result


async def _submit(
    system: System, bodies: list[dict[str, Any]], accepted: list[uuid.UUID], seen: dict[uuid.UUID, str]
) -> None:
    """Submit backtests until the power is lost; every second one waits for its answer."""
    gate = asyncio.Semaphore(AT_ONCE)
    url = system.url

    async def one(session: aiohttp.ClientSession, number: int, body: dict[str, Any]) -> None:
        headers = {"Cache-Control": "no-store", "Prefer": f"wait={20 * (number % 2)}"}
        async with gate:
            with suppress(aiohttp.ClientError, OSError):
                async with session.post(f"{url}/v1/backtests", json=body, headers=headers) as response:
                    document = await response.json()
                if response.status in (200, 202):
                    identity = uuid.UUID(document["id"])
                    accepted.append(identity)
                    if document["status"] == "completed":
                        seen[identity] = document["result"]["provenance"]["result_digest"]

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for number, body in enumerate(bodies):
            group.create_task(one(session, number, body))


async def _lose(system: System, disk: LossyDisk) -> bool:
    """Kill everything, take what was not flushed away; return whether a file that was just written is lost."""
    content = os.urandom(1 << 16)
    canary = disk.folder / "not-flushed"
    canary.unlink(missing_ok=True)
    processes = family(system.process.pid)
    canary.write_bytes(content)
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    await system.process.wait()
    await disk.lose()
    return not (canary.exists() and canary.read_bytes() == content)


async def _ended(system: System, accepted: list[uuid.UUID]) -> None:
    async def all_ended() -> bool:
        async with system.database() as connection:
            rows = await connection.fetch(STATES, accepted)
        return all(row["status"] in ("completed", "failed", "cancelled") for row in rows)

    await until(all_ended, 120, "the end of all accepted backtests", every_s=0.2)


async def _judge(
    system: System, accepted: list[uuid.UUID], seen: dict[uuid.UUID, str], figures: Counter[str], result: CheckResult
) -> None:
    """Every accepted backtest is completed, and every answer that was seen is what is stored."""
    async with system.database() as connection:
        rows = {row["id"]: row for row in await connection.fetch(STATES, accepted)}
    lost = [identity for identity in accepted if identity not in rows]
    other = [row["id"] for row in rows.values() if row["status"] != "completed"]
    found = {identity: row["result_digest"] for identity, row in rows.items()}
    wrong = [identity for identity, digest in seen.items() if identity in found and found[identity] != digest]
    figures["lost"] += len(lost)
    figures["wrong"] += len(wrong)
    result.require(not lost, f"{len(lost)} accepted backtests have no row after a loss of power")
    result.require(not other, f"{len(other)} accepted backtests did not complete")
    result.require(not wrong, f"{len(wrong)} answers that were seen differ from what is stored")
