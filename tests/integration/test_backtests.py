"""Backtests over HTTP: submitted, shared, stored, cancelled, listed, exported, followed, compared, analysed."""

from __future__ import annotations

import asyncio
import io
import itertools
import math
import statistics
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import orjson
import polars as pl
import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from services.api.routes.backtest_events import parse_position
from shared.messages import render
from shared.simulation import ENGINE_VERSION
from tests.support.api_helpers import connection_of
from tests.support.api_with_market import FIRST, LAST, request, served
from tests.support.system import Client

PROBLEM = "application/problem+json"


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


async def run(client: Client, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    status, document, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=30", **headers)
    assert status == 200, document
    assert isinstance(document, dict)
    return document


async def events_of(client: Client, path: str, **headers: str) -> list[tuple[str, str, Any]]:
    status, text, found = await client.call("GET", path, **headers)
    assert status == 200
    assert found["Content-Type"].startswith("text/event-stream")
    events = []
    for block in text.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in lines:
            events.append((lines["id"], lines["event"], orjson.loads(lines["data"])))
    return events


async def test_waiting_request_returns_the_result(client: Client) -> None:
    document = await run(client, request())
    assert document["status"] == "completed"
    assert document["progress"] == 1.0
    result = document["result"]
    assert result["equity"][0]["date"] >= FIRST
    assert result["equity"][-1]["date"] <= LAST
    assert result["trades"]
    assert result["provenance"]["result_digest"]
    assert set(result["timing"]) >= {"queue_ms", "load_ms", "evaluate_ms", "simulate_ms", "total_ms"}
    assert result["cache"]["chunks_read"] > 0
    assert document["created_at"] <= document["started_at"] <= document["finished_at"]
    status, again, _ = await client.call("GET", f"/v1/backtests/{document['id']}")
    assert status == 200
    assert again == document


async def test_equal_request_returns_the_stored_result(client: Client) -> None:
    first = await run(client, request(initial_cash=50_000_000))
    # written differently: other order, other spelling, 1 and 1.0
    body = request(initial_cash=5e7)
    body["strategy"]["buy"] = {"rank_by": "momentum_1m", "where": "(per<25.0) and (close>ts_mean(close,20))"}
    second = await run(client, body)
    assert second["cached"]
    assert not first["cached"]
    assert second["id"] != first["id"]
    assert second["result"] == first["result"]
    assert second["request"] == first["request"]


async def test_no_store_computes_anew(client: Client) -> None:
    body = request(initial_cash=51_000_000)
    first = await run(client, body)
    second = await run(client, body, Cache_Control="no-store")
    third = await run(client, body)
    assert not second["cached"]
    assert third["cached"]
    assert second["result"]["provenance"]["result_digest"] == first["result"]["provenance"]["result_digest"]


async def test_concurrent_equal_requests_are_computed_once(client: Client) -> None:
    body = request(initial_cash=52_000_000)
    documents = await asyncio.gather(*(run(client, body) for _ in range(20)))
    assert len({d["id"] for d in documents}) == 20
    assert len({d["result"]["provenance"]["result_digest"] for d in documents}) == 1
    connection = await asyncpg.connect(client.settings.database_url)
    try:
        made = await connection.fetchval(
            "select count(distinct computation) from backtest where id = any($1::uuid[])",
            [uuid.UUID(d["id"]) for d in documents],
        )
    finally:
        await connection.close()
    assert made == 1


async def test_request_without_wait_returns_202_with_location(client: Client) -> None:
    status, document, headers = await client.call("POST", "/v1/backtests", request(initial_cash=53_000_000))
    assert status == 202
    assert headers["Location"] == f"/v1/backtests/{document['id']}"
    assert document["status"] in ("queued", "running")
    assert "result" not in document
    events = await events_of(client, headers["Location"] + "/events")
    assert events[-1][1] == "completed"


async def test_all_problems_are_reported_with_suggestions(client: Client) -> None:
    body = request(start="2025-02-30", surprise=1)
    body["strategy"]["buy"] = {"where": "PER < 10 and\n RO > 3", "ordr": "up"}
    body["strategy"]["sell"] = {"where": "close > 5000"}
    body["strategy"]["universe"] = {"markets": ["KOSPI", 7]}
    status, problem, headers = await client.call("POST", "/v1/backtests", body)
    assert status == 422
    assert headers["Content-Type"] == PROBLEM
    found = {error["path"]: error for error in problem["errors"]}
    assert {"start", "surprise", "strategy.buy.ordr", "strategy.buy.where", "strategy.sell.where"} <= set(found)
    assert "strategy.universe.markets[1]" in found
    assert found["strategy.buy.where"]["line"] == 2
    assert found["strategy.buy.where"]["column"] == 2
    assert "ROE" in found["strategy.buy.where"]["suggestions"]
    assert "raw_close" in found["strategy.sell.where"]["message"]


@pytest.mark.parametrize(
    ("raw", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"strategy": "\\ud800"}', "application/json", 400),
        (b"[]", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 1_100_000, "application/json", 413),
        (
            b'{"strategy": {}, "start": "2025-02-03", "end": "2025-03-03", "initial_cash": 1e999}',
            "application/json",
            400,
        ),
        (b'{"strategy": "a\\u0000b", "start": "2025-02-03", "end": "2025-03-03"}', "application/json", 422),
    ],
)
async def test_malformed_body_is_a_problem_document(client: Client, raw: bytes, kind: str, status: int) -> None:
    found, problem, headers = await client.call("POST", "/v1/backtests", raw=raw, Content_Type=kind)
    assert found == status, problem
    assert headers["Content-Type"] == PROBLEM
    assert set(problem) >= {"type", "title", "status", "detail", "errors"}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"start": "1999-01-04", "end": "1999-12-30"}, "start"),
        ({"start": "2025-05-02", "end": "2025-05-01"}, "start"),
        ({"benchmark": "NASDAQ"}, "benchmark"),
        ({"dataset": "0" * 32}, "dataset"),
        ({"universe": {"stock_codes": ["nobody"]}}, "strategy.universe.stock_codes"),
        ({"strategy": "peter_lunch"}, "strategy"),
        ({"initial_cash": "1"}, "initial_cash"),
        ({"initial_cash": True}, "initial_cash"),
    ],
)
async def test_request_is_validated_against_the_dataset(client: Client, changes: dict[str, Any], path: str) -> None:
    status, problem, _ = await client.call("POST", "/v1/backtests", request(**changes))
    assert status == 422
    assert [error["path"] for error in problem["errors"]] == [path]


