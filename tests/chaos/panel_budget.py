"""R19: the largest requests that are accepted, eight at once, beside a budget of panels."""

from __future__ import annotations

import asyncio
import json
import pathlib
import urllib.parse
from contextlib import suppress
from typing import Any

import aiohttp

from tests.chaos.results import CheckResult, Context
from tests.chaos.system import FaultError, System, serving, until
from tests.chaos.tenancy import Caller

BUDGET_MIB = 96
AT_ONCE = 8
PARTS = ("universe", "buy", "sell")
MAX_TERMS = 43
MIB = 1 << 20


def largest(context: Context, number: int, terms: int) -> dict[str, Any]:
    """Return a backtest whose conditions have `terms` different windows each, equal to no other one."""
    strategy = {
        name: {
            "where": " and ".join(
                f"ts_mean(raw_close * {1 + number * len(PARTS) + part}, {20 + term}) > 0" for term in range(terms)
            )
        }
        for part, name in enumerate(PARTS)
    }
    return {"strategy": strategy, "start": context.start, "end": context.end, "initial_cash": 20_000_000 + number}


def other_kinds(context: Context, backtest: str, windows: int) -> list[tuple[str, str, dict[str, Any] | None]]:
    """Return (method, path, body) of requests of every other kind that store intermediate values, about the largest."""
    texts = [f"ts_mean(raw_close * {5000 + number}, {20 + number})" for number in range(windows)]
    terms = " and ".join(f"{text.replace('raw_close', 'raw_close + 1')} > 0" for text in texts)
    sweep = {
        "template": {
            "strategy": {"buy": {"where": f"{terms} and raw_close > $n"}}, "start": context.start, "end": context.end,
        },
        "parameters": {"n": {"from": 1, "to": 30, "step": 1}},
    }  # fmt: skip
    windowed = {**sweep, "template": {**sweep["template"], "strategy": {
        "buy": {"where": f"{terms.replace('+ 1', '+ 2')} and close > ts_mean(close, $n)"},
    }}, "parameters": {"n": {"from": 5, "to": 60, "step": 5}}}  # fmt: skip
    report = {
        "factor": " + ".join(texts[: windows // 2]).replace("raw_close", "raw_close + 3"), "start": context.start,
        "end": context.end, "horizons": [1, 5, 20],
    }  # fmt: skip
    fields = urllib.parse.quote(",".join(texts[: min(windows, 50)]))
    path = f"/v1/backtests/{backtest}"
    return [
        ("POST", f"{path}/audit", {"cuts": 1}), ("POST", f"{path}/robustness", {"random_draws": 8, "noise_draws": 8}),
        ("POST", f"{path}/replay", None), ("POST", "/v1/sweeps", sweep), ("POST", "/v1/sweeps", windowed),
        ("POST", "/v1/factor-reports", report), ("GET", f"/v1/values?fields={fields}", None),
        ("GET", f"/v1/screen?where={urllib.parse.quote(terms.replace('+ 1', '+ 4'))}&columns={fields}", None),
    ]  # fmt: skip


async def r19(context: Context) -> CheckResult:
    """Run the largest accepted requests at once; compare existing and mapped panels with the budget, also when idle."""
    result, count = CheckResult(), context.count(4 * AT_ONCE, AT_ONCE)
    settings = {"ONDOL_PANEL_BYTES": f"{BUDGET_MIB}MiB", "ONDOL_WARM_ENABLED": "false"}
    async with serving(context.scratch / "budget", simulators=3, **settings) as system:
        await system.load(context.market)
        await system.warm_run_ended()
        await _run_largest(context, system, result, count)
    return result


async def _run_largest(context: Context, system: System, result: CheckResult, count: int) -> None:
    most = 0

    async def watch() -> None:
        nonlocal most
        before = panel_files(system)
        while True:
            await asyncio.sleep(0.02)
            found = panel_files(system)
            # files that two readings have existed at the same time, however long a reading takes
            most = max(most, sum(min(size, before[inode]) for inode, size in found.items() if inode in before))
            before = found

    watching = asyncio.create_task(watch())
    refused: list[str] = []
    try:
        async with aiohttp.ClientSession() as session:
            caller = Caller(session, system.url, None)
            terms = await _most_terms(context, caller, refused)
            numbers = range(1000, 1000 + count)
            bodies = [largest(context, number, terms) for number in numbers]
            answers = await asyncio.gather(*(caller.call("POST", "/v1/backtests", body) for body in bodies))
            ids = [json.loads(text)["id"] for _, text in answers]

            async def ended() -> bool:
                statement = (
                    "select count(*) from backtest b join computation c on c.id = b.computation "
                    "where b.id = any($1) and c.status in ('completed', 'failed')"
                )
                return bool(await system.fetch_value(statement, ids) == count)

            took_s = await until(ended, 300, "the end of the largest requests", every_s=0.2)
            failed = await system.fetch_value(
                "select count(*) from backtest b join computation c on c.id = b.computation "
                "where b.id = any($1) and c.status = 'failed'",
                ids,
            )

            asked = other_kinds(context, ids[0], terms * len(PARTS) * 2 // 3)
            if context.quick:  # a robustness report of this size ends by its limit of a minute
                asked = [one for one in asked if not one[1].endswith("/robustness")]
            others = await asyncio.gather(*(caller.call(*one, timeout_s=100) for one in asked))
            result.add(
                other_kinds={path.partition("?")[0].replace(ids[0], "…"): status
                             for (_, path, _), (status, _) in zip(asked, others, strict=True)},
            )  # fmt: skip
            for (_, path, _), (status, text) in zip(asked, others, strict=True):
                accepted = status in (200, 202) or (status == 503 and "query_overdue" in text)
                result.require(accepted, f"{path[:60]}: {status} {text[:300]}")

            async def swept() -> bool:
                return not await system.fetch_value("select count(*) from sweep where status in ('queued', 'running')")

            await until(swept, 300, "the end of the largest sweeps", every_s=0.2)
            failed_variants = await system.fetch_value("select coalesce(sum(failed), 0) from sweep")
            result.require(failed_variants == 0, f"{failed_variants} variants of sweeps failed")

        async def released() -> bool:
            return _unlinked(system) == 0

        idle_s = await until(released, 30, "no evicted panel is mapped while idle", every_s=0.2)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    result.add(
        budget_mib=BUDGET_MIB, most_mib=most / MIB, windows=terms * len(PARTS), requests=count, took_s=took_s,
        failed=failed, released_s=idle_s, refused=refused[0][:120] if refused else "",
    )  # fmt: skip
    result.require(bool(refused), "no request was refused for its memory")
    result.require(failed == 0, f"{failed} accepted requests failed")
    result.require(most <= 1.1 * BUDGET_MIB * MIB, f"{most / MIB:.0f} MiB of panels, the budget is {BUDGET_MIB} MiB")


async def _most_terms(context: Context, caller: Caller, refused: list[str]) -> int:
    """Return the largest number of windows a condition that is accepted."""
    for terms in range(MAX_TERMS, 0, -1):
        status, text = await caller.call("POST", "/v1/backtests", largest(context, terms, terms))
        if status in (200, 202):
            return terms
        if status != 422:
            raise FaultError(f"{status} {text[:300]}")
        problem = json.loads(text)
        if problem.get("code") != "too_much_memory":
            raise FaultError(text[:600])
        refused.append(problem["detail"])
    raise FaultError(f"nothing is accepted: {refused[-1:]}")


def panel_files(system: System) -> dict[int, int]:
    """Return inode -> bytes of every panel file that exists or that a simulator has mapped."""
    folder = pathlib.Path(system.run["servers"]["panel_dir"])
    found: dict[int, int] = {}
    for path in folder.glob("*"):
        with suppress(FileNotFoundError):
            status = path.stat()
            found[status.st_ino] = status.st_blocks * 512
    for inode, size, _ in _mapped(system, folder):
        found[inode] = max(found.get(inode, 0), size)
    return found


def _unlinked(system: System) -> int:
    folder = pathlib.Path(system.run["servers"]["panel_dir"])
    return sum(size for _, size, is_unlinked in _mapped(system, folder) if is_unlinked)


def _mapped(system: System, folder: pathlib.Path) -> list[tuple[int, int, bool]]:
    """Return (inode, bytes, whether it is unlinked) of the panel files that simulators have mapped."""
    sizes: dict[tuple[int, bool], int] = {}
    for name in system.simulators():
        each: dict[tuple[int, bool], int] = {}
        with suppress(OSError):
            for line in pathlib.Path(f"/proc/{system.pids()[name]}/maps").read_text(encoding="utf-8").splitlines():
                fields = line.split(maxsplit=5)
                if len(fields) == 6 and (fields[5].startswith(str(folder)) or "ondol-region" in fields[5]):
                    first, last = fields[0].split("-")
                    key = int(fields[4]), fields[5].endswith("(deleted)")
                    each[key] = each.get(key, 0) + int(last, 16) - int(first, 16)
        for key, size in each.items():
            sizes[key] = max(sizes.get(key, 0), size)
    return [(inode, size, is_unlinked) for (inode, is_unlinked), size in sizes.items()]
