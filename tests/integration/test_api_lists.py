"""Lists in pages, and how the running API answers malformed requests."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import orjson
import pytest

from services.api.http.pagination import write_cursor
from shared.infra.database.sql import statements
from shared.settings import Settings
from shared.strategies.catalogue import FAMOUS
from tests.support.api_helpers import connection_of
from tests.support.system import Client, api_of

CATALOGUE = [entry.id for entry in FAMOUS]
OWN = [f"own_{n}" for n in range(5)]


async def _keep(client: Client, identity: str) -> None:
    body = {"id": identity, "name": identity, "strategy": {"buy": {"where": "PER < 3"}}}
    assert (await client.call("POST", "/v1/strategies", body))[0] == 201


async def _page(client: Client, **query: Any) -> dict[str, Any]:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    status, found, _ = await client.call("GET", f"/v1/strategies?{words}")
    assert status == 200, found
    return dict(found)


async def test_catalogue_is_described_in_the_language_of_the_caller(settings: Settings) -> None:
    async with api_of(settings) as client:
        for path in ("/v1/strategies", "/v1/presets"):
            english = (await client.call("GET", path))[1]["items"]
            _, korean, headers = await client.call("GET", path, **{"Accept-Language": "ko"})
            assert headers["Content-Language"] == "ko"
            for one, other in zip(english, korean["items"], strict=True):
                assert re.search("[가-힣]", other["summary"])
                assert not re.search("[가-힣]", one["summary"])
                assert one | {"summary": ""} == other | {"summary": ""}


async def test_a_plain_request_lists_the_whole_catalogue(settings: Settings) -> None:
    async with api_of(settings) as client:
        found = await _page(client)
        assert [item["id"] for item in found["items"]] == CATALOGUE
        assert found["next_cursor"] is None


async def test_pages_of_any_size_hold_each_strategy_once(settings: Settings) -> None:
    async with api_of(settings) as client:
        for identity in OWN:
            await _keep(client, identity)
        for limit in (1, 3, 9, 10, 11, 14, 15, 16):
            seen: list[str] = []
            more: dict[str, Any] = {}
            while True:
                found = await _page(client, limit=limit, **more)
                assert len(found["items"]) <= limit
                seen += [item["id"] for item in found["items"]]
                if found["next_cursor"] is None:
                    break
                more = {"cursor": found["next_cursor"]}
            assert seen == CATALOGUE + OWN, limit


async def test_a_page_goes_on_behind_a_strategy_that_was_deleted(settings: Settings) -> None:
    async with api_of(settings) as client:
        for identity in OWN:
            await _keep(client, identity)
        found = await _page(client, limit=len(CATALOGUE) + 2)
        assert (await client.call("DELETE", f"/v1/strategies/{OWN[1]}"))[0] == 204
        rest = await _page(client, cursor=found["next_cursor"])
        assert [item["id"] for item in rest["items"]] == OWN[2:]


async def test_what_is_no_cursor_is_refused(settings: Settings) -> None:
    async with api_of(settings) as client:
        for cursor in ("x", write_cursor(5), write_cursor("a\x00b"), ""):
            status, problem, _ = await client.call("GET", f"/v1/strategies?cursor={cursor}")
            assert status == 422, (cursor, problem)
        assert (await client.call("GET", "/v1/strategies?limit=0"))[0] == 422
        for number in (2**63, 2**64 - 1, -(2**63)):
            for path in ("/v1/research", "/v1/warm-runs"):
                status, problem, _ = await client.call("GET", f"{path}?cursor={write_cursor(number)}")
                assert status == 422, (path, problem)


async def test_api_answers_invalid_bytes_with_a_problem_document(settings: Settings) -> None:
    async with api_of(settings) as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(client.url.rpartition(":")[2]))
        writer.write(b"NONSENSE\r\n\r\n")
        async with asyncio.timeout(30):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        assert b"application/problem+json" in head
        assert orjson.loads(body)["type"] == "urn:ondol:problem:malformed-request"
        writer.transport.abort()
        assert (await client.call("GET", "/healthz"))[0] == 200


FILTERS = ("null, null, null", "'user', null, null", "null, '%mine%', null", "null, null, true")
"""Origin, name and star of a list; the rows that they select are the oldest ones."""


@pytest.mark.parametrize("filters", FILTERS)
async def test_a_page_of_a_long_list_reads_the_rows_of_the_page(settings: Settings, filters: str) -> None:
    async with connection_of(settings) as connection:
        for owner, count in (("few", 30), ("many", 20_000)):
            await connection.execute(
                "insert into backtest (id, owner, request, request_digest, origin, created_at)"
                " select (lpad(to_hex(i + $3), 8, '0') || '-0000-7000-8000-000000000000')::uuid, $1, '{}', '',"
                " 'warmer', now() from generate_series(1, $2) as i",
                owner, count, 0 if owner == "few" else 1000,
            )  # fmt: skip
        await connection.execute(
            "update backtest set origin = 'user', name = 'It is mine', starred = true where id in"
            " (select id from (select id, row_number() over (partition by owner order by id) as place from backtest)"
            " as ordered where place <= 30)"
        )
        await connection.execute("analyze backtest")
        await connection.execute("prepare page as " + statements("backtest")["select_newest"])
        newest = "ffffffff-ffff-ffff-ffff-ffffffffffff"
        for owner in ("few", "many"):
            async with connection.transaction():
                await connection.execute(statements("backtest")["force_custom_plan"])
                plan = await connection.fetchval(
                    f"explain (analyze, format json) execute page('{owner}', '{newest}', null, 20, {filters})"
                )
            read = [int(rows) for rows in re.findall(r'"(?:Actual Rows|Rows Removed by Filter)": (\d+)', plan)]
            assert 20 <= max(read) <= 30, plan
