"""R26: the home of an earlier version is served; api and simulators of two versions run side by side under load."""

from __future__ import annotations

import asyncio
import json
import lzma
import pathlib
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import orjson

from ondol.local.embedded_servers import servers
from ondol.local.ports import free_port
from ondol.local.postgres import binaries
from services.api.auth import hash_of
from shared.simulation import ENGINE_VERSION
from shared.simulation.result.storage import unpack
from tests.chaos.caller import Callers, Tally, ends_of, requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.scaling import service_variables
from tests.chaos.simulators import undisturbed
from tests.chaos.system import FaultError, System, home_folder, ondol, serving, until
from tests.chaos.tenancy import Caller

FIXTURE = pathlib.Path(__file__).resolve().parent.parent / "data" / "released_home"
OTHER = "next"
"""Version of the engine of the other services."""
KEY = "ondol_key_of_the_released_home"


async def r26(context: Context) -> CheckResult:
    """Serve the released home, refuse a newer one, and run two versions side by side."""
    result = CheckResult()
    async with home_folder("released") as folder:
        folder.chmod(0o711)
        await make_released_home(folder / "home")
        async with serving(folder / "home", simulators=1, ENABLE_CACHE_WARMING="false") as system:
            await _has_everything(system, result)
            await system.fetch_value("insert into migration (name) values ('9999_later') returning name")
        await _refuses_newer(folder / "home", result)
    await _side_by_side(context, result)
    return result


