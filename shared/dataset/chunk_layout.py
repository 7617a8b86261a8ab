"""Which parts a dataset consists of: the cut into calendar years and 512 instruments, and what refers to what.

A chunk is one field over one calendar year; it is stored in parts of PART instruments, stock-major. The last part is
filled up with instruments without any row, so that a new listing changes no part of the years before it.

Some factors follow from a stored field by a law that holds between two disclosures (PER is a step function times the
market cap). Only what differs from the law is compressed: mostly zeros. The values are the same bits with and without.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import reduce

import numpy as np

from shared.dataset.codec import CHANGES_1, CHANGES_20, CHANGES_60, CHANGES_120, EQUALS, GROWS, IS, SHRINKS
from shared.dataset.native import Array
from shared.model.fields import NEVER_TRADED, PART

LAWS: dict[str, tuple[int, tuple[str, ...]]] = {
    "last": (EQUALS, ("close",)),
    "market_cap": (EQUALS, ("close", "listed_shares")),
    "cap": (EQUALS, ("market_cap",)),
    "company_cap": (EQUALS, ("cap",)),
    "shares": (EQUALS, ("listed_shares",)),
    "MARKET_CAP": (IS, ("cap",)),
    "PER": (GROWS, ("company_cap",)),
    "PBR": (GROWS, ("company_cap",)),
    "PSR": (GROWS, ("company_cap",)),
    "PCR": (GROWS, ("company_cap",)),
    "PEG": (GROWS, ("company_cap",)),
    "CAPE_RATIO": (GROWS, ("company_cap",)),
    "PTBV": (GROWS, ("company_cap",)),
    "EARNINGS_YIELD": (SHRINKS, ("company_cap",)),
    "FCF_YIELD": (SHRINKS, ("company_cap",)),
    "BOOK_TO_MARKET": (SHRINKS, ("company_cap",)),
    "DIVIDEND_YIELD": (SHRINKS, ("last",)),
    "CHANGE_RATE": (CHANGES_1, ("last", "adjust")),
    "MOMENTUM_1M": (CHANGES_20, ("last", "adjust")),
    "MOMENTUM_3M": (CHANGES_60, ("last", "adjust")),
    "MOMENTUM_6M": (CHANGES_120, ("last", "adjust")),
}
"""Field -> (law, the stored fields whose product it refers to), over the same rows and instruments."""


def stored_name(name: str, law: int = 0, references: tuple[str, ...] = ()) -> str:
    """What the bytes of a part are stored under: its content name, or a name of content, law and references."""
    if law == 0:
        return name
    return hashlib.blake2b(f"{name}/{law}/{'/'.join(references)}".encode(), digest_size=16).hexdigest()


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
    return {"split": 1.0, "adjust": 1.0, "idle": float(NEVER_TRADED)}.get(field, math.nan)


def reference_of(fields: Sequence[str], read: Callable[[str], Array]) -> Array:
    """The reference of a law: the product of stored fields; `read` gives one, [instruments, rows] float64."""
    first, *others = (read(field) for field in fields)
    return np.ascontiguousarray(reduce(np.multiply, others, first), np.float64)


def parts(instruments: int) -> Iterator[tuple[int, slice]]:
    """(part, its columns) for all parts."""
    for part in range(part_count(instruments)):
        yield part, part_columns(part, instruments)
