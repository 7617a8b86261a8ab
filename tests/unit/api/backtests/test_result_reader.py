"""Rows of a stored result that are read in blocks are the rows of the result."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.backtests import result_reader
from services.api.backtests.result_reader import read_blocks
from shared.errors import DatasetError

TEXT = st.text(alphabet='ab{}[],:"\\가 ', max_size=12) | st.sampled_from(['},{"', "}]", '"trades":[', '}],"'])
INNER = st.lists(st.fixed_dictionaries({"x": TEXT}), max_size=3)
ROW = st.fixed_dictionaries({"name": TEXT}, optional={"inner": INNER})


@settings(max_examples=300, deadline=None)
@given(equity=st.lists(ROW, max_size=30), trades=st.lists(ROW, max_size=60), note=TEXT, block=st.integers(1, 300))
def test_rows_are_those_of_the_result(
    equity: list[dict[str, object]], trades: list[dict[str, object]], note: str, block: int
) -> None:
    body = orjson.dumps({"warnings": [note], "equity": equity, "trades": trades, "timing": {"note": note}})
    default, result_reader.BLOCK_BYTES = result_reader.BLOCK_BYTES, block
    try:
        assert [row for found in read_blocks(body, "trades") for row in found] == trades
        assert [row for found in read_blocks(body, "equity") for row in found] == equity
    finally:
        result_reader.BLOCK_BYTES = default


def test_long_part_is_read_in_several_blocks() -> None:
    trades = [{"date": "2025-01-02", "shares": number} for number in range(50_000)]
    found = list(read_blocks(orjson.dumps({"trades": trades}), "trades"))
    assert len(found) > 5
    assert max(map(len, found)) < 10_000
    assert [row for block in found for row in block] == trades


def test_absent_part_has_no_rows_and_truncated_is_refused() -> None:
    assert list(read_blocks(b'{"equity":[]}', "trades")) == []
    with pytest.raises(DatasetError):
        list(read_blocks(b'{"trades":[{"a":1},{"b":2', "trades"))
