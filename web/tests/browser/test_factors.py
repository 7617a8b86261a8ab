"""Factor reports, their matrix, and own factors: forms, figures of the API, versions, audit, deleting."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect
from test_journeys import get


def retype(editor: Locator, text: str) -> None:
    """Replace the text of an editor by keys; it closes parentheses by itself."""
    editor.press("Control+a")
    editor.press_sequentially(text)


def test_report_of_a_factor_is_asked_for_and_keeps_what_is_typed(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("status of 422")
    visitor.open("/factors/PER")
    page = visitor.page
    page.get_by_role("link", name="Factor report").press("Enter")
    factor = page.get_by_role("textbox", name="Factor or expression", exact=True)
    expect(factor).to_have_text("PER")
    factor.fill("-PERR")
    page.get_by_label("Holding days, separated by commas").fill("1, 10")
    page.get_by_role("button", name="Compute the report").click()
    page.locator(".problems .chip", has_text=re.compile("^PER$")).click()
    expect(factor).to_have_text("-PER")
    expect(page.locator(".problems")).to_have_count(0)
    page.goto(visitor.system.url + "/factor-reports")
    expect(page.get_by_label("Holding days, separated by commas")).to_have_value("1, 10")
    expect(factor).to_have_text("-PER")
    factor.press("Enter")
    page.wait_for_url(re.compile("/factor-reports/[0-9a-f-]{36}$"))
    expect(page.locator("#coefficients tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/factor-reports")


LINE = {"en": "Research line", "ko": "연구 이름"}


def recorded(language: str, new: int, repeated: int, trials: int) -> str:
    """Return what a screen says of the trials that its request has recorded."""
    if language == "en":
        return f"new trials: {new}, repeated: {repeated} · all trials of the line: {trials}"
    return f"새 시도 {new}개, 이미 센 시도 {repeated}개 · 이 연구의 시도 모두 {trials}개"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_report_says_what_its_line_has_recorded(visit: Any, language: str) -> None:
    visitor = visit(language)
    visitor.open("/factor-reports?factor=-PBR")
    page = visitor.page
    name, submit = f"report {language}", "Compute the report" if language == "en" else "보고서 만들기"
    line = page.get_by_label(LINE[language])
    page.get_by_label("Holding days" if language == "en" else "보유 거래일").fill("5, 20")
    line.fill(name)
    visitor.open("/factor-reports?factor=-PBR")
    expect(line).to_have_value(name)
    page.get_by_role("button", name=submit).click()
    page.wait_for_url(re.compile("/factor-reports/[0-9a-f-]{36}$"))
    expect(page.locator("#recorded")).to_contain_text(recorded(language, 2, 0, 2))
    page.get_by_label("Holding time" if language == "en" else "보유 기간", exact=True).select_option("20")
    page.wait_for_url("**horizon=20")
    page.reload()
    expect(page.locator("#recorded")).to_contain_text(recorded(language, 2, 0, 2))
    visitor.settle()
    visitor.shoot("report-line")
    assert visitor.violations() == []
    page.get_by_role("link", name="Compute again" if language == "en" else "다시 만들기").click()
    expect(page).to_have_url(re.compile("research=report"))
    expect(line).to_have_value(name)
    page.get_by_role("button", name=submit).click()
    expect(page.locator("#recorded")).to_contain_text(recorded(language, 0, 2, 2))
    page.locator("#recorded").get_by_role("link", name=name).press("Enter")
    page.wait_for_url(f"**/research/report%20{language}")
    assert get(f"{visitor.system.url}/v1/research/report%20{language}")["trials"] == 2


def test_report_shows_the_figures_of_the_api(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/factor-reports/{visitor.system.report}?horizon=5")
    page = visitor.page
    found = get(f"{visitor.system.url}/v1/factor-reports/{visitor.system.report}")

    def text(value: float, decimals: int) -> str:
        return f"{value:.{decimals}f}".replace("-", "−")

    for row, horizon in zip(page.locator("#coefficients tbody tr").all(), found["horizons"], strict=True):
        cells = row.locator("td").all_inner_texts()
        assert cells[0].lstrip("+") == text(horizon["rank_ic"]["mean"], 4)
        assert cells[1] == text(horizon["rank_ic"]["t"], 2)
    groups = [each for each in found["groups"] if each["horizon"] == 5]
    expect(page.get_by_role("region", name="Prediction within groups").locator("tbody tr")).to_have_count(len(groups))
    page.get_by_role("button", name="Audit", exact=True).click()
    expect(page.get_by_text("no figure differs on cut data")).to_be_visible()


def test_own_factor_is_defined_changed_and_deleted(visit: Any) -> None:
    visitor = visit("ko")
    visitor.watch.expected_errors.append("status of 4")  # a word of the language; a factor that another one reads
    visitor.open("/own-factors")
    page = visitor.page
    page.get_by_label("이름", exact=True).fill("PER")
    page.get_by_role("textbox", name="수식").fill("ROE / PBR")
    page.get_by_role("button", name="저장").click()
    expect(page.get_by_role("alert")).to_contain_text("PER")
    page.get_by_label("이름", exact=True).fill("quality")
    page.get_by_role("textbox", name="수식").press("Enter")
    page.wait_for_url("**/own-factors/QUALITY")
    page.get_by_role("textbox", name="수식").fill("ROE / PBR + CHEAP")
    page.get_by_role("textbox", name="수식").press("Enter")
    expect(page.locator("#versions tbody tr")).to_have_count(2)
    page.get_by_role("link", name="CHEAP").click()
    page.get_by_role("button", name="삭제").click()
    expect(page.get_by_role("alert")).to_contain_text("QUALITY")
    visitor.open("/own-factors/QUALITY")
    page.get_by_role("button", name="삭제").click()
    page.wait_for_url("**/own-factors")
    expect(page.get_by_role("link", name="QUALITY")).to_have_count(0)


@pytest.mark.parametrize(("language", "name"), [("en", "Factor or expression"), ("ko", "팩터 또는 수식")])
def test_expression_of_a_report_is_checked_while_it_is_typed(visit: Any, language: str, name: str) -> None:
    visitor = visit(language)
    visitor.open("/factor-reports")
    page = visitor.page
    factor = page.get_by_role("textbox", name=name, exact=True)
    retype(factor, "-rank(모멘텀")
    choices = page.locator(".editor").first.locator(".cm-tooltip-autocomplete li")
    expect(choices.filter(has_text="MOMENTUM_3M").first).to_be_visible()
    retype(factor, "-rank(PBRR")
    expect(page.locator(".problems li")).to_contain_text("PBRR")
    page.locator(".problems .chip", has_text=re.compile("^PBR$")).click()
    expect(page.locator(".problems")).to_have_count(0)
    expect(factor).to_have_text("-rank(PBR)")
    controls = page.get_by_role("textbox", name="Controls" if language == "en" else "통제 변수")
    retype(controls, "log(MARKET_CAP), PER + RROE")
    page.locator(".problems .chip", has_text=re.compile("^ROE$")).click()
    expect(controls).to_have_text("log(MARKET_CAP), PER + ROE")
    expect(page.locator(".problems")).to_have_count(0)
    assert visitor.violations() == []


def test_own_factor_is_checked_while_it_is_typed(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/own-factors")
    page = visitor.page
    expression = page.get_by_role("textbox", name="Expression")
    expression.press_sequentially("ROE / PBRR")
    expect(page.locator(".problems li")).to_contain_text("PBRR")
    page.locator(".problems .chip", has_text=re.compile("^PBR$")).click()
    expect(expression).to_have_text("ROE / PBR")
    expect(page.locator(".problems")).to_have_count(0)
    expression.fill("")


MATRIX = "/factor-matrix?start=2024-01-02&end=2025-12-30&horizons=5,20"


def figure(value: float, decimals: int) -> str:
    """Return a figure as the page shows it, with its sign."""
    return f"{value:+.{decimals}f}".replace("-", "−")


@pytest.mark.parametrize("language", ["en", "ko"])
def test_matrix_shows_the_figures_of_the_api(visit: Any, language: str) -> None:
    visitor = visit(language)
    visitor.open("/factors")
    page = visitor.page
    page.get_by_role("link", name="Matrix of factors" if language == "en" else "팩터 행렬").click()
    visitor.settle()
    page.get_by_label("First day" if language == "en" else "시작일").fill("2024-01-02")
    page.get_by_label("Holding days" if language == "en" else "보유 거래일").fill("5, 20")
    page.get_by_role("textbox", name="Factors and" if language == "en" else "팩터와").fill(
        "PER, PBR, -rank(PBR) - rank(PER), ROE, PSR"
    )
    page.get_by_role("button", name="Compute the matrix" if language == "en" else "행렬 계산").click()
    rows = page.locator(".matrix tbody tr")
    expect(page.locator(".matrix th")).to_have_count(6)
    asked = {
        "start": "2024-01-02", "end": page.url.split("end=")[1].split("&")[0], "horizons": [5, 20],
        "factors": ["PER", "PBR", "-rank(PBR) - rank(PER)", "ROE", "PSR"],
    }  # fmt: skip
    found = visitor.system.post("/v1/factor-reports/matrix", asked)
    for row, item in zip(rows.all(), found["factors"], strict=True):
        cells = row.locator("td").all_inner_texts()
        assert cells[0] == item["factor"]
        for at, cell in enumerate(item["horizons"]):
            assert cells[1 + 2 * at] == figure(cell["rank_ic"]["mean"], 4)
            assert ("●" in cells[2 + 2 * at]) == (cell["p_holm"] < 0.05)
            assert figure(cell["rank_ic"]["t"], 1).lstrip("+") in cells[2 + 2 * at]
        assert cells[5] == f"{min(cell['p_holm'] for cell in item['horizons']):.3f}"
    assert visitor.violations() == []


def test_matrix_is_sorted_and_its_link_keeps_everything(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"{MATRIX}&neutral=sector&factors=PER,PBR,ROE")
    page = visitor.page
    page.get_by_role("button", name="t 20d").click()
    expect(page).to_have_url(re.compile("order=-t20"))
    shown = page.locator(".matrix tbody").inner_text()
    visitor.open(page.url.removeprefix(visitor.system.url))
    expect(page.locator(".matrix th", has_text="t 20d")).to_have_attribute("aria-sort", "descending")
    expect(page.locator(".matrix tbody")).to_have_text(shown, use_inner_text=True)
    expect(page.get_by_label("Sector-neutral")).to_have_value("sector")
    expect(page.get_by_role("textbox", name="Factors and")).to_have_text("PER,PBR,ROE")


def test_matrix_opens_reports_by_keys(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"{MATRIX}&factors=PER,PBR")
    page = visitor.page
    page.get_by_role("button", name="PER", exact=True).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/factor-reports/[0-9a-f-]{36}.horizon=20$"))
    identity = page.url.partition("/factor-reports/")[2].partition("?")[0]
    found = get(f"{visitor.system.url}/v1/factor-reports/{identity}")
    assert (found["factor"], found["window"]["start"]) == ("PBR", "2024-01-02")
    assert [each["horizon"] for each in found["horizons"]] == [5, 20]


def test_matrix_grows_is_cancelled_and_goes_on(visit: Any) -> None:
    visitor = visit("en")
    page = visitor.page
    waiting: list[Route] = []

    def hold_later(route: Route) -> None:
        if "PSR" in json.loads(route.request.post_data or "")["factors"]:
            waiting.append(route)
        else:
            route.continue_()

    page.route("**/v1/factor-reports/matrix", hold_later)
    page.goto(f"{visitor.system.url}{MATRIX}&factors=PER,PBR,ROE,CHEAP,PSR")
    expect(page.get_by_text("4 of 5 factors")).to_be_visible()
    expect(page.locator(".matrix tbody tr")).to_have_count(4)
    expect(page.locator(".matrix tbody")).not_to_contain_text("●")
    page.get_by_role("button", name="Cancel").click()
    page.unroute("**/v1/factor-reports/matrix")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator(".matrix th", has_text="Least p")).to_be_visible()
    expect(page.locator(".matrix tbody tr")).to_have_count(5)
    assert visitor.violations() == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_matrix_records_its_trials_in_the_last_request(visit: Any, language: str) -> None:
    visitor = visit(language)
    page = visitor.page
    asked: list[dict[str, Any]] = []

    def note(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or ""))
        route.continue_()

    page.route("**/v1/factor-reports/matrix", note)
    visitor.open("/factor-matrix")
    page.get_by_label("First day" if language == "en" else "시작일").fill("2024-01-02")
    page.get_by_label("Holding days" if language == "en" else "보유 거래일").fill("5, 20")
    page.get_by_role("textbox", name="Factors and" if language == "en" else "팩터와").fill("PER, PBR, ROE, PSR, CHEAP")
    page.get_by_label(LINE[language]).fill(f"matrix {language}")
    page.get_by_role("button", name="Compute the matrix" if language == "en" else "행렬 계산").click()
    shown = page.locator("#recorded")
    expect(shown).to_contain_text(recorded(language, 10, 0, 10))
    assert [(len(each["factors"]), each["research"]) for each in asked] == [
        (4, None), (1, None), (5, f"matrix {language}")
    ]  # fmt: skip
    visitor.settle()
    visitor.shoot("matrix-line")
    assert visitor.violations() == []
    with page.expect_response(lambda answer: '"ROE","PSR","CHEAP"' in (answer.request.post_data or "")):
        page.get_by_role("button", name="한국어" if language == "en" else "English").click()
    expect(shown).to_contain_text(recorded("ko" if language == "en" else "en", 10, 0, 10))
    visitor.settle()
    assert [each["research"] for each in asked[3:]] == [None, None, None]
    page.get_by_role("button", name="English" if language == "en" else "한국어").click()
    address = page.url.removeprefix(visitor.system.url)
    visitor.open("/factors")
    visitor.open(address)  # as another user who follows the link
    expect(page.locator(".matrix th", has_text="Least p" if language == "en" else "가장 작은 p")).to_be_visible()
    expect(page.get_by_label(LINE[language])).to_have_value("")
    expect(shown).to_have_count(0)
    page.get_by_label(LINE[language]).fill(f"matrix {language}")
    page.get_by_role("button", name="Compute the matrix" if language == "en" else "행렬 계산").click()
    expect(shown).to_contain_text(recorded(language, 0, 10, 10))
    page.reload()
    expect(shown).to_contain_text(recorded(language, 0, 10, 10))
    page.locator(".matrix tbody tr").first.get_by_role("button").nth(1).click()
    page.wait_for_url(re.compile("/factor-reports/[0-9a-f-]{36}.horizon=5$"))
    expect(shown).to_contain_text(recorded(language, 0, 2, 10))
    shown.get_by_role("link", name=f"matrix {language}").press("Enter")
    page.wait_for_url(f"**/research/matrix%20{language}")
    assert get(f"{visitor.system.url}/v1/research/matrix%20{language}")["trials"] == 10


def test_matrix_says_what_is_missing_and_what_is_wrong(visit: Any) -> None:
    visitor = visit("ko")
    visitor.watch.expected_errors.append("status of 422")
    visitor.open("/factor-matrix")
    page = visitor.page
    expect(page.locator(".state.empty")).to_have_text("기간과 보유 거래일을 정하고 행렬을 계산하십시오.")
    visitor.open(f"{MATRIX}&factors=PER,PERR")
    expect(page.locator(".problems")).to_contain_text("PERR")
    page.locator(".problems .chip", has_text=re.compile("^PER$")).click()
    expect(page.get_by_role("textbox", name="팩터와")).to_have_text("PER,PER")
    visitor.open("/factor-matrix?start=2024-01-02&end=2025-12-30&horizons=5,300&factors=PER")
    expect(page.get_by_label("보유 거래일")).to_have_attribute("aria-invalid", "true")

    def without_values(route: Route) -> None:  # as of a factor whose inputs no stock of the universe has
        answer = route.fetch()
        document = answer.json()
        document["factors"][1] |= {"horizons": [], "failure": {"code": "x", "message": "값이 없습니다.", "params": {}}}
        route.fulfill(response=answer, json=document)

    page.route("**/v1/factor-reports/matrix", without_values)
    visitor.open(f"{MATRIX}&factors=PER,PBR")
    expect(page.locator("main summary")).to_have_text("팩터 1개에는 수치가 없습니다")
    expect(page.locator(".matrix tbody tr")).to_have_count(1)
    page.locator("main summary").click()
    expect(page.locator("main details li")).to_have_text("PBR 값이 없습니다.")


def test_list_of_reports_is_filtered(visit: Any) -> None:
    visitor = visit("en")
    system = visitor.system
    system.post("/v1/factor-reports", {"factor": "PSR", "start": "2024-01-02", "end": "2025-12-30"})
    visitor.open("/factor-reports")
    page = visitor.page
    filtered = page.get_by_label("Filter by factor")
    rows = page.locator("section tbody tr")
    for typed in ("cheap", "rank(pbr"):
        filtered.fill(typed)
        expect(rows).to_have_count(1)
        expect(rows.first).to_contain_text("-rank(PBR) - rank(PER)")
    visitor.open("/factor-reports?query=psr")
    expect(filtered).to_have_value("psr")
    expect(rows).to_have_count(1)
    filtered.fill("nothing")
    expect(page.locator(".state.empty")).to_be_visible()
    assert visitor.violations() == []
