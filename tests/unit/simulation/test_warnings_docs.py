"""The reference page of warnings shows what the code declares."""

from __future__ import annotations

import pathlib

import pytest

from shared.simulation.warnings import WARNINGS, warn

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "reference" / "warnings.md"


def expected_table() -> str:
    """The table of the page, from the declaration."""
    lines = ["| code | given when | figures | what to do |", "|---|---|---|---|"]
    for code, kind in WARNINGS.items():
        figures = "; ".join(f"`{name}`: {meaning}" for name, meaning in kind.figures.items())
        lines.append(f"| `{code}` | {kind.when} | {figures} | {kind.remedy} |")
    return "\n".join(lines)


def test_warning_page_shows_the_declared_table() -> None:
    table = expected_table()
    assert table in PAGE.read_text(encoding="utf-8"), f"put this table into {PAGE}:\n{table}"


def test_warning_with_undeclared_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="short_window has the figures"):
        warn("short_window", "text", {"days": 3})
