"""Laws of sweeps: a table does not depend on simulators, parts and kills; cancelled sweeps stay readable."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from services.simulator.sweep_store import MAX_ATTEMPTS, SQL
from shared.settings import Settings
from tests.support.api_with_market import prepared_settings
from tests.support.sweeps import run_sweep, sweep, table_of
from tests.support.system import Client, api_of, simulator

TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "buy": {"where": "PER < $a and PBR < $b", "rank_by": "$rank"},
        "sell": {"stop_loss_pct": "$stop", "max_hold_days": "$days"},
        "portfolio": {"max_positions": "$most"},
    },
    {
        "buy": {"where": "close > ts_mean(close, $days) * (1 + $b / 100)", "rank_by": "$rank", "order": "$order"},
        "sell": {"where": "PER > $a", "trailing_stop_pct": "$stop", "on_rebalance": "rotate"},
        "portfolio": {"max_positions": "$most", "rebalance": "weekly"},
    },
    {
        "buy": {"rank_by": "$b * rank($rank) - rank(PER) / $a"},
        "sell": {"on_rebalance": "reweight", "take_profit_pct": "$stop"},
        "portfolio": {"max_positions": "$most", "rebalance": {"rows": "$days"}, "weighting": "market_cap"},
    },
)
PARAMETERS: dict[str, Any] = {
    "a": {"from": 2, "to": 60},
    "b": {"from": 0.1, "to": 10, "scale": "log"},
    "rank": {"values": ["MOMENTUM_1M", "MARKET_CAP", "ROE"]},
    "stop": {"values": [None, 5, 10.5]},
    "days": {"from": 2, "to": 90, "step": 1},
    "most": {"values": [3, 8, 20]},
}


@pytest_asyncio.fixture(scope="module")
async def settings(servers: Servers) -> AsyncIterator[Settings]:
    async with prepared_settings(servers) as found:
        yield found


def searched(number: int, runs: int, seed: int) -> dict[str, Any]:
    body = sweep(
        parameters=dict(PARAMETERS), search={"method": "random", "runs": runs, "seed": seed},
        objective={"maximize": "total_return"},
    )  # fmt: skip
    body["template"]["strategy"] = TEMPLATES[number]
    if number == 1:
        body["parameters"]["order"] = {"values": ["asc", "desc"]}
    return body


@pytest.mark.parametrize("number", range(len(TEMPLATES)))
async def test_random_variants_equal_plain_backtests(settings: Settings, number: int) -> None:
    await check_variants(settings, number, runs=40, opened=8)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(TEMPLATES)))
async def test_200_random_variants_equal_plain_backtests(settings: Settings, number: int) -> None:
    await check_variants(settings, number, runs=300, opened=67)


async def check_variants(settings: Settings, number: int, *, runs: int, opened: int) -> None:
    """Open variants of a random sweep as backtests, and compare them with the table and with plain backtests."""
    async with api_of(settings) as client, simulator(settings):
        done = await run_sweep(client, searched(number, runs, number))
        rows = await table_of(client, done["id"])
        chosen = random.Random(number).sample(rows, opened)
        answers = [await client.call("GET", f"/v1/sweeps/{done['id']}/variants/{row['variant']}") for row in chosen]
        for row, (status, document, _) in zip(chosen, answers, strict=True):
            assert (status, document["status"]) == (200, "completed" if row["status"] == "completed" else "failed")
            if row["status"] == "failed":
                assert document["error"]["kind"] == row["error"]["kind"]
                continue
            assert document["result"]["statistics"] == row["statistics"]
            body = {name: value for name, value in document["request"].items() if name != "dataset"}
            plain = (await client.call("POST", "/v1/backtests", body, Prefer="wait=30"))[1]
            assert plain["cached"] is True
            assert plain["result"]["provenance"] == document["result"]["provenance"]


async def _bytes(client: Client, identity: str) -> bytes:
    return bytes((await client.call("GET", f"/v1/sweeps/{identity}/table?format=csv"))[1])


async def test_table_is_the_same_for_all_simulators_and_parts(settings: Settings) -> None:
    tables = []
    for simulators, part in ((1, 0), (2, 7), (2, 31)):
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(api_of(replace(settings, sweep_part_variants=part)))
            for _ in range(simulators):
                await stack.enter_async_context(simulator(settings))
            done = await run_sweep(client, searched(0, 60, 5))
            assert done["parts"] == -(-60 // (part or 256))
            tables.append((done["digest"], await _bytes(client, done["id"])))
    assert len(set(tables)) == 1


async def test_tpe_is_the_same_for_all_simulators(settings: Settings) -> None:
    body = searched(2, 48, 9)
    body["search"] = {"method": "tpe", "runs": 48, "seed": 9, "batch": 12}
    tables = []
    for simulators in (1, 2):
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(api_of(settings))
            for _ in range(simulators):
                await stack.enter_async_context(simulator(settings))
            done = await run_sweep(client, body)
            assert (done["parts"], done["done"]) == (4, 48)
            tables.append(await _bytes(client, done["id"]))
    assert tables[0] == tables[1]


async def test_table_survives_killed_simulators(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(replace(settings, sweep_part_variants=20)))
        async with simulator(settings):
            expected = await _bytes(client, (await run_sweep(client, searched(1, 200, 6)))["id"])
        first = await stack.enter_async_context(simulator(settings))
        status, document, _ = await client.call("POST", "/v1/sweeps", searched(1, 200, 6))
        assert status == 202
        identity = document["id"]
        await _until(client, identity, parts=2)
        first.kill()
        await first.wait()
        before = await _ended(client, identity)
        await stack.enter_async_context(simulator(settings))
        await _until(client, identity, parts=10)
        assert await _bytes(client, identity) == expected
        assert {part: before[part] for part in before} == {
            part: ended for part, ended in (await _ended(client, identity)).items() if part in before
        }


async def _until(client: Client, identity: str, *, parts: int) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            found = (await client.call("GET", f"/v1/sweeps/{identity}"))[1]
            if found["parts_done"] >= parts:
                return dict(found)
            await client.api.event_hub.sweeps.wait(identity, 0.5)


async def _ended(client: Client, identity: str) -> dict[int, tuple[int, int]]:
    async with client.api.database.connection() as connection:
        rows = await connection.fetch(
            "select part, ended, lease from sweep_part where sweep = $1 and ended > 0", identity
        )
    return {row["part"]: (row["ended"], row["lease"]) for row in rows}


async def test_cancelled_sweep_keeps_its_finished_parts(settings: Settings) -> None:
    async with api_of(replace(settings, sweep_part_variants=5)) as client, simulator(settings) as working:
        _, document, _ = await client.call("POST", "/v1/sweeps", searched(2, 200, 7))
        found = await _until(client, document["id"], parts=1)
        working.send_signal(signal.SIGSTOP)
        status, cancelled, _ = await client.call("DELETE", f"/v1/sweeps/{document['id']}")
        assert (status, cancelled["status"]) == (200, "cancelled")
        working.send_signal(signal.SIGCONT)
        shown = (await client.call("GET", f"/v1/sweeps/{document['id']}"))[1]
        assert (shown["status"], shown["partial"]) == ("cancelled", True)
        assert shown["seen"] >= found["seen"] > 0
        rows = await table_of(client, document["id"])
        assert len(rows) == shown["seen"]
        other = await run_sweep(client, sweep())
        assert other["status"] == "completed"
        again = (await client.call("GET", f"/v1/sweeps/{document['id']}"))[1]
        assert again["done"] == shown["done"]


async def test_part_that_kills_its_simulators_fails_alone(settings: Settings) -> None:
    async with api_of(replace(settings, sweep_part_variants=5)) as client:
        _, document, _ = await client.call("POST", "/v1/sweeps", searched(0, 10, 8))
        async with client.api.database.connection() as connection:
            for _ in range(MAX_ATTEMPTS):
                row = await connection.fetchrow(SQL["acquire_part"], document["id"], -1.0, "killed")
                assert row["part"] == 0
            await connection.fetchval(SQL["release_part"], document["id"], 0, row["lease"], 0)
        async with simulator(settings):
            await _until(client, document["id"], parts=2)
        rows = await table_of(client, document["id"])
        assert {row["error"]["kind"] for row in rows[:5]} == {"killed_simulator"}
        assert {row["error"]["title"] for row in rows[:5]} == {"Variant failed"}
        assert all(row["status"] == "completed" or row["error"]["kind"] != "killed_simulator" for row in rows[5:])


async def test_stale_worker_changes_nothing(settings: Settings) -> None:
    async with api_of(settings) as client:
        _, document, _ = await client.call("POST", "/v1/sweeps", sweep())
        async with client.api.database.connection() as connection:
            stale = await connection.fetchrow(SQL["acquire_part"], document["id"], -1.0, "slow")
            await connection.fetchrow(SQL["acquire_part"], document["id"], 60.0, "other")
            values = (document["id"], stale["part"], stale["lease"], "completed", 24, 0, "[]", b"")
            assert await connection.fetchrow(SQL["end_part"], *values) is None
            row = await connection.fetchrow("select parts_done, done from sweep where id = $1", document["id"])
        assert (row["parts_done"], row["done"]) == (0, 0)
        await client.call("DELETE", f"/v1/sweeps/{document['id']}")
