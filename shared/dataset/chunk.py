"""Which parts a dataset consists of: the cut into calendar years and 512 instruments, and what refers to what.

A chunk is one field over one calendar year; it is stored in parts of PART instruments, stock-major. The last part is
filled up with instruments without any row, so that a new listing changes no part of the years before it.

Some factors follow from a stored field by a law that holds between two disclosures (PER is a step function times the
market cap). Only what differs from the law is compressed: mostly zeros. The values are the same bits with and without.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from shared.model.fields import NO_AGE, PART

GROWS, SHRINKS, IS = 1, 2, 3

LAWS: dict[str, tuple[int, str]] = {
    "MARKET_CAP": (IS, "cap"),
    "PER": (GROWS, "cap"),
    "PBR": (GROWS, "cap"),
    "PSR": (GROWS, "cap"),
    "PCR": (GROWS, "cap"),
    "PEG": (GROWS, "cap"),
    "CAPE_RATIO": (GROWS, "cap"),
    "PTBV": (GROWS, "cap"),
    "EARNINGS_YIELD": (SHRINKS, "cap"),
    "FCF_YIELD": (SHRINKS, "cap"),
    "BOOK_TO_MARKET": (SHRINKS, "cap"),
    "DIVIDEND_YIELD": (SHRINKS, "last"),
}
"""Factor -> (law, stored field that it refers to), over the same rows and instruments."""


def part_count(instruments: int) -> int:
    """Parts that so many instruments need."""
    return -(-instruments // PART)


def part_columns(part: int, instruments: int) -> slice:
    """The columns of a part."""
    return slice(part * PART, min((part + 1) * PART, instruments))


def padded(instruments: int) -> int:
    """Columns of all parts together."""
    return part_count(instruments) * PART


def filling(field: str) -> float:
    """What a field holds for an instrument without any row."""
    return {"split": 1.0, "adjust": 1.0, "age": float(NO_AGE)}.get(field, math.nan)


def parts(instruments: int) -> Iterator[tuple[int, slice]]:
    """(part, its columns) for all parts."""
    for part in range(part_count(instruments)):
        yield part, part_columns(part, instruments)
