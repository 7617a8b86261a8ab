"""Baseline: the steps of a request without a backtest, over the same servers.

An aiohttp process receives a POST, inserts its row, appends a message to a stream and waits; one of two workers reads
the message, acquires the row's lease, computes for 3 ms, writes 60 KB into the row, acknowledges and publishes the end;
the first process reads the row and returns it. It uses asyncpg's pool, redis-py and asyncio, and of Ondol only the
embedded servers, so that variation of the machine's speed affects both.
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
MESSAGES, ENDS, GROUP = "transport:messages", "transport:ends", "workers"
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


async def serve(commits: str) -> None:
    """Serve requests on a free port, which is printed."""
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
        await broker.xadd(MESSAGES, {"id": str(identity)})
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
    """Process one message at a time."""
    pool, broker = await _pool(commits), Redis.from_url(os.environ["TRANSPORT_BROKER"])
    result, name = os.urandom(RESULT_BYTES), f"worker-{os.getpid()}"
    threads, loop = ThreadPoolExecutor(1), asyncio.get_running_loop()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        for _, entries in await broker.xreadgroup(GROUP, name, {MESSAGES: ">"}, count=1, block=1000):
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
                    await (
                        pipe.xack(MESSAGES, GROUP, entry)
                        .xdel(MESSAGES, entry)
                        .xadd(ENDS, {"id": str(identity)})
                        .execute()
                    )


def _compute() -> None:
    until = time.perf_counter() + WORK_S
    while time.perf_counter() < until:
        pass


async def measured(home: pathlib.Path, commits: str, *, requests: int, seconds: float) -> Figures:
    """Return the latency quantiles of sequential requests, and requests per second with 16 in flight.

    `commits` is PostgreSQL's `synchronous_commit`.
    """
    async with servers(home) as addresses:
        connection = await asyncpg.connect(addresses.database_url)
        await connection.execute(TABLE)
        await connection.close()
        broker = Redis.from_url(addresses.broker_url)
        try:
            await broker.xgroup_create(MESSAGES, GROUP, id="0", mkstream=True)
        except ResponseError as error:  # the group exists in the second measurement
            if "BUSYGROUP" not in str(error):
                raise
        await broker.aclose()
        variables = {
            **os.environ, "PYTHONPATH": str(ROOT), "TRANSPORT_DATABASE": addresses.database_url,
            "TRANSPORT_BROKER": addresses.broker_url,
        }  # fmt: skip
        children: list[asyncio.subprocess.Process] = []
        try:
            for part in ("serve", "work", "work"):
                command = (sys.executable, "-m", "bench.baseline", part, commits)
                pipe = asyncio.subprocess.PIPE
                children.append(await asyncio.create_subprocess_exec(*command, env=variables, cwd=ROOT, stdout=pipe))
            first_lines = []
            for child in children:
                assert child.stdout is not None
                first_lines.append(await child.stdout.readline())
            if not all(first_lines):
                raise ChildError("the baseline did not start")
            port, request = int(first_lines[0]), request_bytes("POST", "/", {"n": 1})
            await drive(port, [request] * 50, 2)
            one = Load()
            for _ in range(5):
                await asyncio.sleep(REST_S)
                one.add(await drive(port, [request] * (requests // 5), 1))
            many = await drive(port, [request] * int(1000 * seconds), 16, seconds)
        finally:
            for child in children:
                if child.returncode is None:
                    child.send_signal(signal.SIGTERM)
            await asyncio.gather(*(child.wait() for child in children))
    if set(one.statuses) | set(many.statuses) != {200}:
        raise ChildError(f"the baseline returned statuses {one.statuses} and {many.statuses}")
    return quantiles(one) | {"per_second": len(many.latencies) / many.seconds}


if __name__ == "__main__":
    asyncio.run({"serve": serve, "work": work}[sys.argv[1]](sys.argv[2]))
