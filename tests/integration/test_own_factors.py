"""Own factors: defined, used in every kind of request, versioned, and deleted when nothing names them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from ondol.local import embedded_servers
from tests.support.api_with_market import FIRST, LAST, request, served
from tests.support.sweeps import run_sweep
from tests.support.system import Client

TEXT = "-rank(PBR) - rank(PER)"


@pytest_asyncio.fixture(scope="module")
async def client(servers: embedded_servers.Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


async def define(client: Client, key: str, text: str) -> tuple[int, dict[str, Any]]:
    status, document, _ = await client.call("PUT", f"/v1/factors/mine/{key}", {"expression": text})
    return status, document


async def run(client: Client, where: str, rank_by: str) -> dict[str, Any]:
    body = request(buy={"where": where, "rank_by": rank_by})
    _, document, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=60")
    assert document["status"] == "completed", document
    return document


async def test_a_name_is_its_expression_in_every_request(client: Client) -> None:
    status, made = await define(client, "cheap", TEXT)
    assert (status, made["key"], made["version"]) == (201, "CHEAP", 1)
    named = await run(client, "pct_rank(CHEAP) > 0.5", "cheap")
    plain = await run(client, f"pct_rank({TEXT}) > 0.5", TEXT)
    assert named["result"]["provenance"]["result_digest"] == plain["result"]["provenance"]["result_digest"]
    assert named["request"] == plain["request"]

    _, checked, _ = await client.call("POST", "/v1/expressions/check", {"text": "CHEAP", "place": "buy.rank_by"})
    assert (checked["ok"], checked["canonical"]) == (True, TEXT)
    _, one, _ = await client.call("GET", "/v1/screen?where=CHEAP%20%3C%200&rank_by=CHEAP&columns=CHEAP,PER&limit=3")
    _, other, _ = await client.call(
        "GET", f"/v1/screen?where={TEXT}%20%3C%200&rank_by={TEXT}&columns={TEXT},PER&limit=3"
    )
    assert one == other
    assert one["columns"] == [TEXT, "PER"]
    _, values, _ = await client.call("GET", f"/v1/values?fields=CHEAP,PER&start={LAST}&end={LAST}")
    assert values["fields"] == [TEXT, "PER"]
    window = {"start": FIRST, "end": LAST, "horizons": [5], "series": False, "correlations": False}
    _, report, _ = await client.call("POST", "/v1/factor-reports", window | {"factor": "CHEAP", "controls": ["CHEAP"]})
    assert report["factor"] == TEXT
    template = request(buy={"where": "CHEAP < $most", "rank_by": "CHEAP"})
    swept = await run_sweep(client, {"template": template, "parameters": {"most": {"values": [-5, -10]}}})
    assert (swept["status"], swept["failed"]) == ("completed", 0)
    account = {"strategy": template["strategy"] | {"buy": {"rank_by": "CHEAP"}}, "start": FIRST}
    status, _, _ = await client.call("POST", "/v1/accounts", account)
    assert status == 201


async def test_a_change_is_a_version_and_old_results_stay(client: Client) -> None:
    await define(client, "MOVING", "PER")
    before = await run(client, "MOVING < 20", "MOVING")
    status, changed = await define(client, "MOVING", "PBR")
    assert (status, changed["version"]) == (200, 2)
    assert (await define(client, "MOVING", "PBR"))[1]["version"] == 2
    after = await run(client, "MOVING < 20", "MOVING")
    assert after["request"]["strategy"]["buy"]["where"] == "PBR < 20"
    _, stored, _ = await client.call("GET", f"/v1/backtests/{before['id']}")
    assert stored["request"]["strategy"]["buy"]["where"] == "PER < 20"
    _, replayed, _ = await client.call("POST", f"/v1/backtests/{before['id']}/replay", {})
    assert replayed["outcome"] == "identical"
    _, detail, _ = await client.call("GET", "/v1/factors/mine/MOVING")
    assert [version["canonical"] for version in detail["versions"]] == ["PBR", "PER"]
    assert all(0 <= year["share"] <= 1 for year in detail["coverage"])
    assert detail["coverage"][-1]["share"] > 0.5


async def test_factors_of_factors_are_pinned_and_cycles_refused(client: Client) -> None:
    await define(client, "BASE", "PBR")
    _, mixed = await define(client, "MIXED", "BASE * 2")
    assert (mixed["canonical"], mixed["uses"]) == ("PBR * 2", ["BASE"])
    status, problem = await define(client, "BASE", "MIXED + 1")
    assert (status, problem["errors"][0]["code"]) == (422, "own_factor_cycle")
    status, problem = await define(client, "SELF", "SELF + 1")
    assert (status, problem["errors"][0]["path"]) == (422, "expression")
    await define(client, "BASE", "PER")
    _, items, _ = await client.call("GET", "/v1/factors/mine")
    assert {item["key"]: item["canonical"] for item in items["items"]}["MIXED"] == "PBR * 2"


async def test_bad_keys_and_expressions_are_refused(client: Client) -> None:
    for key, status in (("PER", 409), ("KOSPI", 409), ("TS_MEAN", 409), ("1X", 422), ("A-B", 422)):
        assert (await define(client, key, "PBR"))[0] == status, key
    await define(client, "GOOD", "PER")
    status, problem = await define(client, "WORSE", "GOOD + RO")
    assert status == 422
    assert (problem["errors"][0]["path"], problem["errors"][0]["column"]) == ("expression", 8)
    assert (await define(client, "LEVEL", "close"))[0] == 422
    body = request(buy={"where": "GOOD < 10 and\n RO > 3", "rank_by": "GOOD"})
    _, problem, _ = await client.call("POST", "/v1/backtests", body)
    places = [(error["path"], error["line"], error["column"]) for error in problem["errors"]]
    assert places == [("strategy.buy.where", 2, 2)]


async def test_what_is_named_is_not_deleted(client: Client) -> None:
    await define(client, "KEPT", "PBR")
    await define(client, "ABOVE", "KEPT + 1")
    strategy = {"id": "with_own", "name": "With own", "strategy": {"buy": {"where": "KEPT < 2", "rank_by": "KEPT"}}}
    assert (await client.call("POST", "/v1/strategies", strategy))[0] == 201
    _, stored, _ = await client.call("GET", "/v1/strategies/with_own")
    assert stored["strategy"]["buy"]["where"] == "KEPT < 2"
    body = {"strategy": "with_own", "start": FIRST, "end": LAST}
    _, ran, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=60")
    assert ran["request"]["strategy"]["buy"]["where"] == "PBR < 2"
    status, problem, _ = await client.call("DELETE", "/v1/factors/mine/KEPT")
    assert (status, problem["params"]["users"]) == (409, ["ABOVE", "with_own"])
    await client.call("DELETE", "/v1/strategies/with_own")
    assert (await client.call("DELETE", "/v1/factors/mine/ABOVE"))[0] == 204
    assert (await client.call("DELETE", "/v1/factors/mine/KEPT"))[0] == 204
    assert (await client.call("GET", "/v1/factors/mine/KEPT"))[0] == 404
    assert (await client.call("POST", "/v1/backtests", body))[0] == 422
    assert (await define(client, "KEPT", "PER"))[1]["version"] == 2
