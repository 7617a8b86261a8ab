"""The palette, and the session of a browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

OPTION = ".palette [role=option]"


def test_palette_goes_to_screens_stocks_and_factors_by_keys_alone(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open("/")
    page = visitor.page
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="찾아가기")
    expect(box).to_be_focused()
    box.fill("품질")
    page.keyboard.press("Enter")
    page.wait_for_url("**/quality")
    visitor.settle()
    page.keyboard.press("/")
    box.fill("S00010")
    expect(page.locator(OPTION)).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url("**/stocks/S00010")
    page.keyboard.press("Control+k")
    box.fill("자산")
    expect(page.locator(OPTION).nth(1)).to_be_visible()
    page.keyboard.press("ArrowDown")
    chosen = page.locator(".palette [aria-selected=true] b").inner_text()
    assert visitor.violations() == []
    visitor.shoot("palette")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/factors/{chosen}")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)


def test_escape_closes_what_was_opened_at_once_and_wherever_the_focus_is(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/runs")
    page = visitor.page
    # the keys arrive in one task, before anything is drawn
    press = """(keys) => keys.forEach((key) => document.activeElement.dispatchEvent(
      new KeyboardEvent("keydown", {key, ctrlKey: key === "k", bubbles: true, cancelable: true})))"""
    with page.expect_response("**/palette-*.js"), visitor.held("**/palette-*.js"):
        page.evaluate(press, ["k", "Escape"])  # before its file arrives
    page.evaluate("frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.evaluate("frame()")
    expect(page.locator(".palette")).to_have_count(0)
    page.evaluate(press, ["k", "Escape", "k", "k", "Escape"])
    page.evaluate("frame()")
    expect(page.locator(".palette")).to_have_count(0)
    page.get_by_role("link", name="Ondol").focus()
    page.evaluate(press, ["k"])
    expect(page.locator(".palette input")).to_be_focused()
    page.locator(".palette input").blur()
    page.keyboard.press("Escape")
    expect(page.locator(".palette")).to_have_count(0)
    expect(page.get_by_role("link", name="Ondol")).to_be_focused()
    # going to a screen gives the focus to it, also out of the dialog
    page.keyboard.press("Control+k")
    page.keyboard.type("quality")
    page.keyboard.press("Enter")
    page.wait_for_url("**/quality")
    expect(page.locator("main")).to_be_focused()


def test_keys_before_the_palette_arrives_are_kept(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/runs")
    page = visitor.page
    box = page.locator(".palette input")
    page.get_by_role("link", name="Ondol").focus()
    with page.expect_response("**/palette-*.js"), visitor.held("**/palette-*.js"):
        page.keyboard.press("Control+k")
        page.keyboard.type("qualt")
        page.keyboard.press("Backspace")
        page.keyboard.type("ity")
        expect(page.locator(".palette")).to_have_count(0)
    expect(box).to_have_value("quality")
    expect(box).to_be_focused()
    expect(page.locator(OPTION).first).to_contain_text("/quality")
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Ondol")).to_be_focused()
    page.keyboard.press("Control+k")
    expect(box).to_have_value("")
    visitor.open("/runs")  # its file is loaded again
    with page.expect_response("**/palette-*.js"), visitor.held("**/palette-*.js"):
        page.keyboard.press("/")
        page.keyboard.type("quality")
        page.keyboard.press("Enter")
    page.wait_for_url("**/quality")
    expect(page.locator("main")).to_be_focused()


def test_notes_and_menus_close_by_escape(visit: Any) -> None:
    visitor = visit("en", width=390)
    visitor.open(f"/runs/{visitor.system.run}")
    page = visitor.page
    for opener in (".info-button", ".menu-button"):
        page.locator(opener).first.click()
        expect(page.locator(opener).first).to_have_attribute("aria-expanded", "true")
        page.keyboard.press("Escape")
        expect(page.locator(opener).first).to_have_attribute("aria-expanded", "false")
    page.locator(".settings summary").click()
    page.get_by_label("Theme").focus()
    page.keyboard.press("Escape")
    expect(page.locator(".settings details")).not_to_have_attribute("open", "")
    expect(page.locator(".settings summary")).to_be_focused()


def test_palette_changes_language_and_theme(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/runs")
    page = visitor.page
    page.get_by_role("button", name="Go to").click()
    page.locator(OPTION, has_text="Light or dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Go to").click()
    page.locator(OPTION, has_text="Switch to Korean").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")


def test_key_is_exchanged_for_a_session_that_can_be_left(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("status of 401")
    page = visitor.page
    # a server that wants a key: every answer is refused until the session is there
    state = {"open": False}

    def session(route: Any) -> None:
        method = route.request.method
        if method == "POST" and route.request.post_data_json != {"key": "right"}:
            body = '{"title": "Unauthorized", "detail": "The key is not known.", "code": "key_unknown"}'
            route.fulfill(status=401, content_type="application/problem+json", body=body)
            return
        state["open"] = method == "POST"
        route.fulfill(status=204)

    def api(route: Any) -> None:
        if state["open"]:
            route.continue_()
        else:
            route.fulfill(status=401, content_type="application/problem+json", body='{"title": "Unauthorized"}')

    page.route("**/v1/**", api)
    page.route("**/v1/session", session)
    page.goto(visitor.system.url + "/runs")
    page.get_by_label("API key").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("The key is not known.")).to_be_visible()
    page.get_by_label("API key").fill(" right ")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Backtests")).to_be_visible()
    assert "right" not in page.url + str(page.evaluate("JSON.stringify(localStorage)"))
    page.locator(".settings summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("API key")).to_be_visible()
