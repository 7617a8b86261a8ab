"""What is stored is what was run, bit by bit; anything else in its place is refused."""

from __future__ import annotations

import orjson
import pytest
import zstandard

from shared.errors import DatasetError
from shared.simulation import Outcome, canonical_request, request_of, run
from shared.simulation.result.storage import frame_of, json_frame, opened
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

BESIDE = b',"timing":{"total_ms":1.5},"cache":{}'


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    market = random_market(1003)
    found = run(canonical_request(request_of(random_request(10_030, market))), panels_of(market))
    assert found.result["trades"]
    assert found.result["round_trips"]
    return found


def test_an_opened_frame_has_the_bytes_of_the_body_and_what_stands_beside(outcome: Outcome) -> None:
    assert opened(frame_of(outcome.encoded)) == outcome.body
    assert opened(frame_of(outcome.encoded, BESIDE)) == outcome.body[:-1] + BESIDE + b"}"
    assert orjson.loads(opened(frame_of(outcome.encoded, BESIDE)))["timing"] == {"total_ms": 1.5}


def test_json_without_tables_is_stored_as_it_is() -> None:
    assert opened(json_frame(b'{"a":[1,2]}')) == b'{"a":[1,2]}'


def test_no_flipped_bit_of_a_stored_result_is_served(outcome: Outcome) -> None:
    for frame in (frame_of(outcome.encoded), json_frame(outcome.body)):
        assert opened(frame) == outcome.body
        for place in range(0, len(frame), 1 + len(frame) // 2000):
            damaged = bytearray(frame)
            damaged[place] ^= 1
            try:
                assert opened(bytes(damaged)) == outcome.body
            except DatasetError:
                continue
        for wrong in (b"", b"\x80\x04.", frame[:-1], zstandard.ZstdCompressor(write_checksum=False).compress(frame)):
            with pytest.raises(DatasetError):
                opened(wrong)


def test_a_bomb_is_refused_before_anything_is_allocated() -> None:
    bomb = json_frame(bytes(300 * 1024 * 1024))
    assert len(bomb) < 100_000
    with pytest.raises(DatasetError):
        opened(bomb)


def test_a_document_that_does_not_hold_what_it_names_is_refused(outcome: Outcome) -> None:
    whole = zstandard.ZstdDecompressor().decompress(frame_of(outcome.encoded))
    mark, size, document = whole[:8], whole[8:16], whole[16:]
    wrong = (
        mark, mark + size, mark + size + document[:-1], mark + size + document + b"T",
        mark + (1 << 40).to_bytes(8, "little") + document, mark + (1).to_bytes(8, "little") + document,
        mark + size + document[:1] + b"\xff" * 8 + document[9:], mark + size + b"?" + document[1:],
    )  # fmt: skip
    for content in wrong:
        with pytest.raises(DatasetError):
            opened(json_frame(content))
