"""Refusals and a newer build: the page says what happened and goes on."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect


def test_limit_of_requests_says_when_to_try_again(visit: Any) -> None:
    visitor = visit("ko")
    visitor.watch.expected_errors.append("status of 429")
    page = visitor.page
    refused = {
        "status": 429, "headers": {"Retry-After": "7"}, "content_type": "application/problem+json",
        "body": '{"title": "Too Many Requests"}',
    }  # fmt: skip
    page.route("**/v1/sweeps?*", lambda route: route.fulfill(**refused))
    page.goto(visitor.system.url + "/sweeps")
    expect(page.get_by_text("요청이 너무 많습니다. 7초 뒤에 다시 시도하십시오.")).to_be_visible()
    page.unroute("**/v1/sweeps?*")
    page.get_by_role("button", name="다시 시도").click()
    expect(page.get_by_role("row").nth(1)).to_be_visible()


def test_newer_build_is_loaded_once_and_a_lasting_failure_is_said(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors += ["status of 404", "Failed to fetch dynamically imported module"]
    page = visitor.page
    visitor.open("/")
    page.evaluate("window.isOld = true")
    page.route("**/assets/*/research-*.js", lambda route: route.fulfill(status=404))
    page.get_by_role("link", name="Research", exact=True).click()
    expect(page.get_by_text("Reload the page").or_(page.get_by_text("reload the page"))).to_be_visible()
    assert page.evaluate("window.isOld") is None  # it was loaded again once
    page.unroute("**/assets/*/research-*.js")
    page.get_by_role("alert").get_by_role("button").click()
    expect(page.get_by_role("heading", name="Sweeps")).to_be_visible()
