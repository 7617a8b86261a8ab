"""From matrices to named parts, and from parts to a version: the writing side of the format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shared.dataset.chunk_layout import LAWS, filling, parts, reference_of, stored_name
from shared.dataset.codec import encode
from shared.dataset.manifest import Content, Manifest, content_of, version_of
from shared.dataset.native import Array, to_stock_major
from shared.model.calendar import year_slices
from shared.model.fields import PART, STORED, dtype_of
from shared.model.instruments import Instruments
from shared.model.market_data import NO_LISTINGS, Dividends, Listings

REFERENCES = frozenset(reference for _, refers in LAWS.values() for reference in refers)
"""The fields that laws refer to; their matrices are kept while a year is encoded, no other is."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """An encoded part: the name of its content, the name that its bytes are stored under, and the bytes."""

    name: str
    stored: str
    blob: bytes


def encode_year(fields: Mapping[str, Array]) -> dict[str, Part]:
    """Field -> its part; `fields` are the [rows, n] matrices of one part of the instruments and one calendar year.

    The stored fields that laws refer to must be among them when the fields are that follow the laws.
    """

    found: dict[str, Part] = {}
    kept: dict[str, Array] = {}
    for field in sorted(fields, key=_distance):
        values = _stock_major(field, fields[field])
        if field in REFERENCES:
            kept[field] = values
        law, refers = LAWS.get(field, (0, ()))
        name, blob = encode(values, law, reference_of(refers, kept.__getitem__) if law else None)
        stored = stored_name(name, law, tuple(found[reference].name for reference in refers))
        found[field] = Part(name=name, stored=stored, blob=blob)
    return {field: found[field] for field in fields}


def _distance(field: str) -> int:
    """How many laws lie between a field and one that follows from none: references are encoded first."""
    return 1 + max(map(_distance, LAWS[field][1])) if field in LAWS else 0


def _stock_major(field: str, matrix: Array) -> Array:
    values = np.asarray(matrix, dtype_of(field))
    rows, instruments = values.shape
    out = np.empty((PART, rows), dtype_of(field))
    out[instruments:] = filling(field)
    to_stock_major(values, out[:instruments])
    return out


def encode_all(
    *,
    days: Array,
    instruments: Instruments,
    fields: Mapping[str, Array],
    factor_versions: dict[str, int],
    indices: dict[str, Array],
    dividends: Dividends,
    listings: Listings = NO_LISTINGS,
) -> tuple[Content, dict[str, bytes]]:
    """A market in memory as content and the bytes of its parts by stored name; `fields`: STORED and factors, [D, N]."""
    names = (*STORED, *factor_versions)
    chunks: dict[str, dict[str, tuple[str, ...]]] = {field: {} for field in names}
    blobs: dict[str, bytes] = {}
    for year, rows in year_slices(days).items():
        for _, columns in parts(len(instruments)):
            for field, part in encode_year({f: fields[f][rows, columns] for f in names}).items():
                chunks[field][str(year)] = (*chunks[field].get(str(year), ()), part.name)
                blobs[part.stored] = part.blob
    content = content_of(
        days=days,
        instruments=instruments,
        factor_versions=factor_versions,
        chunks=chunks,
        indices=indices,
        dividends=dividends,
        listings=listings,
    )
    return content, blobs


def manifest_of(content: Content, revision: int, reasons: Mapping[str, str]) -> Manifest:
    """The manifest of a content."""
    return Manifest(version=version_of(content), content=content, laws=LAWS, revision=revision, reasons=dict(reasons))
