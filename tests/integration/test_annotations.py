"""Names, notes and stars of backtests, filters of the list, and short forms of ids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ondol.local import embedded_servers
from tests.support.api_with_market import request, served
from tests.support.system import Client


@pytest_asyncio.fixture(scope="module")
async def client(servers: embedded_servers.Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


async def _run(client: Client, **headers: str) -> dict[str, Any]:
    status, document, _ = await client.call("POST", "/v1/backtests", request(), Prefer="wait=30", **headers)
    assert (status, document["status"]) == (200, "completed")
    return dict(document)


async def _patch(client: Client, identity: str, **body: Any) -> dict[str, Any]:
    status, document, _ = await client.call("PATCH", f"/v1/backtests/{identity}", body)
    assert status == 200, document
    return dict(document)


async def _ids(client: Client, query: str) -> list[str]:
    status, document, _ = await client.call("GET", f"/v1/backtests?{query}")
    assert status == 200, document
    return [item["id"] for item in document["items"]]


async def test_fields_of_a_patch_change_alone(client: Client) -> None:
    identity = (await _run(client))["id"]
    named = await _patch(client, identity, name="가치 100%_", note="first")
    assert (named["name"], named["note"], named["starred"], named["origin"]) == ("가치 100%_", "first", False, "user")
    starred = await _patch(client, identity, starred=True)
    assert (starred["name"], starred["note"], starred["starred"]) == ("가치 100%_", "first", True)
    removed = await _patch(client, identity, note=None, starred=None)
    assert (removed["name"], removed["note"], removed["starred"]) == ("가치 100%_", None, False)
    shown = (await client.call("GET", f"/v1/backtests/{identity}"))[1]
    assert (shown["name"], shown["note"], shown["starred"]) == ("가치 100%_", None, False)
    assert shown["result"]["trades"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ""),
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"starred": "yes"}, "starred"),
        ({"stared": True}, "stared"),
        ({"note": "a\x00b"}, "note"),
    ],
)
async def test_wrong_patch_is_refused_by_its_place(client: Client, body: dict[str, Any], path: str) -> None:
    identity = (await _run(client))["id"]
    status, problem, _ = await client.call("PATCH", f"/v1/backtests/{identity}", body)
    assert (status, [error["path"] for error in problem["errors"]]) == (422, [path])


async def test_list_filters_by_origin_name_and_star(client: Client) -> None:
    mine, theirs = (await _run(client))["id"], (await _run(client, Ondol_Origin="warmer"))["id"]
    await _patch(client, mine, name="Filter 50%_ of it", starred=True)
    await _patch(client, theirs, name="Filter 5000 of it")
    assert mine in await _ids(client, "origin=user")
    assert theirs not in await _ids(client, "origin=user")
    assert await _ids(client, "origin=warmer") == [theirs]
    assert await _ids(client, "name=filter 50%25_") == [mine]
    assert await _ids(client, "name=FILTER 50") == [theirs, mine]
    assert await _ids(client, "name=filter&starred=true") == [mine]
    assert await _ids(client, "name=filter&starred=false&status=completed") == [theirs]
    item = (await client.call("GET", "/v1/backtests?starred=true"))[1]["items"][0]
    statistics = item["statistics"]
    assert (item["start"], item["end"]) == (item["request"]["start"], item["request"]["end"])
    for name in ("total_return", "cagr", "max_drawdown", "sharpe", "win_rate", "trades"):
        assert item[name] == statistics[name]


async def test_latest_and_prefixes_name_a_backtest(client: Client) -> None:
    older, newer = (await _run(client))["id"], (await _run(client))["id"]
    await _run(client, Ondol_Origin="warmer")
    assert (await client.call("GET", "/v1/backtests/latest"))[1]["id"] == newer
    length = next(n for n in range(36) if older[:n] != newer[:n])
    for text in (newer[:-3], newer.replace("-", "")[:-5], newer[:-3].upper()):
        assert (await client.call("GET", f"/v1/backtests/{text}"))[1]["id"] == newer
    status, problem, _ = await client.call("GET", f"/v1/backtests/{newer[: length - 1]}")
    assert (status, newer in problem["detail"]) == (409, True)
    status, trades, _ = await client.call("GET", "/v1/backtests/latest/trades")
    assert (status, trades["total"] > 0) == (200, True)
    assert (await client.call("GET", "/v1/backtests/zzzz"))[0] == 404
    assert (await client.call("GET", "/v1/backtests/ffffffff"))[0] == 404
    status, compared, _ = await client.call("POST", "/v1/compare", {"ids": ["latest", older]})
    assert (status, [item["id"] for item in compared["items"]]) == (200, [newer, older])
    status, problem, _ = await client.call("POST", "/v1/compare", {"ids": ["latest", "ffffffff"]})
    assert (status, [error["path"] for error in problem["errors"]]) == (422, ["ids[1]"])
