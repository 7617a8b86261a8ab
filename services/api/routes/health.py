"""Health, metrics and the description of the interface."""

from __future__ import annotations

import asyncio

import asyncpg
import orjson
from aiohttp import web

from services.api.context import Api, Call, Route
from services.api.schemas import responses
from shared.contracts.events import BACKTESTS, QUERIES, SIMULATORS
from shared.contracts.http import JSON
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.database.sql import statements
from shared.infra.redis import client as servers
from shared.infra.redis.streams import backlog

SQL = statements("backtest")


async def healthz(api: Api, call: Call) -> web.Response:
    """The process is alive."""
    return web.Response(body=b'{"status":"ok"}', content_type=JSON)


async def readyz(api: Api, call: Call) -> web.Response:
    """Its dependencies answer; which one does not."""
    names = ("postgres", "broker", "cache")
    found = await asyncio.gather(api.database.answers(), servers.answers(api.broker), api.cache.answers())
    there = dict(zip(names, found, strict=True)) | {"events": api.ends.reading}
    there["events"] &= there["broker"]
    ready = all(there.values())
    return web.Response(
        status=200 if ready else 503,
        body=orjson.dumps({"status": "ready" if ready else "not_ready", "dependencies": there}),
        content_type=JSON,
        headers={} if ready else {"Retry-After": "2"},
    )


async def metrics(api: Api, call: Call) -> web.Response:
    """Counters for Prometheus."""
    try:
        async with api.database.connection() as connection:
            row = await connection.fetchrow(SQL["queue_depth"])
        api.measures.queue(row["queued"], row["oldest_s"], api.datasets.published_at)
        for stream in (BACKTESTS, QUERIES):
            found = await backlog(api.broker, stream, SIMULATORS)
            api.measures.stream(stream, found.length, found.pending, found.lag)
        for role, redis in (("broker", api.broker), ("cache", api.cache.redis)):
            api.measures.redis(role, *await servers.memory(redis))
        api.measures.pool(api.database.pool.get_size(), api.database.idle())
    except (*LOST, *servers.LOST, UnavailableError, asyncpg.PostgresError):
        api.measures.blind()
    return web.Response(body=api.measures.text(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


ROUTES = (
    Route(
        method="GET", path="/healthz", handler=healthz, summary="The process is alive", tag="operations",
        answers={200: responses.Health}, public=True,
    ),
    Route(
        method="GET", path="/readyz", handler=readyz, summary="The dependencies answer", tag="operations",
        answers={200: responses.Readiness, 503: responses.Readiness}, public=True,
    ),
    Route(
        method="GET", path="/metrics", handler=metrics, summary="Counters for Prometheus", tag="operations",
        answers={200: "text/plain"}, public=True,
    ),
)  # fmt: skip
