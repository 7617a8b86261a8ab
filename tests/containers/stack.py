"""The containers of compose.yaml, started by docker compose on podman, and what a test asks and does to them."""

from __future__ import annotations

import asyncio
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from ondol.local.ports import free_port
from tests.containers import engine, images

SERVERS = ("postgres", "redis-broker", "redis-cache")
SERVICES = ("api", "preparer", "simulator", "warmer")
STARTED = (*SERVERS, "migrate", *SERVICES, "prometheus")
"""All services of compose.yaml but Grafana, whose program is in no package index."""
HEALTH_INTERVAL_S = 5.0


@dataclass
class Stack:
    """A project folder with compose.yaml, its files and secrets, on free ports of the loopback address."""

    folder: pathlib.Path
    podman: aiohttp.ClientSession
    http: aiohttp.ClientSession
    port: int = field(default_factory=free_port)
    prometheus_port: int = field(default_factory=free_port)
    key: str | None = None

    def write_project(self) -> None:
        """Copy what compose.yaml mounts and write the secrets as an operator does."""
        shutil.copy(engine.ROOT / "compose.yaml", self.folder)
        shutil.copytree(engine.ROOT / "ops", self.folder / "ops", dirs_exist_ok=True)
        shutil.copytree(engine.ROOT / "shared", self.folder / "shared", dirs_exist_ok=True)
        self.write_secrets()
        ports = {"ONDOL_PUBLISHED_PORT": self.port, "PROMETHEUS_PORT": self.prometheus_port}
        (self.folder / ".env").write_text("".join(f"{k}={v}\n" for k, v in ports.items()), encoding="utf-8")

    def write_secrets(self) -> None:
        """Write what is missing, as `make secrets` does."""
        command = [sys.executable, "-I", "-S", str(self.folder / "ops/write_secrets.py")]
        subprocess.run(command, check=True, capture_output=True)

    async def compose(self, *arguments: str, check: bool = True) -> str:
        """Run docker compose in the project folder and return its output."""
        return await engine.output_of([str(engine.COMPOSE), *arguments], self.folder, check=check)

    async def up(self, *, simulators: int = 2, recreate: bool = True) -> None:
        """Start the services, or apply what has changed; with `recreate=False` start those that do not run."""
        kept = () if recreate else ("--no-recreate",)
        await self.compose("up", "-d", "--no-build", *kept, "--scale", f"simulator={simulators}", *STARTED)

    async def scale(self, simulators: int) -> None:
        """Change the number of simulators and nothing else, as the guide says."""
        scaled = ("--no-build", "--no-recreate", "--no-deps", "--scale", f"simulator={simulators}")
        await self.compose("up", "-d", *scaled, "simulator")

    async def operator(self, *arguments: str, volumes: Mapping[pathlib.Path, str] | None = None) -> str:
        """Run a command of `ondol` as the guide says."""
        mounts = [part for host, inside in (volumes or {}).items() for part in ("-v", f"{host}:{inside}:ro")]
        return await self.compose("run", "--rm", "--no-deps", "-T", *mounts, "operator", *arguments)

    async def containers(self, service: str | None = None) -> list[dict[str, Any]]:
        """Return the containers of the project, or of one service, in name order."""
        labels = ["com.docker.compose.project=ondol"]
        labels += [f"com.docker.compose.service={service}"] if service else []
        filters = orjson.dumps({"label": labels}).decode()
        found = await self._podman("GET", "/containers/json", all="true", filters=filters)
        return sorted(found, key=lambda each: each["Names"][0])

    async def inspect(self, container: str) -> dict[str, Any]:
        """Return what podman knows about a container."""
        found: dict[str, Any] = await self._podman("GET", f"/containers/{container}/json")
        return found

    async def kill(self, container: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to the first process of a container, as the kernel or a crash does: the engine is not asked."""
        process = (await self.inspect(container))["State"]["Pid"]
        if process:
            os.kill(process, number)

    async def names(self, service: str, *, running: bool = True) -> list[str]:
        """Return the names of the containers of a service."""
        found = await self.containers(service)
        return [each["Names"][0].lstrip("/") for each in found if not running or each["State"] == "running"]

    async def metric(self, container: str, name: str) -> float:
        """Return the sum of a metric that a service's container exposes; 0 when it cannot be asked."""
        networks = (await self.inspect(container))["NetworkSettings"]["Networks"] or {}
        address = next((each["IPAddress"] for each in networks.values()), "")
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self.http.get(f"http://{address}:9464/metrics", timeout=aiohttp.ClientTimeout(2)) as answer:
                lines = (await answer.text()).splitlines()
            return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))
        return 0.0

    async def check_health(self) -> None:
        """Task: run the health checks, which a machine with systemd starts by timers."""
        while True:
            with suppress(aiohttp.ClientError, TimeoutError, RuntimeError):
                running = [each["Id"] for each in await self.containers() if each["State"] == "running"]
                if running and not engine.names_are_served():
                    await self._serve_names()
                for each in running:
                    await self._check(each)
            await asyncio.sleep(HEALTH_INTERVAL_S)

    async def _serve_names(self) -> None:
        """Start the name server of the network again, as the start of any container of the network does."""
        throwaway = engine.command("run", "--rm", "--network", "ondol_default", images.PRODUCT, "true")
        await engine.output_of(throwaway, self.folder)

    async def _check(self, container: str) -> None:
        with suppress(RuntimeError):  # a container without a check, or one that has just ended
            await self._podman("GET", f"/containers/{container}/healthcheck")

    async def _podman(self, method: str, path: str, **query: str) -> Any:
        async with self.podman.request(method, f"http://podman/v4.0.0/libpod{path}", params=query) as answer:
            body = await answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"podman {path}: {answer.status} {body.decode()[:300]}")
            return orjson.loads(body) if body else None

    async def request(
        self, method: str, path: str, document: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send a request through the published port; return the status and the document of the answer."""
        sent = {**({"Authorization": f"Bearer {self.key}"} if self.key else {}), **(headers or {})}
        url = f"http://127.0.0.1:{self.port}{path}"
        async with self.http.request(method, url, json=document, headers=sent) as answer:
            body = await answer.read()
            return answer.status, orjson.loads(body) if answer.content_type == "application/json" else body.decode()

    async def until_healthy(self, container: str, *, healthy: bool = True, max_wait_s: float = 120.0) -> None:
        """Wait until the health check of a container succeeds, or with `healthy=False` until it has failed."""
        wanted = "healthy" if healthy else "unhealthy"
        async with asyncio.timeout(max_wait_s):
            while ((await self.inspect(container))["State"].get("Health") or {}).get("Status") != wanted:
                await asyncio.sleep(0.5)

    async def until_ready(self, max_wait_s: float = 120.0) -> float:
        """Wait until /readyz answers 200; return the seconds."""
        begin = time.monotonic()
        async with asyncio.timeout(max_wait_s):
            while True:
                with suppress(aiohttp.ClientError):
                    if (await self.request("GET", "/readyz"))[0] == 200:
                        return time.monotonic() - begin
                await asyncio.sleep(0.1)


@asynccontextmanager
async def stack(folder: pathlib.Path) -> AsyncIterator[Stack]:
    """Yield a project that is not started; at the end its containers, networks and volumes are removed."""
    async with engine.serving() as podman, aiohttp.ClientSession() as http:
        project = Stack(folder=folder, podman=podman, http=http)
        project.write_project()
        checking = asyncio.create_task(project.check_health())
        try:
            yield project
        finally:
            checking.cancel()
            await project.compose("--profile", "operator", "down", "--volumes", "--timeout", "5", check=False)
