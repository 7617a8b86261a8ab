"""R17: a full disk under a whole home, with killed processes, and room again."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.chaos.caller import Callers, ends_of, requests
from tests.chaos.results import CannotRunError, CheckResult, Context
from tests.chaos.system import System, make_market, serving

DISK_MIB = 230
FULL_S = 12
KILLED = ("simulator-1", "preparer", "broker", "postgres")


@asynccontextmanager
async def small_disk(mib: int) -> AsyncIterator[pathlib.Path]:
    """Mount a file system of `mib` MiB for the duration of the block; CannotRunError without the right to mount."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ondol-disk-"))
    folder.chmod(0o711)
    if await _run("mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0711", "tmpfs", str(folder)):
        folder.rmdir()
        raise CannotRunError("the check needs the right to mount a file system (root)")
    try:
        yield folder
    finally:
        await _run("umount", "-l", str(folder))
        folder.rmdir()


async def _run(*words: str) -> int:
    process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
    return await process.wait()


def fill(path: pathlib.Path) -> int:
    """Write zeros until the disk is full; return the bytes."""
    size = 0
    with path.open("ab", buffering=0) as file:
        for block in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    size += file.write(b"\0" * block)
    return size


async def r17(context: Context) -> CheckResult:
    """Fill the disk of a home under load, kill four of its processes, and make room again."""
    result = CheckResult()
    market = await make_market(context.scratch / "small-market", stocks=60, years=2)
    async with small_disk(DISK_MIB) as disk, serving(disk / "home", simulators=2) as system:
        await system.load(market)
        await system.warm_run_ended()
        await _fill_and_release(context, system, disk, result)
    return result


async def _fill_and_release(context: Context, system: System, disk: pathlib.Path, result: CheckResult) -> None:
    count = context.count(600, 200)
    callers = Callers(system, at_once=200, max_wait_s=120)
    work = asyncio.create_task(
        callers.submit(requests(count, context.seed, context.start, context.end), context.seed, rate=count / 20)
    )
    await asyncio.sleep(3)
    filled = fill(disk / "filler")
    await asyncio.sleep(2)
    for name in KILLED:
        with suppress(ProcessLookupError):
            os.kill(system.pids()[name], signal.SIGKILL)
    end = time.monotonic() + FULL_S
    while time.monotonic() < end:
        fill(disk / "filler")
        await asyncio.sleep(0.5)
    (disk / "filler").unlink()
    healthy_s = await system.healthy(60)
    tally = await work
    tail_s = await callers.ended(tally, 120)
    ends = await ends_of(system, tally)
    result.add(
        submitted=count, filled_mib=filled >> 20, answers=dict(tally.statuses), broken=dict(tally.broken),
        slowest_503_s=tally.slowest_refusal_s, healthy_again_s=healthy_s, tail_s=tail_s,
        accepted=len(tally.accepted), lost=ends.lost, doubled=ends.doubled, ends=dict(ends.statuses),
    )  # fmt: skip
    others = set(tally.statuses) - {200, 202, 503}
    result.require(not others, f"answers {others} {tally.refused[:1]}")
    result.require(tally.statuses[503] > 0, "the disk was not full: no 503")
    result.require(tally.retry_after_count == tally.statuses[503], "a 503 without Retry-After")
    result.require(len(tally.accepted) == count, f"{count - len(tally.accepted)} were never accepted")
    result.require(ends.lost == 0, f"{ends.lost} accepted lost")
    result.require(ends.doubled == 0, f"{ends.doubled} doubled")
    result.require(ends.statuses["completed"] == len(tally.accepted), f"ends: {dict(ends.statuses)}")
    result.require(system.process.returncode is None, "the supervisor ended")
    result.require_in_time(healthy_s <= 10, f"all processes back after {healthy_s:.1f} s")
