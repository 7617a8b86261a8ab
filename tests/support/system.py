"""A published dataset, an api in this process and simulators in processes of their own."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import asyncpg
import orjson

from ondol.local.processes import Child
from services.api.app import listening_on
from services.api.context import AppContext
from services.api.service import opened
from shared.contracts.events import DatasetPublished
from shared.dataset.encode import encode_all, manifest_of
from shared.dataset.manifest import Manifest, to_bytes
from shared.dataset.memory_panels import MemoryPanels
from shared.factors.catalogue import BY_KEY
from shared.infra.redis import client as servers
from shared.infra.redis.cache import cache
from shared.infra.redis.seal import use_seal
from shared.infra.redis.streams import append
from shared.model.fields import STORED
from shared.settings import Settings
from tests.support.forked_simulators import Simulator, forked_simulator
from tests.support.markets import panels_of

MAX_WAIT_S = 60.0


def version_of(panels: MemoryPanels, revision: int = 1) -> tuple[Manifest, dict[str, bytes]]:
    """Return the manifest and the parts of panels in memory."""
    rows = slice(0, len(panels.days))
    fields = {name: panels.panel(name, rows) for name in (*STORED, *sorted(panels.factors))}
    content, blobs = encode_all(
        days=panels.days, instruments=panels.instruments, fields=fields, indices=panels.indices,
        dividends=panels.dividends, listings=panels.listings,
        factor_versions={key: BY_KEY[key].version for key in panels.factors},
    )  # fmt: skip
    return manifest_of(content, revision, {}), blobs


async def publish(settings: Settings, manifest: Manifest, blobs: Mapping[str, bytes], *, cached: bool = True) -> None:
    """Store a version as the preparer does and make it the current one."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("insert into data_revision (source, rows) values ('test', 1)")
        await connection.executemany(
            "insert into dataset_part (name, bytes) values ($1, $2) on conflict do nothing", list(blobs.items())
        )
        await connection.execute(
            "insert into dataset_version (version, revision, manifest, about, summary, parts)"
            " values ($1, $2, $3, $4, '', $5) on conflict do nothing",
            manifest.version, manifest.revision, to_bytes(manifest), orjson.dumps({}), sorted(blobs),
        )  # fmt: skip
        await connection.execute(
            "update dataset_current set version = $1, revision = $2, fence = fence + 1",
            manifest.version,
            manifest.revision,
        )
    finally:
        await connection.close()
    if cached:
        async with cache(settings.cache_url or "", cluster=settings.cache_cluster) as store:
            await store.put_parts(blobs)
    async with servers.broker(settings.broker_url or "") as broker:
        await append(broker, DatasetPublished(version=manifest.version, revision=manifest.revision))


async def publish_market(
    settings: Settings, market: Mapping[str, Any], keys: tuple[str, ...] | None = None
) -> Manifest:
    """Publish a small market in the form of the worked examples."""
    manifest, blobs = version_of(panels_of(market, keys))
    await publish(settings, manifest, blobs)
    return manifest


@dataclass(frozen=True, kw_only=True)
class Client:
    """Client of the api under test; responses are (status, document, headers)."""

    session: aiohttp.ClientSession
    url: str
    api: AppContext
    settings: Settings

    async def call(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str
    ) -> tuple[int, Any, Mapping[str, str]]:
        """Send a request; header names are written with underscores."""
        data = raw if raw is not None else None if body is None else orjson.dumps(body)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if data is not None:
            named.setdefault("Content-Type", "application/json")
        sent = io.BytesIO(data) if data is not None and len(data) > 1_000_000 else data
        async with self.session.request(method, self.url + path, data=sent, headers=named) as response:
            text = await response.read()
            kind = response.content_type
            document = orjson.loads(text) if kind.endswith("json") and text else text
            return response.status, document, response.headers


@asynccontextmanager
async def api_of(settings: Settings) -> AsyncIterator[Client]:
    """Run the api with its tasks in this process and yield a client of it."""
    async with AsyncExitStack() as stack:
        api, tasks = await stack.enter_async_context(opened(replace(settings, api_host="127.0.0.1", api_port=0)))
        await use_seal(api.database, api.broker, api.cache)
        running = [asyncio.ensure_future(task()) for task in tasks]
        try:
            async with listening_on(api, None) as url, aiohttp.ClientSession() as session:
                yield Client(session=session, url=url, api=api, settings=settings)
        finally:
            left = set(running)
            while left:  # asyncio.wait_for of Python 3.11 loses a cancellation that meets the end of what it waits for
                for task in left:
                    task.cancel()
                _, left = await asyncio.wait(left, timeout=1)
            await asyncio.gather(*running, return_exceptions=True)


@asynccontextmanager
async def simulator(
    settings: Settings, *, quiet: bool = True, service: str = "simulator", metrics_port: int = 0
) -> AsyncIterator[Child]:
    """Run a simulator process, or another service, for the duration of the block.

    What a simulator logs becomes part of the standard error of the test.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")},
        **settings.to_environment(), "ONDOL_METRICS_PORT": str(metrics_port),
        "ONDOL_LOG_LEVEL": "warning" if quiet else "info",
    }  # fmt: skip
    process: Child
    if service == "simulator":
        process = await forked_simulator(environment)
    else:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", f"services.{service}", env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 20)
        except TimeoutError:
            process.kill()
            await process.wait()
        if isinstance(process, Simulator) and process.log.exists():
            sys.stderr.write(process.log.read_text(encoding="utf-8"))
