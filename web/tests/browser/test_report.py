"""What a report can be taken along as: paper, picture, link, program, picks, and a strategy by its id."""

from __future__ import annotations

import re
import subprocess
from typing import Any

from conftest import ROOT
from playwright.sync_api import expect
from test_journeys import get


def test_report_is_printed_on_two_pages_with_its_chart(visit: Any) -> None:
    visitor = visit("ko")
    visitor.open(f"/runs/{visitor.system.run}")
    visitor.page.locator(".chart-box canvas").first.wait_for()
    paper = visitor.page.pdf(format="A4", print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 2
    visitor.page.emulate_media(media="print")
    visitor.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    picture = visitor.page.locator(".print-chart canvas").first.bounding_box()
    frame = visitor.page.locator(".chart").first.bounding_box()
    assert picture["width"] > 300
    assert picture["x"] + picture["width"] <= frame["x"] + frame["width"]
    visitor.page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(visitor.page.locator(".print-chart canvas")).to_have_count(0)


def test_chart_is_downloaded_as_a_picture(visit: Any) -> None:
    visitor = visit("en", "dark")
    visitor.open(f"/runs/{visitor.system.run}")
    visitor.page.locator(".chart-box canvas").first.wait_for()
    with visitor.page.expect_download() as download:
        visitor.page.get_by_role("button", name="PNG").click()
    picture = download.value.path().read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert int.from_bytes(picture[16:20], "big") > 600


def test_link_carries_the_request_and_the_digest(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}?tab=request")
    page = visitor.page
    link = page.locator("pre", has_text="/shared#").inner_text()
    other = visit("ko")
    other.open(link.removeprefix(visitor.system.url))
    other.page.get_by_role("button", name="계산해서 확인").click()
    expect(other.page.get_by_text("링크의 결과와 다이제스트가 같습니다.")).to_be_visible()
    other.open("/shared#damaged")
    expect(other.page.get_by_role("alert")).to_contain_text("읽을 수 없습니다")


def test_copied_program_prints_the_statistics_of_the_report(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}?tab=request")
    program = visitor.page.locator("pre", has_text="from ondol import Client").inner_text()
    statistics = get(f"{visitor.system.url}/v1/backtests/{visitor.system.run}")["result"]["statistics"]
    said = subprocess.run(
        [ROOT / ".venv/bin/python", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert said.returncode == 0, said.stderr
    assert str(statistics["sharpe"])[:7] in said.stdout


def test_picks_of_a_report_are_the_screen_of_its_condition(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}")
    visitor.page.get_by_role("link", name="Today's picks").click()
    expect(visitor.page.get_by_label("Condition")).to_have_value("PER < 15 and ROE > 5")
    query = "where=PER%20%3C%2015%20and%20ROE%20%3E%205&rank_by=MOMENTUM_3M&kinds=common,foreign"
    total = get(f"{visitor.system.url}/v1/screen?{query}")["total"]
    expect(visitor.page.get_by_text(f"{total} stocks", exact=True)).to_be_visible()


def test_builder_begins_with_the_strategy_of_an_id(visit: Any) -> None:
    visitor = visit("en")
    visitor.open("/new?from=peter_lynch")
    strategy = get(f"{visitor.system.url}/v1/strategies/peter_lynch")["strategy"]
    expect(visitor.page.locator(".builder .rows .row").first).to_be_visible()
    visitor.page.locator("summary", has_text="Save and copy").click()
    expect(visitor.page.locator("pre").first).to_contain_text(strategy["buy"]["where"][:20])


def test_sectors_add_up_to_the_weight_of_the_stocks(visit: Any) -> None:
    visitor = visit("en")
    visitor.open(f"/runs/{visitor.system.run}?tab=holdings&day=2024-03-04")
    found = get(f"{visitor.system.url}/v1/backtests/{visitor.system.run}/holdings?date=2024-03-04")
    shown = visitor.page.locator(".bars td.right").all_inner_texts()
    stocks = 100 * (1 - found["cash"] / found["equity"])
    assert abs(sum(float(text.rstrip("%")) for text in shown) - stocks) < 0.05 * len(shown) + 0.05
