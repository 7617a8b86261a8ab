"""Warm runs on real servers, with an API and a preparer of a few lines."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import numpy as np
import orjson
import pytest
import pytest_asyncio
from aiohttp import web
from prometheus_client import CollectorRegistry

from services.warmer import daily_selection, jobs, service
from services.warmer.phases import WarmContext
from services.warmer.scheduler import database_clock, enqueue_due
from services.warmer.warm_run import execute
from shared.contracts.events import DATASETS, DatasetRequested
from shared.contracts.jobs import WARM_QUEUE
from shared.contracts.warm import PHASES
from shared.dataset.manifest import Manifest, content_of, to_bytes, version_of
from shared.infra import arq_jobs
from shared.infra.api_client.client import ApiClient
from shared.infra.database.sql import statements
from shared.infra.redis.streams import Broadcast
from shared.model.calendar import SEOUL, to_day
from shared.model.instruments import Instruments
from shared.model.market_data import Dividends
from shared.settings import Settings

NOTHING = np.array([], np.int32)


def small_manifest(close: str = "close-2025") -> Manifest:
    instruments = Instruments(
        code=("A",), name=("A",), name_en=(None,), market=("KOSPI",), sector=(None,), listed_on=(None,),
        delisted_on=(None,),
    )  # fmt: skip
    content = content_of(
        days=np.array([to_day(dt.date(2025, 12, 29)), to_day(dt.date(2025, 12, 30))], np.int32),
        instruments=instruments, factor_versions={"PER": 1},
        chunks={"close": {"2025": (close,)}, "PER": {"2025": ("per-2025",)}},
        indices={"KOSPI": np.array([1.0, 2.0])},
        dividends=Dividends(instrument=NOTHING, ex_date=NOTHING, dps=NOTHING.astype(float), disclosed_on=NOTHING),
    )  # fmt: skip
    return Manifest(version=version_of(content), content=content, predictors={}, revision=1, reasons={})


@dataclass
class World:
    """An API with scripted responses, and a preparer that provides any part."""

    context: WarmContext
    requests: list[dict[str, Any]] = field(default_factory=list)
    stored: set[bytes] = field(default_factory=set)
    failing: dict[str, str] = field(default_factory=dict)
    lacking: set[str] = field(default_factory=set)
    """Those of `failing` whose data are missing."""
    before: Callable[[], Any] | None = None
    provided: int = 0

    async def backtest(self, request: web.Request) -> web.Response:
        body = await request.json()
        origin = request.headers["Ondol-Origin"]
        fresh = "no-store" in request.headers.get("Cache-Control", "")
        self.requests.append({**body, "origin": origin, "no_store": fresh})
        if self.before is not None:
            await self.before()
        if body["strategy"] in self.failing:
            code = "factor_absent" if body["strategy"] in self.lacking else None
            error = {"path": "strategy.buy.where", "message": self.failing[body["strategy"]], "code": code}
            problem = {"title": "no", "detail": self.failing[body["strategy"]], "errors": [error]}
            return web.json_response(problem, status=422)
        key = orjson.dumps(body)
        cached = key in self.stored and not fresh
        self.stored.add(key)
        result = {"cache": {"by_tier": {"t1": 3, "t2": 1}}}
        return web.json_response({"id": "x", "status": "completed", "cached": cached, "result": result})

    async def screen(self, request: web.Request) -> web.Response:
        strategy = request.query["strategy"]
        self.requests.append({"screen": strategy, "limit": int(request.query["limit"])})
        if strategy in self.failing:
            return web.json_response({"title": "no", "detail": self.failing[strategy]}, status=422)
        return web.json_response({"date": "2025-12-30", "total": 1, "items": [{"stock_code": "A", "rank": 1}]})

    async def ranking(self, request: web.Request) -> web.Response:
        return web.json_response({"items": []})

    async def provide_parts(self) -> None:
        reader = Broadcast(self.context.broker, DATASETS)
        while True:
            for _, event in await reader.read():
                if isinstance(event, DatasetRequested) and event.parts:
                    self.provided += await self.context.cache.put_parts(dict.fromkeys(event.parts, b"part"))

    async def start(self) -> int:
        async with self.context.database.connection() as connection:
            row = await connection.fetchrow(statements("warm")["insert_manual_run"], list(PHASES))
        return int(row["id"])

    async def row(self, run: int) -> dict[str, Any]:
        async with self.context.database.connection() as connection:
            found = dict(await connection.fetchrow(statements("warm")["select_run"], run))
        return {**found, "summary": orjson.loads(found["summary"]) if found["summary"] else None}

    async def publish(self, manifest: Manifest) -> None:
        async with self.context.database.transaction() as connection:
            await connection.execute("insert into data_revision (source, rows) values ('test', 1)")
            newest = await connection.fetchval("select max(id) from data_revision")
            parts = sorted(manifest.part_names())
            sql = statements("dataset")
            await connection.execute(
                sql["upsert_version"], manifest.version, newest, to_bytes(manifest), b"{}", b"{}", parts
            )
            await connection.execute("delete from dataset_current")
            await connection.execute(
                "insert into dataset_current (version, revision, fence) values ($1, $2, 1)", manifest.version, newest
            )


@asynccontextmanager
async def served(world: World) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/v1/backtests", world.backtest)
    app.router.add_get("/v1/rankings/{kind}", world.ranking)
    app.router.add_get("/v1/screen", world.screen)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest_asyncio.fixture
async def world(settings: Settings) -> AsyncIterator[World]:
    async with service.open_context(settings, CollectorRegistry()) as context, aiohttp.ClientSession() as session:
        found = World(context=context)
        async with served(found) as url:
            found.context = WarmContext(
                **{name: getattr(context, name) for name in WarmContext.__dataclass_fields__}
                | {
                    "client": ApiClient(session, url, origin="warmer"),
                    "verifier": ApiClient(session, url, origin="verify"),
                }
            )
            await found.publish(small_manifest())
            preparer = asyncio.ensure_future(found.provide_parts())
            try:
                yield found
            finally:
                preparer.cancel()
                await asyncio.gather(preparer, return_exceptions=True)


async def test_run_executes_and_verifies_all_phases(world: World) -> None:
    run = await world.start()
    assert await execute(world.context, run) == "completed"
    row = await world.row(run)
    assert row["summary"]["chunk_hit_rate"] == 1.0
    assert row["summary"]["result_hit_rate"] == 1.0
    assert row["summary"]["fresh"] == 44 + 2
    assert world.provided == 2
    async with world.context.database.connection() as connection:
        phases = {p["phase"]: p for p in await connection.fetch(statements("warm")["select_phases"], run)}
    assert list(phases) == list(PHASES)
    assert {name: (p["items"], p["done"], p["failed"]) for name, p in phases.items()} == {
        "prices": (1, 1, 0), "factors": (1, 1, 0), "rankings": (6, 6, 0), "popular": (4, 4, 0),
        "strategies": (40, 40, 0),
    }  # fmt: skip
    assert (phases["strategies"]["hits"], phases["strategies"]["misses"]) == (160, 0)
    assert {request["origin"] for request in world.requests if request["no_store"]} == {"verify"}


async def test_run_on_unchanged_dataset_reports_no_work(world: World) -> None:
    await execute(world.context, await world.start())
    world.requests.clear()
    again = await world.start()
    assert await execute(world.context, again) == "completed"
    row = await world.row(again)
    assert row["summary"]["unchanged"] is True
    assert "no work" in row["summary"]["message"]
    assert not any(request["no_store"] for request in world.requests)
    assert world.provided == 2


async def test_failing_strategy_makes_the_run_partial(world: World) -> None:
    world.failing["bill_ackman"] = "ROIC has no value: no statements with cash_and_equivalents"
    run = await world.start()
    assert await execute(world.context, run) == "partial"
    failures = (await world.row(run))["summary"]["failures"]
    assert {f["item"] for f in failures} == {f"bill_ackman {span}" for span in ("6m", "1y", "2y", "3y")}
    assert all("cash_and_equivalents" in f["reason"] for f in failures)


async def test_missing_data_do_not_make_a_run_partial(world: World) -> None:
    world.failing["bill_ackman"] = "ROIC has no value: no statements with cash_and_equivalents"
    world.lacking.add("bill_ackman")
    run = await world.start()
    assert await execute(world.context, run) == "completed"
    failures = (await world.row(run))["summary"]["failures"]
    assert len(failures) == 4
    assert all(failure["missing_data"] for failure in failures)


async def test_interrupted_run_continues(world: World) -> None:
    reached = asyncio.Event()

    async def stop_here() -> None:
        if len(world.requests) == 20:
            reached.set()
            await asyncio.Event().wait()

    world.before = stop_here
    run = await world.start()
    first = asyncio.ensure_future(execute(world.context, run))
    await reached.wait()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert (await world.row(run))["status"] == "queued"
    world.before = None
    before = len(world.requests)
    assert await execute(world.context, run) == "completed"
    repeated = [request for request in world.requests[before:] if request["origin"] == "warmer"]
    assert len(repeated) <= 44 - 20 + world.context.settings.warm_concurrency
    assert (await world.row(run))["attempts"] == 2


async def test_run_with_expired_lease_is_acquired(world: World) -> None:
    run = await world.start()
    async with world.context.database.connection() as connection:
        await connection.fetchrow(statements("warm")["acquire_lease"], run, 60.0, "gone")
        assert await execute(world.context, run) is None
        assert not await connection.fetch(statements("warm")["select_due_runs"])
        await connection.execute("update warm_run set lease_until = now() - interval '1 second'")
        assert [row["id"] for row in await connection.fetch(statements("warm")["select_due_runs"])] == [run]
    assert await execute(world.context, run) == "completed"


async def test_warmer_without_lease_writes_nothing(world: World) -> None:
    async def steal() -> None:
        async with world.context.database.connection() as connection:
            await connection.execute("update warm_run set lease = lease + 1")

    world.before = steal
    run = await world.start()
    assert await execute(world.context, run) is None
    assert (await world.row(run))["status"] == "running"
    async with world.context.database.connection() as connection:
        noted = await connection.fetchval("select count(*) from warm_item where phase in ('popular', 'strategies')")
    assert noted == 0


async def test_second_manual_run_is_rejected(world: World) -> None:
    run = await world.start()
    async with world.context.database.connection() as connection:
        assert await connection.fetchrow(statements("warm")["insert_manual_run"], list(PHASES)) is None
        assert (await connection.fetchrow(statements("warm")["select_open_run"]))["id"] == run


async def test_changed_dataset_is_warmed_again(world: World) -> None:
    run = await world.start()
    async with world.context.database.connection() as connection:
        await connection.execute("update warm_run set dataset_version = 'older' where id = $1", run)
        await connection.execute(
            "insert into warm_item (run, phase, item, status, computed, seconds)"
            " values ($1, 'strategies', 'peter_lynch 1y', 'done', true, 1)", run
        )  # fmt: skip
    assert await execute(world.context, run) == "completed"
    sent = [
        request for request in world.requests if request["strategy"] == "peter_lynch" and request["origin"] == "warmer"
    ]
    assert len(sent) == 4


async def test_run_without_market_data_names_the_remedy(world: World) -> None:
    async with world.context.database.connection() as connection:
        await connection.execute("delete from data_revision")
    run = await world.start()
    assert await execute(world.context, run) == "failed"
    assert "ondol load" in (await world.row(run))["error"]


async def test_plan_reports_a_cache_that_is_too_small(world: World) -> None:
    async with world.context.database.connection() as connection:
        await connection.execute(
            "insert into dataset_part (name, bytes) select 'close-2025', convert_to(repeat('x', 300000000), 'utf8')"
        )
    run = await world.start()
    assert await execute(world.context, run) == "completed"
    plan = orjson.loads((await world.row(run))["plan"])
    assert plan["fits"] is False
    assert plan["needed_bytes"] == 300000000


@pytest.mark.filterwarnings("ignore:Call to deprecated close")  # by arq itself, with redis 5
async def test_arq_worker_executes_due_runs(world: World) -> None:
    run = await world.start()
    worker = jobs.build_worker(world.context)
    serving = asyncio.ensure_future(worker.async_run())
    try:
        async with arq_jobs.queue(world.context.settings.broker_url or "", WARM_QUEUE) as queue:
            await enqueue_due(world.context, queue, database_clock(world.context.database))
        async with asyncio.timeout(20):
            while (await world.row(run))["status"] in ("queued", "running"):  # noqa: ASYNC110  the row has the status
                await asyncio.sleep(0.05)
    finally:
        await arq_jobs.close(worker)
        await asyncio.gather(serving, return_exceptions=True)
    assert (await world.row(run))["status"] == "completed"


async def test_popular_requests_are_warmed_without_failed_ones(world: World) -> None:
    async with world.context.database.connection() as connection:
        for number, (status, strategy) in enumerate([("completed", "mine"), ("failed", "broken")]):
            request = f'{{"strategy": "{strategy}", "start": "2025-01-02", "end": "2025-02-03"}}'
            await connection.execute(
                "with c as (insert into computation (id, request_digest, dataset_version, engine_version,"
                " rules_version, request, status) values (gen_random_uuid(), $1, 'v', 'e', 'r', $2, $3) returning id)"
                " insert into backtest (id, owner, computation, request, request_digest)"
                " select gen_random_uuid(), 'local', id, $2, $1 from c",
                str(number), request, status,
            )  # fmt: skip
    assert await execute(world.context, await world.start()) == "completed"
    sent = [request for request in world.requests if request["strategy"] in ("mine", "broken")]
    assert {(request["strategy"], request["start"], request["end"]) for request in sent} == {
        ("mine", "2025-11-28", "2025-12-30")
    }


async def test_selections_are_stored_once_and_failures_retried(world: World) -> None:
    day, now = dt.date(2025, 12, 30), dt.datetime(2025, 12, 30, 7, tzinfo=SEOUL)
    world.failing["bill_ackman"] = "ROIC has no value"
    assert await daily_selection.store_selections(world.context, day, now) == 13
    assert await daily_selection.is_due(world.context.database, day, now)
    assert {"screen": "surge_stocks", "limit": 8} in world.requests
    world.failing.clear()
    world.requests.clear()
    assert await daily_selection.store_selections(world.context, day, now) == 1
    assert [request["screen"] for request in world.requests] == ["bill_ackman"]
    assert not await daily_selection.is_due(world.context.database, day, now)
    async with world.context.database.connection() as connection:
        rows = await connection.fetch("select picks from daily_selection where day = $1 order by strategy", day)
    assert len(rows) == 14
    assert orjson.loads(rows[0]["picks"])["items"][0]["stock_code"] == "A"


async def test_selections_follow_versions_until_the_open(world: World) -> None:
    day, open_ = dt.date(2025, 12, 30), dt.datetime(2025, 12, 30, 9, tzinfo=SEOUL)
    early = open_ - dt.timedelta(seconds=1)
    assert await daily_selection.store_selections(world.context, day, early) == 14
    assert not await daily_selection.is_due(world.context.database, day, early)
    async with world.context.database.connection() as connection:
        await connection.execute("update daily_selection set dataset_version = 'a' where strategy = 'bill_ackman'")
    assert not await daily_selection.is_due(world.context.database, day, open_)
    assert await daily_selection.store_selections(world.context, day, open_) == 0
    assert await daily_selection.is_due(world.context.database, day, early)
    assert await daily_selection.store_selections(world.context, day, early) == 1
    assert not await daily_selection.is_due(world.context.database, day, early)
