"""Paper accounts over HTTP: after every step they equal the backtest of the same days, and decisions are made once."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from services.api.accounts.step import select_account, step_account
from shared.settings import Settings
from tests.integration.test_access import new_key
from tests.support.system import Client, api_of, publish_market, simulator

DAYS = ("2025-03-03", "2025-03-04", "2025-03-05", "2025-03-06", "2025-03-07", "2025-03-10", "2025-03-11", "2025-03-12")
STRATEGY = {
    "buy": {"rank_by": "raw_close / ts_mean(raw_close, 2)"},
    "sell": {"stop_loss_pct": 4, "max_hold_days": 3},
    "portfolio": {"max_positions": 2},
}
PRICES = {
    "000010": [1000, 1010, 990, 1020, 1100, 1050, 1060, 1080],
    "000020": [2000, 1980, 2050, 2100, 2000, 1900, 1950, 1990],
    "000030": [500, 505, 520, 510, 500, 530, 540, 520],
}


def world(rows: int, **changed: dict[int, int]) -> dict[str, Any]:
    """The market up to a number of rows; `changed` restates closes: c000010={row: price}."""
    prices = [
        {
            "date": day, "stock_code": code, "open": price, "high": price + 10, "low": price - 10,
            "close": changed.get(f"c{code}", {}).get(row, price), "volume": 100_000, "listed_shares": 1e6,
        }
        for code, series in PRICES.items()
        for row, (day, price) in enumerate(zip(DAYS[:rows], series, strict=False))
    ]  # fmt: skip
    companies = [{"stock_code": code, "name": f"name {code}", "market": "KOSPI"} for code in PRICES]
    return {"prices": prices, "companies": companies}


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text + "+09:00")


@pytest_asyncio.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    await publish_market(settings, world(2), ())
    async with api_of(settings) as found, simulator(settings):
        yield found


async def created(client: Client, start: str) -> dict[str, Any]:
    body = {"strategy": STRATEGY, "start": start, "initial_cash": 1_000_000, "benchmark": None}
    status, document, headers = await client.call("POST", "/v1/accounts", body)
    assert status == 201, document
    assert headers["Location"] == f"/v1/accounts/{document['id']}"
    found: dict[str, Any] = document
    return found


async def shown(client: Client, account: str, part: str = "") -> Any:
    status, document, _ = await client.call("GET", f"/v1/accounts/{account}{part}")
    assert status == 200, document
    return document


async def stepped(client: Client, account: str, now: str, *, scheduled: bool = True) -> Any:
    """Step an account at a time in Seoul."""
    row = await select_account(client.api, uuid.UUID(account), None)
    assert row is not None
    return await step_account(client.api, row, now=at(now), scheduled=scheduled)


async def equals_its_backtest(client: Client, account: str) -> dict[str, Any]:
    """Law A1: the account's result is that of the backtest over its days, to the digest."""
    document = await shown(client, account)
    status, run, _ = await client.call("POST", "/v1/backtests", document["request"], Prefer="wait=30")
    assert status == 200, run
    result = run["result"]
    assert result["provenance"]["result_digest"] == document["result_digest"]
    assert document["curve"]["equity"] == [point["equity"] for point in result["equity"]]
    assert (document["equity"], document["cash"]) == (result["equity"][-1]["equity"], result["equity"][-1]["cash"])
    assert document["positions"] == result["open_positions"]
    found: dict[str, Any] = result
    return found


async def published(client: Client, market: dict[str, Any]) -> None:
    manifest = await publish_market(client.settings, market, ())
    for _ in range(200):
        view = await client.api.datasets.current()
        if view is not None and view.version == manifest.version:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the version is not current")


