"""Long runs and analyses: they are queued in PostgreSQL, taken by share, and end as short ones do."""

from __future__ import annotations

import asyncio
import re
import time

import pytest

from ondol.local.ports import free_port
from services.api.backtests import submit as submission
from shared.contracts.events import LONG_RUNS, LongRunRequested
from shared.infra.redis import client as redis_client
from shared.infra.redis.streams import append, key_of
from shared.settings import Settings
from tests.support.api_helpers import connection_of, ended, prepared, submit, until
from tests.support.api_with_market import request
from tests.support.sweeps import sweep
from tests.support.system import Client, api_of, simulator

__all__ = ["prepared"]


@pytest.fixture
def everything_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every backtest counts as long."""
    monkeypatch.setattr(submission, "LONG_COST", 0)


@pytest.mark.usefixtures("everything_long")
async def test_long_run_has_the_result_of_a_short_one(prepared: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api_of(prepared) as client, simulator(prepared), connection_of(prepared) as connection:
        found = await submit(client, request(), Prefer="wait=30", Cache_Control="no-store")
        monkeypatch.setattr(submission, "LONG_COST", 10**18)
        short = await submit(client, request(), Prefer="wait=30", Cache_Control="no-store")
        assert found["status"] == short["status"] == "completed"
        rows = await connection.fetch("select long, cost, owner, result_digest from computation order by created_at")
        assert [row["long"] for row in rows] == [True, False]
        assert len({row["result_digest"] for row in rows}) == 1
        assert all(row["cost"] > 0 and row["owner"] == "local" for row in rows)
        assert await connection.fetchval("select finish > 0 from queue_share where owner = 'local'")


@pytest.mark.usefixtures("everything_long")
async def test_long_run_without_its_message_is_published_again(prepared: Settings) -> None:
    async with api_of(prepared) as client, redis_client.broker(prepared.broker_url or "") as broker:
        accepted = await submit(client, request())
        await broker.delete(key_of(LONG_RUNS))
        async with simulator(prepared):

            async def completed() -> bool:
                return (await client.call("GET", f"/v1/backtests/{accepted['id']}"))[1]["status"] == "completed"

            assert await until(completed, "the end of a run whose message was lost")


async def test_analysis_is_deleted_when_it_is_answered_or_unwanted(prepared: Settings) -> None:
    async with api_of(prepared) as client, connection_of(prepared) as connection:

        async def waiting() -> bool:
            return bool(await connection.fetchval("select count(*) from analysis"))

        async def gone() -> bool:
            return not await waiting()

        async with simulator(prepared):
            identity = (await submit(client, request(), Prefer="wait=30"))["id"]
            status, document, _ = await client.call("POST", f"/v1/backtests/{identity}/audit", {"cuts": 2})
            assert (status, document["identical"]) == (200, True)
            assert await until(gone, "the end of an answered analysis")
            assert await connection.fetchval("select sum(finish) > 0 from queue_share")
        path = f"/v1/backtests/{identity}/audit"
        asking = asyncio.ensure_future(client.call("POST", path, {"cuts": 3}))
        assert await until(waiting, "the queued analysis")
        asking.cancel()
        assert await until(gone, "the end of an analysis whose client has disconnected")


async def test_analysis_without_its_message_is_answered(prepared: Settings) -> None:
    async with (
        api_of(prepared) as client, connection_of(prepared) as connection,
        redis_client.broker(prepared.broker_url or "") as broker,
    ):  # fmt: skip
        async with simulator(prepared):
            identity = (await submit(client, request(), Prefer="wait=30"))["id"]
        asking = asyncio.ensure_future(client.call("POST", f"/v1/backtests/{identity}/audit", {"cuts": 2}))

        async def waiting() -> bool:
            return bool(await connection.fetchval("select count(*) from analysis"))

        assert await until(waiting, "the queued analysis")
        await broker.delete(key_of(LONG_RUNS))
        await append(broker, LongRunRequested(computation_id="no id"))
        async with simulator(prepared):
            assert (await asking)[0] == 200


async def test_waiting_time_is_recorded_by_class_of_work(prepared: Settings) -> None:
    port = free_port()

    async def waits(client: Client) -> dict[str, tuple[float, float]]:
        """Return number and sum of the waiting times by class."""
        async with client.session.get(f"http://127.0.0.1:{port}/metrics") as response:
            text = await response.text()
        found: dict[str, dict[str, float]] = {}
        for part, work, value in re.findall(r'ondol_wait_seconds_(count|sum)\{work="(\w+)"\} (\S+)', text):
            found.setdefault(work, {})[part] = float(value)
        return {work: (parts["count"], parts["sum"]) for work, parts in found.items()}

    async with api_of(prepared) as client:
        waiting = [await submit(client, request())]
        waiting.append(await submit(client, request(initial_cash=2e7), Ondol_Origin="warmer"))
        status, waiting_sweep, _ = await client.call("POST", "/v1/sweeps", sweep())
        assert status == 202
        began = time.monotonic()
        async with simulator(prepared, metrics_port=port):
            for document in waiting:
                assert (await ended(client, document["id"]))["status"] == "completed"
            path = f"/v1/backtests/{waiting[0]['id']}/audit"
            assert (await client.call("POST", path, {"cuts": 2}))[0] == 200

            async def swept() -> bool:
                return (await client.call("GET", f"/v1/sweeps/{waiting_sweep['id']}"))[1]["status"] == "completed"

            assert await until(swept, "the end of the sweep")
            found = await waits(client)
        assert {work: count for work, (count, _) in found.items()} == {
            "user": 1, "preview": 0, "warmer": 1, "verify": 0, "analysis": 1, "sweep": 1,
        }  # fmt: skip
        longest = time.monotonic() - began + 60
        assert all(0 < found[work][1] < longest for work in ("user", "warmer", "analysis", "sweep"))
