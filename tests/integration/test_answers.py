"""What every answer of the API has in common: codings, HEAD, OPTIONS, and selected parts of results."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Mapping
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
from tests.support.system import Client

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


async def test_answers_are_compressed_on_request(client: Client, document: dict[str, Any]) -> None:
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


def _is_matched(path: str, pattern: str) -> bool:
    """Return whether a path is one of a pattern, such as `/v1/factor-reports/matrix` of `/v1/factor-reports/{id}`."""
    words, parts = path.split("/"), pattern.split("/")
    return len(words) == len(parts) and all(
        part.startswith("{") or word == part for word, part in zip(words, parts, strict=True)
    )


async def test_other_methods_are_refused_with_the_allowed_ones(client: Client) -> None:
    methods: dict[str, set[str]] = {}
    for route in ROUTES:
        further = {"HEAD"} if route.method == "GET" else set()
        methods.setdefault(route.path, {"OPTIONS"}).update({route.method}, further)
    for path in methods:
        found = (allowed for pattern, allowed in methods.items() if _is_matched(path, pattern))
        expected: set[str] = set().union(*found)
        status, _, headers = await raw(client, path.replace("{", "").replace("}", ""), "TRACE")
        assert status == 405
        assert set(headers["Allow"].split(", ")) == expected
        status, body, headers = await raw(client, path.replace("{", "").replace("}", ""), "OPTIONS", Origin=PAGE)
        assert (status, body, set(headers["Allow"].split(", "))) == (204, b"", expected)
        assert not [name for name in headers if name.lower().startswith("access-control")]


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
    _, found, _ = await client.call("GET", own + "?digits=6&parts=equity,statistics")
    assert found["result"]["statistics"] == result["statistics"]
    assert [row["equity"] for row in found["result"]["equity"]] == [
        float(f"{row['equity']:.6g}") for row in result["equity"]
    ]
    _, found, _ = await client.call("GET", own + "?format=columns&parts=trades")
    assert set(found["result"]) == {"trades"}
    status, posted, _ = await client.call(
        "POST", "/v1/backtests?parts=provenance&format=columns", request(), Prefer="wait=30"
    )
    assert (status, posted["result"]) == (200, {"provenance": result["provenance"]})


@pytest.mark.parametrize("query", ["parts=x", "parts=", "format=rows", "parts=equity,x", "fields=equity", "digits=3"])
async def test_unknown_parts_are_refused(client: Client, document: dict[str, Any], query: str) -> None:
    status, problem, _ = await client.call("GET", f"/v1/backtests/{document['id']}?{query}")
    assert (status, len(problem["errors"])) == (422, 1)


KOREAN = "ko-KR,ko;q=0.9,en;q=0.8"


def hangul(text: str) -> bool:
    return any("가" <= letter <= "힣" for letter in text)


async def test_errors_are_korean_for_korean_readers(client: Client) -> None:
    body = request(start="2025-02-30")
    body["strategy"]["buy"] = {"where": "PER < 10 and RO > 3"}
    status, english, headers = await client.call("POST", "/v1/backtests", body)
    assert (status, headers["Content-Language"]) == (422, "en")
    assert (english["code"], english["params"]) == ("invalid_request", {"count": 2})
    assert [item["code"] for item in english["errors"]] == ["no_such_date", "unknown_word"]
    assert english["errors"][1]["params"] == {"name": "RO", "suggestions": english["errors"][1]["suggestions"]}
    status, korean, headers = await client.call("POST", "/v1/backtests", body, Accept_Language=KOREAN)
    assert (status, headers["Content-Language"]) == (422, "ko")
    assert "accept-language" in headers["Vary"].lower()
    assert all(map(hangul, (korean["title"], korean["detail"], *(item["message"] for item in korean["errors"]))))
    without = [{**item, "message": ""} for item in korean["errors"]]
    assert without == [{**item, "message": ""} for item in english["errors"]]
    for method, path in (("GET", "/v1/nothing"), ("GET", "/v1/backtests/x"), ("DELETE", "/v1/factors"),
                         ("GET", "/v1/backtests?limit=0"), ("GET", "/v1/stocks/none")):  # fmt: skip
        _, problem, _ = await client.call(method, path, Accept_Language="ko")
        assert hangul(problem["detail"]), problem
        assert {"code", "params"} < set(problem)


async def test_failed_backtest_is_shown_in_either_language(client: Client) -> None:
    body = request(start="2025-02-03", end="2025-02-10")
    body["strategy"]["buy"] = {"where": "close > ts_mean(close, 500)"}
    status, failed, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=30")
    assert (status, failed["status"]) == (200, "failed")
    assert failed["error"]["kind"] == "factor_absent"
    assert failed["error"]["code"] == failed["error"]["errors"][0]["code"] == "window_never_filled"
    own = f"/v1/backtests/{failed['id']}"
    _, shown, headers = await client.call("GET", own, Accept_Language="ko")
    assert headers["Content-Language"] == "ko"
    assert hangul(shown["error"]["detail"])
    assert hangul(shown["error"]["errors"][0]["message"])
    assert shown["error"]["params"] == failed["error"]["params"]
    _, listed, _ = await client.call("GET", "/v1/backtests?status=failed", Accept_Language="ko")
    assert listed["items"][0]["error"] == shown["error"]
    _, text, _ = await client.call("GET", own + "/events", Accept_Language="ko")
    assert hangul(text.decode().rpartition('"detail":')[2])


async def test_warnings_of_results_and_screens_are_korean(client: Client, document: dict[str, Any]) -> None:
    body = request(start="2025-10-01", end="2025-10-31")
    status, found, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=30")
    assert status == 200
    assert {"short_window"} <= {warning["code"] for warning in found["result"]["warnings"]}
    own = f"/v1/backtests/{found['id']}"
    for query in ("", "?format=columns", "?parts=warnings"):
        _, korean, headers = await client.call("GET", own + query, Accept_Language="ko")
        assert headers["Content-Language"] == "ko"
        warnings = korean["result"]["warnings"]
        messages = warnings["message"] if isinstance(warnings, dict) else [item["message"] for item in warnings]
        assert all(map(hangul, messages))
    _, whole, _ = await client.call("GET", own, Accept_Language="ko")
    for korean_one, english_one in zip(whole["result"]["warnings"], found["result"]["warnings"], strict=True):
        assert {**korean_one, "message": ""} == {**english_one, "message": ""}
    assert {**whole["result"], "warnings": []} == {**found["result"], "warnings": []}
    status, screen, headers = await client.call("GET", "/v1/screen?where=PER<10&limit=3", Accept_Language="ko")
    assert (status, headers["Content-Language"]) == (200, "ko")
    assert all(hangul(warning["message"]) for warning in screen["warnings"])


async def test_checked_expressions_have_korean_mistakes(client: Client) -> None:
    body = {"text": "RO > 3 and ts_mean(close)", "place": "buy.where"}
    _, checked, _ = await client.call("POST", "/v1/expressions/check", body, Accept_Language="ko")
    assert {item["code"] for item in checked["errors"]} >= {"unknown_word", "argument_count"}
    assert all(hangul(item["message"]) for item in checked["errors"])