async def test_account_equals_its_backtest_after_every_step(client: Client) -> None:
    account = (await created(client, DAYS[2]))["id"]
    orders = await shown(client, account, "/orders")
    assert (orders["date"], orders["decided_on"], orders["late"]) == (DAYS[2], DAYS[1], True)
    for rows in range(3, len(DAYS) + 1):
        await published(client, world(rows))
        following = DAYS[rows] if rows < len(DAYS) else "2025-03-13"
        done = await stepped(client, account, f"{following}T07:00:30")
        assert (done.booked, done.decided, done.drift) == ((DAYS[rows - 1],), following, ())
        await equals_its_backtest(client, account)
        again = await stepped(client, account, f"{following}T07:01:00")
        assert (again.booked, again.decided, again.drift) == ((), None, ())
    steps = (await shown(client, account, "/steps"))["items"]
    assert [step["date"] for step in steps] == ["2025-03-13", *DAYS[:1:-1]]
    assert [step["live"] for step in steps] == [True] * 6 + [False]
    assert {step["status"] for step in steps} == {"decided", "booked"}
    result = await equals_its_backtest(client, account)
    booked = [fill for step in reversed(steps) for fill in step["fills"]]
    assert [(f["date"], f["stock_code"], f["shares"]) for f in booked] == [
        (t["date"], t["stock_code"], t["shares"]) for t in result["trades"]
    ]
    assert booked


async def test_steps_at_once_decide_once_and_drift_names_a_restatement(client: Client) -> None:
    account = (await created(client, DAYS[2]))["id"]
    await published(client, world(3))
    row = await select_account(client.api, uuid.UUID(account), None)
    assert row is not None
    clocks = ("2025-03-06T07:00:00", "2025-03-06T07:00:10", "2025-03-06T07:05:00")
    done = await asyncio.gather(*(step_account(client.api, row, now=at(clock), scheduled=True) for clock in clocks))
    assert sorted(one.superseded for one in done) == [False, True, True]
    assert [one.decided for one in done if one.decided] == [DAYS[3]]
    await published(client, world(4, c000010={2: 1300}))
    done_late = await stepped(client, account, "2025-03-06T18:00:00")
    assert done_late.booked == (DAYS[3],)
    assert done_late.decided is None
    reports = (await shown(client, account, "/drift"))["items"]
    assert len(reports) == len(done_late.drift) > 0
    assert {report["cause"] for report in reports} == {"restated_data"}
    by_day = {report["day"]: report for report in reports}
    assert by_day[DAYS[2]]["ledger"]["part"] == "equity"
    assert by_day[DAYS[3]]["orders"]["decided"] != by_day[DAYS[3]]["orders"]["now"]
    for report in reports:
        closes = [cell for cell in report["cells"] if cell["field"] == "raw_close"]
        assert [(c["stock_code"], c["date"], c["to"], c["before"], c["after"], c["late"]) for c in closes] == [
            ("000010", DAYS[2], DAYS[2], 990.0, 1300.0, False)
        ]
        assert {cell["stock_code"] for cell in report["cells"]} == {"000010"}
        assert sum(cause["won"] for cause in report["causes"]) == pytest.approx(report["won"], abs=0.01)
    await equals_its_backtest(client, account)


async def test_missed_day_is_booked_and_reported(client: Client) -> None:
    account = (await created(client, DAYS[2]))["id"]
    await published(client, world(4))
    done = await stepped(client, account, "2025-03-06T20:00:00")
    assert (done.booked, done.decided) == ((DAYS[2], DAYS[3]), None)
    steps = (await shown(client, account, "/steps"))["items"]
    assert [(step["date"], step["status"], step["live"]) for step in steps] == [
        (DAYS[3], "no_decision", False), (DAYS[2], "booked", False),
    ]  # fmt: skip
    reports = (await shown(client, account, "/drift"))["items"]
    assert {report["cause"] for report in reports} <= {"no_decision"}
    await equals_its_backtest(client, account)


async def test_account_may_begin_on_the_first_date(client: Client) -> None:
    strategy = {"buy": {"where": "raw_close > 0", "rank_by": "trading_value"}}
    body = {"strategy": strategy, "start": "0001-01-01", "initial_cash": 1_000_000, "benchmark": None}
    status, document, _ = await client.call("POST", "/v1/accounts", body)
    assert status == 201, document


