"""Ways through the application, with a pointer and with keys alone."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import expect


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  the address is this machine's
        return json.load(answer)


def test_card_leads_to_the_report_of_its_year(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/")
    visitor.page.get_by_role("link", name="Open last year's report").first.click()
    expect(visitor.page.get_by_role("heading", name="Monthly returns")).to_be_visible()
    assert re.search(r"/runs/[\w-]+$", visitor.page.url)


def test_head_shows_the_figures_of_the_api(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}")
    statistics = get(f"{visitor.system.url}/v1/backtests/{visitor.system.run}")["result"]["statistics"]
    shown = visitor.page.locator(".figures .card > strong").all_inner_texts()
    assert shown[-1] == f"{statistics['trades']:,}"
    assert shown[2] == f"{statistics['max_drawdown'] * 100:,.2f}%".replace("-", "−")


def test_trade_table_holds_few_rows_and_shows_why(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}?tab=trades")
    page = visitor.page
    assert page.locator(".virtual tbody tr:not(.space)").count() <= 60
    page.locator(".virtual").evaluate("box => box.scrollTo(0, box.scrollHeight)")
    expect(page.locator(".virtual tbody tr:last-child")).not_to_have_class("space")
    assert page.locator(".virtual tbody tr:not(.space)").count() <= 60
    page.locator(".virtual tbody tr:not(.space)").last.click()
    expect(page.get_by_role("complementary")).to_contain_text("Rule")
    visitor.shoot("why")


def test_trade_opens_its_reason_by_keys_alone(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open(f"/runs/{visitor.system.run}?tab=trades")
    page = visitor.page
    page.locator(".virtual tbody tr").first.focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
        page.wait_for_timeout(50)
    expect(page.locator("tr.selected")).to_have_attribute("data-at", "1")
    expect(page.get_by_role("complementary")).to_contain_text("매수 조건")


def test_chart_speaks_the_day_that_keys_select(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}")
    page = visitor.page
    page.locator(".chart-box").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    equity = get(f"{visitor.system.url}/v1/backtests/{visitor.system.run}")["result"]["equity"]
    expect(page.locator("[aria-live=polite]").first).to_contain_text(equity[1]["date"])


def test_replay_and_audit_have_their_verdicts(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}?tab=trust")
    visitor.page.get_by_role("button", name="Compute again").click()
    expect(visitor.page.get_by_text("Identical: both results have the same bits.")).to_be_visible(timeout=20_000)
    visitor.page.get_by_role("button", name="Audit", exact=True).click()
    expect(visitor.page.get_by_text(re.compile("^No look-ahead:"))).to_be_visible(timeout=30_000)


def test_copied_request_gives_the_same_result_digest(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}?tab=request")
    visitor.page.locator(".card", has=visitor.page.get_by_role("heading", name="JSON")).get_by_role("button").click()
    request = json.loads(visitor.page.evaluate("navigator.clipboard.readText()"))
    digest = get(f"{visitor.system.url}/v1/backtests/{visitor.system.run}")["result"]["provenance"]["result_digest"]
    assert visitor.system.post("/v1/backtests", request)["result"]["provenance"]["result_digest"] == digest


def test_holdings_and_cash_are_the_equity_of_the_day(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}?tab=holdings&day=2024-03-04")
    found = get(f"{visitor.system.url}/v1/backtests/{visitor.system.run}/holdings?date=2024-03-04")
    assert sum(each["value"] for each in found["holdings"]) + found["cash"] == pytest.approx(found["equity"], abs=1)
    assert visitor.page.locator(".virtual tbody tr:not(.space)").count() == len(found["holdings"])
    visitor.page.get_by_role("button", name="Next day").click()
    visitor.page.wait_for_url("**day=2024-03-05")


def test_screener_shows_a_mistake_at_its_field_and_applies_the_suggestion(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("status of 422")
    visitor.open("/screen?where=RO%20%3E%203")
    field = visitor.page.get_by_label("Condition")
    expect(field).to_have_attribute("aria-invalid", "true")
    visitor.page.locator(".problems .chip", has_text="ROE").click()
    expect(field).to_have_value("ROE > 3")
    visitor.page.get_by_role("button", name="Find", exact=True).click()
    expect(visitor.page.get_by_text(re.compile(r"^\d+ stocks$"))).to_be_visible()


def test_language_and_theme_are_remembered(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open("/")
    visitor.page.get_by_role("button", name="English").click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("What do you want to test?")
    visitor.page.reload()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("What do you want to test?")
    assert visitor.page.evaluate("document.documentElement.lang") == "en"


def test_lost_server_is_shown_and_the_page_recovers(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors += ["ERR_FAILED", "status of 503"]
    visitor.open("/")
    page = visitor.page
    page.route("**/v1/**", lambda route: route.abort())
    page.get_by_role("link", name="Screener").click()
    expect(page.get_by_text("The server does not answer. Check the network")).to_be_visible()
    page.unroute("**/v1/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text(re.compile(r"^\d+ stocks$"))).to_be_visible()


def test_first_load_is_small_and_has_few_requests(visit: Any) -> None:
    visitor = visit("en")
    sizes: list[tuple[str, int]] = []
    visitor.page.on(
        "response",
        lambda answer: "/assets/" in answer.url and sizes.append((answer.url, int(answer.headers["content-length"]))),
    )
    visitor.open("/")
    assert sum(size for url, size in sizes if url.endswith((".js", ".css"))) <= 60 * 1024
    shift = """new Promise((resolve) => new PerformanceObserver((list, observer) => {
        observer.disconnect();
        resolve(list.getEntries().reduce((sum, each) => sum + each.value, 0));
    }).observe({type: "layout-shift", buffered: true}) ?? setTimeout(() => resolve(0), 500))"""
    assert visitor.page.evaluate(shift) <= 0.02


@pytest.mark.parametrize(("language", "word"), [("ko", "모의 계좌"), ("en", "paper accounts")])
def test_jobs_of_the_schedule_are_described(visit: Any, language: str, word: str) -> None:
    visitor = visit(language)
    visitor.open("/ops")
    titles = visitor.page.locator("table tbody th[scope=row]").all_inner_texts()
    with urllib.request.urlopen(  # noqa: S310  the address is this machine's
        urllib.request.Request(visitor.system.url + "/v1/schedule", headers={"Accept-Language": language})  # noqa: S310
    ) as answer:
        jobs = json.load(answer)["items"]
    assert any(word in job["title"] for job in jobs)
    for job in jobs:
        assert any(title.startswith(job["title"]) for title in titles), job["name"]
