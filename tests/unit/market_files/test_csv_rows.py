"""Ends of rows in blocks of CSV text."""

from __future__ import annotations

import csv
import io
import random

import pytest

from shared.market_files.csv_rows import end_of_rows


@pytest.mark.parametrize(("block", "expected"), [
    (b"", 0), (b"a,b", 0), (b"a\n", 2), (b"a\nb", 2), (b'"a\nb"\nc', 6), (b'a\n"b\n', 2), (b'"a\nb\n', 0),
    (b'"a""\n"\n', 7),
])  # fmt: skip
def test_rows_end_outside_quotes(block: bytes, expected: int) -> None:
    assert end_of_rows(block) == expected
    assert end_of_rows(b"x\n" + block, 2) == expected + 2
    assert end_of_rows(b'x"\n' + block + b'\n"\n', 3, 3 + len(block)) == expected + 3


def test_rows_end_where_the_csv_module_ends_them() -> None:
    dice = random.Random(4)
    for _ in range(2_000):
        target = io.StringIO()
        rows = [[dice.choice(["", "a", "b\nc", 'd"e', ","]) for _ in range(2)] for _ in range(dice.randrange(1, 6))]
        csv.writer(target, lineterminator="\n").writerows(rows)
        text = target.getvalue().encode()
        stop = dice.randrange(len(text) + 1)
        cut = end_of_rows(text, 0, stop)
        assert list(csv.reader(io.StringIO(text[:cut].decode(), newline=""))) == rows[: text_rows_in(rows, cut)]


def text_rows_in(rows: list[list[str]], cut: int) -> int:
    """Return how many of the rows are written in the first `cut` bytes, which end at the end of a row."""
    for count in range(len(rows) + 1):
        target = io.StringIO()
        csv.writer(target, lineterminator="\n").writerows(rows[:count])
        if len(target.getvalue()) == cut:
            return count
    raise AssertionError(cut)
