"""Curves in letters."""

from __future__ import annotations

import pytest

from ondol.cli.curve import HEIGHT, WIDTH, curve


def drawn(text: str) -> list[str]:
    """Return the lines of the plot without their scale."""
    return [line.partition("|")[2] for line in text.splitlines()[:HEIGHT]]


@pytest.mark.parametrize("count", [2, 10, 5000])
def test_rising_line_goes_from_bottom_left_to_top_right(count: int) -> None:
    values = [100.0 + n / count for n in range(count)]
    lines = drawn(curve(values, [], base=100.0, start="2024-01-02", end="2024-12-30", braille=False))
    assert lines[0].rstrip().endswith("*")
    assert lines[-1].startswith("*")
    assert max(map(len, lines)) == WIDTH


def test_benchmark_lies_behind_the_strategy() -> None:
    text = curve([1.0, 2.0], [1.0, 1.0], base=1.0, start="a", end="b")
    assert "+100 %" in text.splitlines()[0]
    assert "·" in drawn(text)[-1]
    assert text.splitlines()[-1].strip() == "⠒ strategy  · benchmark"
    assert "benchmark" not in curve([1.0, 2.0], [None, None], base=1.0, start="a", end="b")


def test_flat_or_short_curves_are_drawn_or_left_out() -> None:
    assert curve([1.0], [1.0], base=1.0, start="a", end="b") == ""
    flat = drawn(curve([5.0, None, 5.0], [], base=1.0, start="a", end="b", braille=False))
    assert [line[:1] for line in flat if line] == ["*"]