async def test_run_error_ends_as_failed_with_a_problem(client: Client) -> None:
    never = request(buy={"where": "PER < 0 - 1e30", "rank_by": "MARKET_CAP"})
    document = await run(client, never)
    assert document["status"] == "completed"
    assert document["result"]["warnings"]
    kospi_only = request(universe={"markets": ["KONEX"], "cap_groups": ["KOSPI_MEGA"]}, buy={"where": "PER < 10"})
    document = await run(client, kospi_only)
    assert document["status"] == "failed"
    assert document["error"]["status"] == 422
    assert document["error"]["kind"]


async def test_catalogue_strategy_sets_its_costs(client: Client) -> None:
    body = {"strategy": {"id": "surge_stocks", "portfolio": {"max_positions": 3}}, "start": FIRST, "end": LAST}
    document = await run(client, body)
    assert document["strategy_id"] == "surge_stocks"
    assert document["request"]["strategy"]["portfolio"]["max_positions"] == 3
    assert document["request"]["strategy"]["portfolio"]["max_new_per_day"] == 5
    assert document["request"]["costs"]["commission_pct"] == 0.1
    named = await run(client, body | {"costs": {"commission_pct": 0.2}})
    costs = named["request"]["costs"]
    assert (costs["commission_pct"], costs["slippage_pct"], costs["tax_pct"]) == (0.2, 0.0, None)
    listed = (await client.call("GET", "/v1/backtests?strategy=surge_stocks"))[1]["items"]
    assert {item["id"] for item in listed} == {document["id"], named["id"]}


async def test_idempotency_key_creates_one_backtest(client: Client) -> None:
    body, key = request(initial_cash=54_000_000), str(uuid.uuid4())
    documents = await asyncio.gather(*(run(client, body, Idempotency_Key=key) for _ in range(100)))
    assert len({d["id"] for d in documents}) == 1
    assert all(d == documents[0] for d in documents)
    assert (await run(client, request(initial_cash=54_000_000.0), Idempotency_Key=key)) == documents[0]
    status, problem, _ = await client.call(
        "POST", "/v1/backtests", request(initial_cash=55_000_000), Idempotency_Key=key
    )
    assert status == 422
    assert problem["type"].endswith("idempotency-conflict")


