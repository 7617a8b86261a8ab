"""Rows of the tables of an HTML document, which Korean sites name `.xls`."""

from __future__ import annotations

from html.parser import HTMLParser

MAX_ROWS = 1_000_000


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._end_cell()
            if len(self.rows) < MAX_ROWS:
                self.rows.append([])
        elif tag in ("td", "th"):
            self._end_cell()
            self._cell = []
        elif tag == "br" and self._cell is not None:
            self._cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._end_cell()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end_cell(self) -> None:
        if self._cell is not None and self.rows:
            self.rows[-1].append(" ".join("".join(self._cell).split()))
        self._cell = None


def html_rows(text: str) -> list[list[str]]:
    """Return the cells of each row of all tables, with blanks collapsed; rows without cells are left out.

    Raises ValueError when the document has no table.
    """
    parser = _Tables()
    parser.feed(text)
    parser.close()
    rows = [row for row in parser.rows if row]
    if not rows:
        raise ValueError("the HTML document has no table; it may be an error page")
    return rows
