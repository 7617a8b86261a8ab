"""Stored factor reports: listed, read again, audited, deleted, and bounded for each owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest_asyncio

from ondol.local.run_file import Servers
from services.api.stored_factor_reports import find_equal, store_report
from services.warmer.retention import purge_factor_reports
from shared.contracts import queries
from shared.infra.database.pool import connect_pool
from shared.research.factor_reports.request import FactorReportBody
from shared.settings import Settings
from tests.integration.test_backtests_of_keys import make_key
from tests.support.api_with_market import FIRST, LAST, prepared_settings
from tests.support.system import Client, api_of, simulator


@pytest_asyncio.fixture(scope="module")
async def settings(servers: Servers) -> AsyncIterator[Settings]:
    async with prepared_settings(servers) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with api_of(settings) as found, simulator(settings):
        yield found


async def report(client: Client, factor: str = "-rank(PBR)", **fields: Any) -> dict[str, Any]:
    """Ask for a report; further fields are those of its body or of the request's headers."""
    headers = {name: fields.pop(name) for name in ("Authorization", "Accept-Language") if name in fields}
    body = {"factor": factor, "start": FIRST, "end": LAST, "horizons": [1, 5], "correlations": False} | fields
    status, found, _ = await client.call("POST", "/v1/factor-reports", body, **headers)
    assert status == 200, found
    return dict(found)


async def ids(client: Client, query: str = "", **headers: str) -> list[str]:
    status, found, _ = await client.call("GET", f"/v1/factor-reports{query}", **headers)
    assert status == 200, found
    return [item["id"] for item in found["items"]]


async def test_equal_requests_are_one_stored_report(client: Client) -> None:
    first = await report(client)
    assert await report(client, " - rank( PBR )", horizons=[5, 1]) == first
    assert (await report(client, quantiles=4))["id"] != first["id"]
    status, again, _ = await client.call("POST", "/v1/factor-reports", first["request"])
    assert (status, again) == (200, first)
    assert (await client.call("GET", f"/v1/factor-reports/{first['id']}"))[1] == first


async def test_reports_are_listed_in_pages_and_filtered(settings: Settings, client: Client) -> None:
    mine, other = [{"Authorization": await make_key(settings, f"reports{name}")} for name in "ab"]
    made = [(await report(client, factor, **mine))["id"] for factor in ("PER", "PBR", "rank(PER)")]
    assert await ids(client, **mine) == made[::-1]
    _, page, _ = await client.call("GET", "/v1/factor-reports?limit=2", **mine)
    assert [item["id"] for item in page["items"]] == made[:0:-1]
    assert await ids(client, f"?limit=2&cursor={page['next_cursor']}", **mine) == made[:1]
    assert await ids(client, "?factor=rank(%20PER)", **mine) == made[2:]
    assert await ids(client, "?query=r", **mine) == made[::-1]
    assert await ids(client, "?query=RANK", **mine) == made[2:]
    assert await ids(client, "?query=per", **mine) == [made[2], made[0]]
    assert await ids(client, "?query=P%25R", **mine) == []
    await client.call("PUT", "/v1/factors/mine/RANKED", {"expression": "rank(PER)"}, **mine)
    assert await ids(client, "?query=ranked", **mine) == made[2:]
    assert await ids(client, f"?dataset={page['items'][0]['dataset_version']}", **mine) == made[::-1]
    assert await ids(client, "?dataset=none", **mine) == []
    assert await ids(client, **other) == []
    whole = (await client.call("GET", f"/v1/factor-reports/{made[2]}", **mine))[1]
    head = page["items"][0]
    assert {name: head[name] for name in ("factor", "digest", "window", "created_at")} == {
        name: whole[name] for name in ("factor", "digest", "window", "created_at")
    }
    assert [(of["horizon"], of["rank_ic"], of["t"]) for of in head["horizons"]] == [
        (of["horizon"], of["rank_ic"]["mean"], of["rank_ic"]["t"]) for of in whole["horizons"]
    ]
    status, refused, _ = await client.call("GET", "/v1/factor-reports?factor=PERR", **mine)
    assert (status, refused["errors"][0]["path"]) == (422, "factor")


async def test_reports_of_others_are_not_found(settings: Settings, client: Client) -> None:
    mine, other = [{"Authorization": await make_key(settings, f"private{name}")} for name in "ab"]
    path = f"/v1/factor-reports/{(await report(client, **mine))['id']}"
    for method, at in (("GET", path), ("DELETE", path), ("POST", f"{path}/audit")):
        status, refused, _ = await client.call(method, at, **other)
        assert (status, refused["code"]) == (404, "factor_report_not_found")
    assert (await client.call("GET", "/v1/factor-reports/x", **mine))[0] == 404
    assert (await client.call("GET", "/v1/factor-reports/latest", **other))[0] == 404