async def test_list_pages_contain_every_backtest_once(client: Client) -> None:
    for cash in range(3):
        await run(client, request(initial_cash=60_000_000 + cash))
    whole = (await client.call("GET", "/v1/backtests?limit=1000"))[1]
    seen, cursor = [], ""
    while True:
        page = (await client.call("GET", f"/v1/backtests?limit=2{cursor}"))[1]
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [item["id"] for item in whole["items"]]
    assert seen == sorted(seen, reverse=True)
    for state in ("completed", "failed", "cancelled"):
        of_state: list[str] = []
        cursor = ""
        while cursor is not None:
            query = f"status={state}&limit=2{cursor and '&cursor=' + cursor}"
            page = (await client.call("GET", f"/v1/backtests?{query}"))[1]
            of_state += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert of_state == [item["id"] for item in whole["items"] if item["status"] == state]
    assert any(item["status"] == "completed" for item in whole["items"])
    for query in ("limit=0", "limit=x", "cursor=x", "status=odd", "nothing=1", "limit=1&limit=2"):
        assert (await client.call("GET", f"/v1/backtests?{query}"))[0] == 422


async def test_exports_contain_the_rows_in_every_format(client: Client) -> None:
    document = await run(client, request())
    path = f"/v1/backtests/{document['id']}"
    for part in ("trades", "equity"):
        rows = document["result"][part]
        paged: list[Any] = []
        cursor = ""
        while cursor is not None:
            page = (await client.call("GET", f"{path}/{part}?limit=7{cursor and '&cursor=' + cursor}"))[1]
            paged += page["items"]
            cursor = page["next_cursor"]
        assert paged == rows
        text = (await client.call("GET", f"{path}/{part}?format=csv"))[1]
        frame = pl.read_csv(io.BytesIO(text))
        assert frame.height == len(rows)
        assert frame["date"].to_list() == [row["date"] for row in rows]
        body = (await client.call("GET", f"{path}/{part}?format=parquet"))[1]
        typed = pl.read_parquet(io.BytesIO(body))
        assert typed.schema["date"] == pl.Date
        assert typed.height == len(rows)
        number = "price" if part == "trades" else "equity"
        assert typed[number].to_list() == [row[number] for row in rows]


