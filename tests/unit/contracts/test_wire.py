"""Events as bytes: round trips, forwards compatibility, and refusal of everything else."""

from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.events import EVENTS, BacktestProgressed, BacktestRequested, DatasetRequested
from shared.contracts.wire import WireError, decode, encode

GOLDEN = pathlib.Path(__file__).parents[2] / "golden" / "events.json"


def test_event_round_trips() -> None:
    for event in (
        BacktestRequested(computation_id="a"),
        BacktestProgressed(computation_id="a", progress=0.5, equity=({"date": "2024-01-02", "equity": 1.0},)),
        DatasetRequested(version="v", parts=("p", "q")),
        DatasetRequested(),
    ):
        assert decode(encode(event)) == event


def test_golden_body_of_every_event_is_decoded() -> None:
    bodies = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert {body["type"] for body in bodies} == {event.type for event in EVENTS}
    for body in bodies:
        event = decode(json.dumps(body).encode())
        assert {"type": event.type, **json.loads(encode(event))} == {**json.loads(encode(event)), **body}


def test_unknown_field_is_ignored() -> None:
    body = json.loads(encode(BacktestRequested(computation_id="a"))) | {"later": 1}
    assert decode(json.dumps(body).encode()) == BacktestRequested(computation_id="a")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\x80\x04\x95\x10\x00\x00\x00",
        b'{"type":"backtest.requested.v1"}',
        b'{"type":"backtest.requested.v1","computation_id":7}',
        b'{"type":"os.system.v1"}',
        b'{"type":["x"]}',
    ],
)
def test_bytes_that_are_no_event_are_rejected(data: bytes) -> None:
    with pytest.raises(WireError):
        decode(data)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_only_wire_error(data: bytes) -> None:
    try:
        decode(data)
    except WireError:
        return