async def test_orders_are_a_table_and_accounts_are_deleted(client: Client) -> None:
    await published(client, world(4))
    account = (await created(client, DAYS[2]))["id"]
    await equals_its_backtest(client, account)
    status, body, headers = await client.call("GET", f"/v1/accounts/{account}/orders?format=csv")
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    lines = body.decode("utf-8-sig").splitlines()
    head = "date,stock_code,name,side,kind,reason,shares,amount,level,priority,reserve,status,status_reason"
    assert lines[0] == f"{head},filled_shares,fill_price,provisional"
    assert len(lines) > 1
    status, problem, _ = await client.call("GET", f"/v1/accounts/{account}/orders?date=2020-01-02")
    assert (status, problem["code"]) == (404, "account_day_not_found")
    status, page, _ = await client.call("GET", "/v1/accounts")
    assert [one["id"] for one in page["items"]] == [account]
    assert (await client.call("DELETE", f"/v1/accounts/{account}"))[0] == 204
    status, problem, _ = await client.call("GET", f"/v1/accounts/{account}", Accept_Language="ko")
    assert (status, problem["code"]) == (404, "account_not_found")
    assert problem["detail"] == "해당 ID의 모의 계좌가 없습니다."


async def test_mistakes_are_refused_with_their_place(client: Client) -> None:
    body = {"strategy": {"buy": {"where": "PRE < 3"}}, "initial_cash": 0, "webhok": 1}
    status, problem, _ = await client.call("POST", "/v1/accounts", body)
    assert status == 422
    assert {error["path"] for error in problem["errors"]} >= {"initial_cash", "webhok"}
    status, problem, _ = await client.call("POST", "/v1/accounts", {"strategy": {"buy": {"where": "PRE < 3"}}})
    assert (status, problem["errors"][0]["path"]) == (422, "strategy.buy.where")
    body = {"strategy": STRATEGY, "start": DAYS[1], "benchmark": None}
    status, problem, _ = await client.call("POST", "/v1/accounts", body)
    assert (status, problem["type"]) == (422, "urn:ondol:problem:account-step-failed")
    assert problem["title"] == "Step of the paper account failed"
    assert (await client.call("GET", "/v1/accounts"))[1]["items"] == []


async def test_a_change_of_the_user_is_recorded_and_reported(client: Client) -> None:
    account = (await created(client, DAYS[2]))["id"]
    await published(client, world(4))
    await stepped(client, account, "2025-03-07T07:00:00")
    before = await shown(client, account)
    body = {"strategy": STRATEGY | {"portfolio": {"max_positions": 1}}, "name": "one"}
    status, changed, _ = await client.call("PATCH", f"/v1/accounts/{account}", body)
    assert (status, changed["name"], changed["changes"]) == (200, "one", 1)
    result = await equals_its_backtest(client, account)
    report = (await shown(client, account, "/drift"))["items"][0]
    difference = round(result["equity"][-1]["equity"] - before["equity"], 2)
    assert [(c["cause"], c["won"]) for c in report["causes"]] == [("user_change", difference)]
    changes = (await shown(client, account, "/changes"))["items"]
    assert [sorted(change["fields"]) for change in changes] == [["name", "strategy"]]
    assert changes[0]["fields"]["strategy"]["before"]["portfolio"]["max_positions"] == 2
    await published(client, world(5))
    await stepped(client, account, "2025-03-10T07:00:00")
    day = next(r for r in (await shown(client, account, "/drift"))["items"] if r["day"] == DAYS[4])
    assert day["cause"] == "user_change"
    await equals_its_backtest(client, account)


async def test_a_change_that_cannot_be_computed_is_not_kept(client: Client) -> None:
    account = (await created(client, DAYS[2]))["id"]
    await published(client, world(4))
    await stepped(client, account, "2025-03-07T07:00:00")
    for body, code in (({"strategy": {"buy": {"where": "PRE < 3"}}}, 422), ({}, 422), ({"cash": 1}, 422)):
        status, problem, _ = await client.call("PATCH", f"/v1/accounts/{account}", body)
        assert status == code, problem
    document = await shown(client, account)
    assert (document["changes"], (await shown(client, account, "/changes"))["items"]) == (0, [])
    await equals_its_backtest(client, account)


