"""Draw the diagrams of the documentation: `python ops/diagrams.py` writes an SVG beside each text of docs/diagrams.

Two kinds of text exist. `boxes TITLE`: lines `box NAME COLUMN ROW WIDTH HEIGHT STYLE | HEADING | CAPTION` and
`edge NAME SIDE NAME SIDE : LABEL`; the side `down` of a wide box is the point straight above or below the other box.
`sequence TITLE`: lines `actor NAME HEADING`, `NAME -> NAME : LABEL` (`-->` dashed)
and `note NAME : TEXT`. The same text gives the same bytes.
"""

from __future__ import annotations

import pathlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "docs" / "diagrams"

CELL_X, CELL_Y = 128, 66
BOX_Y_EXTRA = 14
MARGIN = 24
TITLE_Y = 44
COLUMN = 200
STEP = 36
FILLS = {"client": "#f1f3f5", "service": "#dbe9fb", "store": "#fdeecb"}
STYLE = "font-family: Arial, Helvetica, sans-serif; font-size: 13px; fill: #1b1f24"

_EDGE = re.compile(r"edge (\w+) (\w+) (\w+) (\w+) : (.+)")
_MESSAGE = re.compile(r"(\w+) (-->|->) (\w+) : (.+)")


class DiagramError(ValueError):
    """A line that the generator cannot read."""


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle with a heading and a caption; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    style: str
    heading: str
    caption: str

    def point(self, side: str) -> tuple[float, float]:
        """Return the middle of a side."""
        middle_x, middle_y = self.x + self.width / 2, self.y + self.height / 2
        return {
            "left": (self.x, middle_y), "right": (self.x + self.width, middle_y),
            "top": (middle_x, self.y), "bottom": (middle_x, self.y + self.height),
        }[side]  # fmt: skip

    def facing(self, side: str, other: Box) -> tuple[float, float]:
        """Return the middle of a side; for `down`, the point of the upper or lower side that faces the other box."""
        if side == "down":
            return other.x + other.width / 2, self.y if other.y < self.y else self.y + self.height
        return self.point(side)


def draw(source: str) -> str:
    """Return the SVG of a text, or raise DiagramError naming the line."""
    lines = [(n, line.strip()) for n, line in enumerate(source.splitlines(), 1)]
    lines = [(n, line) for n, line in lines if line and not line.startswith("#")]
    if not lines:
        raise DiagramError("the text is empty")
    kind, _, title = lines[0][1].partition(" ")
    try:
        return {"boxes": _boxes, "sequence": _sequence}[kind](title, lines[1:])
    except KeyError as error:
        raise DiagramError(f"unknown word or name {error}; see the head of ops/diagrams.py") from None


def _boxes(title: str, lines: list[tuple[int, str]]) -> str:
    boxes: dict[str, Box] = {}
    edges: list[re.Match[str]] = []
    for number, line in lines:
        if line.startswith("box "):
            head, heading, caption = (part.strip() for part in line.split("|"))
            _, name, column, row, width, height, style = head.split()
            boxes[name] = Box(
                x=MARGIN + int(column) * CELL_X, y=TITLE_Y + 12 + int(row) * CELL_Y,
                width=int(width) * CELL_X + 40, height=int(height) * CELL_Y + BOX_Y_EXTRA,
                style=style, heading=heading, caption=caption,
            )  # fmt: skip
        elif found := _EDGE.fullmatch(line):
            edges.append(found)
        else:
            raise DiagramError(f"line {number}: cannot read {line!r}")
    parts = [part for edge in edges for part in _edge(boxes, edge)]
    for box in boxes.values():
        middle = box.x + box.width / 2
        parts.append(
            f'<rect x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{box.height:g}" rx="6"'
            f' fill="{FILLS[box.style]}" stroke="#57606a"/>'
        )
        parts.append(_text(middle, box.y + 24, box.heading, weight="bold"))
        parts += [
            _text(middle, box.y + 44 + 17 * i, row, size=12)
            for i, row in enumerate(_wrap(box.caption, int(box.width / 7)))
        ]
    right = max(box.x + box.width for box in boxes.values())
    bottom = max(box.y + box.height for box in boxes.values())
    return _svg(title, right + MARGIN, bottom + MARGIN, parts)


def _edge(boxes: dict[str, Box], edge: re.Match[str]) -> Iterator[str]:
    start, from_side, end, to_side, label = edge.groups()
    a, b = boxes[start], boxes[end]
    ax, ay = a.facing(from_side, b)
    bx, by = b.facing(to_side, a)
    yield _arrow(ax, ay, bx, by)
    middle_x, middle_y = (ax + bx) / 2, (ay + by) / 2
    if ay == by:
        rows = _wrap(label, 11)
        for i, row in enumerate(rows):
            yield _text(middle_x, middle_y - 6 - 15 * (len(rows) - 1 - i), row, size=12, halo=True)
    else:
        yield _text(middle_x, middle_y + 4, label, size=12, halo=True)


