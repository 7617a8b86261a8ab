"""Paper accounts: a new one, its orders, positions and curve, its backtest, and its end."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect
from test_journeys import get


def test_account_is_created_and_equals_its_backtest(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/accounts")
    page = visitor.page
    page.get_by_label("Strategy").select_option("low_per_high_roe")
    page.get_by_label("Name").fill("Value of the test")
    page.get_by_label("First day").fill("2025-09-01")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(re.compile("/accounts/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Value of the test")
    page.get_by_role("button", name="Compare with its backtest").click()
    expect(page.get_by_text("The backtest of the same days has the same result digest.")).to_be_visible()


def test_orders_and_positions_are_those_of_the_api(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open(f"/accounts/{visitor.system.account}")
    page = visitor.page
    found = get(f"{visitor.system.url}/v1/accounts/{visitor.system.account}")
    tables = page.locator(".virtual")
    expect(tables.first.locator("table")).to_have_attribute("aria-rowcount", str(len(found["orders"]["items"]) + 1))
    expect(tables.last.locator("table")).to_have_attribute("aria-rowcount", str(len(found["positions"]) + 1))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    rows = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(rows) == len(found["orders"]["items"]) + 1


def test_account_begins_with_a_backtest_is_paused_and_deleted(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}")
    page = visitor.page
    page.get_by_role("link", name="Paper account", exact=True).click()
    page.get_by_label("First day").fill("2025-12-01")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(re.compile("/accounts/[0-9a-f-]{36}$"))
    request = get(visitor.system.url + "/v1" + re.sub(r"^.*?(/accounts/)", r"\1", page.url))["request"]
    assert request["strategy"]["buy"]["where"] == "PER < 15 and ROE > 5"
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("The account is paused")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete permanently").click()
    page.wait_for_url("**/accounts")


def test_problem_of_a_new_account_is_shown_at_its_field(visit: Any) -> None:
    visitor = visit("ko")
    visitor.watch.expected_errors.append("status of 422")
    visitor.open("/accounts")
    page = visitor.page
    visitor.settle()
    body = '{"title": "잘못된 요청", "detail": "", "errors": [{"path": "start", "message": "이 날은 쓸 수 없습니다."}]}'
    refused = {"status": 422, "content_type": "application/problem+json", "body": body}
    page.route("**/v1/accounts", lambda route: route.fulfill(**refused))
    page.get_by_label("시작일").fill("2025-09-01")
    page.get_by_role("button", name="만들기").click()
    expect(page.get_by_label("시작일")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".problems")).to_have_text("이 날은 쓸 수 없습니다.")
    expect(page.locator(".state.error")).to_have_count(0)


def test_quality_report_is_in_the_language_of_the_page(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open("/quality")
    found = get(f"{visitor.system.url}/v1/quality")
    cards = visitor.page.locator("article.card")
    expect(cards).to_have_count(len(found["findings"]))
    expect(cards.first.locator("p").first).to_contain_text(re.compile("[가-힣]"))
    visitor.page.locator("summary", has_text="심한 순서로").first.click()
    expect(cards.first.locator("tbody tr")).to_have_count(min(20, len(found["findings"][0]["examples"])))


def closes(url: str, day: str) -> dict[str, float]:
    """Return the close of each stock on a day."""
    found = get(f"{url}/v1/values?fields=raw_close&start={day}&end={day}")["columns"]
    return dict(zip(found["stock_code"], found["raw_close"], strict=True))


def test_fills_of_opening_quotes_are_shown_and_reconciled(visit: Any) -> None:
    visitor = visit("en", width=1400)
    system = visitor.system
    known = get(f"{system.url}/v1/accounts/{system.account}")
    day, prices = known["orders"]["date"], closes(system.url, known["as_of"])
    account = system.post("/v1/accounts", {"strategy": {"buy": {"where": "PER > 0"}}, "start": day})
    quotes = [{"stock_code": code, "open": price} for code, price in prices.items()]
    system.post("/v1/quotes/open", {"date": day, "quotes": quotes})
    system.post(f"/v1/accounts/{account['id']}/steps", {})
    path = f"/v1/accounts/{account['id']}/steps"
    provisional = next(step for step in get(f"{system.url}{path}")["items"] if step["date"] == day)["provisional"]
    assert len(provisional["fills"]) > 2
    visitor.open(f"/accounts/{account['id']}")
    page = visitor.page
    row = page.get_by_role("region", name="Steps").get_by_role("row").filter(has_text=day)
    expect(row.get_by_text("provisional", exact=True)).to_be_visible()
    for each in provisional["fills"]:
        expect(row).to_contain_text(f"{each['name']} {each['shares']:,} × {each['price']:,.0f}")
    assert visitor.violations() == []

    def booked(route: Any) -> None:  # as after the day's row is loaded, which would change the market of other tests
        answer = route.fetch()
        document = answer.json()
        for step in document["items"]:
            if step["date"] == day:
                part = {"shares": 7, "price": 1000}
                step["reconciliation"] = [
                    {"stock_code": each["stock_code"], "name": each["name"], "side": each["side"], "reason": "buy",
                     "quoted_open": 1000, "open": 1100, "provisional": part, "booked": part | {"price": 1100},
                     "won": -700, "cause": "open_differs"}
                    for each in provisional["fills"][:2]
                ]  # fmt: skip
        route.fulfill(response=answer, json=document)

    page.route(f"**{path}?*", booked)
    visitor.open(f"/accounts/{account['id']}")
    row.get_by_text("Against the opening quotes").click()
    expect(row).to_contain_text("7 × 1,000 → 7 × 1,100")
    expect(row.get_by_text("another opening price").first).to_be_visible()
    expect(row.get_by_text("provisional", exact=True)).to_have_count(0)
    assert visitor.violations() == []


def test_public_accounts_are_listed_apart(visit: Any) -> None:
    visitor = visit("ko")
    items = get(f"{visitor.system.url}/v1/accounts?limit=50")["items"]
    public = [item["name"] for item in items if item["public"]]
    visitor.open("/accounts")
    page = visitor.page
    expect(page.get_by_role("heading", name="공개 계좌")).to_be_visible()
    expect(page.locator("main table").last.get_by_text("공개", exact=True)).to_have_count(len(public))
    expect(page.locator("main table").first.get_by_text("공개", exact=True)).to_have_count(0)
    page.locator("main table").last.get_by_role("link").first.click()
    page.wait_for_url("**/accounts/*-*")
    expect(page.get_by_role("heading", level=1).get_by_text("공개", exact=True)).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ko"])
def test_account_of_another_owner_has_no_buttons_that_change_it(visit: Any, language: str) -> None:
    visitor = visit(language)
    system = visitor.system
    account = next(item for item in get(f"{system.url}/v1/accounts?limit=50")["items"] if item["public"])
    buttons = visitor.page.locator(".page-head button")
    visitor.open(f"/accounts/{account['id']}")
    expect(buttons).to_have_count(3)  # without keys everything may be changed

    def of_another(
        route: Any,
    ) -> None:  # as a key that is not the operator's gets it (tests/integration/test_accounts.py)
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"changeable": False})

    visitor.page.route(f"**/v1/accounts/{account['id']}", of_another)
    visitor.open(f"/accounts/{account['id']}")
    expect(visitor.page.get_by_role("heading", level=1)).to_contain_text(account["name"])
    expect(buttons).to_have_count(0)
    assert visitor.violations() == []
    visitor.shoot("account-of-another")


def test_warm_run_has_no_button_without_its_role(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/ops")
    buttons = visitor.page.locator(".section-head button, a[href='/metrics']")
    expect(buttons).to_have_count(2)

    def of_a_user(route: Any) -> None:  # as a key without the role gets it (tests/integration/test_access.py)
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"startable": False})

    visitor.page.route("**/v1/warm-runs?*", of_a_user)
    visitor.open("/ops")
    expect(visitor.page.get_by_role("region").first).to_be_visible()
    expect(buttons).to_have_count(0)
    assert visitor.violations() == []
