"""Language, expression check, sectors and calendar, asked over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from shared.strategies.catalogue import FAMOUS
from tests.support.api_with_market import served
from tests.support.system import Client


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


async def _check(client: Client, **body: Any) -> dict[str, Any]:
    status, found, _ = await client.call("POST", "/v1/expressions/check", body)
    assert status == 200, found
    return dict(found)


async def test_language_lists_the_fields_of_the_dataset(client: Client) -> None:
    status, found, _ = await client.call("GET", "/v1/language")
    assert status == 200
    dataset = (await client.call("GET", "/v1/datasets/current"))[1]
    factors = {field["name"]: field["available"] for field in found["fields"] if field["kind"] == "factor"}
    assert {name for name, available in factors.items() if available} == set(dataset["factors"])
    indices = {field["name"] for field in found["fields"] if field["kind"] == "index"}
    assert indices == {name for name in dataset["indices"] if name.isalnum()}


async def test_check_answers_the_canonical_text_and_tree(client: Client) -> None:
    found = await _check(client, text="per<10 그리고 종가 > 1 * ts_mean(close,20)", place="buy.where")
    assert found["canonical"] == "PER < 10 and close > 1 * ts_mean(close, 20)"
    assert (found["ok"], found["type"], found["reads"]) == (True, "condition", ["PER", "close"])
    assert (found["tree"]["op"], len(found["tree"]["args"]), found["lookback_rows"]) == ("and", 2, 19)
    again = await _check(client, tree=found["tree"])
    assert again["canonical"] == found["canonical"]
    assert again["tree"] == found["tree"]


async def test_check_answers_every_mistake_of_a_text(client: Client) -> None:
    found = await _check(client, text="RO > 3 and PERR < 1")
    assert (found["ok"], found["canonical"], found["type"]) == (False, None, None)
    assert [(e["path"], e["line"], e["column"]) for e in found["errors"]] == [("text", 1, 1), ("text", 1, 12)]
    assert "ROE" in found["errors"][0]["suggestions"]
    assert found["tree"]["op"] == "and"
    broken = await _check(client, text="PER <")
    assert (broken["ok"], broken["tree"], broken["errors"][0]["column"]) == (False, None, 6)


@pytest.mark.parametrize(
    ("text", "place", "is_right"),
    [
        ("PER", "buy.rank_by", True),
        ("PER", "buy.where", False),
        ("PER < 1", "buy.rank_by", False),
        ("KOSPI > ts_mean(KOSPI, 20)", "portfolio.when", True),
        ("PER < 10", "portfolio.when", False),
        ("close", "buy.rank_by", False),
    ],
)
async def test_check_follows_the_place(client: Client, text: str, place: str, *, is_right: bool) -> None:
    found = await _check(client, text=text, place=place)
    assert found["ok"] is is_right
    assert bool(found["errors"]) is not is_right


async def test_conditions_of_the_catalogue_survive_rows_and_text(client: Client) -> None:
    for entry in FAMOUS:
        for part in ("buy", "sell"):
            text = entry.strategy.get(part, {}).get("where")
            if text is None:
                continue
            first = await _check(client, text=text, place=f"{part}.where")
            second = await _check(client, tree=first["tree"], place=f"{part}.where")
            assert (first["canonical"], first["tree"]) == (second["text"], second["tree"]), entry.id


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "text"),
        ({"text": "PER < 1", "tree": {"op": "field", "name": "PER"}}, "text"),
        ({"text": "PER < 1", "place": "buy.when"}, "place"),
        ({"tree": {"op": "compare", "args": [], "operators": []}}, "tree"),
        ({"text": "PER < 1", "strict": True}, "strict"),
    ],
)
async def test_check_refuses_a_body_by_its_place(client: Client, body: dict[str, Any], path: str) -> None:
    status, problem, _ = await client.call("POST", "/v1/expressions/check", body)
    assert status == 422
    assert [error["path"] for error in problem["errors"]] == [path]


async def test_sectors_count_the_stocks_of_the_row(client: Client) -> None:
    status, found, _ = await client.call("GET", "/v1/sectors")
    assert status == 200
    last = (await client.call("GET", "/v1/datasets/current"))[1]["last_day"]
    names = [item["sector"] for item in found["items"]]
    assert (found["date"], names) == (last, sorted(names))
    markets = "KOSPI,KOSDAQ,KONEX"
    kinds = "common,foreign,preferred,spac,reit"
    screen = (await client.call("GET", f"/v1/screen?limit=0&markets={markets}&kinds={kinds}"))[1]
    assert sum(item["stocks"] for item in found["items"]) + found["without_sector"] == screen["total"]
    for item in found["items"]:
        query = f"/v1/screen?limit=0&markets={markets}&kinds={kinds}&sectors={item['sector']}"
        assert (await client.call("GET", query))[1]["total"] == item["stocks"]


async def test_sectors_refuse_a_day_without_trading(client: Client) -> None:
    status, problem, _ = await client.call("GET", "/v1/sectors?date=2025-06-07")
    assert status == 422
    assert problem["errors"][0]["path"] == "date"


async def test_calendar_has_the_trading_days_of_the_dataset(client: Client) -> None:
    dataset = (await client.call("GET", "/v1/datasets/current"))[1]
    counted = 0
    for year in range(int(dataset["first_day"][:4]), int(dataset["last_day"][:4]) + 1):
        found = (await client.call("GET", f"/v1/calendar?year={year}"))[1]
        assert found["trading_days"] == sum(day["trading"] for day in found["days"])
        counted += sum(day["trading"] for day in found["days"] if day["source"] == "dataset")
    assert counted == dataset["days"]
    assert (found["first_day"], found["last_day"]) == (dataset["first_day"], dataset["last_day"])
    status, problem, _ = await client.call("GET", "/v1/calendar?year=12")
    assert (status, problem["errors"][0]["path"]) == (422, "year")


@pytest.mark.parametrize("path", ["/v1/language", "/v1/sectors", "/v1/calendar?year=2025", "/v1/factors", "/healthz"])
async def test_head_answers_as_get_without_a_body(client: Client, path: str) -> None:
    async with client.session.get(client.url + path) as response:
        whole, kind = await response.read(), response.content_type
    async with client.session.head(client.url + path) as response:
        assert (response.status, response.content_type, await response.read()) == (200, kind, b"")
        assert int(response.headers["Content-Length"]) == len(whole)


async def test_head_of_an_unknown_resource_is_not_found(client: Client) -> None:
    async with client.session.head(client.url + "/v1/factors/NOTHING") as response:
        assert response.status == 404
    async with client.session.head(client.url + "/v1/compare") as response:
        assert (response.status, response.headers["Allow"]) == (405, "POST")
