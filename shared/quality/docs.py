"""The table of checks of the quality reference, written from CHECKS: `python -m shared.quality.docs`."""

from __future__ import annotations

import pathlib
from typing import Final

from shared.quality.report import CHECKS

PAGE: Final = pathlib.Path("docs/reference/quality.md")
BEGIN: Final = "<!-- begin of the table: python -m shared.quality.docs -->"
END: Final = "<!-- end of the table -->"


def table() -> str:
    """Return the checks as a Markdown table."""
    lines = ["| check | counts | what follows |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{c.name}` | {c.counts} | {c.follows} |" for c in CHECKS)])


def updated(page: str) -> str:
    """Return the page with a new table between its two marks; ValueError when it lacks them."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no table between {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
