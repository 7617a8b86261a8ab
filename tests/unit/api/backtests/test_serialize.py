"""JSON of backtests."""

from __future__ import annotations

import datetime as dt
import uuid

import orjson

from services.api.backtests.row import BacktestRow
from services.api.backtests.serialize import backtest_document, head, instant, join
from shared.simulation import ENGINE_VERSION

CREATED = dt.datetime(2025, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def _row(**changes: object) -> BacktestRow:
    values = {"id": uuid.uuid4(), "request": '{"start":"2020-01-02"}', "created_at": CREATED, **changes}
    return BacktestRow.of(values)


def test_joined_members_are_the_stored_bytes() -> None:
    assert b"".join(join({"a": 1}, result=b'{"x":1.50}', error=None)) == b'{"a":1,"result":{"x":1.50},"error":null}'


def test_instants_are_utc_with_milliseconds() -> None:
    seoul = dt.timezone(dt.timedelta(hours=9))
    assert instant(dt.datetime(2025, 1, 1, 0, 0, 0, 1999, seoul)) == "2024-12-31T15:00:00.001Z"
    assert instant(None) is None


def test_own_cancellation_comes_before_the_shared_state() -> None:
    row = _row(computation=uuid.uuid4(), computation_status="completed", cancelled_at=CREATED)
    assert row.status == "cancelled"
    assert _row().status == "preparing"
    assert "result" not in orjson.loads(b"".join(backtest_document(row, b"{}")))


def test_result_of_an_older_engine_is_marked() -> None:
    stored = _row(computation=uuid.uuid4(), computation_status="completed", engine_version="0")
    document = orjson.loads(b"".join(backtest_document(stored, b'{"trades":[]}')))
    assert (document["engine_version"], document["outdated"]) == ("0", True)
    assert document["result"] == {"trades": []}
    assert head(_row(computation=uuid.uuid4(), engine_version=ENGINE_VERSION))["outdated"] is False
    assert head(_row())["outdated"] is False


def test_start_is_never_before_the_acceptance() -> None:
    earlier = CREATED - dt.timedelta(seconds=5)
    row = _row(computation=uuid.uuid4(), computation_status="completed", started_at=earlier, finished_at=earlier)
    assert head(row)["started_at"] == head(row)["finished_at"] == instant(CREATED)
