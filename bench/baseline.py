"""The steps of a request without a backtest, over the same servers: what a service of this kind costs by itself.

A process of aiohttp takes a POST, inserts its row, appends a hint to a stream and waits; one of two workers reads the
hint, takes the row's lease, computes for 3 ms, writes 60 KB into the row, acknowledges and announces the end; the
first process reads the row and answers with it. Written with the usual clients (asyncpg's pool, redis-py, asyncio) and
nothing of Ondol but its embedded servers, so that a machine that is slow for an hour is slow for both.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from bench.client import Load, drive, request_bytes
from bench.load_generator import REST_S, Figures, quantiles
from bench.processes import ROOT, ChildError
from ondol.local.embedded_servers import servers

WORK_S = 0.003
RESULT_BYTES = 60_000
HINTS, ENDS, GROUP = "transport:hints", "transport:ends", "workers"
TABLE = """
create table if not exists transport (
    id uuid primary key, request bytea not null, status text not null default 'queued', lease bigint not null default 0,
    result bytea
);
alter table transport alter column result set storage external;
"""


async def _pool(commits: str) -> asyncpg.Pool:
    url = os.environ["TRANSPORT_DATABASE"]
    return await asyncpg.create_pool(url, min_size=4, max_size=8, server_settings={"synchronous_commit": commits})


async def answer(commits: str) -> None:
    """The process that is asked; prints its port."""
    pool, broker = await _pool(commits), Redis.from_url(os.environ["TRANSPORT_BROKER"])
    waiting: dict[str, asyncio.Future[None]] = {}

    async def read() -> None:
        last: Any = "$"
        while True:
            for _, entries in await broker.xread({ENDS: last}, block=1000, count=100):
                for last, fields in entries:  # noqa: B007 - read on from the last one
                    ended = waiting.pop(fields[b"id"].decode(), None)
                    if ended is not None and not ended.done():
                        ended.set_result(None)

    async def run(request: web.Request) -> web.Response:
        identity, body = uuid.uuid4(), await request.read()
        ended = waiting[str(identity)] = asyncio.get_running_loop().create_future()
        await pool.execute("insert into transport (id, request) values ($1, $2)", identity, body)
        await broker.xadd(HINTS, {"id": str(identity)})
        await ended
        return web.Response(body=await pool.fetchval("select result from transport where id = $1", identity))

    app = web.Application()
    app.router.add_post("/", run)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    reading = asyncio.create_task(read())
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await reading


async def work(commits: str) -> None:
    """A worker: one hint at a time."""
    pool, broker = await _pool(commits), Redis.from_url(os.environ["TRANSPORT_BROKER"])
    result, name = os.urandom(RESULT_BYTES), f"worker-{os.getpid()}"
    threads, loop = ThreadPoolExecutor(1), asyncio.get_running_loop()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for _, entries in await broker.xreadgroup(GROUP, name, {HINTS: ">"}, count=1, block=1000):
            for entry, fields in entries:
                identity = uuid.UUID(fields[b"id"].decode())
                lease = await pool.fetchval(
                    "update transport set status = 'running', lease = lease + 1 where id = $1 returning lease", identity
                )
                await loop.run_in_executor(threads, _compute)
                await pool.execute(
                    "update transport set status = 'completed', result = $3 where id = $1 and lease = $2",
                    identity, lease, result,
                )  # fmt: skip
                async with broker.pipeline(transaction=True) as pipe:
                    await pipe.xack(HINTS, GROUP, entry).xdel(HINTS, entry).xadd(ENDS, {"id": str(identity)}).execute()


def _compute() -> None:
    until = time.perf_counter() + WORK_S
    while time.perf_counter() < until:
        pass


async def measured(home: pathlib.Path, commits: str, *, requests: int, seconds: float) -> Figures:
    """The quantiles of requests one by one, and answers a second with 16 in flight; `commits` is PostgreSQL's
    `synchronous_commit`."""
    async with servers(home) as found:
        connection = await asyncpg.connect(found.database_url)
        await connection.execute(TABLE)
        await connection.close()
        broker = Redis.from_url(found.broker_url)
        try:
            await broker.xgroup_create(HINTS, GROUP, id="0", mkstream=True)
        except ResponseError as error:  # the second measurement in this home
            if "BUSYGROUP" not in str(error):
                raise
        await broker.aclose()
        variables = {
            **os.environ, "PYTHONPATH": str(ROOT), "TRANSPORT_DATABASE": found.database_url,
            "TRANSPORT_BROKER": found.broker_url,
        }  # fmt: skip
        children: list[asyncio.subprocess.Process] = []
        try:
            for part in ("answer", "work", "work"):
                command = (sys.executable, "-m", "bench.baseline", part, commits)
                pipe = asyncio.subprocess.PIPE
                children.append(await asyncio.create_subprocess_exec(*command, env=variables, cwd=ROOT, stdout=pipe))
            told = []
            for child in children:
                assert child.stdout is not None
                told.append(await child.stdout.readline())
            if not all(told):
                raise ChildError("the bare transport did not start")
            port, asked = int(told[0]), request_bytes("POST", "/", {"n": 1})
            await drive(port, [asked] * 50, 2)
            one = Load()
            for _ in range(5):
                await asyncio.sleep(REST_S)
                one.add(await drive(port, [asked] * (requests // 5), 1))
            many = await drive(port, [asked] * int(1000 * seconds), 16, seconds)
        finally:
            for child in children:
                if child.returncode is None:
                    child.send_signal(signal.SIGTERM)
            await asyncio.gather(*(child.wait() for child in children))
    if set(one.statuses) | set(many.statuses) != {200}:
        raise ChildError(f"the bare transport answered {one.statuses} and {many.statuses}")
    return quantiles(one) | {"per_second": len(many.latencies) / many.seconds}


if __name__ == "__main__":
    asyncio.run({"answer": answer, "work": work}[sys.argv[1]](sys.argv[2]))
