"""Selected parts of stored results, as objects and as arrays a column."""

from __future__ import annotations

import math
import pathlib
from typing import Any

import numpy as np
import orjson
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DatasetError
from shared.simulation import Outcome, canonical_request, request_of, run
from shared.simulation.result.selection import round_significant, select
from shared.simulation.result.storage import decompress, pack, pack_json, unpack
from shared.simulation.result.tables import DIGESTED, PART_COLUMNS
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

EXTRA = b',"timing":{"total_ms":1.5},"cache":{}'


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    market = random_market(1003)
    body = random_request(10_048, market)
    body["strategy"].setdefault("universe", {})["kinds"] = None
    return run(canonical_request(request_of(body)), panels_of(market))


@pytest.fixture(scope="module", params=["document", "json", "engine 1"])
def content(request: pytest.FixtureRequest, outcome: Outcome) -> bytes:
    frames = {
        "document": pack(outcome.encoded, EXTRA), "json": pack_json(unpack(pack(outcome.encoded, EXTRA))),
        "engine 1": (pathlib.Path(__file__).parents[2] / "golden" / "result" / "engine-1.zst").read_bytes(),
    }  # fmt: skip
    return decompress(frames[request.param])


def whole(content: bytes) -> dict[str, Any]:
    found = orjson.loads(unpack(zstandard.ZstdCompressor(write_checksum=True).compress(content)))
    assert isinstance(found, dict)
    return found


def as_columns(name: str, value: Any) -> Any:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return value
    names = dict.fromkeys(key for item in value for key in item) if value else PART_COLUMNS[name]
    return {key: [item.get(key) for item in value] for key in names}


def test_selection_of_everything_is_the_result(content: bytes) -> None:
    assert orjson.loads(select(content, None, columns=False)) == whole(content)


def test_columns_are_the_values_of_the_objects(content: bytes) -> None:
    expected = {name: as_columns(name, value) for name, value in whole(content).items()}
    assert orjson.loads(select(content, None, columns=True)) == expected
    assert {type(expected[name]) for name in PART_COLUMNS if name in expected} <= {dict, list}


def test_only_selected_parts_are_returned(content: bytes) -> None:
    result = whole(content)
    for parts in ({"statistics"}, {"equity", "provenance"}, {"timing"}, {"trades", "cache", "window"}):
        found = orjson.loads(select(content, parts, columns=False))
        assert found == {name: value for name, value in result.items() if name in parts}


def rounded(value: Any, digits: int) -> Any:
    def cell(found: Any) -> Any:
        return float(f"{found:.{digits}g}") if isinstance(found, float) else found

    return [{key: cell(found) for key, found in item.items()} for item in value]


@pytest.mark.parametrize("digits", [4, 8, 12])
@pytest.mark.parametrize("columns", [False, True])
def test_digits_round_the_numbers_of_lists_only(content: bytes, digits: int, columns: bool) -> None:
    result = whole(content)
    expected = {name: rounded(result[name], digits) if name in PART_COLUMNS else result[name] for name in result}
    if columns:
        expected = {name: as_columns(name, value) for name, value in expected.items()}
    found = orjson.loads(select(content, None, columns=columns, digits=digits))
    for name in expected:
        assert found[name] == expected[name], name


@given(st.lists(st.floats(), max_size=20), st.integers(4, 12))
def test_rounded_numbers_have_so_many_digits(values: list[float], digits: int) -> None:
    for exact, value in zip(values, round_significant(np.array(values), digits).tolist(), strict=True):
        if not math.isfinite(exact) or exact == 0 or not 1e-4 < abs(exact) < 1e20:
            assert value == exact or math.isnan(exact) or abs(value / exact - 1) < 10.0 ** (1 - digits)
            continue
        assert abs(value / exact - 1) <= 0.5001 * 10.0 ** (1 - digits) + 2.3e-16
        assert len(f"{value!r}".replace(".", "").replace("-", "").split("e")[0].strip("0")) <= digits


def test_rewritten_part_replaces_the_stored_one(content: bytes) -> None:
    found = orjson.loads(select(content, {"warnings"}, columns=False, rewrite={"warnings": lambda _: [{"code": "x"}]}))
    assert found == {"warnings": [{"code": "x"}]}


def test_every_list_of_objects_has_columns_when_empty() -> None:
    lists = {"corporate_actions", "equity", "monthly_returns", "open_positions", "round_trips", "trades", "warnings",
             "yearly_returns"}  # fmt: skip
    assert set(PART_COLUMNS) == lists
    assert lists < set(DIGESTED)
    content = orjson.dumps({name: [] for name in sorted(lists)})
    assert orjson.loads(select(content, None, columns=True)) == {
        name: {column: [] for column in columns} for name, columns in PART_COLUMNS.items()
    }


def test_damaged_documents_are_refused_or_harmless(outcome: Outcome) -> None:
    content = decompress(pack(outcome.encoded, EXTRA))
    for columns in (False, True):
        for place in range(16, len(content), 1 + len(content) // 3000):
            damaged = bytearray(content)
            damaged[place] ^= 0xFF
            try:
                select(bytes(damaged), None, columns=columns)
            except DatasetError:
                continue
    for stop in range(16, len(content) - 1, 1 + len(content) // 500):
        with pytest.raises(DatasetError):
            select(content[:stop] + b"R", None, columns=True)
