"""The builder: live preview, rows and text, problems at their fields, drafts, and the request that is sent."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import expect

CONDITION = ".builder .rows .row"


def stored(page: Any) -> dict[str, Any]:
    """Return the draft that the browser keeps."""
    found: dict[str, Any] = json.loads(page.evaluate("localStorage.getItem('ondol.draft.builder')"))
    return found


def test_preview_follows_what_is_typed(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/new")
    page = visitor.page
    value = page.get_by_role("textbox", name="Value").nth(1)
    sent: list[str] = []
    page.on(
        "request",
        lambda request: sent.append(request.post_data or "") if request.url.endswith("/v1/backtests") else None,
    )
    with page.expect_response(lambda answer: answer.url.endswith("/v1/backtests") and answer.ok) as found:
        value.fill("9")
    body = found.value.json()
    assert body["request"]["strategy"]["buy"]["where"] == "PER > 0 and PER < 9 and ROE > 10"
    assert body["request"]["start"] == "2024-12-30"
    expect(page.get_by_text("computed again in")).to_be_visible()
    shown = page.locator(".preview-figures dd").last.inner_text()
    assert shown == f"{len(body['result']['trades']):,}"
    assert len(sent) == 1


def test_rows_and_text_are_one_condition(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open("/new")
    page = visitor.page
    page.get_by_role("button", name="수식").first.click()
    page.get_by_role("textbox", name="매수 조건").click()
    page.keyboard.press("Control+End")
    with page.expect_response(
        lambda answer: answer.url.endswith("/v1/expressions/check") and "1000억" in (answer.request.post_data or "")
    ):
        page.keyboard.insert_text(" and 시가총액 > 1000억")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="행", exact=True).first.click()
    expect(page.locator(CONDITION)).to_have_count(4)
    expect(page.locator(CONDITION).nth(3).get_by_role("combobox").first).to_have_value("MARKET_CAP")
    expect(page.get_by_text("종목이 모든 조건을 만족합니다")).to_be_visible()


def test_text_goes_on_in_the_editor_that_replaces_the_plain_field(visit: Any) -> None:
    visitor = visit("ko")
    visitor.watch.expected_errors.append("422")  # the condition is not whole while it is typed
    page = visitor.page
    plain = page.locator("textarea").first
    with visitor.held("**/code-editor-*.js"):
        page.goto(visitor.system.url + "/new")
        page.get_by_role("button", name="수식").first.click()
        plain.press("Control+End")
        page.keyboard.type(" and PBR")
        plain.press("ArrowLeft")
    expect(page.locator(".editor:visible").first).to_be_visible()
    expect(plain).to_have_count(0)
    page.keyboard.type("X")  # where the text area had its cursor
    page.keyboard.press("Backspace")
    page.keyboard.press("End")
    page.keyboard.type(" < 2")
    page.get_by_role("button", name="행", exact=True).first.click()
    expect(page.locator(CONDITION)).to_have_count(4)
    expect(page.locator(CONDITION).nth(3).get_by_role("combobox").first).to_have_value("PBR")


def test_editor_closes_and_marks_brackets(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("422")  # the condition is not whole while it is typed
    visitor.open("/new")
    page = visitor.page
    page.get_by_role("button", name="Text").first.click()
    field = page.get_by_role("textbox", name="Buy condition")
    field.press("Control+a")
    page.keyboard.type("(PER")
    expect(field.locator(".bracket")).to_have_text(["(", ")"])
    page.keyboard.press("End")
    page.keyboard.type(")")
    expect(field.locator(".lone-bracket")).to_have_text([")"])
    page.keyboard.press("Backspace")
    page.keyboard.type(" + (")
    page.keyboard.press("Enter")
    expect(field.locator(".cm-line")).to_have_text(["(PER) + (", "", ")"])


def test_text_that_the_server_has_not_read_yet_is_one_row(visit: Any) -> None:
    visitor = visit("en")
    page = visitor.page
    visitor.open("/new")
    expect(page.locator(CONDITION)).to_have_count(3)
    text = "PER > 0 and PER < 12 and ROE > 10 and PBR < 2"
    page.get_by_role("button", name="Text").first.click()
    with visitor.held("**/v1/expressions/check"):
        page.get_by_role("textbox", name="Buy condition").press("Control+End")
        page.keyboard.type(" and PBR < 2")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Rows", exact=True).first.click()
        whole = page.locator(CONDITION).get_by_role("textbox", name="Expression")
        expect(whole).to_have_value(text)
        page.get_by_role("button", name="Add a condition").first.click()
        expect(page.locator(CONDITION)).to_have_count(2)
        assert stored(page)["strategy"]["buy"]["where"] == text
        page.get_by_role("button", name="Text").first.click()
        page.get_by_role("textbox", name="Buy condition").press("Control+End")
        page.keyboard.type("0")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Rows", exact=True).first.click()
        expect(whole).to_have_value(text + "0")
    expect(page.locator(CONDITION)).to_have_count(4)


def test_numbers_codes_and_days_stay_as_they_are_typed(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("422")
    visitor.open("/new")
    page = visitor.page
    loss = page.get_by_label("Stop loss")
    for text, value in (("0.05", 0.05), ("1.50", 1.5), ("10.0", 10), ("007", 7)):
        loss.fill("")
        loss.press_sequentially(text)
        expect(loss).to_have_value(text)
        assert stored(page)["strategy"]["sell"]["stop_loss_pct"] == value
    loss.fill("")
    loss.press_sequentially("1e")
    expect(page.get_by_text("This is not a number")).to_be_visible()
    loss.press_sequentially("1")
    expect(page.get_by_text("This is not a number")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(loss).to_have_value("15")
    page.locator("summary", has_text="Universe").click()
    codes = page.get_by_label("Excluded stocks")
    codes.press_sequentially("S00010, S00011 ")
    expect(codes).to_have_value("S00010, S00011 ")
    assert stored(page)["strategy"]["universe"]["exclude"] == ["S00010", "S00011"]
    start = page.get_by_label("Start")
    whole = start.input_value()
    start.focus()
    with page.expect_response(lambda answer: answer.url.endswith("/v1/backtests")):
        page.keyboard.press("Delete")  # the month: the day is not whole
        loss.evaluate("(field) => { field.value = '9'; field.dispatchEvent(new Event('input', {bubbles: true})); }")
    expect(start).to_have_value("")
    assert stored(page)["start"] == whole
    page.keyboard.type("05")
    expect(start).to_have_value(whole[:5] + "05" + whole[7:])


def test_wrong_name_is_mended_by_its_suggestion(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("422")
    visitor.open("/new")
    page = visitor.page
    name = page.locator(CONDITION).nth(2).get_by_role("combobox").first
    name.fill("RO")
    name.press("Escape")
    problems = page.locator(".condition .problems").first
    expect(problems).to_contain_text("RO")
    problems.get_by_role("button", name="ROE", exact=True).click()
    expect(problems).to_have_count(0)
    expect(name).to_have_value("ROE")


def test_problem_of_a_text_is_underlined_at_its_place(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("422")
    visitor.open("/new")
    page = visitor.page
    page.get_by_role("button", name="Text").first.click()
    editor = page.get_by_role("textbox", name="Buy condition")
    editor.press("Control+End")
    page.keyboard.type(" and RO > 3")
    page.keyboard.press("Escape")
    underlined = editor.locator(".problem")
    expect(underlined).to_have_text("RO")
    assert "RO" in (underlined.get_attribute("title") or "")
    visitor.shoot("builder-problem")
    page.locator(".condition .problems").first.get_by_role("button", name="ROE", exact=True).click()
    expect(underlined).to_have_count(0)
    expect(editor).to_contain_text("and ROE > 3")


def test_name_is_completed_by_its_korean_word(visit: Any) -> None:
    visitor = visit("ko")
    visitor.watch.expected_errors.append("422")
    visitor.open("/new")
    name = visitor.page.locator(CONDITION).first.get_by_role("combobox").first
    name.fill("모멘")
    name.press("ArrowDown")
    name.press("Enter")
    expect(name).to_have_value("MOMENTUM_3M")


def test_draft_survives_a_reload_and_undo_returns_it(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/new")
    page = visitor.page
    positions = page.get_by_label("Maximum positions", exact=True)
    positions.fill("7")
    page.reload()
    visitor.settle()
    expect(positions).to_have_value("7")
    positions.fill("8")
    page.get_by_role("button", name="Undo").click()
    expect(positions).to_have_value("7")


def test_run_and_clone_have_equal_requests(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/new?from={visitor.system.other}")
    page = visitor.page
    with page.expect_response(lambda answer: answer.url.endswith("/v1/backtests")) as found:
        page.keyboard.press("Control+Enter")
    page.wait_for_url("**/runs/*")
    body = json.loads(found.value.request.post_data or "{}")
    if found.value.request.headers.get("ondol-origin") == "preview":
        raise AssertionError("the run was sent as a preview")
    digest = visitor.system.post("/v1/backtests", body)["result"]["provenance"]["request_digest"]
    first = visitor.system.post(
        "/v1/backtests", {"strategy": "peter_lynch", "start": body["start"], "end": body["end"]}
    )
    assert digest == first["result"]["provenance"]["request_digest"]
