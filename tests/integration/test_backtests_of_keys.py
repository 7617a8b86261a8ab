"""Owners of backtests: foreign backtests, limits, costs, and callers without keys."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from dataclasses import replace
from functools import partial

import pytest

from services.api.auth import check_bind_address, hash_of
from services.api.http.request_source import is_loopback
from services.api.routes import backtest_exports, sweep_tables
from services.api.service import opened
from services.api.tables import child_process, download
from services.api.tables.table import Table
from shared.errors import SetupError
from shared.infra.database.sql import statements
from shared.settings import Settings
from shared.simulation.computing_cost import result_bytes_of_request
from shared.simulation.validation import request_of
from tests.support.api_helpers import connection_of, ended, prepared, submit, until
from tests.support.api_with_market import request
from tests.support.sweeps import sweep
from tests.support.system import Client, api_of, simulator

__all__ = ["prepared"]


async def make_key(settings: Settings, name: str, **limits: float) -> str:
    key = f"ondol_{name}_{uuid.uuid4().hex}"
    async with connection_of(settings) as connection:
        await connection.execute(
            statements("accounts")["insert_key"], name, name, hash_of(key), limits.get("rate"), limits.get("open"),
            "user", None, limits.get("bytes"),
        )  # fmt: skip
    return f"Bearer {key}"


async def test_a_key_neither_reads_nor_changes_rows_of_another(prepared: Settings) -> None:
    mine, other = await make_key(prepared, "mine"), await make_key(prepared, "other")
    async with api_of(prepared) as client, simulator(prepared):
        document = await submit(client, request(), Prefer="wait=30", Authorization=mine)
        identity = document["id"]
        kept = {"id": "secret", "name": "secret", "strategy": {"buy": {"where": "PER < 3"}}}
        assert (await client.call("POST", "/v1/strategies", kept, Authorization=mine))[0] == 201
        for stranger in ({"Authorization": other}, {}):
            for method, path in (
                ("GET", f"/v1/backtests/{identity}"), ("DELETE", f"/v1/backtests/{identity}"),
                ("GET", f"/v1/backtests/{identity}/events"), ("GET", f"/v1/backtests/{identity}/trades"),
                ("GET", f"/v1/backtests/{identity}/equity"), ("GET", f"/v1/backtests/{identity}/explain"),
                ("POST", f"/v1/backtests/{identity}/replay"), ("POST", f"/v1/backtests/{identity}/audit"),
                ("GET", "/v1/strategies/secret"), ("DELETE", "/v1/strategies/secret"),
            ):  # fmt: skip
                assert (await client.call(method, path, **stranger))[0] == 404, (method, path)
            assert (await client.call("POST", "/v1/compare", {"ids": [identity]}, **stranger))[0] == 422
            body = {"name": "x", "strategy": {}}
            assert (await client.call("PUT", "/v1/strategies/secret", body, **stranger))[0] == 404
            status, problem, _ = await client.call("POST", "/v1/backtests", request(strategy="secret"), **stranger)
            assert status == 422
            assert "secret" not in str(problem["errors"][0].get("suggestions"))
            assert (await client.call("GET", "/v1/backtests", **stranger))[1]["items"] == []
            listed = (await client.call("GET", "/v1/strategies", **stranger))[1]["items"]
            assert all(item["kind"] == "famous" for item in listed)
        # an equal request of another key shares the work and gets a row of its own
        same = await submit(client, request(), Prefer="wait=30", Authorization=other)
        assert same["cached"]
        assert same["id"] != identity


async def test_a_wrong_or_revoked_key_is_refused(prepared: Settings) -> None:
    key = await make_key(prepared, "gone")
    async with api_of(prepared) as client:
        assert (await client.call("GET", "/v1/backtests", Authorization=key))[0] == 200
        async with connection_of(prepared) as connection:
            await connection.fetchval(statements("accounts")["revoke_key"], "gone")

        async def refused() -> bool:
            return (await client.call("GET", "/v1/backtests", Authorization=key))[0] == 401

        assert await until(refused, "the refusal of a revoked key")
        for wrong in ("Bearer nonsense", "Basic eDp5", "Bearer"):
            status, problem, headers = await client.call("GET", "/v1/backtests", Authorization=wrong)
            assert status == 401
            assert "WWW-Authenticate" in headers
            assert "nonsense" not in str(problem)


async def test_limits_of_a_key_answer_429_with_a_time_to_come_back(prepared: Settings) -> None:
    slow, narrow = await make_key(prepared, "slow", rate=60), await make_key(prepared, "narrow", open=2)
    async with api_of(prepared) as client:
        answers = [await client.call("GET", "/v1/presets", Authorization=slow) for _ in range(25)]
        refused = [headers for status, _, headers in answers if status == 429]
        assert refused
        assert all(int(headers["Retry-After"]) >= 1 for headers in refused)
        for cash in range(2):
            await submit(client, request(initial_cash=1e7 + cash), Authorization=narrow)
        status, problem, headers = await client.call("POST", "/v1/backtests", request(), Authorization=narrow)
        assert status == 429
        assert problem["type"].endswith("too-many-open")
        assert "Retry-After" in headers


async def test_limit_of_open_backtests_is_exact_in_a_burst(prepared: Settings) -> None:
    key = await make_key(prepared, "burst", open=3)
    async with api_of(prepared) as one, api_of(prepared) as other, connection_of(prepared) as connection:
        answers = await asyncio.gather(*(
            client.call("POST", "/v1/backtests", request(initial_cash=1e7 + number), Authorization=key)
            for number in range(20) for client in (one, other)
        ))  # fmt: skip
        assert sorted(status for status, _, _ in answers) == [202] * 3 + [429] * 37
        assert await connection.fetchval("select count(*) from backtest where owner = 'key:burst'") == 3


async def test_open_backtests_without_a_key_are_limited(prepared: Settings) -> None:
    async with api_of(replace(prepared, max_open_without_key=2)) as client, connection_of(prepared) as connection:
        for cash in range(2):
            await submit(client, request(initial_cash=1e7 + cash))
        status, problem, _ = await client.call("POST", "/v1/backtests", request())
        assert (status, problem["code"]) == (429, "too_many_open_without_key")
        await connection.execute("update computation set status = 'cancelled'")
        await submit(client, request())


async def test_expression_above_the_cost_limit_is_refused(prepared: Settings) -> None:
    async with api_of(replace(prepared, max_request_cost=1000)) as client:
        status, problem, _ = await client.call("POST", "/v1/backtests", request())
        assert status == 422
        assert problem["type"].endswith("too-costly")


async def test_the_api_does_not_listen_for_everybody_without_keys(settings: Settings) -> None:
    open_settings = replace(settings, api_host="0.0.0.0")  # noqa: S104
    async with opened(open_settings) as (api, _):
        with pytest.raises(SetupError, match="ondol keys create"):
            await check_bind_address(open_settings, api.database)
        await make_key(settings, "first")
        await check_bind_address(open_settings, api.database)
        assert not is_loopback(open_settings.api_host)


async def test_bytes_of_results_of_a_key_and_day_are_limited(prepared: Settings) -> None:
    body = request()
    size = result_bytes_of_request(request_of(body))
    key = await make_key(prepared, "stores", bytes=2 * size, rate=0)
    other = await make_key(prepared, "other_stores")
    async with api_of(prepared) as client:
        made = [
            (await submit(client, {**body, "initial_cash": 10_000_000 + cash}, Authorization=key))["id"]
            for cash in (1, 2)
        ]
        status, problem, headers = await client.call("POST", "/v1/backtests", body, Authorization=key)
        assert (status, problem["code"], headers["Retry-After"]) == (429, "daily_bytes_reserved", "1")
        assert (await client.call("POST", "/v1/sweeps", sweep(), Authorization=key))[0] == 429
        assert (await client.call("POST", "/v1/backtests", body, Authorization=other))[0] == 202
        async with simulator(prepared):

            async def completed() -> bool:
                found = [(await client.call("GET", f"/v1/backtests/{one}", Authorization=key))[1] for one in made]
                return all(document["status"] == "completed" for document in found)

            await until(completed, "the end of both backtests")
            async with connection_of(prepared) as connection:
                stored = await connection.fetchval("select bytes from stored_bytes where owner = 'key:stores'")
                results = await connection.fetchval(
                    "select sum(octet_length(result)) from computation where owner = 'key:stores'"
                )
                assert stored == results
                assert 0 < stored < size
                await connection.execute("update stored_bytes set bytes = $1 where owner = 'key:stores'", 2 * size)
            status, problem, headers = await client.call("POST", "/v1/backtests", body, Authorization=key)
            assert (status, problem["code"]) == (429, "daily_bytes_used")
            assert 0 < int(headers["Retry-After"]) <= 86_400
            large = {**body, "strategy": {**body["strategy"], "portfolio": {"max_positions": 5_000}}}
            status, problem, _ = await client.call("POST", "/v1/backtests", large, Authorization=key)
            assert (status, problem["code"]) == (422, "result_above_daily_bytes")
            async with connection_of(prepared) as connection:
                await connection.execute("update stored_bytes set day = day - 1 where owner = 'key:stores'")
            assert (await submit(client, body, Authorization=key, Prefer="wait=30"))["status"] == "completed"


async def test_cancelled_work_of_a_key_belongs_to_who_waits(prepared: Settings) -> None:
    first, second = await make_key(prepared, "first"), await make_key(prepared, "second")
    async with api_of(prepared) as client:
        identity = (await submit(client, request(), Authorization=first))["id"]
        await submit(client, request(), Authorization=second)
        assert (await client.call("DELETE", f"/v1/backtests/{identity}", Authorization=first))[0] == 200
        async with connection_of(prepared) as connection:
            owners = [row["owner"] for row in await connection.fetch("select owner from computation")]
    assert owners == ["key:second"]


async def test_downloads_count_as_the_requests_that_they_cost(
    prepared: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtest_exports, "BYTES_OF_A_REQUEST", 100)
    monkeypatch.setattr(sweep_tables, "CELLS_OF_A_REQUEST", 5)
    async with api_of(prepared) as client, simulator(prepared):
        for name in ("trades", "table"):
            key = await make_key(prepared, f"downloads_{name}", rate=600)
            if name == "trades":
                made = await submit(client, request(), Prefer="wait=30", Authorization=key)
            else:
                made = (await client.call("POST", "/v1/sweeps", sweep(), Prefer="wait=30", Authorization=key))[1]
            path = f"/v1/{'backtests' if name == 'trades' else 'sweeps'}/{made['id']}/{name}"
            for _ in range(3):  # pages cost nothing further
                assert (await client.call("GET", path, Authorization=key))[0] == 200
            assert (await client.call("GET", f"{path}?format=csv", Authorization=key))[0] == 200
            assert (await client.call("GET", path, Authorization=key))[0] == 429


async def test_owner_of_many_exports_is_next_later(prepared: Settings) -> None:
    exporter, other = [await make_key(prepared, name, rate=0) for name in ("a_exporter", "other")]
    cash = itertools.count(10_000_000)

    async def first_started(client: Client) -> str:
        """Submit a backtest of each, that of the exporter first, while no simulator runs; return whose began first."""
        ids = []
        for key in (exporter, other):
            body = request(initial_cash=next(cash))
            ids.append((await submit(client, body, Authorization=key, Cache_Control="no-store"))["id"])
        async with simulator(replace(prepared, simulator_concurrency=1)):  # two at once start in either order
            for identity, key in zip(ids, (exporter, other), strict=True):
                assert (await ended(client, identity, Authorization=key))["status"] == "completed"
        rows = await connection.fetch(
            "select owner, started_at from computation"
            " where id in (select computation from backtest where id = any($1))",
            ids,
        )
        assert len({row["started_at"] for row in rows}) == len(rows) == 2
        owner: str = min(rows, key=lambda row: row["started_at"])["owner"]
        return owner

    async def is_charged(before: float) -> bool:
        return await finish() > before

    async def finish() -> float:
        found: float = await connection.fetchval("select finish from queue_share where owner = 'key:a_exporter'")
        return found

    async with api_of(prepared) as client, connection_of(prepared) as connection:
        assert await first_started(client) == "key:a_exporter"
        identity = (await client.call("GET", "/v1/backtests", Authorization=exporter))[1]["items"][0]["id"]
        path = f"/v1/backtests/{identity}/trades"
        for kind in ("csv", "xlsx", "parquet"):
            before = await finish()
            assert (await client.call("GET", f"{path}?format={kind}", Authorization=exporter))[0] == 200
            await until(partial(is_charged, before), f"the charge of {kind}")
        assert await first_started(client) == "key:other"


async def test_files_of_one_owner_do_not_delay_those_of_another(
    prepared: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    many, other = [await make_key(prepared, name, rate=0) for name in ("many", "other")]
    begun: list[str] = []

    async def recorded(table: Table, kind: str) -> tuple[bytes, int]:
        begun.append(table.name)
        return await child_process.file_of(table, kind)

    def name_of(path: str) -> str:
        return f"trades-{path.split('/')[3]}"

    async def has_begun(path: str) -> bool:
        return name_of(path) in begun

    monkeypatch.setattr(download, "file_of", recorded)
    async with api_of(prepared) as client, simulator(prepared):
        paths = [
            f"/v1/backtests/{(await submit(client, request(), Prefer='wait=30', Authorization=key))['id']}/trades"
            for key in (many, other)
        ]

        async def export(key: str, path: str) -> int:
            return (await client.call("GET", path + "?format=xlsx", Authorization=key))[0]

        async with child_process._CHILDREN, child_process._CHILDREN:  # no file can be made meanwhile
            exports = [asyncio.ensure_future(export(many, paths[0])) for _ in range(8)]
            await until(partial(has_begun, paths[0]), "the first file of the one")
            for _ in range(8):
                assert (await client.call("GET", paths[0], Authorization=many))[0] == 200
            exports.append(asyncio.ensure_future(export(other, paths[1])))
            await until(partial(has_begun, paths[1]), "the file of the other")
            assert begun == [name_of(path) for path in paths]
        assert set(await asyncio.gather(*exports)) == {200}
        assert len(begun) == 9
