"""S5, S6, S7: isolation of keys, installation from pinned hashes, secrets in logs, responses and metrics."""

from __future__ import annotations

import asyncio
import json
import pathlib
import shutil
import sys
import uuid
from typing import Any

import aiohttp

from tests.chaos.caller import requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import environment, ondol

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


async def new_key(context: Context, name: str) -> str:
    """Create an API key with the command."""
    output = await ondol("keys", "create", name, "--rate", "100000", "--home", str(context.system.home), "--json")
    document = json.loads(output)
    return str(document["key"])


class Caller:
    """Requests with one API key."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str | None) -> None:
        self._session = session
        self._url = url
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}

    async def call(
        self, method: str, path: str, body: Any = None, *, timeout_s: float = 40, **headers: str
    ) -> tuple[int, str]:  # fmt: skip
        """Return (status, text) of a request."""
        async with self._session.request(
            method, self._url + path, json=body, headers={**self._headers, **headers},
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as response:  # fmt: skip
            return response.status, await response.text()


async def s5(context: Context) -> CheckResult:
    """Call every route with ids of another key, with a key and without one."""
    result, system = CheckResult(), context.system
    keys = [await new_key(context, name) for name in ("faults-a", "faults-b")]
    foreign: list[str] = []
    tried = 0
    async with aiohttp.ClientSession() as session:
        a, b, anonymous = (Caller(session, system.url, key) for key in (*keys, None))
        body = requests(1, context.seed + 5, context.start, context.end)[0]
        marked = {**body, "initial_cash": 31_415_926}
        status, text = await a.call("POST", "/v1/backtests", marked, Prefer="wait=30")
        result.require(status == 200, f"a's backtest: {status} {text[:200]}")
        mine = json.loads(text)["id"]
        own = {"id": "mine_alone", "name": "mine", "strategy": body["strategy"]}
        status, text = await a.call("POST", "/v1/strategies", own)
        result.require(status in (200, 201), f"a's strategy: {status} {text[:300]}")
        status, described = await anonymous.call("GET", "/openapi.json")
        before = (
            (await a.call("GET", f"/v1/backtests/{mine}"))[1],
            (await a.call("GET", "/v1/strategies/mine_alone"))[1],
        )
        for other in (b, anonymous):
            for path, operations in json.loads(described)["paths"].items():
                if "{id}" not in path or "warm-runs" in path or not path.startswith("/v1/"):
                    continue  # pages of the web application are the same bytes for every id
                identity = "mine_alone" if "strategies" in path else mine
                for method in operations:
                    tried += 1
                    sent = (
                        {"name": "x", "strategy": body["strategy"]}
                        if method == "put"
                        else {}
                        if method == "post"
                        else None
                    )
                    status, text = await other.call(method.upper(), path.replace("{id}", identity), sent)
                    if status < 400 or "31415926" in text:
                        foreign.append(f"{method} {path} -> {status}")
            for path in ("/v1/backtests?limit=200", "/v1/strategies"):
                tried += 1
                status, text = await other.call("GET", path)
                if mine in text or "mine_alone" in text:
                    foreign.append(f"GET {path}")
            tried += 2
            status, text = await other.call("POST", "/v1/compare", {"ids": [mine, mine]})
            if status < 400:
                foreign.append(f"compare -> {status}")
            status, text = await other.call("POST", "/v1/backtests", {**body, "strategy": "mine_alone"})
            if status < 400:
                foreign.append(f"run another's strategy -> {status}")
            status, text = await other.call("GET", "/v1/screen?strategy=mine_alone")
            tried += 1
            if status < 400:
                foreign.append(f"screen by another's strategy -> {status}")
        after = (await a.call("GET", f"/v1/backtests/{mine}"))[1], (await a.call("GET", "/v1/strategies/mine_alone"))[1]
        result.require(before == after, "data of key a changed")
        status, text = await b.call("POST", "/v1/backtests", marked, Prefer="wait=30")
        theirs = json.loads(text)["id"]
        result.require(theirs != mine, "an equal request of another key got the same id")
        await b.call("DELETE", f"/v1/backtests/{theirs}")
        status, _ = await a.call("GET", f"/v1/backtests/{mine}")
        result.require(status == 200, "deleting a backtest deleted that of another key")
        status, _ = await Caller(session, system.url, "not-a-key").call("GET", "/v1/backtests")
        result.require(status == 401, f"an unknown key: {status}")
        await a.call("DELETE", "/v1/strategies/mine_alone")
    result.add(tried=tried, foreign=len(foreign))
    result.require(not foreign, f"{foreign[:6]}")
    return result


async def _ends(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=str(ROOT)
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")


async def s6(context: Context) -> CheckResult:
    """Install a new environment from pinned hashes, and audit it."""
    result = CheckResult()
    folder = context.scratch / "fresh"
    code, output = await _ends(sys.executable, "-m", "venv", str(folder))
    result.require(code == 0, output[-300:])
    uv = shutil.which("uv", path=str(pathlib.Path(sys.executable).parent)) or "uv"
    code, output = await _ends(
        uv, "pip", "sync", "--require-hashes", "--python", str(folder / "bin" / "python"), "requirements/runtime.txt"
    )
    result.add(installed="yes" if code == 0 else output[-300:])
    result.require(code == 0, f"the install failed: {output[-300:]}")
    audit = pathlib.Path(sys.executable).with_name("pip-audit")  # as `make audit` does
    code, output = await _ends(str(audit), "--require-hashes", "--disable-pip", "-r", "requirements/runtime.txt")
    last = " ".join(output.strip().splitlines()[-3:])[-300:]
    result.add(audit="no known advisory" if code == 0 else last)
    result.require(code == 0, f"audit: {last}")
    return result


async def s7(context: Context) -> CheckResult:
    """Search logs, responses and metrics for secrets of the system and for canaries in each secret setting."""
    result, system = CheckResult(), context.system
    key = await new_key(context, "faults-canary")
    secrets = {f"password of {user}": word for user, word in system.run["servers"]["passwords"].items()}
    secrets["api key"] = key
    places: dict[str, str] = {}
    async with aiohttp.ClientSession() as session:
        caller = Caller(session, system.url, key)
        for path in ("/v1/backtests?limit=5", "/v1/backtests/x", "/v1/nothing", "/openapi.json", "/readyz"):
            places[f"response of {path}"] = (await caller.call("GET", path))[1]
        places["error body"] = (await caller.call("POST", "/v1/backtests", {"strategy": 1}))[1]
        for name, port in system.run["metrics"].items():
            async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                places[f"metrics of {name}"] = await response.text()
    canary = f"canary{uuid.uuid4().hex}"
    secrets["canary"] = canary
    urls = {
        "ONDOL_DATABASE_URL": f"postgresql://u:{canary}@127.0.0.1:1/x", "ONDOL_BROKER_URL": f"redis://u:{canary}@127.0.0.1:1/0",
        "ONDOL_CACHE_URL": f"redis://u:{canary}@127.0.0.1:1/0", "ONDOL_API_KEY": canary,
    }  # fmt: skip
    for service in ("api", "preparer", "simulator", "warmer"):
        code, output = await _run_briefly(service, {**urls, "ONDOL_LOG_LEVEL": "debug", "ONDOL_METRICS_PORT": "0"})
        places[f"{service} without servers"] = output
        result.require(code != 0, f"{service} serves without servers")
        wrong = {name: f"{canary}://{canary}" for name in urls if name != "ONDOL_API_KEY"}
        places[f"{service} with wrong URLs"] = (await _run_briefly(service, wrong))[1]
        served = dict(urls, ONDOL_DATABASE_URL=system.run["servers"]["database_url"] + f"&password={canary}")
        places[f"{service} without redis"] = (await _run_briefly(service, {**served, "ONDOL_LOG_LEVEL": "debug"}))[1]
    for log in [*system.home.glob("logs/*.log"), *system.home.glob("*.log")]:
        places[f"log {log.name}"] = log.read_text(encoding="utf-8", errors="replace")
    leaks = [f"{what} in {where}" for what, word in secrets.items() for where, text in places.items() if word in text]
    result.add(secrets=len(secrets), places=len(places), leaks=len(leaks))
    result.require(not leaks, f"{leaks[:6]}")
    return result


async def _run_briefly(service: str, variables: dict[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"services.{service}", env=environment(**variables), cwd=str(ROOT),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 20)
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
        return 0, output.decode(errors="replace")
    return process.returncode or 0, output.decode(errors="replace")
