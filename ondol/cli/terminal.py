"""Terminal input and output of the commands: common arguments, progress bars, tables, JSON."""

from __future__ import annotations

import argparse
import pathlib
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from ondol.cli.encoding import can_print, write_bytes
from shared.contracts.http import ENDED
from shared.errors import SetupError


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add `--home` and `--json`."""
    parser.add_argument(
        "--home",
        type=pathlib.Path,
        default=pathlib.Path("var"),
        metavar="DIR",
        help="data directory, and the system that serves it (default ./var)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else on standard output")


def add_api(parser: argparse.ArgumentParser) -> None:
    """Add `--home`, `--json`, `--api` and `--key`."""
    add_common(parser)
    parser.add_argument(
        "--api",
        metavar="URL",
        help="URL of the API (default ONDOL_API_URL, else the system that serves the home, else a system started for "
        "the duration of the command)",
    )
    parser.add_argument(
        "--key",
        dest="api_key",
        metavar="KEY",
        help="API key; prefer ONDOL_API_KEY or a file named by ONDOL_API_KEY_FILE",
    )


def print_json(value: object) -> None:
    """Write a JSON document to standard output, in UTF-8 whatever the encoding of the terminal is."""
    options = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_DATACLASS | orjson.OPT_APPEND_NEWLINE
    write_bytes(orjson.dumps(value, option=options, default=str))


def print_deleted(name: str, value: str, *, as_json: bool) -> None:
    """Print that a resource was deleted; `name` is what its documents call its id."""
    if as_json:
        print_json({name: value, "deleted": True})
    else:
        print(f"deleted {value}")


def read_object(name: str, fields: str) -> dict[str, Any]:
    """Return the JSON object of a file (`-`: standard input); raise SetupError when it cannot be read."""
    try:
        document = orjson.loads(sys.stdin.buffer.read() if name == "-" else pathlib.Path(name).read_bytes())
    except OSError as error:
        raise SetupError(f"{name} cannot be read ({error.strerror}).") from error
    except orjson.JSONDecodeError as error:
        raise SetupError(f"{name} is not JSON (line {error.lineno}, column {error.colno}: {error.msg}).") from error
    if not isinstance(document, dict):
        raise SetupError(f"{name} is not a JSON object; it must have the fields {fields}.")
    return document


class Bar:
    """Progress on standard error: a redrawn bar on a terminal, a line every few seconds otherwise."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._next = 0.0
        self._what = ""
        self._open = False
        self._block = "█" if can_print("█", sys.stderr) else "#"
        self._began = (0.0, 0)

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Show that `done` of `total` (None: unknown) items of `what` are done, and the time that is left."""
        now = time.monotonic()
        if what != self._what:
            self._began = (now, done)
        if self._quiet or (what == self._what and now < self._next and done != total):
            return
        if self._terminal and self._open and what != self._what:
            sys.stderr.write("\n")
        self._what, self._next = what, now + (0.1 if self._terminal else 5.0)
        share = (
            ""
            if total is None
            else f" {self._block * (20 * done // max(total, 1)):<20} {100 * done // max(total, 1):3d} %"
        )
        text = f"{what:<18} {done:>12,}{share}{self._remaining(now, done, total)}"
        sys.stderr.write(f"\r{text}\x1b[K" if self._terminal else f"{text.rstrip()}\n")
        sys.stderr.flush()
        self._open = True

    def _remaining(self, now: float, done: int, total: int | None) -> str:
        """Return the time that is left at the speed so far, empty in the first seconds and for short work."""
        began, first = self._began
        if total is None or done <= first or done >= total or now - began < 2:
            return ""
        seconds = (now - began) / (done - first) * (total - done)
        if seconds < 10:
            return ""
        hours, minutes = divmod(round(seconds / 60), 60)
        left = f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes > 1 else f"{seconds:.0f} s"
        return f", {left} left"

    def end(self) -> None:
        """End the line of the bar."""
        if self._terminal and self._open:
            sys.stderr.write("\n")
        self._open = False


def progress_of(bar: Bar) -> Callable[[Mapping[str, Any]], None]:
    """Return what shows the progress of a backtest's document on a bar until it has ended."""

    def show(document: Mapping[str, Any]) -> None:
        if document["status"] not in ENDED:
            bar(document["status"], round(100 * document["progress"]), 100)

    return show


def table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str = "l") -> str:
    """Return a text table; `align` has l or r for each column, further columns are right-aligned."""
    widths = [max(_width(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell + " " * (w - _width(cell)) if align[i : i + 1] == "l" else " " * (w - _width(cell)) + cell
            for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    return "\n".join([line(head), "  ".join("-" * w for w in widths), *(line(row) for row in rows)])


def details(pairs: Sequence[tuple[str, object]]) -> str:
    """Return name and value pairs, one a line, without pairs whose value is empty."""
    shown = [(name, text) for name, value in pairs if (text := plain(value))]
    width = max((_width(name) for name, _ in shown), default=0)
    return "\n".join(f"{name}{' ' * (width - _width(name))}  {text}" for name, text in shown)


def plain(value: object) -> str:
    """Return a value as a cell: numbers with thousands separators, lists with commas, an empty text for null."""
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
    """Return a fraction as a percentage, a dash for None."""
    return "-" if value is None else f"{value * 100:.2f} %"


def moment(text: str | None) -> str:
    """Return a timestamp of the API (UTC) to the second, a dash for None."""
    return "-" if text is None else text[:19].replace("T", " ")


def clip(text: str, width: int) -> str:
    """Return the text cut to `width` columns; an ellipsis marks a cut."""
    if _width(text) <= width:
        return text
    head = ""
    for letter in text:
        if _width(head + letter) >= width:
            break
        head += letter
    return head + "…"


def _width(text: str) -> int:
    """Return the columns on a terminal: Korean letters take two, combining marks none."""
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def value_of(text: str) -> Any:
    """Return the JSON value that a text is, or the text itself when it is not JSON."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