async def test_deleted_report_is_computed_again(client: Client) -> None:
    first = await report(client, "MOMENTUM_1M")
    path = f"/v1/factor-reports/{first['id']}"
    assert (await client.call("DELETE", path))[0] == 204
    assert (await client.call("GET", path))[0] == 404
    assert (await client.call("DELETE", path))[0] == 404
    second = await report(client, "MOMENTUM_1M")
    assert second["id"] != first["id"]
    assert second["digest"] == first["digest"]


async def test_audit_compares_the_digest_and_cut_data(settings: Settings, client: Client) -> None:
    found = await report(client, "rank(pct_change(close, 5))", neutral="sector")
    path = f"/v1/factor-reports/{found['id']}/audit"
    status, audit, _ = await client.call("POST", path, {"cuts": 3, "seed": 5})
    assert status == 200, audit
    assert (audit["identical"], audit["digest"], len(audit["cuts"])) == (True, found["digest"], 3)
    status, refused, _ = await client.call("POST", path, {"cuts": 21})
    assert (status, refused["errors"][0]["path"]) == (422, "cuts")
    database = await connect_pool(settings.database_url or "")
    try:
        async with database.connection() as connection:
            await connection.execute("update factor_report set digest = 'other' where factor = $1", found["factor"])
            status, audit, _ = await client.call("POST", path)
            assert (status, audit["identical"], audit["stored_digest"]) == (200, False, "other")
            await connection.execute("update factor_report set engine_version = '1' where factor = $1", found["factor"])
            status, refused, _ = await client.call("POST", path)
            assert (status, refused["code"]) == (409, "factor_report_outdated")
            await connection.execute("update factor_report set engine_version = $1, dataset_version = 'gone' "
                                     "where factor = $2", found["engine_version"], found["factor"])  # fmt: skip
            status, refused, _ = await client.call("POST", path)
            assert (status, refused["code"]) == (409, "dataset_deleted")
    finally:
        await database.close()


async def test_warnings_are_in_the_language_of_the_caller(client: Client) -> None:
    english = await report(client, "DIVIDEND_YIELD", universe={"where": "DIVIDEND_YIELD > 0"})
    korean = await report(client, **{**english["request"], "Accept-Language": "ko"})
    assert [w["code"] for w in korean["warnings"]] == [w["code"] for w in english["warnings"]]
    assert korean["digest"] == english["digest"]


async def test_old_reports_make_room_for_new_ones(settings: Settings, client: Client) -> None:
    key = {"Authorization": await make_key(settings, "bounded")}
    made = [(await report(client, factor, **key))["id"] for factor in ("PER", "PBR", "PSR")]
    app = client.api
    async with app.database.connection() as connection:
        rows = await connection.fetch("select * from factor_report where id = any($1) order by id", made)
        sizes = [len(row["report"]) for row in rows]
    owner, last = rows[-1]["owner"], rows[-1]
    query = msgspec.json.decode(last["query"], type=queries.FactorReport)
    body = msgspec.json.decode(last["request"], type=FactorReportBody)
    answer = (await client.call("GET", f"/v1/factor-reports/{made[2]}", **key))[1]
    raw = msgspec.json.encode(answer)
    assert (await store_report(app, owner, query, body, raw, most=3))["id"] == last["id"]
    assert await ids(client, **key) == made[::-1]
    await store_report(app, owner, query, body, raw, most=2)
    assert await ids(client, **key) == made[:0:-1]
    await store_report(app, owner, query, body, raw, most_bytes=sizes[2])
    assert await ids(client, **key) == made[2:]
    await store_report(app, owner, query, body, raw, most_bytes=1)
    assert await ids(client, **key) == made[2:]
    assert (await find_equal(app, "another", query)) is None


async def test_reports_expire_with_the_sweeps(settings: Settings, client: Client) -> None:
    first, second = [(await report(client, factor, quantiles=3))["id"] for factor in ("PER", "PBR")]
    app = client.api
    async with app.database.connection() as connection:
        now = await connection.fetchval("select now()")
        await connection.execute(
            "update factor_report set created_at = now() - interval '91 days' where id = $1", first
        )
    assert await purge_factor_reports(app.database, replace(settings, sweep_retention_days=0), now) == 0
    assert await purge_factor_reports(app.database, settings, now) == 1
    assert (await client.call("GET", f"/v1/factor-reports/{first}"))[0] == 404
    assert (await client.call("GET", f"/v1/factor-reports/{second}"))[0] == 200
