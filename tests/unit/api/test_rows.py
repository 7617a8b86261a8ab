"""Rows of a stored result, read block by block, are the rows of the result."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.backtests import result_reader
from services.api.backtests.progress import Ends
from services.api.backtests.result_reader import blocks
from shared.contracts.events import BacktestEnded, BacktestProgressed
from shared.errors import DatasetError

TEXT = st.text(alphabet='ab{}[],:"\\가 ', max_size=12) | st.sampled_from(['},{"', "}]", '"trades":[', '}],"'])
INNER = st.lists(st.fixed_dictionaries({"x": TEXT}), max_size=3)
ROW = st.fixed_dictionaries({"name": TEXT}, optional={"inner": INNER})


@settings(max_examples=300, deadline=None)
@given(equity=st.lists(ROW, max_size=30), trades=st.lists(ROW, max_size=60), note=TEXT, block=st.integers(1, 300))
def test_the_rows_are_those_of_the_result(
    equity: list[dict[str, object]], trades: list[dict[str, object]], note: str, block: int
) -> None:
    body = orjson.dumps({"warnings": [note], "equity": equity, "trades": trades, "timing": {"note": note}})
    kept, result_reader.BLOCK = result_reader.BLOCK, block
    try:
        assert [row for found in blocks(body, "trades") for row in found] == trades
        assert [row for found in blocks(body, "equity") for row in found] == equity
    finally:
        result_reader.BLOCK = kept


def test_a_block_is_a_block_and_not_the_whole() -> None:
    trades = [{"date": "2025-01-02", "shares": number} for number in range(50_000)]
    found = list(blocks(orjson.dumps({"trades": trades}), "trades"))
    assert len(found) > 5
    assert max(map(len, found)) < 10_000
    assert [row for block in found for row in block] == trades


def test_a_part_that_is_not_there_has_no_rows_and_one_that_is_cut_off_is_refused() -> None:
    assert list(blocks(b'{"equity":[]}', "trades")) == []
    with pytest.raises(DatasetError):
        list(blocks(b'{"trades":[{"a":1},{"b":2', "trades"))


def _told(before: int, *dates: str) -> BacktestProgressed:
    points = tuple({"date": date} for date in dates)
    return BacktestProgressed(computation_id="a", progress=0.5, equity=points, before=before)


def test_progress_after_a_gap_is_not_told_and_a_run_that_begins_again_tells_nothing_twice() -> None:
    ends = Ends()
    ends.tell(_told(0, "1", "2"))
    ends.tell(_told(3, "4"))  # the event between them was lost
    assert [point["date"] for point in ends.channel("a").equity] == ["1", "2"]
    ends.tell(_told(0, "1"))  # another simulator took over
    ends.tell(_told(1, "2", "3"))
    ends.tell(_told(3, "4"))
    assert [point["date"] for point in ends.channel("a").equity] == ["1", "2", "3", "4"]


def test_a_channel_keeps_its_points_until_the_run_has_ended() -> None:
    ends = Ends()
    ends.tell(_told(0, "1"))
    ends.forget("a")
    assert ends.channel("a").equity
    ends.tell(BacktestEnded(computation_id="a", status="completed"))
    ends.forget("a")
    assert not ends.channel("a").equity
