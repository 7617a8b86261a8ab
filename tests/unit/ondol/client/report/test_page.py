"""The report page: complete, escaped, without external files."""

from __future__ import annotations

import html.parser
import pathlib
import re

import pytest

from ondol.client.report.page import MAX_TRADES, fragment, page
from ondol.client.result import ResultData
from tests.support.result_documents import completed

VOID = {"meta"}


class Structure(html.parser.HTMLParser):
    """Checks that each element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("benchmark", [True, False])
def test_page_is_complete_and_self_contained(benchmark: bool, tmp_path: pathlib.Path) -> None:
    result = ResultData(completed(benchmark=benchmark))
    text = result.to_html(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    structure = Structure()
    structure.feed(text)
    assert structure.open == []
    assert not {"script", "link", "img", "iframe"} & structure.seen
    assert not re.search(r"(?:src|href|url\(|@import|https?:)", text)
    parts = ("PER is present on only 1.20 %", "Worst drawdowns", "Returns by month", "2025", "take_profit", "@media")
    assert [part for part in parts if part not in text] == []
    assert ("KOSPI" in text) is benchmark


def test_names_are_escaped() -> None:
    document = completed(name="<td><script>alert(1)</script>")
    document["result"]["trades"][0]["name"] = "<td onclick=x>"
    text = page(ResultData(document))
    assert "<script" not in text
    assert "<td onclick" not in text
    assert "삼성전자 &lt;b&gt;" in text


def test_long_trade_list_is_cut_and_said() -> None:
    document = completed()
    document["result"]["trades"] = document["result"]["trades"] * MAX_TRADES
    text = page(ResultData(document))
    assert f"The first {MAX_TRADES:,} of {2 * MAX_TRADES:,}" in text


def test_result_without_trades_has_a_page() -> None:
    document = completed(rows=1)
    document["result"] |= {"trades": [], "monthly_returns": [], "yearly_returns": [], "warnings": []}
    text = page(ResultData(document))
    assert "There are no trades" in text
    assert "fewer than two days" in text


def test_fragment_of_a_notebook_styles_only_itself() -> None:
    text = fragment(ResultData(completed()))
    style = text[: text.index("</style>")]
    assert "\nbody" not in style
    assert ":root" not in style
    assert style.startswith("<style>\n.ondol {")
    assert "<svg" in text
    assert "All 2 trades" not in text
