"""What the commands share on a terminal: common arguments, progress bars, tables, and JSON for programs."""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

import orjson

from shared.errors import SetupError


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


def add_api(parser: argparse.ArgumentParser) -> None:
    """`--home`, `--json`, and which API is asked, as whom."""
    add_common(parser)
    parser.add_argument(
        "--api",
        metavar="URL",
        help="the API to ask (default ONDOL_API_URL, or the system that serves the home, or one that is started for "
        "as long as the command runs)",
    )
    parser.add_argument(
        "--key",
        dest="api_key",
        metavar="KEY",
        help="who asks; better ONDOL_API_KEY, or a file that ONDOL_API_KEY_FILE names",
    )


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(
        orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_DATACLASS, default=str).decode() + "\n"
    )


def read_object(name: str, fields: str) -> dict[str, Any]:
    """The JSON object in a file, or on standard input for `-`; SetupError says what is wrong with it."""
    try:
        found = orjson.loads(sys.stdin.buffer.read() if name == "-" else pathlib.Path(name).read_bytes())
    except OSError as error:
        raise SetupError(f"{name} cannot be read ({error.strerror}).") from error
    except orjson.JSONDecodeError as error:
        raise SetupError(f"{name} is not JSON (line {error.lineno}, column {error.colno}: {error.msg}).") from error
    if not isinstance(found, dict):
        raise SetupError(f"{name} holds no JSON object; it must have the fields {fields}.")
    return found


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


def table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str = "l") -> str:
    """A plain table; `align` has l or r for each column, the columns beyond it are to the right."""
    widths = [max(_width(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell + " " * (w - _width(cell)) if align[i : i + 1] == "l" else " " * (w - _width(cell)) + cell
            for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(head), "  ".join("-" * w for w in widths), *(line(row) for row in rows)])


def details(pairs: Sequence[tuple[str, object]]) -> str:
    """Names and what they stand for, one pair a line; what is absent is left out."""
    shown = [(name, text) for name, value in pairs if (text := plain(value))]
    width = max((_width(name) for name, _ in shown), default=0)
    return "\n".join(f"{name}{' ' * (width - _width(name))}  {text}" for name, text in shown)


def plain(value: object) -> str:
    """A value as a cell: numbers as people write them, lists with commas, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(part)}" for name, part in value.items())
    return str(value)


def percent(value: float | None) -> str:
    """A fraction as a percentage, a dash when there is none."""
    return "-" if value is None else f"{value * 100:.2f} %"


def moment(text: str | None) -> str:
    """An instant to the second, as it is written in the API's answers (UTC)."""
    return "-" if text is None else text[:19].replace("T", " ")


def clip(text: str, width: int) -> str:
    """The text, cut to so many columns; an ellipsis says that there is more."""
    if _width(text) <= width:
        return text
    kept = ""
    for letter in text:
        if _width(kept + letter) >= width:
            break
        kept += letter
    return kept + "…"


def _width(text: str) -> int:
    """Columns on a terminal: Korean letters take two, combining marks none."""
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
