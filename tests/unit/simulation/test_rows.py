"""Columns written as rows have the bytes of the general JSON writer."""

from __future__ import annotations

import datetime as dt
import json
import math

import numpy as np
import orjson
import pytest

from shared.simulation.rows import Chosen, Dates, Texts, rows_json

NAMES = ("Plain", 'with "quotes" and \\', "삼성전자", "line\nbreak", "")


def test_rows_have_the_bytes_of_the_general_writer() -> None:
    random = np.random.default_rng(1)
    count = 400
    numbers = random.standard_normal(count) * 10.0 ** random.integers(-320, 308, count)
    numbers[:6] = 0.0, -0.0, np.nan, np.inf, -np.inf, 1e16
    whole = random.integers(-(2**63), 2**63 - 1, count)
    whole[:3] = 0, -(2**63), 2**63 - 1
    days = random.integers(-36_525, 60_000, count).astype(np.int32)
    places = random.integers(0, len(NAMES), count).astype(np.int32)
    written = rows_json(
        {"a": numbers, "b": whole, "c": Dates(days), "d": Chosen(Texts.of(NAMES), places), "e": 1 / 3 * numbers[::-1]},
        count,
    )
    rows = [
        {
            "a": a if math.isfinite(a) else None, "b": b,
            "c": (dt.date(1970, 1, 1) + dt.timedelta(days=c)).isoformat(), "d": NAMES[d],
            "e": e if math.isfinite(e) else None,
        }
        for a, b, c, d, e in zip(
            numbers.tolist(), whole.tolist(), days.tolist(), places.tolist(), (1 / 3 * numbers[::-1]).tolist(),
            strict=True,
        )
    ]  # fmt: skip
    assert bytes(written) == orjson.dumps(rows)


def test_no_rows_are_an_empty_list() -> None:
    assert bytes(rows_json({"a": np.empty(0), "b": Dates(np.empty(0, np.int32))}, 0)) == b"[]"


def test_rows_without_numbers_are_written() -> None:
    assert json.loads(bytes(rows_json({"n": np.arange(3)}, 3))) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        rows_json({"a": np.zeros(3)}, 4)


def test_a_text_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="does not exist"):
        rows_json({"a": Chosen(Texts.of(("x",)), np.array([1], np.int32))}, 1)
