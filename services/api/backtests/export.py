"""Export of a part of a stored result: pages of JSON, and tables.

The columns of a table are the fields of its shape in `services.api.schemas.result_responses`, in that order; their
values are encoded by `shared.simulation.result.tables` (docs/how-to/add-a-result-column.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec
import orjson

from services.api.backtests.result_reader import Rows, read_blocks
from services.api.schemas.result_responses import EquityPoint, Trade
from services.api.tables.table import Column, Table, blocks_of_objects, column_for, columns_of

SHAPES: dict[str, type[msgspec.Struct]] = {"trades": Trade, "equity": EquityPoint}
"""Part of a result -> the declaration of its rows."""


def read_page(body: bytes, part: str, start: int, limit: int) -> tuple[list[Rows], int]:
    """Return a page of a part in blocks, and the number of rows of the part."""
    page: list[Rows] = []
    total = 0
    for block in read_blocks(body, part):
        rows = block[max(0, start - total) : max(0, start + limit - total)]
        total += len(block)
        if rows:
            page.append(rows)
    return page, total


def json_page(body: bytes, part: str, start: int, limit: int) -> tuple[list[bytes], int]:
    """Return the inside of a JSON array in pieces, and the number of rows of the part."""
    page, total = read_page(body, part, start, limit)
    pieces: list[bytes] = []
    for rows in page:
        text = orjson.dumps(rows)[1:-1]
        pieces += [b",", text] if pieces else [text]
    return pieces, total


def table_of(name: str, part: str, blocks: Iterable[Rows]) -> Table:
    """Return blocks of a part as a table: the documented columns, then further ones of the first row."""
    columns = columns_of(SHAPES[part])
    remaining = iter(blocks)
    first = next(remaining, None)
    if first is None:
        return Table(name=name, columns=columns, blocks=())
    declared = {column.name for column in columns}
    further = [column_for(field, value) for field, value in first[0].items() if field not in declared]
    every: tuple[Column, ...] = (*columns, *further)
    blocks_left: Iterator[Rows] = chain([first], remaining)
    return Table(name=name, columns=every, blocks=blocks_of_objects(every, blocks_left))
