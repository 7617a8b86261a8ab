"""Rows of tables of HTML documents."""

from __future__ import annotations

import pytest

from shared.market_files.html_tables import html_rows

PAGE = """<!DOCTYPE html><html><!-- <tr><td>comment</td> --><style>td > b { }</style>
<table border=0 title='a > b'><TR><td class="x>y">1<br>2</td><th>x &amp; y<tr><td>a < b</td>
<td><b>bold</b><script>if (a<b) '</td>'</script> text</td></tr></table><p>after"""


def test_cells_are_read_as_browsers_show_them() -> None:
    assert html_rows(PAGE) == [["1 2", "x & y"], ["a < b", "bold text"]]


@pytest.mark.parametrize("text", ["", "<p>no table</p>", "<table><tr></tr></table>", "<td>outside"])
def test_document_without_rows_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no table"):
        html_rows(text)


@pytest.mark.parametrize(
    "part", ["<!--", "<a ", "<td", "</", "<a b='", '<a b=">', "<x y=", "<![CDATA[", "<?", "<script>", "&#1", "<", "<!"]
)
def test_unclosed_parts_are_read_in_linear_time(part: str) -> None:
    """A parser that needs time of the square would need minutes for these, and reach the limit of a test."""
    assert html_rows("<table><tr><td>x<td>" + part * 400_000)[0][0] == "x"