async def test_a_paused_account_decides_nothing(client: Client) -> None:
    account = (await created(client, DAYS[2]))["id"]
    status, changed, _ = await client.call("PATCH", f"/v1/accounts/{account}", {"paused": True})
    assert (status, changed["paused"]) == (200, True)
    await published(client, world(3))
    done = await stepped(client, account, f"{DAYS[3]}T07:00:00")
    assert (done.booked, done.decided) == ((DAYS[2],), None)
    await published(client, world(4))
    await stepped(client, account, f"{DAYS[4]}T07:00:00")
    steps = (await shown(client, account, "/steps"))["items"]
    assert [(step["date"], step["status"], step["live"]) for step in steps[:2]] == [
        (DAYS[4], "paused", False), (DAYS[3], "paused", False),
    ]  # fmt: skip
    reports = (await shown(client, account, "/drift"))["items"]
    assert {(report["day"], report["cause"]) for report in reports} <= {(DAYS[3], "user_change")}
    await equals_its_backtest(client, account)


async def test_orders_get_what_became_of_them(client: Client) -> None:
    account = (await created(client, DAYS[2]))["id"]
    orders = (await shown(client, account, "/orders"))["items"]
    assert {order["status"] for order in orders} == {"decided"}
    await published(client, world(3))
    await stepped(client, account, f"{DAYS[3]}T07:00:00")
    orders = (await shown(client, account, f"/orders?date={DAYS[2]}"))["items"]
    fills = {fill["stock_code"]: fill for fill in (await shown(client, account, "/steps"))["items"][-1]["fills"]}
    listed = [(order["stock_code"], order["status"], order["status_reason"]) for order in orders]
    assert listed == [
        (order["stock_code"], "filled", None) if order["stock_code"] in fills
        else (order["stock_code"], "cancelled", "no_slot")
        for order in orders
    ]  # fmt: skip
    assert len(fills) == 2
    assert len(orders) == 3
    for order in orders[:2]:
        fill = fills[order["stock_code"]]
        assert (order["filled_shares"], order["fill_price"]) == (fill["shares"], fill["price"])


async def test_webhooks_are_set_listed_and_sent_again(client: Client) -> None:
    account = (await created(client, DAYS[2]))["id"]
    path = f"/v1/accounts/{account}"
    assert (await client.call("GET", f"{path}/webhook"))[1]["code"] == "webhook_not_found"
    for url in ("http://example.com/", "https://127.0.0.1/", "https://localhost/", "https://10.0.0.1:8443/x"):
        status, problem, _ = await client.call("PUT", f"{path}/webhook", {"url": url})
        assert (status, problem["errors"][0]["path"]) == (422, "url")
    status, found, _ = await client.call("PUT", f"{path}/webhook", {"url": "https://1.1.1.1/hook"})
    assert (status, found["url"]) == (200, "https://1.1.1.1/hook")
    assert len(found["secret"]) >= 32
    assert "secret" not in (await shown(client, account, "/webhook"))
    await published(client, world(3))
    await stepped(client, account, f"{DAYS[3]}T07:00:00")
    deliveries = (await shown(client, account, "/deliveries"))["items"]
    assert [(one["type"], one["date"], one["status"]) for one in deliveries] == [
        ("orders.decided", DAYS[3], "waiting"), ("orders.filled", DAYS[2], "waiting"),
    ]  # fmt: skip
    async with client.api.database.connection() as connection:
        await connection.execute("update paper_delivery set status = 'dead', attempts = 10")
    assert len((await shown(client, account, "/deliveries?status=dead"))["items"]) == 2
    number = deliveries[0]["number"]
    status, again, _ = await client.call("POST", f"{path}/deliveries/{number}/resend")
    assert (status, again["status"], again["attempts"]) == (200, "waiting", 0)
    assert len((await shown(client, account, "/deliveries?status=dead"))["items"]) == 1
    assert (await client.call("POST", f"{path}/deliveries/x/resend"))[0] == 404
    assert (await client.call("DELETE", f"{path}/webhook"))[0] == 204


