"""Words that stand for backtests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ondol.cli.backtest_ids import resolve, resolve_all
from shared.errors import OndolError
from shared.infra.api_client.client import ApiClient, connected
from tests.support.faulty_server import Script, document, scripted

IDS = [
    "01a223eb-706d-7000-92d4-e2aaf8060693",
    "01a223eb-6e5b-7000-b694-d19a4187c48e",
    "01a223e0-ce65-7000-b60f-e077d5370475",
]
ITEMS = [{"id": identity, "name": name} for identity, name in zip(IDS, ("mine", None, "e2aa"), strict=True)]


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Script]:
    async with scripted() as script:
        script.on("GET /v1/backtests", document({"items": ITEMS, "next_cursor": None}))
        yield script


@pytest_asyncio.fixture
async def api(server: Script) -> AsyncIterator[ApiClient]:
    async with connected(server.url) as client:
        yield client


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("latest", IDS[0]), ("LATEST", IDS[0]), (IDS[1], IDS[1]), ("01A223E0", IDS[2]), ("01a223eb-6e", IDS[1]),
        ("87c48e", IDS[1]), ("…060693", IDS[0]), ("mine", IDS[0]), ("e2aa", IDS[2]),
    ],
)  # fmt: skip
async def test_word_stands_for_one_backtest(api: ApiClient, word: str, expected: str) -> None:
    assert await resolve(api, word) == expected


@pytest.mark.parametrize(("word", "text"), [("01a223", "stands for 3 backtests"), ("yours", "no backtest yours")])
async def test_word_for_none_or_several_is_an_error(api: ApiClient, word: str, text: str) -> None:
    with pytest.raises(OndolError, match=text):
        await resolve(api, word)


async def test_pages_are_read_to_the_end(server: Script, api: ApiClient) -> None:
    pages: list[dict[str, Any]] = [{"items": ITEMS[:1], "next_cursor": "c"}, {"items": ITEMS[1:], "next_cursor": None}]
    server.on("GET /v1/backtests", *map(document, pages))
    assert await resolve(api, "87c48e") == IDS[1]
    assert [request.query.get("cursor") for request in server.requests] == [None, "c"]


async def test_latest_is_the_newest_of_users(server: Script, api: ApiClient) -> None:
    await resolve(api, "latest")
    assert server.requests[0].query == {"limit": "1", "origin": "user"}


async def test_latest_without_backtests_is_an_error(server: Script, api: ApiClient) -> None:
    server.on("GET /v1/backtests", document({"items": [], "next_cursor": None}))
    with pytest.raises(OndolError, match="no backtest yet"):
        await resolve_all(api, ["latest", IDS[0]])
