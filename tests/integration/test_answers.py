"""What every answer of the API has in common: codings, HEAD, OPTIONS, and selected parts of results."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
import zstandard
from aiohttp import hdrs

from ondol.local import embedded_servers
from services.api.routes import ROUTES
from tests.support.api_with_market import request, served
from tests.support.servers import fresh_settings
from tests.support.system import Client, api_of

PAGE = "https://charts.example"


@pytest_asyncio.fixture(scope="module")
async def client(servers: embedded_servers.Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def document(client: Client) -> dict[str, Any]:
    status, found, _ = await client.call("POST", "/v1/backtests", request(), Prefer="wait=30")
    assert status == 200, found
    assert isinstance(found, dict)
    return found


async def raw(client: Client, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, Mapping[str, str]]:
    """Return status, body and headers as they are on the wire."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=[hdrs.ACCEPT_ENCODING]) as session,
        session.request(method, client.url + path, headers=named) as response,
    ):
        return response.status, await response.read(), response.headers


async def test_answers_are_compressed_for_those_who_ask(client: Client, document: dict[str, Any]) -> None:
    for path in (f"/v1/backtests/{document['id']}", "/v1/factors", "/openapi.json", "/docs/docs.js",
                 f"/v1/backtests/{document['id']}/trades?format=csv"):  # fmt: skip
        _, plain, headers = await raw(client, path)
        assert "Content-Encoding" not in headers
        assert "accept-encoding" in headers["Vary"].lower()
        for accepted, decode in (("gzip", gzip.decompress), ("zstd", zstandard.ZstdDecompressor().decompress)):
            for _ in range(2):  # computed, then from the cache
                status, body, headers = await raw(client, path, Accept_Encoding=accepted)
                assert (status, headers["Content-Encoding"]) == (200, accepted)
                assert int(headers["Content-Length"]) == len(body) < len(plain)
                assert decode(body) == plain


async def test_small_bodies_events_and_binary_files_stay_plain(client: Client, document: dict[str, Any]) -> None:
    own = f"/v1/backtests/{document['id']}"
    for path in ("/healthz", own + "/events", own + "/equity?format=parquet", own + "/equity?format=xlsx"):
        _, _, headers = await raw(client, path, Accept_Encoding="gzip, zstd")
        assert "Content-Encoding" not in headers, path


async def test_unacceptable_coding_is_refused_before_work(client: Client) -> None:
    status, body, _ = await raw(client, "/v1/factors", Accept_Encoding="identity;q=0, br")
    assert (status, orjson.loads(body)["status"]) == (406, 406)


async def test_head_has_the_headers_of_get(client: Client, document: dict[str, Any]) -> None:
    own = f"/v1/backtests/{document['id']}"
    for path in (own, own + "/trades", own + "/equity?format=csv", "/v1/factors", "/docs", "/healthz"):
        for accepted in ("identity", "gzip"):
            _, body, full = await raw(client, path, Accept_Encoding=accepted)
            status, nothing, head = await raw(client, path, "HEAD", Accept_Encoding=accepted)
            assert (status, nothing) == (200, b"")
            assert {**full, "Date": ""} == {**head, "Date": ""}
            assert int(head["Content-Length"]) == len(body)
    status, nothing, head = await raw(client, own + "/events", "HEAD")
    assert (status, nothing, head["Content-Type"]) == (200, b"", "text/event-stream")
    assert (await raw(client, "/v1/backtests/x", "HEAD"))[0] == 404


async def test_other_methods_are_refused_with_the_allowed_ones(client: Client) -> None:
    methods: dict[str, set[str]] = {}
    for route in ROUTES:
        further = {"HEAD"} if route.method == "GET" else set()
        methods.setdefault(route.path, {"OPTIONS"}).update({route.method}, further)
    for path, expected in methods.items():
        status, _, headers = await raw(client, path.replace("{", "").replace("}", ""), "TRACE")
        assert status == 405
        assert set(headers["Allow"].split(", ")) == expected
        status, body, headers = await raw(client, path.replace("{", "").replace("}", ""), "OPTIONS", Origin=PAGE)
        assert (status, body, set(headers["Allow"].split(", "))) == (204, b"", expected)
        assert not [name for name in headers if name.lower().startswith("access-control")]


async def test_pages_of_listed_origins_may_read_answers(servers: embedded_servers.Servers) -> None:
    async with fresh_settings(servers) as settings, api_of(replace(settings, cors_origins=(PAGE,))) as client:
        for path in ("/v1/factors", "/v1/backtests/x", "/healthz"):
            _, _, headers = await raw(client, path, Origin=PAGE)
            assert headers["Access-Control-Allow-Origin"] == PAGE
            assert "Origin" in headers["Vary"]
            for other in ("https://evil.example", "null", PAGE + ".evil.example"):
                _, _, headers = await raw(client, path, Origin=other)
                assert "Access-Control-Allow-Origin" not in headers
                assert "Origin" in headers["Vary"]
        preflight = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
        status, _, headers = await raw(client, "/v1/backtests", "OPTIONS", Origin=PAGE, **preflight)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, PAGE)
        assert {"GET", "POST"} <= set(headers["Access-Control-Allow-Methods"].split(", "))
        assert {"Authorization", "Content-Type", "Prefer"} <= set(headers["Access-Control-Allow-Headers"].split(", "))


async def test_parts_and_columns_of_a_result(client: Client, document: dict[str, Any]) -> None:
    own, result = f"/v1/backtests/{document['id']}", document["result"]
    _, found, _ = await client.call("GET", own + "?parts=statistics,equity")
    assert found == document | {"result": {name: result[name] for name in ("statistics", "equity")}}
    _, found, _ = await client.call("GET", own + "?format=columns")
    assert set(found["result"]) == set(result)
    for name in ("equity", "trades", "round_trips", "monthly_returns"):
        assert found["result"][name] == {key: [item[key] for item in result[name]] for key in result[name][0]}
    for name in ("statistics", "window", "provenance", "cache"):
        assert found["result"][name] == result[name]
    _, found, _ = await client.call("GET", own + "?format=columns&parts=trades")
    assert set(found["result"]) == {"trades"}
    status, posted, _ = await client.call(
        "POST", "/v1/backtests?parts=provenance&format=columns", request(), Prefer="wait=30"
    )
    assert (status, posted["result"]) == (200, {"provenance": result["provenance"]})


@pytest.mark.parametrize("query", ["parts=x", "parts=", "format=rows", "parts=equity,x", "fields=equity"])
async def test_unknown_parts_are_refused(client: Client, document: dict[str, Any], query: str) -> None:
    status, problem, _ = await client.call("GET", f"/v1/backtests/{document['id']}?{query}")
    assert (status, len(problem["errors"])) == (422, 1)
