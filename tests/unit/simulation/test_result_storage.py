"""An unpacked result has the bytes of the run; damaged frames are refused."""

from __future__ import annotations

import pathlib

import orjson
import pytest
import zstandard

from shared.errors import DatasetError, RunError
from shared.simulation import Outcome, canonical_request, digest_of, request_of, run
from shared.simulation.computing_cost import result_bytes_of_trades
from shared.simulation.result.storage import MAX_STORED_BYTES, pack, pack_json, unpack
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

EXTRA = b',"timing":{"total_ms":1.5},"cache":{}'


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    market = random_market(1003)
    body = random_request(10_048, market)
    body["strategy"].setdefault("universe", {})["kinds"] = None
    found = run(canonical_request(request_of(body)), panels_of(market))
    assert found.result["trades"]
    assert found.result["round_trips"]
    return found


def test_unpacked_frame_has_the_bytes_of_body_and_extra(outcome: Outcome) -> None:
    assert unpack(pack(outcome.encoded)) == outcome.body
    assert unpack(pack(outcome.encoded, EXTRA)) == outcome.body[:-1] + EXTRA + b"}"
    assert orjson.loads(unpack(pack(outcome.encoded, EXTRA)))["timing"] == {"total_ms": 1.5}


def test_json_without_tables_unpacks_unchanged() -> None:
    assert unpack(pack_json(b'{"a":[1,2]}')) == b'{"a":[1,2]}'


def test_flipped_bits_are_refused_or_harmless(outcome: Outcome) -> None:
    for frame in (pack(outcome.encoded), pack_json(outcome.body)):
        assert unpack(frame) == outcome.body
        for place in range(0, len(frame), 1 + len(frame) // 2000):
            damaged = bytearray(frame)
            damaged[place] ^= 1
            try:
                assert unpack(bytes(damaged)) == outcome.body
            except DatasetError:
                continue
        for wrong in (b"", b"\x80\x04.", frame[:-1], zstandard.ZstdCompressor(write_checksum=False).compress(frame)):
            with pytest.raises(DatasetError):
                unpack(wrong)


def test_decompression_bomb_is_refused() -> None:
    bomb = pack_json(bytes(300 * 1024 * 1024))
    assert len(bomb) < 100_000
    with pytest.raises(DatasetError):
        unpack(bomb)


def test_document_with_wrong_sizes_is_refused(outcome: Outcome) -> None:
    whole = zstandard.ZstdDecompressor().decompress(pack(outcome.encoded))
    mark, size, document = whole[:8], whole[8:16], whole[16:]
    wrong = (
        mark, mark + size, mark + size + document[:-1], mark + size + document + b"T",
        mark + (1 << 40).to_bytes(8, "little") + document, mark + (1).to_bytes(8, "little") + document,
        mark + size + document[:1] + b"\xff" * 8 + document[9:], mark + size + b"?" + document[1:],
    )  # fmt: skip
    for content in wrong:
        with pytest.raises(DatasetError):
            unpack(pack_json(content))


def test_result_of_engine_version_1_unpacks_with_its_digest() -> None:
    golden = pathlib.Path(__file__).parents[2] / "golden" / "result" / "engine-1.zst"
    result = orjson.loads(unpack(golden.read_bytes()))
    assert result["provenance"]["engine_version"] == "1"
    assert len(result["trades"]) == 4
    assert "corporate_actions" not in result
    assert digest_of(result) == result["provenance"]["result_digest"]


def test_result_above_the_limit_is_not_stored(outcome: Outcome) -> None:
    size = len(pack(outcome.encoded))
    assert len(pack(outcome.encoded, max_bytes=size)) == size
    with pytest.raises(RunError) as refused:
        pack(outcome.encoded, max_bytes=size - 1)
    assert refused.value.kind == "result_too_large"


def test_reserved_bytes_hold_the_result_of_a_run(outcome: Outcome) -> None:
    trades, days = len(outcome.result["trades"]), len(outcome.result["equity"])
    assert len(pack(outcome.encoded)) <= result_bytes_of_trades(days, trades)
    assert result_bytes_of_trades(10_000, 50_000_000) == MAX_STORED_BYTES
