"""What the verbs share on a terminal: common arguments, progress bars, tables, and JSON for programs."""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from collections.abc import Sequence

import orjson


def add_common(parser: argparse.ArgumentParser) -> None:
    """`--home` and `--json`."""
    parser.add_argument(
        "--home",
        type=pathlib.Path,
        default=pathlib.Path("var"),
        metavar="DIR",
        help="where data are kept and the system that serves them is found (default ./var)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the outcome as JSON, and nothing else on standard output"
    )


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_DATACLASS, default=str).decode() + "\n"
    )


class Bar:
    """Progress on standard error: a bar that redraws itself on a terminal, a plain line every few seconds otherwise."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._next = 0.0
        self._what = ""
        self._open = False

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` (None: unknown) of `what` is done."""
        now = time.monotonic()
        if self._quiet or (what == self._what and now < self._next and done != total):
            return
        if self._terminal and self._open and what != self._what:
            sys.stderr.write("\n")
        self._what, self._next = what, now + (0.1 if self._terminal else 5.0)
        share = "" if total is None else f" {'█' * (20 * done // max(total, 1)):<20} {100 * done // max(total, 1):3d} %"
        text = f"{what:<18} {done:>12,}{share}"
        sys.stderr.write(f"\r{text}\x1b[K" if self._terminal else f"{text.rstrip()}\n")
        sys.stderr.flush()
        self._open = True

    def end(self) -> None:
        """Leave the bar."""
        if self._terminal and self._open:
            sys.stderr.write("\n")
        self._open = False


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain table; the first column to the left, the others to the right."""
    widths = [max(_width(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell + " " * (w - _width(cell)) if i == 0 else " " * (w - _width(cell)) + cell
            for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(head), "  ".join("-" * w for w in widths), *(line(row) for row in rows)])


def _width(text: str) -> int:
    from unicodedata import east_asian_width

    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)
