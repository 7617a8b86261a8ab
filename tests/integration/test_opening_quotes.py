"""Opening quotes: posted by an operator, booked provisionally by paper accounts, reconciled with the day's rows."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from services.api.accounts.opening_quotes import store_quotes
from services.api.errors import ApiProblem
from services.api.schemas.account_requests import OpeningQuote, OpeningQuotesBody
from shared.settings import Settings
from tests.integration.test_access import new_key
from tests.integration.test_accounts import DAYS, at, created, equals_its_backtest, published, shown, stepped, world
from tests.support.system import Client, api_of, publish_market, simulator

DAY = DAYS[2]
OPENS = {"000010": 990, "000020": 2050, "000030": 520}
"""The opens of the day, which is row 2."""


@pytest_asyncio.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    await publish_market(settings, world(2), ())
    async with api_of(settings) as found, simulator(settings):
        yield found


async def decided(client: Client) -> str:
    """Return an account that has decided the orders of its first day."""
    account: str = (await created(client, DAY))["id"]
    return account


def body(opens: dict[str, float | None], date: str = DAY) -> dict[str, Any]:
    return {"date": date, "quotes": [{"stock_code": code, "open": price} for code, price in opens.items()]}


async def posted(client: Client, opens: dict[str, Any], status: int = 200, query: str = "", **headers: str) -> Any:
    code, document, _ = await client.call("POST", f"/v1/quotes/open{query}", body(opens), **headers)
    assert code == status, document
    return document


async def day_of(client: Client, account: str, date: str = DAY) -> dict[str, Any]:
    steps = (await shown(client, account, "/steps"))["items"]
    found: dict[str, Any] = next(step for step in steps if step["date"] == date)
    return found


async def test_quotes_of_the_row_give_the_fills_of_the_row(client: Client) -> None:
    account = await decided(client)
    answer = await posted(client, OPENS)
    assert (answer["number"], answer["added"], answer["marked"], answer["accounts"]) == (1, 3, [], 1)
    before = await shown(client, account)
    done = await stepped(client, account, f"{DAY}T09:01:00")
    assert (done.provisional, done.booked) == (DAY, ())
    document = await shown(client, account)
    names = ("as_of", "equity", "cash", "positions", "result_digest")
    assert [document[name] for name in names] == [before[name] for name in names]
    provisional = document["provisional"]
    assert provisional["date"] == DAY
    assert provisional["unquoted"] == []
    assert provisional["fills"]
    assert {order["provisional"] for order in document["orders"]["items"] if order["status"] == "filled"} == {True}
    again = await stepped(client, account, f"{DAY}T09:02:00")
    assert again.provisional is None
    await published(client, world(3))
    booked = await stepped(client, account, f"{DAY}T18:00:00")
    assert booked.drift == ()
    step = await day_of(client, account)
    plain = [{name: value for name, value in fill.items() if name != "won"} for fill in step["fills"]]
    assert [fill for fill in plain if fill["reason"] != "stop_loss"] == provisional["fills"]
    assert {item["cause"] for item in step["reconciliation"]} <= {None, "intraday"}
    assert (await shown(client, account))["provisional"] is None
    await equals_its_backtest(client, account)


async def test_other_opens_are_reconciled_with_their_won(client: Client) -> None:
    account = await decided(client)
    orders = (await shown(client, account, f"/orders?date={DAY}"))["items"]
    code = next(order["stock_code"] for order in orders if not order["reserve"] and order["side"] == "buy")
    await posted(client, OPENS | {code: OPENS[code] + 5})
    await stepped(client, account, f"{DAY}T09:01:00")
    one = next(f for f in (await shown(client, account))["provisional"]["fills"] if f["stock_code"] == code)
    await published(client, world(3))
    done = await stepped(client, account, f"{DAY}T18:00:00")
    step = await day_of(client, account)
    items = {item["stock_code"]: item for item in step["reconciliation"]}
    assert items[code]["cause"] == "open_differs"
    assert (items[code]["quoted_open"], items[code]["open"]) == (OPENS[code] + 5, OPENS[code])
    fill = next(fill for fill in step["fills"] if fill["stock_code"] == code)
    would = one["shares"] * (OPENS[code] - one["price"]) - one["commission"]
    assert items[code]["won"] == pytest.approx(fill["won"] - would, abs=0.01)
    reports = (await shown(client, account, "/drift"))["items"]
    assert [report["number"] for report in reports] == list(done.drift)
    assert [cause["cause"] for cause in reports[0]["causes"]] == ["quoted_opens"]
    counted = [item for item in step["reconciliation"] if item["cause"] not in {None, "intraday"}]
    assert reports[0]["won"] == pytest.approx(sum(item["won"] for item in counted), abs=0.01)
    await equals_its_backtest(client, account)


async def test_stocks_without_a_quote_stay_working_until_one_comes(client: Client) -> None:
    account = await decided(client)
    codes = [order["stock_code"] for order in (await shown(client, account, "/orders"))["items"]]
    first = codes[0]
    await posted(client, {code: price for code, price in OPENS.items() if code != first})
    await stepped(client, account, f"{DAY}T09:01:00")
    document = await shown(client, account)
    assert document["provisional"]["unquoted"] == [first]
    assert {o["status"] for o in document["orders"]["items"] if o["stock_code"] == first} == {"working"}
    assert first not in {fill["stock_code"] for fill in document["provisional"]["fills"]}
    answer = await posted(client, OPENS)
    assert (answer["number"], answer["added"], answer["unchanged"]) == (2, 1, 2)
    await stepped(client, account, f"{DAY}T09:05:00")
    assert (await shown(client, account))["provisional"]["unquoted"] == []
    await posted(client, OPENS | {first: None}, 409)
    await posted(client, OPENS | {first: None}, query="?replace=true")
    await stepped(client, account, f"{DAY}T09:06:00")
    document = await shown(client, account)
    halted = [o for o in document["orders"]["items"] if o["stock_code"] == first]
    assert {(o["status"], o["status_reason"]) for o in halted} <= {("cancelled", "halted"), ("working", None)}


async def test_repeated_and_contradicting_posts(client: Client) -> None:
    await decided(client)
    first = await posted(client, OPENS)
    again = await posted(client, OPENS)
    assert (again["number"], again["added"], again["unchanged"]) == (first["number"], 0, 3)
    problem = await posted(client, {"000020": 2055, "000030": 520}, 409)
    assert (problem["code"], [e["path"] for e in problem["errors"]]) == ("quotes_differ", ["quotes[0].open"])
    listed = (await client.call("GET", f"/v1/quotes/open?date={DAY}"))[1]
    assert {item["stock_code"]: item["open"] for item in listed["items"]} == OPENS
    replaced = await posted(client, {"000020": 2055}, query="?replace=true")
    assert (replaced["number"], replaced["replaced"]) == (2, 1)
    status, problem, _ = await client.call("GET", "/v1/quotes/open?date=2020-01-02")
    assert (status, problem["code"]) == (404, "quotes_not_found")


async def test_posts_at_once_store_every_quote_once(client: Client) -> None:
    await decided(client)
    parts = [{code: OPENS[code]} for code in OPENS for _ in range(4)]
    answers = await asyncio.gather(*(posted(client, part) for part in parts))
    assert sum(answer["added"] for answer in answers) == 3
    assert max(answer["number"] for answer in answers) == 3
    listed = (await client.call("GET", "/v1/quotes/open"))[1]
    assert {item["stock_code"]: item["open"] for item in listed["items"]} == OPENS


async def test_mistakes_of_quotes_are_listed_and_store_nothing(client: Client) -> None:
    await decided(client)
    problem = await posted(client, {"10": 1, "999999": 5, "000010": 990}, 422)
    assert [error["path"] for error in problem["errors"]] == ["quotes[0].stock_code", "quotes[1].stock_code"]
    assert problem["errors"][0]["suggestions"] == ["000010"]
    problem = await posted(client, {"000010": -1}, 422)
    assert problem["errors"][0]["path"] == "quotes[0].open"
    for date, status, code in (
        ("2025-03-08", 422, "quotes_no_trading_day"), (DAYS[1], 409, "quotes_late"),
        (DAYS[3], 409, "quotes_rows_missing"),
    ):  # fmt: skip
        found, problem, _ = await client.call("POST", "/v1/quotes/open", body({"000010": 990}, date))
        assert (found, (problem["errors"][0] if status == 422 else problem)["code"]) == (status, code)
    assert (await client.call("GET", "/v1/quotes/open"))[0] == 404


async def test_quotes_before_the_open_are_refused(client: Client) -> None:
    await decided(client)
    given = OpeningQuotesBody(date=dt.date.fromisoformat(DAY), quotes=[OpeningQuote(stock_code="000010", open=1e3)])
    with pytest.raises(ApiProblem) as found:
        await store_quotes(client.api, given, replace=False, now=at(f"{DAY}T08:59:59"))
    assert (found.value.status, found.value.document["code"]) == (409, "quotes_before_open")
    answer = await store_quotes(client.api, given, replace=False, now=at(f"{DAY}T09:00:00"))
    assert answer["added"] == 1


async def test_quotes_outside_the_rule_book_are_marked_and_not_used(client: Client) -> None:
    account = await decided(client)
    answer = await posted(client, {"000010": 1313, "000020": 2051, "000030": 520})
    assert [(q["stock_code"], q["mark"], q["lower"], q["upper"]) for q in answer["marked"]] == [
        ("000020", "off_tick", 1386.0, 2570.0)
    ]
    answer = await posted(client, {"000010": 1314}, query="?replace=true")
    assert [(q["stock_code"], q["mark"], q["upper"]) for q in answer["marked"]] == [("000010", "beyond_limits", 1313.0)]
    await stepped(client, account, f"{DAY}T09:01:00")
    provisional = (await shown(client, account))["provisional"]
    assert {fill["stock_code"] for fill in provisional["fills"]} <= {"000030"}
    assert set(provisional["unquoted"]) <= {"000010", "000020"}


async def test_a_post_needs_the_role_operator(settings: Settings) -> None:
    await publish_market(settings, world(2), ())
    async with api_of(replace(settings, require_key="true")) as client, simulator(settings):
        for role, status in (("user", 403), ("operator", 200), ("admin", 200)):
            key = await new_key(settings, role)
            found = await posted(client, OPENS, status, **key)
            assert status == 200 or found["code"] == "role_missing"


async def test_prices_of_a_whole_market_are_one_post(settings: Settings) -> None:
    codes = [f"{number:05d}0" for number in range(1, 2_701)]
    prices = [
        {"date": date, "stock_code": code, "open": 1000, "high": 1010, "low": 990, "close": 1000, "volume": 100,
         "listed_shares": 1e6}
        for code in codes for date in DAYS[:2]
    ]  # fmt: skip
    companies = [{"stock_code": code, "name": f"name {code}", "market": "KOSPI"} for code in codes]
    await publish_market(settings, {"prices": prices, "companies": companies}, ())
    async with api_of(settings) as client, simulator(settings):
        answer = await posted(client, dict.fromkeys(codes, 1005))
        assert (answer["added"], answer["quotes"], answer["marked"]) == (2_700, 2_700, [])
        problem = await posted(client, {f"9{code[1:]}": 1000 for code in codes}, status=422)
        paths = [error["path"] for error in problem["errors"]]
        assert paths == [*(f"quotes[{at}].stock_code" for at in range(20)), "quotes"]
        assert "2680" in problem["errors"][-1]["message"].replace(",", "")
