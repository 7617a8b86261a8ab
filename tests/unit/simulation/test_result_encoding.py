"""Encoded tables render as the bytes of the general JSON library; damaged documents are refused."""

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
    INT32,
    INT64,
    NUMBER,
    STRING,
    DictColumn,
    Fragment,
    StringPool,
    TableSchema,
    literal,
    render,
)

NAMES = ("Plain", 'with "quotes" and \\', "삼성전자", "line\nbreak", "")


def json_of(*fragments: Fragment) -> bytes:
    return bytes(render(b"".join(p.packed for p in fragments), sum(p.json_limit for p in fragments)))


def every_kind(count: int) -> tuple[Fragment, bytes]:
    """A table with every kind of column, and its JSON."""
    random = np.random.default_rng(1)
    numbers = random.standard_normal(count) * 10.0 ** random.integers(-320, 308, count)
    numbers[:6] = 0.0, -0.0, np.nan, np.inf, -np.inf, 1e16
    whole = random.integers(-(2**63), 2**63 - 1, count)
    whole[:3] = 0, -(2**63), 2**63 - 1
    small = random.integers(-(2**31), 2**31 - 1, count).astype(np.int32)
    days = random.integers(-36_525, 60_000, count).astype(np.int32)
    indices = random.integers(0, len(NAMES), count).astype(np.int32)
    layout = TableSchema(
        a=NUMBER, b=INT64, c=DATE, d=STRING, e=NUMBER, a_name_that_is_longer_than_sixteen=INT32, g=STRING
    )
    fragment = layout.encode(
        count, numbers, whole, days, DictColumn(StringPool.of(NAMES), indices), 1 / 3 * numbers[::-1], small,
        DictColumn(StringPool.of(("x", "y")), (numbers > 0).astype(np.int32)),
    )  # fmt: skip
    rows = [
        {
            "a": a if math.isfinite(a) else None, "b": b,
            "c": (dt.date(1970, 1, 1) + dt.timedelta(days=c)).isoformat(), "d": NAMES[d],
            "e": e if math.isfinite(e) else None, "a_name_that_is_longer_than_sixteen": f, "g": "y" if a > 0 else "x",
        }
        for a, b, c, d, e, f in zip(
            numbers.tolist(), whole.tolist(), days.tolist(), indices.tolist(), (1 / 3 * numbers[::-1]).tolist(),
            small.tolist(), strict=True,
        )
    ]  # fmt: skip
    return fragment, orjson.dumps(rows)


def test_table_has_the_bytes_of_orjson() -> None:
    fragment, json = every_kind(400)
    assert json_of(fragment) == json
    assert json_of(literal(b'{"x":'), fragment, literal(b"}")) == b'{"x":' + json + b"}"


def test_string_column_takes_more_than_65535_strings() -> None:
    names = tuple(f"n{i}" for i in range(70_000))
    indices = np.arange(70_000, dtype=np.int32)[::-1]
    assert json.loads(json_of(TableSchema(n=STRING).encode(70_000, DictColumn(StringPool.of(names), indices)))) == [
        {"n": name} for name in reversed(names)
    ]


def test_table_without_rows_is_an_empty_list() -> None:
    assert json_of(TableSchema(a=NUMBER, b=DATE).encode(0, np.empty(0), np.empty(0, np.int32))) == b"[]"


def test_table_without_numbers_is_encoded() -> None:
    assert json.loads(json_of(TableSchema(n=INT64).encode(3, np.arange(3)))) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="rows"):
        TableSchema(a=NUMBER).encode(4, np.zeros(3))


def test_column_of_another_type_is_refused() -> None:
    for kind, values in ((INT64, np.zeros(3)), (NUMBER, np.arange(3)), (STRING, np.arange(3)), (DATE, np.arange(3))):
        with pytest.raises(ValueError, match="type"):
            TableSchema(a=kind).encode(3, values)


def test_index_outside_the_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="outside its pool"):
        TableSchema(a=STRING).encode(1, DictColumn(StringPool.of(("x",)), np.array([1], np.int32)))


def test_damaged_document_is_not_read_beyond_its_end() -> None:
    fragment, json = every_kind(20)
    assert json_of(fragment) == json
    for end in range(1, len(fragment.packed)):
        with pytest.raises(DatasetError):
            render(fragment.packed[:end], fragment.json_limit)
    random = np.random.default_rng(2)
    refused = 0
    for at in range(len(fragment.packed)):
        changed = bytearray(fragment.packed)
        changed[at] ^= 1 << random.integers(8)
        try:
            found = render(bytes(changed), fragment.json_limit)
        except DatasetError:
            refused += 1
        else:
            assert len(found) <= fragment.json_limit
    assert refused > len(fragment.packed) // 20


def test_json_beyond_the_limit_is_refused() -> None:
    fragment, json = every_kind(50)
    with pytest.raises(DatasetError):
        render(fragment.packed, len(json) - 300)
