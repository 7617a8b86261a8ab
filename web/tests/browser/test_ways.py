"""Whole ways through sweeps, accounts and the quality report: with keys alone, and by touch on a phone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

MOST_TABS = 150


@dataclass
class Way:
    """How a visitor acts: with keys on a wide screen, or by touch on a narrow one."""

    visitor: Any
    touch: bool

    def reach(self, target: Locator) -> None:
        """Give the focus to an element with the Tab key alone, from where it is."""
        expect(target).to_be_enabled()
        for _ in range(MOST_TABS):
            if target.evaluate("each => each.getRootNode().activeElement === each"):
                return
            self.visitor.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {target}")

    def act(self, target: Locator, key: str = "Enter") -> None:
        """Do what an element does."""
        if self.touch:
            target.tap()
            return
        self.reach(target)
        self.visitor.page.keyboard.press(key)

    def type(self, target: Locator, text: str) -> None:
        """Type a text into a field that is empty, or whose content is replaced."""
        if self.touch:
            target.tap()
        else:
            self.reach(target)
        self.visitor.page.keyboard.press("Control+a")
        self.visitor.page.keyboard.type(text)

    def fits(self) -> None:
        """Assert that the page does not scroll sideways and that every target is at least 24 px high."""
        page = self.visitor.page
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        small = page.evaluate("""[...document.querySelectorAll("main button, main select, main input, main summary")]
          .filter((each) => each.getClientRects().length && !each.closest("label") && each.getBoundingClientRect().height < 23.5)
          .map((each) => each.outerHTML.slice(0, 120))""")
        assert small == []


@pytest.fixture(params=["keys", "touch"])
def way(visit: Any, request: Any) -> Way:
    """A visitor of either kind: keys in English on a wide screen, touch in Korean on a phone."""
    touch = request.param == "touch"
    return Way(visit("ko", "light", 390) if touch else visit("en"), touch)


def named(way: Way, english: str, korean: str) -> str:
    """Return a word in the language of the visitor."""
    return korean if way.touch else english


def test_sweep_from_its_start_to_a_variant(way: Way) -> None:
    page = way.visitor.page
    way.visitor.open("/sweeps")
    way.fits()
    way.act(page.get_by_role("link", name=named(way, "New sweep", "새 파라미터 탐색")).last)
    page.wait_for_url("**/sweeps/new*")
    way.visitor.settle()
    way.act(page.locator(".places > li > label input").nth(0), "Space")
    way.act(page.locator(".places > li > label input").nth(1), "Space")
    way.type(page.get_by_label(named(way, "Condition on variants", "변형의 조건")), "trades >= 1")
    start = page.get_by_role("button", name=named(way, "Start the sweep", "탐색 시작"))
    way.fits()
    way.act(start)
    page.wait_for_url(re.compile("/sweeps/[0-9a-f-]{36}$"))
    expect(page.locator("h1 .tag.completed")).to_be_visible()
    way.fits()
    way.act(page.locator(".cells [data-cell='0 0']"))
    page.wait_for_url("**where=*")
    variant = page.locator("#variants .virtual tbody tr:not(.space) button").first
    way.act(variant)
    page.wait_for_url("**/runs/*")
    expect(page.locator(".chart-box canvas").first).to_be_visible()
    way.fits()


def test_account_from_its_start_to_its_backtest_and_its_end(way: Way) -> None:
    page = way.visitor.page
    way.visitor.open("/accounts")
    way.fits()
    way.type(page.get_by_label(named(way, "Name", "이름")), "By keys")
    day = page.get_by_label(named(way, "First day", "시작일"))
    if way.touch:
        day.fill("2025-11-03")  # the picker of the phone, which is not part of the page
    else:
        way.reach(day)
        page.keyboard.type("11032025")
    way.act(page.get_by_role("button", name=named(way, "Create", "만들기")))
    page.wait_for_url(re.compile("/accounts/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("By keys")
    way.fits()
    way.act(page.get_by_role("button", name=named(way, "Compare with its backtest", "백테스트와 비교")))
    expect(page.locator(".verdict.good")).to_be_visible()
    way.act(page.get_by_role("button", name=named(way, "Delete", "삭제")))
    way.act(page.get_by_role("button", name=named(way, "Delete permanently", "되돌릴 수 없습니다. 삭제합니다")))
    page.wait_for_url("**/accounts")


def test_quality_report_opens_its_examples(way: Way) -> None:
    page = way.visitor.page
    way.visitor.open("/quality")
    way.act(page.locator("article.card summary").first)
    expect(page.locator("article.card tbody tr").first).to_be_visible()
    way.fits()


def test_menu_palette_and_settings(way: Way) -> None:
    page = way.visitor.page
    way.visitor.open("/ops")
    if way.touch:
        way.act(page.get_by_role("button", name="메뉴"))
    way.act(page.get_by_role("navigation").first.get_by_role("link", name=named(way, "Paper accounts", "모의 계좌")))
    page.wait_for_url("**/accounts")
    expect(page.locator("main")).to_be_focused()
    way.visitor.settle()
    if not way.touch:
        page.keyboard.press("Shift+Tab")  # back into the head of the page
        for _ in range(MOST_TABS):
            if page.get_by_role("button", name="Go to").evaluate("each => each === document.activeElement"):
                break
            page.keyboard.press("Shift+Tab")
    way.act(page.get_by_role("button", name=named(way, "Go to", "찾아가기")))
    page.keyboard.type(named(way, "quality", "품질"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/quality")
    expect(page.locator("main")).to_be_focused()
