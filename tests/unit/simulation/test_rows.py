"""Columns written as rows have the bytes of the general JSON writer; what is not whole is refused."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import orjson
import pytest

from shared.errors import DatasetError
from shared.simulation.result.encoding import (
    DATE,
    NUMBER,
    SMALL,
    TEXT,
    WHOLE,
    Chosen,
    Layout,
    Piece,
    Texts,
    text,
    written,
)

NAMES = ("Plain", 'with "quotes" and \\', "삼성전자", "line\nbreak", "")


def json_of(*pieces: Piece) -> bytes:
    return bytes(written(b"".join(p.packed for p in pieces), sum(p.most for p in pieces)))


def hard_columns(count: int) -> tuple[Piece, bytes]:
    """A table of every kind of column, and what it has to be in JSON."""
    random = np.random.default_rng(1)
    numbers = random.standard_normal(count) * 10.0 ** random.integers(-320, 308, count)
    numbers[:6] = 0.0, -0.0, np.nan, np.inf, -np.inf, 1e16
    whole = random.integers(-(2**63), 2**63 - 1, count)
    whole[:3] = 0, -(2**63), 2**63 - 1
    small = random.integers(-(2**31), 2**31 - 1, count).astype(np.int32)
    days = random.integers(-36_525, 60_000, count).astype(np.int32)
    places = random.integers(0, len(NAMES), count).astype(np.int32)
    layout = Layout(a=NUMBER, b=WHOLE, c=DATE, d=TEXT, e=NUMBER, a_name_that_is_longer_than_sixteen=SMALL, g=TEXT)
    piece = layout.rows(
        count, numbers, whole, days, Chosen(Texts.of(NAMES), places), 1 / 3 * numbers[::-1], small,
        Chosen(Texts.of(("x", "y")), (numbers > 0).astype(np.int32)),
    )  # fmt: skip
    rows = [
        {
            "a": a if math.isfinite(a) else None, "b": b,
            "c": (dt.date(1970, 1, 1) + dt.timedelta(days=c)).isoformat(), "d": NAMES[d],
            "e": e if math.isfinite(e) else None, "a_name_that_is_longer_than_sixteen": f, "g": "y" if a > 0 else "x",
        }
        for a, b, c, d, e, f in zip(
            numbers.tolist(), whole.tolist(), days.tolist(), places.tolist(), (1 / 3 * numbers[::-1]).tolist(),
            small.tolist(), strict=True,
        )
    ]  # fmt: skip
    return piece, orjson.dumps(rows)


def test_rows_have_the_bytes_of_the_general_writer() -> None:
    piece, json = hard_columns(400)
    assert json_of(piece) == json
    assert json_of(text(b'{"x":'), piece, text(b"}")) == b'{"x":' + json + b"}"


def test_a_table_may_choose_from_more_texts_than_two_bytes_can_count() -> None:
    names = tuple(f"n{i}" for i in range(70_000))
    places = np.arange(70_000, dtype=np.int32)[::-1]
    assert json.loads(json_of(Layout(n=TEXT).rows(70_000, Chosen(Texts.of(names), places)))) == [
        {"n": name} for name in reversed(names)
    ]


def test_no_rows_are_an_empty_list() -> None:
    assert json_of(Layout(a=NUMBER, b=DATE).rows(0, np.empty(0), np.empty(0, np.int32))) == b"[]"


def test_rows_without_numbers_are_written() -> None:
    assert json.loads(json_of(Layout(n=WHOLE).rows(3, np.arange(3)))) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        Layout(a=NUMBER).rows(4, np.zeros(3))


def test_a_column_of_another_type_is_refused() -> None:
    for kind, values in ((WHOLE, np.zeros(3)), (NUMBER, np.arange(3)), (TEXT, np.arange(3)), (DATE, np.arange(3))):
        with pytest.raises(ValueError, match="type"):
            Layout(a=kind).rows(3, values)


def test_a_text_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="does not exist"):
        Layout(a=TEXT).rows(1, Chosen(Texts.of(("x",)), np.array([1], np.int32)))


def test_no_document_that_is_cut_or_changed_is_read_beyond_its_end() -> None:
    piece, json = hard_columns(20)
    assert json_of(piece) == json
    for end in range(1, len(piece.packed)):
        with pytest.raises(DatasetError):
            written(piece.packed[:end], piece.most)
    random = np.random.default_rng(2)
    refused = 0
    for place in range(len(piece.packed)):
        changed = bytearray(piece.packed)
        changed[place] ^= 1 << random.integers(8)
        try:
            found = written(bytes(changed), piece.most)
        except DatasetError:
            refused += 1
        else:
            assert len(found) <= piece.most
    assert refused > len(piece.packed) // 20


def test_no_more_is_written_than_was_asked_for() -> None:
    piece, json = hard_columns(50)
    with pytest.raises(DatasetError):
        written(piece.packed, len(json) - 300)
