"""A real Prometheus scrapes the running system, and every query of every dashboard and rule returns data."""

from __future__ import annotations

import asyncio
import pathlib
import shutil
from typing import Any

import aiohttp
import orjson
import pytest
import yaml

from ondol.local.ports import free_port
from tests.support.commands import ondol, serving
from tests.support.prometheus_queries import expressions
from tests.unit.ops.test_deployment_files import ROOT

pytestmark = pytest.mark.ops

MAX_WAIT_S = 90.0


async def _wait_for_data(session: aiohttp.ClientSession, url: str, missing: list[str]) -> None:
    """Take out of `missing` what has data, until nothing is left; TimeoutError when the time is over."""
    async with asyncio.timeout(MAX_WAIT_S):
        while missing:
            still = []
            for expression in missing:
                async with session.get(f"{url}/api/v1/query", params={"query": expression}) as response:
                    answer: dict[str, Any] = orjson.loads(await response.read())
                assert answer["status"] == "success", (expression, answer)
                if not answer["data"]["result"]:
                    still.append(expression)
            missing[:] = still
            if missing:
                await asyncio.sleep(1)


async def test_every_query_of_every_dashboard_and_rule_returns_data(tmp_path: pathlib.Path) -> None:
    binary = shutil.which("prometheus")
    assert binary, "make test-ops installs Debian's prometheus package"
    market, home = tmp_path / "market", tmp_path / "home"
    await ondol("synthesize", market, "--stocks", "60", "--years", "1")
    await ondol("load", market, "--home", home)
    async with serving(home) as run:
        await _until_warm(run["ready"])
        jobs = {"api": run["metrics"]["api"]} | {n: p for n, p in run["metrics"].items() if n != "api"}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ROOT / "ops/prometheus/recording.yaml"), str(ROOT / "ops/prometheus/alerts.yaml")],
            "scrape_configs": [
                {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                if "-" not in name
                else {
                    "job_name": name,
                    "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
                    "relabel_configs": [{"target_label": "job", "replacement": name.partition("-")[0]}],
                }
                for name, port in jobs.items()
            ],
        }
        (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            binary,
            f"--config.file={tmp_path / 'prometheus.yaml'}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with aiohttp.ClientSession() as session:
                await _until_it_listens(session, f"http://127.0.0.1:{port}")
                await ondol("backtest", "surge_stocks", "--start", "2020-01-02", "--end", "2030-01-02", "--home", home)
                levels = ("--set", "sell.stop_loss_pct=5:10:5", "--start", "2020-01-02", "--end", "2030-01-02")
                await ondol("sweep", "surge_stocks", *levels, "--research", "metrics", "--home", home)
                judged = ("--start", "2020-01-02", "--end", "2030-01-02", "--horizons", "1")
                await ondol("factors", "report", "PER", *judged, "--home", home)
                lengths = ("--train", "8M", "--test", "1M", "--maximize", "total_return")
                await ondol("walk-forward", "surge_stocks", *levels, *lengths, "--home", home)
                missing = expressions()
                try:
                    await _wait_for_data(session, f"http://127.0.0.1:{port}", missing)
                except TimeoutError:
                    pytest.fail(f"no data for {missing}")
        finally:
            process.terminate()
            await process.wait()


async def _until_warm(url: str) -> None:
    """The run that the warmer makes after its start has ended."""
    async with asyncio.timeout(MAX_WAIT_S), aiohttp.ClientSession() as session:
        while True:
            async with session.get(f"{url}/v1/warm-runs") as response:
                runs = orjson.loads(await response.read())["items"]
            if runs and runs[0]["status"] not in {"queued", "running"}:
                return
            await asyncio.sleep(0.2)


async def _until_it_listens(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(MAX_WAIT_S):
        while True:
            try:
                async with session.get(f"{url}/-/ready") as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)
