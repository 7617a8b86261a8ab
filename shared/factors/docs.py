"""The tables of the factor reference, written from the declarations: `python -m shared.factors.docs [PAGE]`."""

from __future__ import annotations

import pathlib
import sys
from collections.abc import Sequence
from typing import Final

from shared.factors.catalogue import FACTORS, WHOLE_HISTORY, Factor

PAGE: Final = pathlib.Path("docs/reference/factors.md")
BEGIN: Final = "<!-- begin of the tables: python -m shared.factors.docs -->"
END: Final = "<!-- end of the tables -->"

_COLUMNS = ("key", "name", "unit", "formula", "no value when", "rows back")


def tables(factors: Sequence[Factor] = FACTORS) -> str:
    """Return one Markdown table for each category, in the order of the catalogue."""
    lines: list[str] = []
    for category in dict.fromkeys(factor.category for factor in factors):
        lines += ["", f"### {category.capitalize()}", "", _line(_COLUMNS), "|---" * len(_COLUMNS) + "|"]
        lines += [_line(_cells(factor)) for factor in factors if factor.category == category]
    return "\n".join([*lines, ""])


def updated(page: str) -> str:
    """Return the page with new tables between its two marks; ValueError when it lacks them."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no tables between {BEGIN!r} and {END!r}")
    return f"{head}{BEGIN}\n{tables()}\n{END}{tail}"


def _cells(factor: Factor) -> tuple[str, ...]:
    rows = "all" if factor.lookback_rows == WHOLE_HISTORY else str(factor.lookback_rows)
    name = f"{factor.name_en} ({factor.name_ko})"
    return f"`{factor.key}`", name, factor.unit, f"`{factor.formula}`", factor.null_when or "an input is absent", rows


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    page = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
