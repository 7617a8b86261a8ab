"""Cursors of paged lists."""

from __future__ import annotations

import pytest

from services.api.errors import ApiProblem
from services.api.http.pagination import read_cursor, write_cursor


def test_cursor_returns_its_position() -> None:
    assert read_cursor(write_cursor(17), int) == 17
    assert read_cursor(write_cursor("005930"), str) == "005930"
    assert read_cursor(None, int) is None


@pytest.mark.parametrize("text", ["", "x", "!!!!", write_cursor("text"), write_cursor(True), write_cursor([1]), "é"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ApiProblem):
        read_cursor(text, int)
