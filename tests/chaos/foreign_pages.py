"""S8, S12, S14: pages of other origins in a real browser, forged sources, control characters, and open routes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web

from services.api.http.default_headers import DEFAULTS
from tests.chaos.caller import requests
from tests.chaos.results import CheckResult, Context
from tests.chaos.system import environment, ondol, serving

BROWSER_S = 90.0
ARGUMENTS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync", "--disable-features=LocalNetworkAccessChecks",
)  # fmt: skip
PAGE = """<!doctype html><meta charset="utf-8"><script>
const api = API, body = BODY, outcome = {read: [], failed: 0, sent: 0};
async function attempt(name, path, options) {
  outcome.sent++;
  try {
    const answer = await fetch(api + path, options);
    const text = await answer.text();
    if (text.length) outcome.read.push(name + ' ' + answer.status);
  } catch (error) { outcome.failed++; }
}
function submit(path, kind) {
  const frame = document.createElement('iframe'), form = document.createElement('form');
  frame.name = 'f' + Math.random();
  document.body.append(frame, form);
  const field = document.createElement('input');
  field.name = body; field.value = '';
  form.append(field);
  Object.assign(form, {action: api + path, method: 'post', enctype: kind, target: frame.name});
  form.submit();
  outcome.sent++;
}
addEventListener('load', async () => {
  for (const path of ['/v1/backtests', '/v1/strategies', '/v1/warm-runs'])
    for (const mode of ['cors', 'no-cors'])
      for (const kind of ['text/plain', 'application/json', null]) {
        const payload = kind === null ? new Uint8Array(new TextEncoder().encode(body)) : body;
        const headers = kind === null ? {} : {'Content-Type': kind};
        await attempt('POST ' + mode, path, {method: 'POST', mode, headers, body: payload});
      }
  for (const path of ['/v1/backtests', '/v1/factors', '/openapi.json', '/metrics', '/', '/v1/screen?where=PER%3C5'])
    for (const mode of ['cors', 'no-cors'])
      await attempt('GET ' + mode, path, {mode, credentials: 'include'});
  await attempt('DELETE', '/v1/backtests/latest', {method: 'DELETE'});
  for (const kind of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
    submit('/v1/backtests', kind);
  navigator.sendBeacon(api + '/v1/backtests', body);
  const script = document.createElement('script');
  script.src = api + '/v1/backtests';
  document.head.append(script);
  await new Promise(done => setTimeout(done, 1500));
  await fetch('/outcome', {method: 'POST', body: JSON.stringify(outcome)});
});
</script><body></body>"""


@contextlib.asynccontextmanager
async def _foreign_site(api: str, body: str) -> AsyncIterator[tuple[str, asyncio.Future[dict[str, Any]]]]:
    """Serve the page of another origin; yield its address and what it reports at its end."""
    reported: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
    document = PAGE.replace("API", json.dumps(api), 1).replace("BODY", json.dumps(body), 1)

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=document, content_type="text/html")

    async def outcome(request: web.Request) -> web.Response:
        if not reported.done():
            reported.set_result(json.loads(await request.text()))
        return web.Response()

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_post("/outcome", outcome)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", reported
    finally:
        await runner.cleanup()


async def _browse(address: str, reported: asyncio.Future[dict[str, Any]]) -> dict[str, Any] | None:
    """Open a page in chromium until it reports; None when it does not in time."""
    with tempfile.TemporaryDirectory(prefix="ondol-browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            shutil.which("chromium") or "chromium", *ARGUMENTS, f"--user-data-dir={profile}", address,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            return await asyncio.wait_for(reported, BROWSER_S)
        except TimeoutError:
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 10)
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _rows(context: Context) -> list[int]:
    """Return the numbers of rows that only the attack can have written."""
    return [
        await context.system.fetch_value(f"select count(*) from {rows}")  # noqa: S608  the rows are below
        for rows in ("backtest where request like '%27182818%'", "user_strategy", "warm_run where trigger = 'hand'")
    ]


async def s8(context: Context) -> CheckResult:
    """Attack the API from a page of another origin (with chromium where it is installed) and with forged headers."""
    result, system = CheckResult(), context.system
    body = json.dumps(requests(1, context.seed + 8, context.start, context.end)[0] | {"initial_cash": 27_182_818})
    before = await _rows(context)
    port = system.url.rpartition(":")[2]
    sent, passed = 0, []
    evil = "https://evil.example"
    sources: list[dict[str, str]] = [
        {"Origin": evil}, {"Origin": "null"}, {"Origin": f"http://127.0.0.1:{int(port) - 1}"}, {"Host": "evil.example"},
        {"Host": f"evil.example:{port}"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
        {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1;host=localhost"}, {"X-Real-IP": "127.0.0.1"},
        {"Origin": evil, "Sec-Fetch-Site": "none"}, {"Host": "127.0.0.1.evil.example"},
    ]  # fmt: skip
    kinds = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
    async with aiohttp.ClientSession() as session:
        for headers in [*({**one, "Content-Type": "application/json"} for one in sources), *kinds]:
            named = headers if isinstance(headers, dict) else {} if headers is None else {"Content-Type": headers}
            for path in ("/v1/backtests", "/v1/strategies", "/v1/warm-runs"):
                sent += 1
                skipped = [] if "Content-Type" in named else ["Content-Type"]
                async with session.post(
                    system.url + path, data=body.encode(), headers=named, skip_auto_headers=skipped
                ) as answer:
                    if answer.status not in (401, 403, 415, 421):
                        passed.append(f"POST {path} {named} -> {answer.status}")
        for named in sources:
            for path in ("/v1/backtests", "/metrics", "/v1/factors", "/openapi.json"):
                sent += 1
                async with session.get(system.url + path, headers=named) as answer:
                    if answer.status not in (401, 403, 421):
                        passed.append(f"GET {path} {named} -> {answer.status}")
    browser: dict[str, Any] | None = None
    if shutil.which("chromium"):
        async with _foreign_site(system.url, body) as (address, reported):
            browser = await _browse(address, reported)
        result.require(browser is not None, "the page in the browser did not report")
    read = [] if browser is None else browser["read"]
    written = [b - a for a, b in zip(before, await _rows(context), strict=True)]
    result.add(
        forged=sent, passed=len(passed), browser_requests=0 if browser is None else browser["sent"], read=len(read),
        written=sum(written),
    )  # fmt: skip
    result.require(not passed, f"{passed[:4]}")
    result.require(not read, f"the page of another origin has read {read[:4]}")
    result.require(not any(written), f"rows were written: {written}")
    return result


async def s12(context: Context) -> CheckResult:
    """Store names with control characters, and print those that a database may hold already."""
    result, system = CheckResult(), context.system
    accepted = []
    texts = [chr(code) for code in (*range(9), 11, 12, *range(14, 32), *range(127, 160), 0x202E, 0x2066)]
    strategy = {"buy": {"where": "PER < 3"}}
    async with aiohttp.ClientSession() as session:
        for text in texts:
            for name, body in (
                ("name", {"id": "control", "name": f"a{text}b", "strategy": strategy}),
                ("summary", {"id": "control", "name": "a", "summary": text, "strategy": strategy}),
                ("tags", {"id": "control", "name": "a", "tags": [f"x{text}"], "strategy": strategy}),
            ):
                async with session.post(f"{system.url}/v1/strategies", json=body) as answer:
                    if answer.status != 422:
                        accepted.append(f"{name} U+{ord(text):04X} -> {answer.status}")
    await system.fetch_value(
        "insert into user_strategy (owner, id, name, strategy) values ('local', 'planted', $1, '{}') returning id",
        "\x1b]0;title\x07\x1b[2J\u009b1m",
    )
    try:
        printed = await ondol("strategies", "list", "--home", str(system.home))
    finally:
        await system.fetch_value("delete from user_strategy where id = 'planted' returning id")
    result.require("planted" in printed, "the planted strategy is not listed")
    raw = [letter for letter in printed if not letter.isprintable() and letter != "\n"]
    result.add(tried=3 * len(texts), accepted=len(accepted), raw_control_characters=len(raw))
    result.require(not accepted, f"{accepted[:4]}")
    result.require(not raw, f"printed: {raw[:8]}")
    return result


async def s14(context: Context) -> CheckResult:
    """Use a system beyond its machine's loopback without a key, with keys of both roles, and with unknown keys."""
    result = CheckResult()
    home = pathlib.Path(tempfile.mkdtemp(prefix="ondol-s14-", dir=context.scratch))
    refused = await _exit_code(home, ONDOL_API_HOST="0.0.0.0")  # noqa: S104  refused at its start
    result.require(refused == 2, f"a system without keys beyond loopback: exit code {refused}")
    refused = await _exit_code(home, ONDOL_API_HOST="0.0.0.0", ONDOL_REQUIRE_KEY="false")  # noqa: S104
    result.require(refused == 2, f"ONDOL_REQUIRE_KEY=false beyond loopback: exit code {refused}")
    keys = {}
    for role in ("user", "admin"):
        keys[role] = json.loads(await ondol("keys", "create", role, "--role", role, "--home", str(home), "--json"))[
            "key"
        ]
    async with serving(home, simulators=1, ONDOL_REQUIRE_KEY="true", ONDOL_WARM_ENABLED="false") as system:
        wrong, without_headers = [], []
        async with aiohttp.ClientSession() as session:

            async def status(method: str, path: str, key: str | None) -> int:
                headers = {} if key is None else {"Authorization": f"Bearer {key}"}
                async with session.request(method, system.url + path, headers=headers) as answer:
                    await answer.read()
                    if not set(DEFAULTS) <= set(answer.headers):
                        without_headers.append(path)
                    return answer.status

            for method, path, expected in (
                ("GET", "/metrics", (401, 403, 200)), ("GET", "/openapi.json", (401, 200, 200)),
                ("GET", "/docs", (401, 200, 200)), ("GET", "/v1/factors", (401, 200, 200)),
                ("POST", "/v1/warm-runs", (401, 403, 202)), ("GET", "/healthz", (200, 200, 200)),
                ("GET", "/", (200, 200, 200)), ("GET", "/none", (404, 404, 404)),
            ):  # fmt: skip
                found = tuple([await status(method, path, key) for key in (None, keys["user"], keys["admin"])])
                if found != expected:
                    wrong.append(f"{method} {path}: {found}")
            unknown = [f"ondol_{secrets.token_urlsafe(32)}" for _ in range(context.count(2000, 300))]
            statuses = [await status("GET", "/v1/factors", key) for key in unknown]
            valid = await status("GET", "/v1/factors", keys["user"])
        result.add(
            unknown_keys=len(unknown), answered_401=statuses.count(401), answered_429=statuses.count(429),
            valid_key=valid, without_headers=len(without_headers),
        )  # fmt: skip
        result.require(not wrong, f"{wrong}")
        result.require(not without_headers, f"{without_headers[:4]}")
        result.require(set(statuses) <= {401, 429} and statuses.count(401) <= 60, "unknown keys are not limited")
        result.require(valid == 200, f"a valid key behind the same address: {valid}")
        listed = await ondol("keys", "list", "--home", str(home))
        result.require("admin" in listed and "last used" in listed, "roles and last use are not listed")
    return result


async def _exit_code(home: pathlib.Path, **settings: str) -> int | None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ondol.main", "serve", "--home", str(home), "--port", "0", "--simulators", "1",
        env=environment(**settings), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.wait_for(process.wait(), 60)
    except TimeoutError:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        return None
    return process.returncode