async def test_events_are_complete_and_resume_anywhere(client: Client) -> None:
    document = await run(client, request(initial_cash=70_000_000))
    result, path = document["result"], f"/v1/backtests/{document['id']}/events"
    events = await events_of(client, path)
    points = [point for _, kind, data in events if kind == "progress" for point in data["equity"]]
    trades = [data for _, kind, data in events if kind == "trade"]
    assert points == result["equity"]
    assert trades == result["trades"]
    assert events[-1][1] == "completed"
    assert events[-1][2]["result_digest"] == result["provenance"]["result_digest"]
    for place in (0, len(events) // 2, len(events) - 2):
        rest = await events_of(client, path, Last_Event_ID=events[place][0])
        followed = [event for event in rest if event[1] != "status"]
        assert followed == events[place + 1 :]
    assert (await client.call("GET", path, Last_Event_ID="nonsense"))[0] == 422
    assert str(parse_position("2025-02-03.4")) == "2025-02-03.4"


async def test_two_hundred_readers_follow_one_process(client: Client) -> None:
    document = await run(client, request(initial_cash=71_000_000))
    path = f"/v1/backtests/{document['id']}/events"
    streams = await asyncio.gather(*(events_of(client, path) for _ in range(200)))
    assert all(stream == streams[0] for stream in streams)


def annual_sharpe(equity: list[float]) -> float:
    returns = [after / before - 1 for before, after in itertools.pairwise(equity)]
    return statistics.fmean(returns) / statistics.pstdev(returns) * math.sqrt(252)


async def test_backtests_are_compared_on_common_dates(client: Client) -> None:
    one = await run(client, request(initial_cash=72_000_000))
    other = await run(client, request(initial_cash=72_000_000, start="2025-05-02"))
    status, found, _ = await client.call("POST", "/v1/compare", {"ids": [one["id"], other["id"]]})
    assert status == 200
    assert found["dates"] == [point["date"] for point in other["result"]["equity"]]
    assert found["items"][1]["equity"] == [point["equity"] for point in other["result"]["equity"]]
    assert found["items"][0]["statistics"] == one["result"]["statistics"]
    assert found["items"][0]["sharpe_difference"] is None
    difference = found["items"][1]["sharpe_difference"]
    ratios = [annual_sharpe(item["equity"]) for item in found["items"]]
    assert difference["difference"] == pytest.approx(ratios[1] - ratios[0], rel=1e-9)
    assert difference["days"] == len(found["dates"]) - 1
    assert 0 < difference["p"] <= 1
    status, problem, _ = await client.call("POST", "/v1/compare", {"ids": [one["id"], "x", str(uuid.uuid4())]})
    assert status == 422
    assert [error["path"] for error in problem["errors"]] == ["ids[1]", "ids[2]"]


async def test_replay_is_identical_and_audit_finds_nothing(client: Client) -> None:
    document = await run(client, request(initial_cash=73_000_000))
    path = f"/v1/backtests/{document['id']}"
    replayed = (await client.call("POST", f"{path}/replay"))[1]
    assert replayed["outcome"] == "identical"
    assert replayed["first_difference"] is None
    audited = (await client.call("POST", f"{path}/audit", {"cuts": 2}))[1]
    assert audited["identical"] is True
    assert len(audited["cuts"]) == 2
    explained = (await client.call("GET", f"{path}/explain"))[1]
    assert len(explained["trades"]) == len(document["result"]["trades"])
    assert all("why" in trade for trade in explained["trades"])


async def test_holdings_add_up_to_the_equity(client: Client) -> None:
    document = await run(client, request(initial_cash=58_000_000))
    path = f"/v1/backtests/{document['id']}"
    point = next(p for p in reversed(document["result"]["equity"]) if p["positions"])
    status, evening, _ = await client.call("GET", f"{path}/holdings?date={point['date']}")
    assert status == 200, evening
    assert len(evening["holdings"]) == point["positions"]
    assert sum(h["value"] for h in evening["holdings"]) + evening["cash"] == pytest.approx(point["equity"], rel=1e-9)
    status, problem, _ = await client.call("GET", f"{path}/holdings?date=1990-01-01")
    assert status == 422, problem
    status, problem, _ = await client.call("GET", f"{path}/explain?date={point['date']}")
    assert [error["path"] for error in problem["errors"]] == ["stock_code"]
    code = evening["holdings"][0]["stock_code"]
    status, found, _ = await client.call("GET", f"{path}/explain?date={point['date']}&stock_code={code}")
    assert (status, found["stock_code"]) == (200, code)
    where = f"{path}/explain?date={point['date']}&stock_code={code}"
    _, korean, headers = await client.call("GET", where, **{"Accept-Language": "ko"})
    assert headers["Content-Language"] == "ko"
    assert korean["message"] == render(f"not_bought_{found['outcome']}", {}, "ko")
    assert korean | {"message": ""} == found | {"message": ""}


async def test_result_of_another_engine_is_outdated(client: Client) -> None:
    document = await run(client, request(initial_cash=59_000_000))
    assert (document["engine_version"], document["outdated"]) == (ENGINE_VERSION, False)
    async with connection_of(client.settings) as connection:
        await connection.execute(
            "update computation set engine_version = '0' where id = "
            "(select computation from backtest where id = $1::text::uuid)", document["id"],
        )  # fmt: skip
    stored = (await client.call("GET", f"/v1/backtests/{document['id']}"))[1]
    assert (stored["engine_version"], stored["outdated"]) == ("0", True)
    assert stored["result"] == document["result"]
    listed = (await client.call("GET", "/v1/backtests?limit=1"))[1]["items"]
    assert (listed[0]["id"], listed[0]["outdated"]) == (document["id"], True)
    for method, action in (("GET", "explain"), ("POST", "replay"), ("POST", "audit")):
        status, problem, _ = await client.call(method, f"/v1/backtests/{document['id']}/{action}")
        assert (status, problem["title"]) == (409, "Conflict with the current state"), action


async def test_finished_backtest_cannot_be_cancelled(client: Client) -> None:
    document = await run(client, request())
    assert (await client.call("DELETE", f"/v1/backtests/{document['id']}"))[0] == 409
    for path in (str(uuid.uuid4()), "nonsense", "%00"):
        for method, rest in (("GET", ""), ("DELETE", ""), ("GET", "/events"), ("GET", "/trades"), ("POST", "/replay")):
            assert (await client.call(method, f"/v1/backtests/{path}{rest}"))[0] == 404


async def test_readiness_names_the_dependencies(client: Client) -> None:
    assert (await client.call("GET", "/healthz"))[0] == 200
    status, ready, _ = await client.call("GET", "/readyz")
    assert status == 200
    assert set(ready["dependencies"]) == {"postgres", "broker", "cache", "events"}
    text = (await client.call("GET", "/metrics"))[1]
    assert b"ondol_requests_total" in text
    assert b"ondol_queue_depth" in text