async def test_public_accounts_are_read_by_all_changed_by_operators(settings: Settings) -> None:
    statement = {"fiscal_year": 2024, "fiscal_quarter": 3, "period_end": "2024-09-30", "disclosed_on": "2024-11-14"}
    balance = {"total_liabilities": 10, "total_equity": 100, "equity_owners": 100, "total_assets": 110}
    financials = [{"stock_code": code, **statement, **balance} for code in PRICES]
    await publish_market(settings, world(4) | {"financials": financials}, ("DEBT_RATIO",))
    body = {"strategy": "low_debt_high_equity", "start": DAYS[2], "benchmark": None, "public": True}
    async with api_of(replace(settings, require_key="true")) as client, simulator(settings):
        user, operator = [(await new_key(settings, role))["Authorization"] for role in ("user", "operator")]
        assert (await client.call("POST", "/v1/accounts", body, Authorization=user))[1]["code"] == "role_missing"
        refused = (await client.call("POST", "/v1/accounts", body | {"strategy": STRATEGY}, Authorization=operator))[1]
        assert refused["errors"][0]["code"] == "public_account_strategy"
        status, created, _ = await client.call("POST", "/v1/accounts", body, Authorization=operator)
        assert (status, created.get("public"), created.get("changeable")) == (201, True, True), created
        path = f"/v1/accounts/{created['id']}"
        changed = body | {"strategy": {"id": body["strategy"], "portfolio": {"max_positions": 2}}}
        refused = (await client.call("POST", "/v1/accounts", changed, Authorization=operator))[1]
        assert refused["errors"][0]["code"] == "public_account_strategy"
        own = {"strategy": STRATEGY, "start": DAYS[2], "benchmark": None}
        status, mine, _ = await client.call("POST", "/v1/accounts", own, Authorization=user)
        assert (status, mine["public"]) == (201, False)
        by_user = {"Authorization": user}
        for headers, listed in (({}, [created]), (by_user, [mine, created])):
            found = (await client.call("GET", "/v1/accounts", None, **headers))[1]["items"]
            assert [item["id"] for item in found] == [item["id"] for item in listed]
            assert [item["changeable"] for item in found] == [item is mine for item in listed]
            assert (await client.call("GET", path, None, **headers))[1]["changeable"] is False
        for part in ("", "/steps", "/orders", "/orders?format=csv", "/drift", "/changes"):
            assert (await client.call("GET", path + part))[0] == 200
            assert (await client.call("GET", f"/v1/accounts/{mine['id']}{part}"))[0] == 404
        assert (await client.call("GET", f"{path}/webhook"))[0] == 401
        for headers in ({}, by_user):
            for method, part, given in (
                ("PATCH", "", {"name": "x"}), ("POST", "/steps", {}), ("PUT", "/webhook", {"url": "https://1.1.1.1/"}),
                ("DELETE", "", None),
            ):  # fmt: skip
                answer = await client.call(method, path + part, given, **headers)
                assert answer[0] == (404 if headers else 401), (method, part, answer)
        assert (await client.call("GET", path, None, Authorization=operator))[1]["changeable"] is True
        assert (await client.call("PATCH", path, {"name": "renamed"}, Authorization=operator))[1]["name"] == "renamed"
        assert (await client.call("DELETE", path, Authorization=operator))[0] == 204
        assert (await client.call("GET", "/v1/accounts"))[1]["items"] == []


async def test_visitors_are_limited_by_their_address(settings: Settings) -> None:
    await publish_market(settings, world(3), ())
    async with api_of(replace(settings, require_key="true", rate_limit_per_minute=60)) as client:
        statuses = [(await client.call("GET", "/v1/accounts"))[0] for _ in range(30)]
        assert statuses[0] == 200
        assert statuses[-1] == 429
        key = await new_key(settings)
        assert (await client.call("GET", "/v1/accounts", Authorization=key["Authorization"]))[0] == 200