def _sequence(title: str, lines: list[tuple[int, str]]) -> str:
    columns: dict[str, float] = {}
    headings: dict[str, str] = {}
    parts: list[str] = []
    y = TITLE_Y + 76.0
    for number, line in lines:
        if line.startswith("actor "):
            _, name, heading = line.split(maxsplit=2)
            columns[name] = MARGIN + COLUMN * (len(columns) + 0.5)
            headings[name] = heading
        elif line.startswith("note "):
            name, _, text = line.removeprefix("note ").partition(" : ")
            parts.append(_text(columns[name], y, text, size=12, halo=True, italic=True))
            y += STEP
        elif found := _MESSAGE.fullmatch(line):
            start, arrow, end, label = found.groups()
            parts += _message(columns[start], columns[end], y, label, dashed=arrow == "-->")
            y += STEP
        else:
            raise DiagramError(f"line {number}: cannot read {line!r}")
    for name, x in columns.items():
        style = "client" if name == "client" else "service" if name in ("api", "simulator") else "store"
        parts.insert(
            0, f'<line x1="{x:g}" y1="{TITLE_Y + 46}" x2="{x:g}" y2="{y:g}" stroke="#afb8c1" stroke-dasharray="3 3"/>'
        )
        parts.append(
            f'<rect x="{x - 62:g}" y="{TITLE_Y + 12}" width="124" height="34" rx="6" fill="{FILLS[style]}"'
            ' stroke="#57606a"/>'
        )
        parts.append(_text(x, TITLE_Y + 34, headings[name], weight="bold"))
    return _svg(title, MARGIN * 2 + COLUMN * len(columns), y + MARGIN, parts)


def _message(start: float, end: float, y: float, label: str, *, dashed: bool) -> Iterator[str]:
    if start == end:
        yield (
            f'<path d="M {start:g} {y - 8:g} h 26 v 14 h -24" fill="none" stroke="#24292f" marker-end="url(#arrow)"/>'
        )
        yield _text(start + 34, y + 3, label, size=12, halo=True, align="start")
        return
    yield _arrow(start, y, end, y, dashed=dashed)
    yield _text((start + end) / 2, y - 6, label, size=12, halo=True)


def _arrow(ax: float, ay: float, bx: float, by: float, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<line x1="{ax:g}" y1="{ay:g}" x2="{bx:g}" y2="{by:g}" stroke="#24292f"{dash} marker-end="url(#arrow)"/>'


def _text(
    x: float, y: float, text: str, *, size: int = 13, weight: str = "normal", halo: bool = False, italic: bool = False,
    align: str = "middle",
) -> str:  # fmt: skip
    slant = ' font-style="italic"' if italic else ""
    begin = f'<text x="{x:g}" y="{y:g}" text-anchor="{align}" font-size="{size}" font-weight="{weight}"{slant}'
    plain = f"{begin}>{escape(text)}</text>"
    # the halo is a text of its own: some renderers do not know paint-order and would draw the stroke over the letters
    stroke = ' stroke="#ffffff" stroke-width="5" stroke-linejoin="round"'
    return f"{begin}{stroke}>{escape(text)}</text>{plain}" if halo else plain


def _wrap(text: str, width: int) -> list[str]:
    rows = [""]
    for word in text.split():
        if len(rows[-1]) + len(word) + 1 > width and rows[-1]:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    return rows


def _svg(title: str, width: float, height: float, parts: list[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}"'
            f' viewBox="0 0 {width:g} {height:g}" role="img" style="{STYLE}">',
            f"<title>{escape(title)}</title>",
            '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"'
            ' orient="auto-start-reverse"><path d="M 0 0 L 10 5 L 0 10 z" fill="#24292f"/></marker></defs>',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            _text(width / 2, 30, title, size=17, weight="bold"),
            *parts,
            "</svg>",
            "",
        ]
    )


def main() -> int:
    """Write every SVG; return 1 when a text cannot be drawn."""
    for source in sorted(FOLDER.glob("*.txt")):
        try:
            source.with_suffix(".svg").write_text(draw(source.read_text(encoding="utf-8")), encoding="utf-8")
        except DiagramError as error:
            print(f"{source.name}: {error}", file=sys.stderr)
            return 1
        print(source.with_suffix(".svg").relative_to(FOLDER.parents[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
