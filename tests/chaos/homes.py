"""R16, S13: homes that were copied, and what another user of the machine reaches of a home."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import shutil
import sys
from typing import Any

import aiohttp

from tests.chaos.caller import Callers, ends_of, requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import FaultError, System, home_folder, ondol, serving

OTHER_USER = 54_321
INTRUDER = """
import fcntl, json, os, pathlib, socket, sys
BECOME
home, sockets, panels = map(pathlib.Path, sys.argv[1:4])
reached = []
for root in (home, sockets, panels):
    for path in [root, *map(pathlib.Path, sys.argv[4:])]:
        if root not in (path, *path.parents):
            continue
        for name, attempt in (
            ("list", lambda: os.listdir(path)),
            ("read", lambda: path.open("rb").read(1)),
            ("lock", lambda: fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)),
            ("connect", lambda: socket.socket(socket.AF_UNIX).connect(str(path))),
        ):
            try:
                attempt()
                reached.append(f"{name} {path}")
            except OSError:
                pass
print(json.dumps(reached))
"""
LOGIN = """
import asyncio, asyncpg, os, sys
BECOME
async def main():
    try:
        await asyncpg.connect(sys.argv[1], timeout=5)
        print("in")
    except (OSError, asyncpg.PostgresError) as error:
        print("refused")
asyncio.run(main())
"""


async def r16(context: Context) -> CheckResult:
    """Copy the home that is served, serve the copy as well, and change keys and backtests of each."""
    result, first = CheckResult(), context.system
    pointer = first.home / "postgres.folder"
    if pointer.exists():  # the data are outside the home, which a copy does not have
        await _refuses_copy_without_data(context, result)
    async with home_folder("copies") as folder:
        folder.chmod(0o711)  # the data are in the home if PostgreSQL's account may enter it
        await _serve_both(context, folder, result)
    return result


async def _serve_both(context: Context, folder: pathlib.Path, result: CheckResult) -> None:
    origin = folder / "origin"
    async with serving(origin, simulators=1) as system:
        await system.load(context.market)
        await system.warm_run_ended()
        before = await _submitted(context, system, 1)
        copy = folder / "copy"
        shutil.copytree(origin, copy, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
        await _chown_like(origin, copy)
        only_run = folder / "only-run"
        only_run.mkdir()
        shutil.copy(origin / "run.json", only_run / "run.json")
        status = await _failed("status", "--home", str(only_run))
        result.require("no home" in status, f"a folder with only run.json: {status[-200:]}")
        async with serving(copy, simulators=1) as other:
            result.require(other.url != system.url, "the copy has the address of the original")
            await ondol("keys", "create", "of-the-copy", "--home", str(copy))
            await ondol("keys", "create", "of-the-origin", "--home", str(origin))
            keys = [await _keys(system), await _keys(other)]
            result.require(
                keys[0] >= {"of-the-origin"} and "of-the-copy" not in keys[0], f"keys of the origin: {keys[0]}"
            )
            result.require(
                keys[1] >= {"of-the-copy"} and "of-the-origin" not in keys[1], f"keys of the copy: {keys[1]}"
            )
            copied = await other.fetch_value("select count(*) from backtest where id = any($1)", list(before))
            result.require(copied == len(before), f"{copied} of {len(before)} backtests are in the copy")
            mine, others = await _submitted(context, system, 2), await _submitted(context, other, 3)
            result.require(await _known(system, others) == 0, "the original has backtests of the copy")
            result.require(await _known(other, mine) == 0, "the copy has backtests of the original")
        result.require(await system.ready(), "the original is not ready after the copy has stopped")
        after = await _submitted(context, system, 4)
        result.add(served=2, keys=len(keys[0] | keys[1]), backtests=len(mine) + len(others) + len(after))
        panels = pathlib.Path(system.run["servers"]["panel_dir"])
        result.require(panels.is_dir(), "the panels of the original were removed")


async def _refuses_copy_without_data(context: Context, result: CheckResult) -> None:
    """A copy whose data are outside, in the folder of the original, is refused with the remedy."""
    copy = context.scratch / "copy-without-data"
    shutil.copytree(context.system.home, copy, ignore=shutil.ignore_patterns("broker", "cache", "logs", "market"))
    output = await _failed("migrate", "--home", str(copy))
    result.require("is a copy of" in output and "ondol backup" in output, f"a copy without its data: {output[-300:]}")
    result.require(await context.system.ready(), "the original is not ready")


async def _failed(*words: str) -> str:
    try:
        return await ondol(*words)
    except FaultError as error:
        return str(error)


async def _chown_like(source: pathlib.Path, target: pathlib.Path) -> None:
    for path in source.rglob("*"):
        copied = target / path.relative_to(source)
        if copied.exists():
            found = path.lstat()
            os.chown(copied, found.st_uid, found.st_gid, follow_symlinks=False)


async def _keys(system: System) -> set[str]:
    async with system.database() as connection:
        return {row["name"] for row in await connection.fetch("select name from api_key")}


async def _submitted(context: Context, system: System, seed: int) -> list[Any]:
    callers = Callers(system)
    tally = await callers.submit(requests(3, context.seed + seed, context.start, context.end), context.seed)
    await callers.ended(tally, 60)
    ends = await ends_of(system, tally)
    assert ends.statuses["completed"] == 3, ends.statuses
    return list(tally.accepted.values())


async def _known(system: System, ids: list[Any]) -> int:
    count: int = await system.fetch_value("select count(*) from backtest where id = any($1)", ids)
    return count


async def s13(context: Context) -> CheckResult:
    """As another user: list, read, lock and connect to everything of the home, its sockets and panels."""
    result, system = CheckResult(), context.system
    if os.geteuid() != 0:
        raise FaultError("the check needs the right to become another user (root)")
    servers = system.run["servers"]
    roots = [system.home, pathlib.Path(servers["sockets"]), pathlib.Path(servers["panel_dir"])]
    pointer = system.home / "postgres.folder"
    if pointer.exists():
        roots.append(pathlib.Path(pointer.read_text(encoding="utf-8").strip()))
    system.home.parent.chmod(0o755)  # the temporary folder of the suite must not be what protects the home
    paths = [str(path) for root in roots for path in (root, *root.rglob("*"))]
    reached = await _as_user(OTHER_USER, INTRUDER, *map(str, roots[:3]), *paths)
    login = await _as_user(65534, LOGIN, servers["database_url"])
    run = json.loads((system.home / "run.json").read_text(encoding="utf-8"))
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{run['port']}/healthz") as answer:
        result.require(answer.status == 200, "the API does not answer")
    found = json.loads(reached)
    modes = sorted({oct(root.stat().st_mode & 0o7777) for root in roots})
    result.add(paths=len(paths), reached=len(found), modes=modes, other_login=login.strip())
    result.require(not found, f"another user reaches {found[:5]}")
    result.require("refused" in login, "another user may log in to PostgreSQL")
    return result


async def _as_user(user: int, program: str, *words: str) -> str:
    become = f"os.setgroups([]); os.setgid({user}); os.setuid({user})"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program.replace("BECOME", become), *words, cwd="/",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode:
        raise FaultError(f"the program of user {user} ended with {process.returncode}")
    return output.decode()
