"""R20: bits that flip in mapped panels, and panel files that are cut, while backtests, sweeps and screens run."""

from __future__ import annotations

import asyncio
import os
import pathlib
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
import orjson

from shared.dataset.panel_files import SUFFIX
from tests.chaos.caller import Callers, Ends, Tally, ends_of, requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import FaultError, System, until
from tests.chaos.tenancy import Caller

FLIPS = 1_000
CUTS = 50
WITHDRAWN = "damaged_panels"


async def r20(context: Context) -> CheckResult:
    """Flip bits and cut files under load, and compare every stored result with that of an undisturbed run."""
    result, system, count = CheckResult(), context.system, context.count(400, 100)
    dice = random.Random(context.seed)
    panels = pathlib.Path(system.run["servers"]["panel_dir"])
    bodies = requests(count, context.seed + 20, context.start, context.end)
    truth = (await _run(system, bodies, context.seed))[0].digests
    true_table = await _table(system, await _submit_sweep(system, context))
    flips, cuts = context.count(FLIPS, 100), context.count(CUTS, 8)

    async def flip() -> int:
        for number in range(flips):
            if found := _files(panels):
                _flip_bit(dice.choice(found), dice)
            if number % 50 == 49:
                await asyncio.sleep(0.5)
        return flips

    async def cut() -> int:
        for _ in range(cuts):
            found = _files(panels)
            if found:
                path = dice.choice(found)
                os.truncate(path, dice.randrange(max(path.stat().st_size, 1)))
            await asyncio.sleep(0.5)
        return cuts

    async def both() -> int:
        return sum(await asyncio.gather(flip(), cut()))

    kinds = {"flips and cuts": both} if context.quick else {"flips": flip, "cuts": cut}
    disturbed = {name: await _disturbed(context, bodies, kind, panels) for name, kind in kinds.items()}
    after, _ = await _run(system, bodies, context.seed)
    tables = [await _table(system, sweep) for _, _, sweeps in disturbed.values() for sweep in sweeps]
    wrong_tables = sum(table != true_table for table in tables)
    all_ends = {name: ends for name, (ends, _, _) in disturbed.items()} | {"after": after}
    wrong = {
        name: sum(digest != truth[number % count] for number, digest in ends.digests.items() if digest is not None)
        for name, ends in all_ends.items()
    }
    result.add(
        flips=flips, cuts=cuts, backtests=len(all_ends) * count,
        ends={name: dict(ends.statuses) for name, ends in all_ends.items()}, wrong=wrong, sweeps=len(tables),
        wrong_tables=wrong_tables,
    )  # fmt: skip
    result.require(not any(wrong.values()), f"wrong results are stored: {wrong}")
    result.require(wrong_tables == 0, f"{wrong_tables} of {len(tables)} tables of sweeps are wrong")
    for name, (_, reasons, _) in disturbed.items():
        result.require(set(reasons) <= {WITHDRAWN}, f"failed beside {name}, and not withdrawn: {reasons}")
    result.require(after.statuses["completed"] == count, f"afterwards: {dict(after.statuses)}")
    lost = sum(ends.lost for ends in all_ends.values())
    result.require(lost == 0, f"{lost} accepted lost")
    return result


async def _run(system: System, bodies: list[dict[str, Any]], seed: int) -> tuple[Ends, Tally]:
    callers = Callers(system, max_wait_s=120)
    tally = await callers.submit(bodies, seed)
    await callers.ended(tally, 180)
    return await ends_of(system, tally), tally


async def _disturbed(
    context: Context,
    bodies: list[dict[str, Any]],
    disturb: Callable[[], Coroutine[Any, Any, int]],
    panels: pathlib.Path,
) -> tuple[Ends, Counter[str], list[str]]:
    """Run the backtests again and again during a disturbance; return the ends of all, why some failed, and the ids of
    sweeps that ran beside them."""
    system, callers = context.system, Callers(context.system, max_wait_s=120)
    disturbance = asyncio.create_task(disturb())
    whole, rounds = Tally(context.seed), 0
    sweeps: list[str] = []
    while True:
        sweeps.append(await _submit_sweep(system, context))
        tally = await callers.submit(bodies, context.seed, rate=len(bodies) / 10)
        await callers.ended(tally, 180)
        for number, identity in tally.accepted.items():
            whole.accepted[rounds * len(bodies) + number] = identity
        rounds += 1
        if disturbance.done():
            break
    await disturbance
    ended = time.time()

    async def compared() -> bool:
        return (panels / "verified").stat().st_mtime > ended

    await until(compared, 180, "a verification without damage", every_s=0.5)
    await system.healthy(60)
    ends = await ends_of(system, whole)
    async with system.database() as connection:
        rows = await connection.fetch(
            "select c.error from backtest b join computation c on c.id = b.computation "
            "where b.id = any($1) and c.status = 'failed'",
            list(whole.accepted.values()),
        )
    reasons = Counter(str(orjson.loads(row["error"]).get("kind")) for row in rows)
    return ends, reasons, sweeps


async def _submit_sweep(system: System, context: Context) -> str:
    """Submit a sweep, which is equal each time; return its id."""
    body = {
        "template": {
            "strategy": {"buy": {"where": "close > ts_mean(close, $n)", "rank_by": "MOMENTUM_1M"}},
            "start": context.start, "end": context.end,
        },
        "parameters": {"n": {"from": 5, "to": 60, "step": 1}},
    }  # fmt: skip
    return str((await _call(system, "POST", "/v1/sweeps", body))["id"])


async def _table(system: System, sweep: str) -> list[dict[str, Any]]:
    """Return the rows of a sweep at its end."""

    async def ended() -> bool:
        status = await system.fetch_value("select status from sweep where id = $1", sweep)
        return str(status) in {"completed", "failed", "cancelled"}

    await until(ended, 180, "the end of a sweep", every_s=0.2)
    return list((await _call(system, "GET", f"/v1/sweeps/{sweep}/table?limit=1000"))["items"])


async def _call(system: System, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """Return the answer of the api, asked again while it is not ready."""
    found: dict[str, Any] = {}

    async def answered() -> bool:
        async with aiohttp.ClientSession() as session:
            status, text = await Caller(session, system.url, None).call(method, path, body)
            if status in (200, 202):
                found.update(orjson.loads(text))
            elif status < 500:
                raise FaultError(f"{method} {path}: {status} {text[:300]}")
            return status in (200, 202)

    await until(answered, 60, f"an answer of {path}", every_s=0.5)
    return found


def _files(panels: pathlib.Path) -> list[pathlib.Path]:
    return sorted(panels.glob("*" + SUFFIX))


def _flip_bit(path: pathlib.Path, dice: random.Random) -> None:
    with suppress(FileNotFoundError), path.open("r+b", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        place = dice.randrange(size)
        byte = os.pread(file.fileno(), 1, place)[0]
        os.pwrite(file.fileno(), bytes([byte ^ (1 << dice.randrange(8))]), place)
