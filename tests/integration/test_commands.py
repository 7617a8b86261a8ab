"""Every command that asks the API, as users run it, against a small running system."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import datetime as dt
import io
import os
import pathlib
import shlex
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import orjson
import polars as pl
import pytest
import pytest_asyncio

from ondol.cli.reference import usages_of
from ondol.local.processes import Child
from ondol.local.run_file import Servers
from ondol.main import COMMANDS, main
from shared.infra import metrics
from shared.infra.database.sql import statements
from shared.market.opening_hours import next_trading_day
from shared.model.calendar import SEOUL
from shared.strategies.catalogue import FAMOUS, PRESETS
from tests.support.api_helpers import connection_of
from tests.support.api_with_market import FIRST, LAST, prepared_settings, request
from tests.support.preloaded_commands import PreloadedCommands, preloaded_commands
from tests.support.system import Client, api_of, simulator

MAX_WAIT_S = 120.0
USAGES = {usage.words: usage for command in COMMANDS for usage in usages_of(command) if usage.routes}
ORDERED = ("ondol strategies create", "ondol strategies replace", "ondol strategies delete")
"""Commands whose examples are run in this order: each needs what the one before has stored."""
OWN_FACTORS = tuple(f"ondol factors {word}" for word in ("define", "mine", "definition", "delete"))
"""Commands of own factors, in the order in which their examples can be run."""
PUBLIC_URL = "https://1.1.1.1/ondol"
"""An address that needs no resolution of a name; nothing is sent to it."""
ACCOUNTS = tuple(words for words in USAGES if words.startswith("ondol accounts"))
WARMING = tuple(words for words in USAGES if words.startswith("ondol warm"))


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended."""

    code: int
    out: bytes
    error: str

    @property
    def document(self) -> Any:
        """The JSON that it printed."""
        return orjson.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class System:
    """The running system, and a folder in which commands are run."""

    client: Client
    commands: PreloadedCommands
    folder: pathlib.Path
    simulator: Child
    first: str
    second: str
    """Ids of completed backtests."""
    sweep: str
    """Id of a completed sweep with a holdout."""
    walk_forward: str
    """Id of a completed walk-forward with a holdout."""

    async def ondol(self, *words: str, given: bytes | None = None, **environment: str) -> Ended:
        """Run a command to its end; with an `environment` in an interpreter of its own, which reads it at its start."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
        variables["ONDOL_API_URL"] = self.client.url
        if not environment:
            running = self.commands.run(*words, folder=self.folder, environment=variables, given=given)
            code, out, error = await asyncio.wait_for(running, MAX_WAIT_S)
            return Ended(code=code, out=out, error=error.decode())
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ondol", *words, cwd=self.folder, env=variables | environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, error = await asyncio.wait_for(process.communicate(given), MAX_WAIT_S)
        assert process.returncode is not None
        return Ended(code=process.returncode, out=out, error=error.decode())

    async def fine(self, *words: str, given: bytes | None = None) -> Ended:
        """Run a command that must go well."""
        ended = await self.ondol(*words, given=given)
        assert ended.code == 0, (words, ended.error)
        return ended

    async def example(self, line: str, names: dict[str, str]) -> Ended:
        """Run a line of the page; what it sends into a file is put there."""
        words = [names.get(word, word) for word in shlex.split(line)[1:]]
        if ">" not in words:
            return await self.fine(*words)
        place = words.index(">")
        ended = await self.fine(*words[:place])
        (self.folder / words[place + 1]).write_bytes(ended.out)
        return ended

    @asynccontextmanager
    async def held(self) -> AsyncIterator[str]:
        """The id of a backtest that does not end as long as this lasts."""
        self.simulator.send_signal(signal.SIGSTOP)
        try:
            _, document, _ = await self.client.call(
                "POST", "/v1/backtests", request(initial_cash=12_345_678), Cache_Control="no-store"
            )
            yield document["id"]
        finally:
            self.simulator.send_signal(signal.SIGCONT)

    @asynccontextmanager
    async def held_sweep(self, resource: str = "sweeps") -> AsyncIterator[str]:
        """The id of a sweep or walk-forward that does not end as long as this lasts."""
        self.simulator.send_signal(signal.SIGSTOP)
        try:
            body = {"template": request(buy={"where": "PER < $per"}), "parameters": {"per": {"values": [5, 6]}}}
            if resource == "walk-forwards":
                body["windows"] = {"train": "4M", "test": "2M"}
            _, document, _ = await self.client.call("POST", f"/v1/{resource}", body)
            yield document["id"]
        finally:
            self.simulator.send_signal(signal.SIGCONT)


async def store_selections(client: Client) -> None:
    """Store selections of yesterday, today and tomorrow, so that the warmer requests none while tests count calls."""
    today = dt.datetime.now(SEOUL).date()
    version = (await client.call("GET", "/v1/datasets/current"))[1]["version"]
    async with connection_of(client.settings) as connection:
        for entry in (*FAMOUS, *PRESETS):
            for days in (-1, 0, 1):
                day = today + dt.timedelta(days)
                await connection.execute(statements("warm")["upsert_selection"], day, entry.id, version, "[]", None)


@pytest_asyncio.fixture(scope="module")
async def system(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    folder = tmp_path_factory.mktemp("commands")
    async with AsyncExitStack() as stack:
        settings = await stack.enter_async_context(prepared_settings(servers))
        client = await stack.enter_async_context(api_of(settings))
        commands = await stack.enter_async_context(preloaded_commands(folder))
        working = await stack.enter_async_context(simulator(settings))
        await store_selections(client)
        warming = replace(settings, api_url=client.url, warm_enabled=False)
        await stack.enter_async_context(simulator(warming, service="warmer"))
        identities = []
        for line in ("value-momentum", "old-idea"):
            await client.call("POST", "/v1/backtests", request(initial_cash=2e8, research=line), Prefer="wait=30")
        for body in (request(), request(strategy="surge_stocks")):
            _, document, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=30")
            assert document["status"] == "completed", document
            identities.append(document["id"])
        (folder / "request.json").write_bytes(orjson.dumps(request(initial_cash=50_000_000)))
        swept = {"strategy": {"id": "surge_stocks"}, "start": FIRST, "end": LAST}
        parameters = {"max_positions": {"values": [5, 10]}, "stop_loss_pct": {"values": [None, 10]}}
        swept["strategy"] |= {
            "portfolio": {"max_positions": "$max_positions"}, "sell": {"stop_loss_pct": "$stop_loss_pct"},
        }  # fmt: skip
        body = {"template": swept, "parameters": parameters, "holdout": {"from": "2025-11-03"}}
        _, sweep, _ = await client.call("POST", "/v1/sweeps", body, Prefer="wait=30")
        assert sweep["status"] == "completed", sweep
        other = swept | {"strategy": swept["strategy"] | {"universe": {"markets": ["KOSPI"]}}}
        walked = body | {"template": other, "windows": {"train": "4M", "test": "2M"}}
        _, walk_forward, _ = await client.call("POST", "/v1/walk-forwards", walked, Prefer="wait=30")
        assert walk_forward["status"] == "completed", walk_forward
        given = request(buy={"where": "PER < $per"})
        (folder / "sweep.json").write_bytes(orjson.dumps(given))
        yield System(
            client=client, commands=commands, folder=folder, simulator=working,
            first=identities[0], second=identities[1], sweep=sweep["id"], walk_forward=walk_forward["id"],
        )  # fmt: skip


async def names_of(system: System) -> dict[str, str]:
    """What stands for the names in the examples."""
    stock = (await system.client.call("GET", "/v1/stocks?limit=1"))[1]["items"][0]["stock_code"]
    version = (await system.client.call("GET", "/v1/datasets"))[1]["current"]
    return {
        "ID": system.first, "ID2": system.second, "VERSION": version, "005930": stock, "2023-01-02": FIRST,
        "2023-12-28": LAST, "http://127.0.0.1:8000": system.client.url, "latest": system.first, "SWEEP": system.sweep,
        "WALK_FORWARD": system.walk_forward, "REPORT": await report_of(system, "PER"),
    }  # fmt: skip


async def report_of(system: System, factor: str) -> str:
    """Id of a stored factor report."""
    body = {"factor": factor, "start": FIRST, "end": LAST, "horizons": [1, 5], "correlations": False}
    status, found, _ = await system.client.call("POST", "/v1/factor-reports", body)
    assert status == 200, found
    return str(found["id"])


def calls() -> dict[str, float]:
    """Route -> how often it was called with success."""
    found: dict[str, float] = {}
    for family in metrics.REQUESTS.collect():
        for sample in family.samples:
            if sample.name.endswith("_total") and sample.labels["status"] < "300":
                route = f"{sample.labels['method']} {sample.labels['route']}"
                found[route] = found.get(route, 0) + sample.value
    return found


def called_since(before: dict[str, float]) -> set[str]:
    """The routes that have been called since."""
    return {route for route, count in calls().items() if count > before.get(route, 0)}


@pytest.mark.parametrize(
    "words", [words for words in USAGES if words not in (*ORDERED, *WARMING, *ACCOUNTS, *OWN_FACTORS)]
)
async def test_command_examples_run_and_call_their_routes_only(system: System, words: str) -> None:
    command = USAGES[words]
    names = await names_of(system)
    async with AsyncExitStack() as stack:
        if words == "ondol backtests cancel":
            names["RUNNING_ID"] = await stack.enter_async_context(system.held())
        if words == "ondol sweeps cancel":
            names["RUNNING_SWEEP"] = await stack.enter_async_context(system.held_sweep())
        if words == "ondol walk-forwards cancel":
            names["RUNNING_WALK_FORWARD"] = await stack.enter_async_context(system.held_sweep("walk-forwards"))
        if words == "ondol factors delete-report":
            names["OTHER_REPORT"] = await report_of(system, "PBR")
        if words.startswith(("ondol sweeps", "ondol walk-forwards")):
            names["latest"] = "latest"
        before = calls()
        ended = await asyncio.gather(*(system.example(line, names) for line in command.examples))
    polled = words in ("ondol backtest", "ondol sweeps open")
    extra = {"GET /v1/backtests/{id}"} if polled else set()  # when it takes longer than a wait
    assert set(command.routes) <= called_since(before) <= set(command.routes) | extra
    assert any(one.out for one in ended) or words == "ondol stocks list"


async def test_a_strategy_is_copied_kept_replaced_used_and_deleted(system: System) -> None:
    names = await names_of(system)
    await system.example("ondol strategies show peter_lynch --json > mine.json", names)
    before = calls()
    for words in ORDERED[:2]:
        for line in USAGES[words].examples:
            await system.example(line, names)
    kept = (await system.fine("strategies", "show", "mine", "--json")).document
    lynch = (await system.fine("strategies", "show", "peter_lynch", "--json")).document
    assert (kept["kind"], kept["strategy"], kept["costs"]) == ("own", lynch["strategy"], lynch["costs"])
    changed = orjson.dumps({"name": "Other", "strategy": {"buy": {"where": "PER < 20"}}})
    assert b"is replaced" in (await system.fine("strategies", "replace", "mine", "-", given=changed)).out
    ran = await system.fine("backtest", "mine", "--start", FIRST, "--end", LAST, "--json")
    assert ran.document["strategy_id"] == "mine"
    pages = await system.fine("strategies", "list", "--all", "--limit", "4", "--json")
    assert [item["id"] for item in pages.document["items"]][-1] == "mine"
    assert len(pages.document["items"]) == 11
    for line in USAGES[ORDERED[2]].examples:
        await system.example(line, names)
    assert {route for words in ORDERED for route in USAGES[words].routes} <= called_since(before)
    again = await system.ondol("strategies", "delete", "mine")
    assert (again.code, again.error) == (1, "ondol strategies: mine: You have no strategy with this id.\n")


async def test_trials_of_factors_and_robustness_are_printed(system: System) -> None:
    window = ("--start", FIRST, "--end", LAST, "--horizons", "1,5", "--research", "printed")
    report = await system.fine("factors", "report", "PER", *window)
    assert report.out.rstrip().endswith(b"research printed: 2 new trials, 0 repeated, 2 in all")
    matrix = await system.fine("factors", "matrix", "PER", "PBR", *window)
    assert matrix.out.rstrip().endswith(b"research printed: 2 new trials, 2 repeated, 4 in all")
    assert b" at 1 rows: annual" in (line := (await system.fine("research", "show", "printed")).out) or (
        b" at 5 rows: annual" in line
    )
    run = await system.fine(
        "backtest", "surge_stocks", "--start", FIRST, "--end", LAST, "--research", "printed", "--json"
    )  # fmt: skip
    examined = await system.fine(
        "backtests", "robustness", run.document["id"], "--random-draws", "0", "--noise-draws", "0"
    )
    assert b"research printed: " in examined.out
    assert b"research " not in (await system.fine("backtests", "robustness", system.first)).out


async def test_own_factors_are_defined_shown_and_deleted(system: System) -> None:
    names, before = await names_of(system), calls()
    for words in OWN_FACTORS[:3]:
        for line in USAGES[words].examples:
            await system.example(line, names)
    listed = (await system.fine("factors", "mine", "--json")).document["items"]
    assert [(item["key"], item["version"]) for item in listed] == [("CHEAP", 1)]
    assert b"version 2" in (await system.fine("factors", "define", "cheap", "--", "-rank(PBR)")).out
    assert b"CHEAP" not in (await system.fine("factors", "report", "CHEAP", "--start", FIRST, "--end", LAST)).out
    for line in USAGES[OWN_FACTORS[3]].examples:
        await system.example(line, names)
    assert {route for words in OWN_FACTORS for route in USAGES[words].routes} <= called_since(before)
    again = await system.ondol("factors", "definition", "CHEAP")
    assert (again.code, again.out) == (1, b"")


def write_opens(folder: pathlib.Path, names: dict[str, str], last: str) -> None:
    """Write the file of opening quotes of the examples; their day is the one after the last row."""
    (folder / "opens.csv").write_text(f"stock_code,open\n{names['005930']},\n", encoding="utf-8")
    names["2026-11-30"] = next_trading_day(dt.date.fromisoformat(last)).isoformat()


async def test_accounts_are_created_read_stepped_and_deleted(system: System) -> None:
    names, before = await names_of(system), calls()
    body = {"strategy": request()["strategy"], "start": FIRST, "benchmark": None}
    (system.folder / "my_account.json").write_bytes(orjson.dumps(body))
    for line in USAGES["ondol accounts create"].examples:
        await system.example(line, names)
    accounts = (await system.fine("accounts", "list", "--json")).document["items"]
    assert accounts[0]["name"] == "My value"
    assert accounts[0]["as_of"] > LAST
    names["ACCOUNT"] = accounts[0]["id"]
    names["https://example.com/ondol"] = PUBLIC_URL
    async with system.client.api.database.connection() as connection:
        number = await connection.fetchval(
            "insert into paper_delivery (account, change, day, status)"
            " values ($1, 'orders.decided', '2025-03-06', 'dead') returning number", uuid.UUID(names["ACCOUNT"]),
        )  # fmt: skip
    names["12"] = str(number)
    write_opens(system.folder, names, accounts[0]["as_of"])
    for words in ACCOUNTS[1:]:
        for line in USAGES[words].examples:
            assert (await system.example(line, names)).out or "drift" in words or "steps" in words or "output" in line
    assert {route for words in ACCOUNTS for route in USAGES[words].routes} <= called_since(before)
    assert (system.folder / "orders.csv").read_text(encoding="utf-8-sig").startswith("date,stock_code,")
    for text, remedy in (
        ("code,open\n1,2\n", "its first line must be stock_code,open"), ("stock_code,open\n1,1x\n", "line 2"),
        ("stock_code,open\n1,nan\n", "line 2"), ("stock_code,open\n1,\n2,inf\n", "line 3"),
        ("stock_code,open\n", "no quotes"),
    ):  # fmt: skip
        (system.folder / "bad.csv").write_text(text, encoding="utf-8")
        refused = await system.ondol("accounts", "post-quotes", "bad.csv")
        assert (refused.code, remedy in refused.error) == (2, True), refused.error
    gone = await system.ondol("accounts", "show", names["ACCOUNT"])
    assert (gone.code, "There is no paper account with this id" in gone.error) == (1, True)


async def test_a_warm_run_is_started_listed_shown_and_followed(system: System) -> None:
    before = calls()
    run = (await system.fine("warm", "--phases", "rankings,popular", "--json")).document
    names = {"RUN": str(run["id"])}
    ended = {words: await system.example(USAGES[words].examples[0], names) for words in WARMING if "-" in words}
    assert {route for words in WARMING for route in USAGES[words].routes} <= called_since(before)
    assert "completed" in ended["ondol warm-runs list"].out.decode()
    assert "rankings" in ended["ondol warm-runs show"].out.decode()
    assert ended["ondol warm-runs follow"].out.decode().splitlines()[-1].startswith("completed")
    lines = (await system.fine("warm-runs", "follow", names["RUN"], "--json")).out.splitlines()
    last = orjson.loads(lines[-1])
    assert last["event"] == "completed"
    assert (await system.fine("warm-runs", "follow", names["RUN"], "--after", orjson.loads(lines[0])["id"])).out


async def test_a_list_goes_on_at_its_cursor(system: System) -> None:
    seen, more = [], []
    while True:
        page = (await system.fine("stocks", "list", "--limit", "25", "--json", *more)).document
        seen += [item["stock_code"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        more = ["--cursor", page["next_cursor"]]
    whole = (await system.fine("stocks", "list", "--all", "--json")).document
    assert seen == [item["stock_code"] for item in whole["items"]]
    assert len(seen) == 60
    short = await system.fine("stocks", "list", "--limit", "2")
    assert "--cursor" in short.error
    assert len(short.out.splitlines()) == 4


@pytest.mark.parametrize("part", ["trades", "equity"])
async def test_exports_hold_the_same_rows_in_every_format(system: System, part: str) -> None:
    rows = (await system.client.call("GET", f"/v1/backtests/{system.first}"))[1]["result"][part]
    assert len(rows) > 60
    for kind in ("csv", "json", "parquet"):
        await system.fine("backtests", part, system.first, "--output", f"{part}.{kind}")
        piped = (await system.fine("backtests", part, system.first, "--format", kind)).out
        assert (system.folder / f"{part}.{kind}").read_bytes() == piped
    table = list(csv.DictReader(io.StringIO((system.folder / f"{part}.csv").read_text(encoding="utf-8-sig"))))
    frame = pl.read_parquet(system.folder / f"{part}.parquet")
    assert orjson.loads((system.folder / f"{part}.json").read_bytes()) == rows
    assert [row["date"] for row in table] == [row["date"] for row in rows]
    assert frame["date"].cast(pl.String).to_list() == [row["date"] for row in rows]
    assert not list(system.folder.glob("*.part"))
    paged = (await system.fine("backtests", part, system.first, "--format", "json", "--limit", "7")).document
    assert paged == rows[:7]
    everything = (await system.fine("backtests", part, system.first, "--all", "--limit", "50", "--json")).document
    assert everything["items"] == rows
    await system.fine("backtests", part, system.first, "--output", f"{part}.xlsx")
    assert (system.folder / f"{part}.xlsx").read_bytes().startswith(b"PK")
    for wrong in (("--output", f"{part}.txt"), ("--format", "json", "--json")):
        unknown = await system.ondol("backtests", part, system.first, *wrong)
        assert (unknown.code, "--format" in unknown.error) == (2, True)


async def test_a_detached_backtest_is_waited_for_and_followed(system: System) -> None:
    body = orjson.dumps(request(initial_cash=77_000_000))
    identity = (await system.fine("backtest", "-", "--detach", given=body)).out.decode().strip()
    again = await system.fine("backtest", "request.json", "--detach", "--idempotency-key", "once")
    assert again.out == (await system.fine("backtest", "request.json", "--detach", "--idempotency-key", "once")).out
    waited = (await system.fine("backtests", "wait", identity, "--json")).document
    assert waited["status"] == "completed"
    lines = [
        orjson.loads(line) for line in (await system.fine("backtests", "follow", identity, "--json")).out.splitlines()
    ]
    trades = [line["data"] for line in lines if line["event"] == "trade"]
    assert trades == waited["result"]["trades"]
    middle = lines[len(lines) // 2]
    rest = (await system.fine("backtests", "follow", identity, "--json", "--after", middle["id"])).out.splitlines()
    assert [orjson.loads(line) for line in rest] == lines[len(lines) // 2 + 1 :]


async def test_exit_code_shows_what_did_not_complete(system: System) -> None:
    async with system.held() as identity:
        followed = asyncio.ensure_future(system.ondol("backtests", "follow", identity))
        waited = asyncio.ensure_future(system.ondol("backtests", "wait", identity))
        assert b"is cancelled" in (await system.fine("backtests", "cancel", identity)).out
        assert ((await waited).code, (await followed).code) == (1, 1)
    refused = await system.ondol("backtests", "cancel", system.first)
    assert (refused.code, "already ended" in refused.error) == (1, True)
    listed = (await system.fine("backtests", "list", "--status", "cancelled", "--json")).document
    assert identity in [item["id"] for item in listed["items"]]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("screen", "PERR < 10"), 1, "did you mean PER"),
        (("backtests", "show", "no/such?id"), 1, "There is no backtest no/such?id"),
        (("backtests", "compare", "x", "x"), 1, "There is no backtest x"),
        (("factors", "show", "NOTHING"), 1, "/v1/factors"),
        (("strategies", "create", "absent.json"), 2, "absent.json"),
        (("stocks", "rank", "beauty"), 2, "market_cap"),
        (("backtest", "a", "b", "--start", FIRST, "--end", LAST, "--idempotency-key", "k"), 2, "one backtest"),
        (("stocks", "list", "--api", "nonsense"), 2, "http://127.0.0.1:8000"),
        (("stocks", "list", "--api", "http://127.0.0.1:1"), 2, "ondol serve"),
        (("stocks", "list", "--key", "wrong"), 1, "key is unknown"),
    ],
)
async def test_a_mistake_is_a_sentence_and_an_exit_code(
    system: System, words: tuple[str, ...], code: int, said: str
) -> None:
    ended = await system.ondol(*words)
    assert (ended.code, ended.out) == (code, b""), ended.error
    assert said in ended.error
    assert "Traceback" not in ended.error


async def test_a_reader_that_goes_away_is_no_mistake(system: System) -> None:
    line = f"{shlex.quote(sys.executable)} -m ondol backtests follow {system.first} | head -n 1"
    process = await asyncio.create_subprocess_shell(
        line, cwd=system.folder, env=dict(os.environ) | {"ONDOL_API_URL": system.client.url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await asyncio.wait_for(process.communicate(), MAX_WAIT_S)
    assert (len(out.splitlines()), error) == (1, b"")


async def test_a_key_in_a_file_is_shown(system: System) -> None:
    (system.folder / "key").write_text("unknown\n", encoding="utf-8")
    ended = await system.ondol("stocks", "list", ONDOL_API_KEY_FILE=str(system.folder / "key"))
    assert (ended.code, "key is unknown" in ended.error) == (1, True)


async def test_exit_code_shows_that_it_is_not_ready(system: System) -> None:
    async def silent() -> bool:
        return False

    cache: Any = system.client.api.cache
    cache.answers = silent
    try:
        ended = await system.ondol("api", "ready")
    finally:
        del cache.answers
    assert ended.code == 1
    assert "cache     unavailable" in ended.out.decode()


def _in_this_process(line: str, names: dict[str, str], encoding: str) -> tuple[str, int, bytes, bytes]:
    """Run a line of the page with output of an encoding; return it with exit code, output and errors."""
    words = [names.get(word, word) for word in shlex.split(line)[1:]]
    words = words[: words.index(">")] if ">" in words else words
    out, error = io.BytesIO(), io.BytesIO()
    streams = io.TextIOWrapper(out, encoding=encoding), io.TextIOWrapper(error, encoding=encoding)
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        code = main(words)
    for stream in streams:
        stream.flush()
    return line, code, out.getvalue(), error.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp949"])
async def test_every_command_prints_in_any_encoding(
    system: System, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONDOL_API_URL", system.client.url)
    monkeypatch.chdir(system.folder)
    names = await names_of(system)
    _, account, _ = await system.client.call("POST", "/v1/accounts", {"strategy": "peter_lynch", "start": FIRST})
    names |= {"ACCOUNT": account["id"], "https://example.com/ondol": PUBLIC_URL}
    write_opens(system.folder, names, account["as_of"])
    changing = (*ORDERED, *WARMING, *OWN_FACTORS, "ondol backtests cancel", "ondol sweeps cancel",
                "ondol sweeps holdout", "ondol walk-forwards cancel", "ondol walk-forwards holdout",
                "ondol accounts create", "ondol accounts step", "ondol accounts resend",
                "ondol accounts delete", "ondol factors delete-report")  # fmt: skip
    for words, command in USAGES.items():
        for line in command.examples if words not in changing else ():
            found = await asyncio.to_thread(_in_this_process, line, names, encoding)
            _, code, out, error = found
            assert code == 0, found
            assert b"Traceback" not in error
            is_document = "--json" in line or words in ("ondol api openapi",)
            is_file = ".parquet" in line or "--format" in line or words == "ondol report"
            if is_document:
                parts = [out] if out.startswith(b"{\n") else out.splitlines()
                assert [orjson.loads(part) for part in parts]
            elif not is_file:
                out.decode(encoding)


async def test_json_has_korean_names_in_a_locale_without_utf8(system: System) -> None:
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    every = orjson.loads((await system.ondol("stocks", "list", "--all", "--json", **locale)).out)["items"]
    word = every[0]["name"].split()[0]
    assert not word.isascii()
    found = await system.ondol("stocks", "list", "--search", word, "--json", **locale)
    assert found.document["items"] == [item for item in every if word in item["name"]]
    shown = await system.ondol("stocks", "list", "--search", word, **locale)
    assert (shown.code, b"?" in shown.out, shown.error) == (0, True, "")


async def test_language_of_the_environment_is_that_of_errors(system: System) -> None:
    english = await system.ondol("stocks", "show", "999999", ONDOL_LANGUAGE="en")
    korean = await system.ondol("stocks", "show", "999999", ONDOL_LANGUAGE="ko")
    assert (english.code, korean.code) == (1, 1)
    assert "종목" not in english.error
    assert "종목" in korean.error
