"""Ids of backtests."""

from __future__ import annotations

import uuid

from services.api.ids import IdGenerator


def test_ids_ascend_within_a_millisecond() -> None:
    generator = IdGenerator()
    ids = [generator.new_id() for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {one.version for one in ids} == {7}
    assert {one.variant for one in ids} == {uuid.RFC_4122}
