"""Factor reports and own factors: forms, figures of the API, versions, audit, deleting."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect
from test_journeys import get


def test_report_of_a_factor_is_asked_for_and_keeps_what_is_typed(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("status of 422")
    visitor.open("/factors/PER")
    page = visitor.page
    page.get_by_role("link", name="Factor report").press("Enter")
    factor = page.get_by_label("Factor or expression")
    expect(factor).to_have_value("PER")
    factor.fill("-PERR")
    page.get_by_label("Holding days, separated by commas").fill("1, 10")
    page.get_by_role("button", name="Compute the report").click()
    page.locator(".problems .chip", has_text=re.compile("^PER$")).click()
    expect(factor).to_have_value("-PER")
    page.goto(visitor.system.url + "/factor-reports")
    expect(page.get_by_label("Holding days, separated by commas")).to_have_value("1, 10")
    expect(factor).to_have_value("-PER")
    factor.press("Enter")
    page.wait_for_url(re.compile("/factor-reports/[0-9a-f-]{36}$"))
    expect(page.locator("#coefficients tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/factor-reports")


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
    page.get_by_label("수식").fill("ROE / PBR")
    page.get_by_role("button", name="저장").click()
    expect(page.get_by_role("alert")).to_contain_text("PER")
    page.get_by_label("이름", exact=True).fill("quality")
    page.get_by_label("수식").press("Enter")
    page.wait_for_url("**/own-factors/QUALITY")
    page.get_by_label("수식").fill("ROE / PBR + CHEAP")
    page.get_by_label("수식").press("Enter")
    expect(page.locator("#versions tbody tr")).to_have_count(2)
    page.get_by_role("link", name="CHEAP").click()
    page.get_by_role("button", name="삭제").click()
    expect(page.get_by_role("alert")).to_contain_text("QUALITY")
    visitor.open("/own-factors/QUALITY")
    page.get_by_role("button", name="삭제").click()
    page.wait_for_url("**/own-factors")
    expect(page.get_by_role("link", name="QUALITY")).to_have_count(0)
