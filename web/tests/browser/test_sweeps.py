"""Sweeps: a new one from a strategy, its progress, heat map, table, luck warnings, and a variant as a backtest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from test_journeys import get


def test_sweep_is_quoted_started_and_followed_to_its_end(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("status of 422")
    visitor.open("/sweeps/new?strategy=low_per_high_roe")
    page = visitor.page
    expect(page.get_by_role("button", name="Start the sweep")).to_be_disabled()
    page.locator(".places > li > label input").nth(1).check()
    page.get_by_role("checkbox", name="Stop loss").check()
    page.get_by_label("also without this rule").check()
    expect(page.locator(".quote")).to_contain_text("30 variants × 200 stocks")
    page.get_by_label("Step").first.fill("0")
    expect(page.get_by_label("Step").first).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Step").first.fill("5")
    page.get_by_label("Condition on variants").fill("trads >= 5")
    page.locator(".problems .chip", has_text="trades").click()
    expect(page.get_by_label("Condition on variants")).to_have_value("trades >= 5")
    page.get_by_role("button", name="Start the sweep").click()
    page.wait_for_url(re.compile("/sweeps/[0-9a-f-]{36}$"))
    expect(page.locator("h1 .tag")).to_have_text("Completed")
    found = get(visitor.system.url + "/v1" + re.sub(r"^.*?(/sweeps/)", r"\1", page.url))
    where = found["request"]["template"]["strategy"]["buy"]["where"]
    assert where == "PER > 0 and PER < $per_2 and ROE > 10"
    assert found["request"]["parameters"]["stop_loss"]["values"] == [5, 10, 15, 20, 25, None]


def test_heat_map_has_the_values_of_the_api_and_filters_the_table(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open(f"/sweeps/{visitor.system.sweep}")
    found = get(f"{visitor.system.url}/v1/sweeps/{visitor.system.sweep}/heatmap?x=per&y=roe")
    cells = visitor.page.locator(".cells tbody td").all_inner_texts()
    expected = [f"{value:,.2f}".replace("-", "−") for row in found["cells"] for value in row]
    assert cells == expected
    visitor.page.locator(".cells [data-cell='0 0']").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        visitor.page.keyboard.press(key)
    visitor.page.wait_for_url("**where=*")
    rows = visitor.page.locator("#variants .virtual tbody tr:not(.space)")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("12")
    expect(rows.first).to_contain_text(expected[12])


def test_figures_of_luck_are_those_of_the_api(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/sweeps/{visitor.system.sweep}")
    found = get(f"{visitor.system.url}/v1/sweeps/{visitor.system.sweep}")["statistics"]
    low, high = (f"{value * 100:.1f}%" for value in found["best"]["dsr"])
    expect(visitor.page.locator(".luck .figures li").nth(2)).to_contain_text(f"{low} – {high}" if low != high else low)
    expect(visitor.page.locator(".luck .figures li").nth(3)).to_contain_text(
        f"{found['pbo']['probability'] * 100:.0f}%"
    )
    warning = visitor.page.get_by_text("The lower deflated Sharpe ratio is below 95%")
    expect(warning).to_have_count(1 if found["best"]["dsr"][0] < 0.95 else 0)


def test_variant_opens_as_the_backtest_that_it_is(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/sweeps/{visitor.system.sweep}?where=$per == 14 and $roe == 5")
    row = visitor.page.locator("#variants .virtual tbody tr:not(.space)").first
    sharpe = row.locator("td").nth(6).inner_text()
    row.get_by_role("button").click()
    visitor.page.wait_for_url("**/runs/*")
    expect(visitor.page.locator("h1 + p + p")).to_have_text("PER < 14 and ROE > 5")
    expect(visitor.page.locator(".figures .card > strong").nth(3)).to_have_text(sharpe)


def test_holdout_needs_a_confirmation_and_opens_once(visit: Any) -> None:
    visitor = visit("en")
    template = {"strategy": {"buy": {"where": "PER < $per"}}, "start": "2024-01-02", "end": "2025-12-30"}
    body = {"template": template, "parameters": {"per": {"values": [10, 15]}}, "holdout": {"from": "2025-07-01"}}
    identity = visitor.system.post("/v1/sweeps", body)["id"]
    visitor.open(f"/sweeps/{identity}")
    button = visitor.page.get_by_role("button", name="Open it")
    expect(button).to_be_disabled()
    visitor.page.get_by_label("I know that it can be opened once").check()
    button.click()
    visitor.page.wait_for_url("**/runs/*")
    visitor.open(f"/sweeps/{identity}")
    expect(visitor.page.get_by_text("it cannot be opened again")).to_be_visible()
    holdout = get(f"{visitor.system.url}/v1/sweeps/{identity}")["holdout"]
    found = get(f"{visitor.system.url}/v1/backtests/{holdout['backtest']}")["result"]["statistics"]
    sharpe = f"{found['sharpe']:.2f}".replace("-", "−")
    expect(visitor.page.locator("#holdout .figures strong").nth(1)).to_have_text(sharpe)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_holdout_that_was_opened_before_says_by_what(visit: Any, language: str) -> None:
    visitor = visit(language)
    system = visitor.system
    where = f"PER < $per and PBR < {3 if language == 'en' else 4}"
    template = {"strategy": {"buy": {"where": where}}, "start": "2024-01-02", "end": "2025-12-30"}
    body = {
        "template": template, "parameters": {"per": {"values": [10, 15]}}, "holdout": {"from": "2025-07-01"},
        "research": f"holdout {language}",
    }  # fmt: skip
    first = system.post("/v1/sweeps", body)["id"]
    opened = system.post(f"/v1/sweeps/{first}/holdout", {"variant": 1})
    second = system.post("/v1/sweeps", body | {"parameters": {"per": {"values": [10, 15, 20]}}})["id"]
    found = get(f"{system.url}/v1/sweeps/{second}")
    visitor.open(f"/sweeps/{second}")
    page = visitor.page
    card = page.locator("#holdout")
    expect(card.get_by_role("note").first).to_contain_text("2025-07-01 – 2025-12-30")
    expect(card.get_by_role("button", name=re.compile("Open it|열어서"))).to_have_count(0)
    figures = get(f"{system.url}/v1/backtests/{opened['backtest']}")["result"]["statistics"]
    expect(card.locator(".figures strong").last).to_have_text(f"{figures['trades']:,}")
    expect(page.locator("#deflated")).to_contain_text(found["deflated"]["research"])
    assert visitor.violations() == []
    visitor.shoot("holdout-opened-before")
    card.locator(f"a[href='/sweeps/{first}']").click()
    page.wait_for_url(f"**/sweeps/{first}")


@contextmanager
def long_sweep(system: Any) -> Iterator[dict[str, Any]]:
    """Yield a sweep that takes longer than a test; it is cancelled at the end, whatever the test has found."""
    template = {
        "strategy": {"buy": {"where": "ts_mean(close, $fast) > ts_mean(close, $slow)"}},
        "start": "2023-01-02", "end": "2025-12-30",
    }  # fmt: skip
    parameters = {"fast": {"from": 2, "to": 90, "step": 1}, "slow": {"from": 100, "to": 219, "step": 1}}
    found = system.post("/v1/sweeps", {"template": template, "parameters": parameters}, wait_s=0)
    try:
        yield found
    finally:
        system.post(f"/v1/sweeps/{found['id']}", {}, method="DELETE")


def grows(page: Page) -> int:
    """Wait until the progress is greater than now; return it."""
    now = int(page.get_by_role("progressbar").get_attribute("value") or 0)
    page.wait_for_function(
        "before => Number(document.querySelector('progress').getAttribute('value')) > before", arg=now
    )
    return int(page.get_by_role("progressbar").get_attribute("value") or 0)


def test_lost_stream_of_a_running_sweep_is_resumed_after_its_last_event(visit: Any) -> None:
    visitor = visit("en")
    visitor.watch.expected_errors.append("net::ERR_INTERNET_DISCONNECTED")
    page = visitor.page
    with long_sweep(visitor.system) as sweep:
        resumed: list[str | None] = []

        def note(request: Any) -> None:
            if request.url.endswith("/events"):
                resumed.append(request.headers.get("last-event-id"))

        page.on("request", note)
        page.goto(f"{visitor.system.url}/sweeps/{sweep['id']}")
        expect(page.get_by_role("progressbar")).to_be_visible()
        grows(page)  # by an event of the stream
        page.context.set_offline(True)
        lost = page.get_by_text("The page reconnects by itself")
        expect(lost).to_be_visible()
        with page.expect_request(lambda request: request.url.endswith("/events")) as again:
            page.context.set_offline(False)
        assert again.value.headers.get("last-event-id")  # the events before it do not come again
        assert resumed[0] is None
        expect(lost).to_have_count(0)
        grows(page)
        expect(page.locator(".state.error")).to_have_count(0)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("h1 .tag")).to_have_text("Cancelled")


def test_running_sweep_grows_and_can_be_cancelled(visit: Any) -> None:
    visitor = visit("en")
    with long_sweep(visitor.system) as sweep:
        visitor.page.goto(f"{visitor.system.url}/sweeps/{sweep['id']}")
        expect(visitor.page.get_by_role("progressbar")).to_be_visible()
        expect(visitor.page.get_by_text(re.compile("^⚠ Only .* of 10,680 variants"))).to_be_visible()
        visitor.page.get_by_role("button", name="Cancel").click()
        expect(visitor.page.locator("h1 .tag")).to_have_text("Cancelled")