async def make_released_home(home: pathlib.Path) -> None:
    """Make the home of the fixture: its database with the schema of that version."""
    dump = home.parent / "database.sql"
    dump.write_bytes(lzma.decompress((FIXTURE / "database.sql.xz").read_bytes()))
    async with servers(home, command="restore", durable=False) as running:
        process = await asyncio.create_subprocess_exec(
            str(pathlib.Path(binaries(None).postgres).parent / "psql"), "--quiet", "--set", "ON_ERROR_STOP=1",
            "--file", str(dump), running.database_url, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        if await process.wait():
            raise FaultError("the database of the released home cannot be restored")


async def _has_everything(system: System, result: CheckResult) -> None:
    """Data, results with their digests, strategies and the key of the released home are there."""
    known = json.loads((FIXTURE / "home.json").read_text(encoding="utf-8"))
    keys = json.loads(await ondol("keys", "list", "--home", str(system.home), "--json"))
    result.require([key["id"] for key in keys] == [known["key"]], f"keys {keys}")
    # only the hash of the key is stored: it gets one that the check knows
    await system.fetch_value("update api_key set hash = $1 returning id", hash_of(KEY))
    digests = 0
    async with aiohttp.ClientSession() as session:
        callers = {own: Caller(session, system.url, KEY if own else None) for own in (True, False)}
        for item in known["backtests"]:
            status, text = await callers[item["own"]].call("GET", f"/v1/backtests/{item['id']}")
            document = json.loads(text)
            result.require(status == 200, f"a result: {status} {text[:200]}")
            served = document["result"]
            digests += served["provenance"]["result_digest"] == item["result_digest"]
            result.require(document["outdated"], "a result of engine version 1 is not marked as outdated")
            changed = [name for name, value in item["statistics"].items() if served["statistics"].get(name) != value]
            result.require(not changed, f"statistics {changed} differ")
            status, text = await callers[item["own"]].call("POST", "/v1/backtests", item["body"], Prefer="wait=30")
            found = json.loads(text)
            result.require(status == 200, f"the same request again: {status} {text[:200]}")
            result.require(
                found["result"]["provenance"]["engine_version"] == ENGINE_VERSION and found["id"] != item["id"],
                "a result of engine version 1 answers a new request",
            )
        for own in (True, False):
            listed = json.loads((await callers[own].call("GET", "/v1/strategies?limit=1000"))[1])["items"]
            mine = sorted(item["id"] for item in listed if item["kind"] == "own")
            result.require(mine == known["strategies"], f"strategies {mine}")
        stocks = json.loads((await callers[False].call("GET", "/v1/stocks?limit=100"))[1])["items"]
        codes = sorted(item["stock_code"] for item in stocks)
        result.require(codes == known["stocks"], f"{len(codes)} of {len(known['stocks'])} stocks")
        opened = uuid.UUID(known["open"]["id"])

        async def ended() -> bool:
            _, text = await callers[False].call("GET", f"/v1/backtests/{opened}")
            return bool(json.loads(text)["status"] == "completed")

        open_end_s = await until(ended, 60, "the end of the backtest that was queued in the earlier version")
    result.add(results=len(known["backtests"]), digests_equal=digests, stocks=len(codes), open_end_s=open_end_s)
    result.require(digests == len(known["backtests"]), "digests differ from those of the earlier version")


async def _refuses_newer(home: pathlib.Path, result: CheckResult) -> None:
    """A database of a newer program is not served, and the message names the migration."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ondol.main", "serve", "--home", str(home), "--port", "0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    text = output.decode()
    result.add(newer_exit=process.returncode)
    result.require(process.returncode == 2, f"a newer database: exit code {process.returncode}")
    result.require("9999_later" in text and "use a newer one" in text, f"a newer database: {text[-300:]}")


class _Other(System):
    """The same system, seen through an api of another version."""

    def __init__(self, system: System, port: int) -> None:
        super().__init__(system.home, system.process)
        self._port = port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"


@asynccontextmanager
async def _other(system: System, service: str, **more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a service of the other version for the duration of the block."""
    with (system.home / "logs" / f"other-{service}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.other_engine", service, OTHER,
            env={**service_variables(system), **more}, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _side_by_side(context: Context, result: CheckResult) -> None:
    """Upgrade api and simulators under load: both versions run, then only this one."""
    system, count = context.system, context.count(400, 40)
    true, _ = await undisturbed(context, count)
    port = free_port("127.0.0.1")
    other = _Other(system, port)
    bodies = requests(count, context.seed, context.start, context.end)
    async with _other(system, "api", ONDOL_API_PORT=str(port)):
        await until(other.ready, 60, "the api of the other version")
        tallies = [Tally(context.seed), Tally(context.seed)]
        async with _other(system, "simulator"):
            await _announced(system)
            work = [
                asyncio.create_task(Callers(one).submit(bodies, context.seed, rate=count / context.count(20, 3)))
                for one in (system, other)
            ]
            await asyncio.sleep(context.count(10, 1))
            if not context.quick:  # a rolling restart of this version's simulators
                for name in system.simulators():
                    process = await system.send_signal(name, 15)
                    await system.restarted(name, process)
            tallies = [await task for task in work]
            if context.quick:
                for tally in tallies:
                    await Callers(system).ended(tally, 120)
            await _stored_results_are_apart(context, system, other, result)
            if not context.quick:
                late = asyncio.create_task(Callers(other).submit(bodies, context.seed + 1))
                await asyncio.sleep(0.5)
        if not context.quick:  # its simulator was killed: the rest is of a version that no simulator runs
            tallies.append(await late)
        tail_s = 0.0
        for tally in tallies:
            tail_s += await Callers(system).ended(tally, 120)
    ends = [await ends_of(system, tally) for tally in tallies]
    versions = await _versions(system, [identity for tally in tallies for identity in tally.accepted.values()])
    wrong = sum(digest != true.get(number) for number, digest in ends[0].digests.items())
    statuses: Counter[str] = sum((one.statuses for one in ends), Counter())
    pairs = {" ".join(pair): number for pair, number in versions.items()}
    result.add(
        asked=count * len(tallies), ends=dict(statuses), lost=sum(one.lost for one in ends),
        doubled=sum(one.doubled for one in ends), wrong=wrong, versions=pairs, tail_s=tail_s,
    )  # fmt: skip
    result.require(statuses["completed"] == count * len(tallies), f"ends {dict(statuses)} of {count * len(tallies)}")
    result.require(wrong == 0, f"{wrong} results of this version differ")
    mixed = {pair: number for pair, number in versions.items() if pair[0] != pair[1]}
    result.require(not mixed, f"results under the version of others: {mixed}")
    result.require({pair[0] for pair in versions} == {ENGINE_VERSION, OTHER}, f"versions {dict(versions)}")


async def _announced(system: System) -> None:
    async def announced() -> bool:
        return bool(await system.fetch_value("select exists (select from engine_version where engine = $1)", OTHER))

    await until(announced, 60, "a simulator of the other version")


async def _versions(system: System, ids: list[Any]) -> Counter[tuple[str, str]]:
    """Count the results by the version of their row and the one that they name themselves."""
    async with system.database() as connection:
        rows = await connection.fetch(
            "select c.engine_version, c.result from backtest b join computation c on c.id = b.computation "
            "where b.id = any($1) and c.result is not null",
            ids,
        )
    return Counter(
        (row["engine_version"], orjson.loads(unpack(bytes(row["result"])))["provenance"]["engine_version"])
        for row in rows
    )


async def _stored_results_are_apart(context: Context, system: System, other: System, result: CheckResult) -> None:
    """The same request to both versions, twice: each answers from what its own version has computed."""
    body = {**requests(1, context.seed + 260, context.start, context.end)[0], "initial_cash": 260_000_000}
    found = []
    async with aiohttp.ClientSession() as session:
        for one in (system, other, system, other):
            status, text = await Caller(session, one.url, None).call("POST", "/v1/backtests", body, Prefer="wait=30")
            document = json.loads(text)
            result.require(status == 200, f"a backtest: {status} {text[:200]}")
            found.append((document["cached"], document["result"]["provenance"]["engine_version"]))
    expected = [(False, ENGINE_VERSION), (False, OTHER), (True, ENGINE_VERSION), (True, OTHER)]
    result.require(found == expected, f"(cached, version) of the same request: {found}")
