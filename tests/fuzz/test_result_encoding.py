"""Mutated result documents: the renderer returns JSON or raises DatasetError and stays inside its buffers."""

from __future__ import annotations

import numpy as np
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DatasetError
from shared.simulation.result import encoding
from shared.simulation.result.encoding import DictColumn, StringPool, TableSchema, literal, render
from shared.simulation.result.storage import unpack

SCHEMA = TableSchema(
    count=encoding.INT64, date=encoding.DATE, name=encoding.STRING, price=encoding.NUMBER, value=encoding.NUMBER
)


def documents() -> list[tuple[bytes, int]]:
    """Documents of several sizes with the limit of their JSON."""
    rng = np.random.default_rng(5)
    pool = StringPool.of(("", "삼성전자", 'quote " and \\', "x" * 90))
    found = []
    for count in (1, 2, 17, 400):
        table = SCHEMA.encode(
            count,
            rng.integers(-(2**40), 2**40, count).astype(np.int64),
            rng.integers(0, 30_000, count).astype(np.int32),
            DictColumn(pool, rng.integers(0, 4, count).astype(np.int32)),
            rng.normal(0, 1e6, count),
            np.where(rng.random(count) < 0.3, np.nan, rng.normal(0, 1, count)),
        )
        rest = literal(b'{"a":1}')
        found.append((table.packed + rest.packed, table.json_limit + rest.json_limit))
    return found


DOCUMENTS = documents()


@given(data=st.data())
def test_render_mutated_document_raises_or_returns(data: st.DataObject) -> None:
    document, limit = data.draw(st.sampled_from(DOCUMENTS))
    mutated = bytearray(document)
    for at in data.draw(st.lists(st.integers(0, min(len(mutated) - 1, 300)), min_size=1, max_size=6)):
        mutated[at] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del mutated[data.draw(st.integers(0, len(mutated) - 1)) :]
    try:
        assert len(render(bytes(mutated), limit)) <= limit + encoding._SLACK
    except DatasetError:
        return


@given(document=st.binary(max_size=300), limit=st.integers(0, 4096))
def test_render_random_bytes_raises_or_returns(document: bytes, limit: int) -> None:
    try:
        assert len(render(document, limit)) <= limit + encoding._SLACK
    except DatasetError:
        return


@given(content=st.binary(max_size=300), marked=st.booleans())
def test_unpack_random_frames_raises_or_returns(content: bytes, marked: bool) -> None:
    body = (b"ondol-1\n" + content) if marked else content
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(body)
    try:
        unpack(frame)
    except DatasetError:
        return
