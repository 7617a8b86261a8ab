"""Paper accounts: a new one, its orders, positions and curve, its backtest, and its end."""

from __future__ import annotations

import re
from typing import Any

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
