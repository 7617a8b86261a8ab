"""Rows of the tables of an HTML document, which Korean sites name `.xls`.

Read in linear time: `html.parser` needs time that grows with the square of a document of unclosed tags or comments.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

MAX_ROWS = 1_000_000
_NAME = re.compile("</?[a-zA-Z]")
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)(?>=\s*+"[^"]*+"|=\s*+'[^']*+'|[^>=]++|=)*+>""")
_CELLS = {"td", "th"}
_ENDS = {"td", "th", "tr", "table"}
_WITHOUT_TEXT = {"script", "style"}


def html_rows(text: str) -> list[list[str]]:
    """Return the cells of each row of all tables, with blanks collapsed; rows without cells are left out.

    Raises ValueError when the document has no table.
    """
    rows: list[list[str]] = []
    cell: list[str] | None = None
    for data, is_end, name in _tokens(text):
        if cell is not None:
            cell.append(data)
        if name == "br" and cell is not None:
            cell.append(" ")
        if name not in _ENDS or (name == "table" and not is_end):
            continue
        if cell is not None and rows:
            rows[-1].append(" ".join(html.unescape("".join(cell)).split()))
        cell = None
        if not is_end and name == "tr" and len(rows) < MAX_ROWS:
            rows.append([])
        elif not is_end and name in _CELLS:
            cell = []
    rows = [row for row in rows if row]
    if not rows:
        raise ValueError("the HTML document has no table; it may be an error page")
    return rows


def _tokens(text: str) -> Iterator[tuple[str, bool, str]]:
    """Yield (text before it, whether it ends an element, name) of each tag; the last one has no name."""
    begin = at = 0
    parts: list[str] = []
    while (at := text.find("<", at)) >= 0:
        if text.startswith(("<!", "<?"), at):
            mark = "-->" if text.startswith("<!--", at) else ">"
            parts.append(text[begin:at])
            if (end := text.find(mark, at + 2)) < 0:
                begin = len(text)
                break
            begin = at = end + len(mark)
        elif _NAME.match(text, at):
            if (tag := _TAG.match(text, at)) is None:
                break  # the rest of the document is inside of this tag
            parts.append(text[begin:at])
            name = tag[2].lower()
            yield "".join(parts), bool(tag[1]), name
            parts.clear()
            begin = at = tag.end()
            if name in _WITHOUT_TEXT and not tag[1]:
                closed = re.compile(f"</{name}", re.IGNORECASE).search(text, at)
                begin = at = closed.start() if closed else len(text)
        else:
            at += 1
    parts.append(text[begin:])
    yield "".join(parts), True, ""
