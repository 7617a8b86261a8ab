"""The division of a dataset into parts by calendar year and 512 instruments, and which part refers to which.

A chunk is one field over one calendar year; it is stored in parts of PART instruments, stock-major. The last part is
filled up with instruments without any row, so that a new listing changes no part of the years before it.

Some factors follow from a stored field between two disclosures (PER is a step function times the market cap). A
predictor computes the expected value from that field, and only the difference is compressed, which is mostly zeros. The
decoded values are the same bits with and without a predictor.
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

PREDICTORS: dict[str, tuple[int, tuple[str, ...]]] = {
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
"""Field -> (predictor, the stored fields whose product it refers to), over the same rows and instruments."""


def stored_name(name: str, predictor: int = 0, references: tuple[str, ...] = ()) -> str:
    """Return the key of the bytes of a part: its content name, or a hash of content, predictor and references."""
    if predictor == 0:
        return name
    return hashlib.blake2b(f"{name}/{predictor}/{'/'.join(references)}".encode(), digest_size=16).hexdigest()


def part_count(instruments: int) -> int:
    """Return the number of parts of so many instruments."""
    return -(-instruments // PART)


def part_columns(part: int, instruments: int) -> slice:
    """Return the slice of instruments of a part: PART of them, fewer in the last."""
    return slice(part * PART, min((part + 1) * PART, instruments))


def padded(instruments: int) -> int:
    """Return the number of columns of all parts together."""
    return part_count(instruments) * PART


def filling(field: str) -> float:
    """Return the value of a field for an instrument without any row."""
    return {"split": 1.0, "adjust": 1.0, "idle": float(NEVER_TRADED)}.get(field, math.nan)


def reference_of(fields: Sequence[str], read: Callable[[str], Array]) -> Array:
    """Return the reference of a predictor: the product of stored fields; `read` returns one, [instruments, rows]."""
    first, *others = (read(field) for field in fields)
    return np.ascontiguousarray(reduce(np.multiply, others, first), np.float64)


def parts(instruments: int) -> Iterator[tuple[int, slice]]:
    """Yield (part, its columns) of all parts."""
    for part in range(part_count(instruments)):
        yield part, part_columns(part, instruments)
