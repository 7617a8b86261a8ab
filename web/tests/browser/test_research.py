"""Walk-forwards and research lines: the form, figures and tables of the API, the holdout, and `deflated`."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect
from test_journeys import get


def test_walk_forward_begins_with_a_sweep_and_keeps_what_is_typed(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("status of 422")
    visitor.open(f"/sweeps/{visitor.system.sweep}")
    page = visitor.page
    page.get_by_role("link", name="Check by a walk-forward").click()
    train = page.get_by_label("Train", exact=True)
    train.fill("12 months")
    expect(train).to_have_attribute("aria-invalid", "true")
    train.fill("12M")
    page.get_by_label("Test", exact=True).fill("3M")
    page.get_by_label("First day").fill("2023-06-01")
    expect(page.locator(".quote")).to_contain_text("30 variants × 200 stocks")
    page.get_by_label("Research line").fill("from a sweep")
    page.reload()
    expect(page.get_by_label("Research line")).to_have_value("from a sweep")
    page.get_by_label("Research line").press("Enter")
    page.wait_for_url(re.compile("/walk-forwards/[0-9a-f-]{36}$"))
    expect(page.locator("h1 .tag")).to_have_text("Completed")
    found = get(visitor.system.url + "/v1" + re.sub(r"^.*?(/walk-forwards/)", r"\1", page.url))
    assert found["research"] == "from a sweep"
    assert found["request"]["windows"]["train"] == "12M"
    expect(page.locator("#windows tbody tr")).to_have_count(len(found["windows"]))


def test_walk_forward_shows_the_figures_of_the_api(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open(f"/walk-forwards/{visitor.system.walk}")
    page = visitor.page
    found = get(f"{visitor.system.url}/v1/walk-forwards/{visitor.system.walk}")
    stitched, figures = found["stitched"], page.locator(".luck").first.locator(".figures li")

    def text(value: float) -> str:
        return f"{value:.2f}".replace("-", "−")

    expect(figures.nth(3).locator("strong")).to_have_text(text(stitched["t"]))
    low, high = stitched["intervals"]["sharpe_studentised"]
    expect(figures.nth(1)).to_contain_text(f"{text(low)} – {text(high)}")
    warning = page.get_by_text("t값이 2보다 작습니다")
    expect(warning).to_have_count(1 if stitched["t"] < 2 else 0)
    for row, window in zip(page.locator("#windows tbody tr").all(), found["windows"], strict=True):
        cells = row.locator("td").all_inner_texts()
        assert cells[1:3] == [str(window["values"]["per"]), str(window["values"]["roe"])]
        assert cells[6].startswith(f"{window['rank']['of']}개 중 {window['rank']['rank']:g}위")
    page.locator("#windows tbody button").first.press("Enter")
    page.wait_for_url("**/runs/*")
    total = found["windows"][0]["statistics"]["test"]["total_return"]
    expect(page.locator(".figures .card > strong").first).to_contain_text(text(total * 100))


def test_holdout_of_a_walk_forward_opens_once(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/walk-forwards/{visitor.system.walk}")
    visitor.page.get_by_label("I know that it can be opened once").check()
    visitor.page.get_by_role("button", name="Open it").click()
    visitor.page.wait_for_url("**/runs/*")
    visitor.open(f"/walk-forwards/{visitor.system.walk}")
    expect(visitor.page.get_by_text("it cannot be opened again")).to_be_visible()
    visitor.open("/research/value%20line")
    expect(visitor.page.get_by_role("heading", name="Opened holdouts")).to_be_visible()


def test_research_line_is_chosen_counted_and_shown(visit: Any) -> None:
    visitor = visit("en")
    page = visitor.page
    visitor.open("/new")
    page.get_by_label("Research line").fill("typed line")
    page.get_by_role("button", name="Run the whole period").click()
    page.wait_for_url("**/runs/*")
    card = page.locator("#deflated")
    expect(card).to_be_visible()
    run = get(visitor.system.url + "/v1" + re.sub(r"^.*?(/runs/)", "/backtests/", page.url))
    expect(card).to_contain_text(run["deflated"]["conclusion"]["message"])
    card.get_by_role("link", name="typed line").press("Enter")
    line = get(f"{visitor.system.url}/v1/research/typed%20line")
    expect(page.locator(".luck .figures strong").first).to_have_text(
        f"{line['best_sharpe_annual']:.2f}".replace("-", "−")
    )
    expect(page.get_by_text(line["conclusion"]["message"])).to_be_visible()
    page.get_by_label("Trials made elsewhere").fill("500")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("500 elsewhere")).to_be_visible()
    page.get_by_label("I know that it cannot be opened again").check()
    page.get_by_role("button", name="Close the line").click()
    expect(page.locator("h1 .tag")).to_have_text("closed")
    visitor.watch.expected_errors.append("status of 409")
    visitor.open("/new")
    expect(page.get_by_label("Research line")).to_have_value("typed line")
    expect(page.get_by_text("This line is closed and takes no further trials.")).to_be_visible()
    page.get_by_role("button", name="Run the whole period").click()
    expect(page.get_by_role("alert")).to_contain_text("typed line")
