"""Encoding of matrices into named parts, and of parts into a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shared.dataset.chunk_layout import PREDICTORS, filling, parts, reference_of, stored_name
from shared.dataset.codec import encode
from shared.dataset.manifest import Content, Manifest, content_of, version_of
from shared.dataset.native import Array, to_stock_major
from shared.model.calendar import year_slices
from shared.model.fields import PART, STORED, dtype_of
from shared.model.instruments import Instruments
from shared.model.market_data import NO_LISTINGS, Dividends, Listings

REFERENCES = frozenset(reference for _, refers in PREDICTORS.values() for reference in refers)
"""The fields that predictors refer to; their matrices stay in memory while a year is encoded."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """An encoded part: the name of its content, the name that its bytes are stored under, and the bytes."""

    name: str
    stored: str
    blob: bytes


def encode_year(fields: Mapping[str, Array]) -> dict[str, Part]:
    """Return the part of each field; `fields`: [rows, n] matrices of one part and one calendar year.

    The stored fields that a predicted field refers to must be among them.
    """

    found: dict[str, Part] = {}
    references: dict[str, Array] = {}
    for field in sorted(fields, key=_distance):
        values = _stock_major(field, fields[field])
        if field in REFERENCES:
            references[field] = values
        predictor, refers = PREDICTORS.get(field, (0, ()))
        name, blob = encode(values, predictor, reference_of(refers, references.__getitem__) if predictor else None)
        stored = stored_name(name, predictor, tuple(found[reference].name for reference in refers))
        found[field] = Part(name=name, stored=stored, blob=blob)
    return {field: found[field] for field in fields}


def _distance(field: str) -> int:
    """Return how many predictors lie between a field and one without: references are encoded first."""
    return 1 + max(map(_distance, PREDICTORS[field][1])) if field in PREDICTORS else 0


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
    """Return a market as content and the bytes of its parts by stored name; `fields`: STORED and factors, [D, N]."""
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
    """Return the manifest of a content; its version is a digest of the content alone."""
    return Manifest(
        version=version_of(content), content=content, predictors=PREDICTORS, revision=revision, reasons=dict(reasons)
    )
