"""Health, readiness and metrics."""

from __future__ import annotations

import asyncio

import asyncpg
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.http.answers import json_response
from services.api.schemas import operation_responses
from shared.contracts.events import BACKTESTS, DATASETS, LONG_RUNS, QUERIES, SIMULATORS
from shared.errors import UnavailableError
from shared.infra.database.pool import LOST
from shared.infra.database.sql import statements
from shared.infra.redis import client as servers
from shared.infra.redis.streams import backlog, key_of, live_consumers

SQL = statements("backtest")
SWEEP_SQL = statements("sweep")
LIVE_MS = 10_000
"""A simulator reads its stream every second, and renews what it works on more often."""


async def get_health(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /healthz`: the process is alive."""
    return json_response(b'{"status":"ok"}')


async def get_readiness(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /readyz`: whether each dependency answers and the broker accepts writes, and how many simulators are alive.

    Without simulators the api is ready: it accepts backtests, which wait for one.
    """
    names = ("postgres", "broker", "cache")
    answers = await asyncio.gather(
        app.database.answers(), servers.accepts_writes(app.broker, key_of(DATASETS)), app.cache.answers()
    )
    dependencies = dict(zip(names, answers, strict=True))
    dependencies["events"] = app.event_hub.is_reading and dependencies["broker"]
    simulators = await _live_simulators(app) if dependencies["broker"] else None
    if all(dependencies.values()):
        return json_response({"status": "ready", "dependencies": dependencies, "simulators": simulators})
    document = {"status": "not_ready", "dependencies": dependencies, "simulators": simulators}
    return json_response(document, status=503, headers={"Retry-After": "2"})


async def _live_simulators(app: AppContext) -> int | None:
    """Return how many simulators have read or renewed entries in the last `LIVE_MS`; None when the broker is lost."""
    try:
        return await live_consumers(app.broker, BACKTESTS, SIMULATORS, LIVE_MS)
    except servers.LOST:
        return None


async def get_metrics(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /metrics`: metrics for Prometheus."""
    try:
        async with app.database.connection() as connection:
            row = await connection.fetchrow(SQL["queue_depth"])
            sweeps = await connection.fetchrow(SWEEP_SQL["sweep_backlog"])
        app.metrics.set_sweeps(sweeps["sweeps"], sweeps["variants"])
        app.metrics.set_queue(row["queued"], row["oldest_s"], app.datasets.published_at)
        for stream in (BACKTESTS, LONG_RUNS, QUERIES):
            found = await backlog(app.broker, stream, SIMULATORS)
            app.metrics.set_stream(stream, found.length, found.pending, found.lag)
        for role, redis in (("broker", app.broker), ("cache", app.cache.redis)):
            app.metrics.set_redis(role, *await servers.memory(redis))
        app.metrics.set_pool(app.database.pool.get_size(), app.database.idle())
    except (*LOST, *servers.LOST, UnavailableError, asyncpg.PostgresError):
        app.metrics.mark_queue_unknown()
    headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    body = await asyncio.to_thread(app.metrics.exposition)  # some hundredths of a second
    return web.Response(body=body, headers=headers)


ROUTES = (
    Route(
        method="GET", path="/healthz", handler=get_health, summary="Whether the process is alive", tag="operations",
        answers={200: operation_responses.Health}, public=True,
    ),
    Route(
        method="GET", path="/readyz", handler=get_readiness, summary="Whether the dependencies answer",
        tag="operations", answers={200: operation_responses.Readiness, 503: operation_responses.Readiness}, public=True,
    ),
    Route(
        method="GET", path="/metrics", handler=get_metrics, summary="Metrics for Prometheus", tag="operations",
        answers={200: "text/plain"}, opened_by="open_metrics", role="admin",
    ),
)  # fmt: skip
