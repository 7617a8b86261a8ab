"""From matrices to named parts, and from parts to a version: the writing side of the format."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from shared.dataset.chunk import LAWS, filling, parts
from shared.dataset.codec import encode
from shared.dataset.kernels import Array, to_stock_major
from shared.dataset.manifest import Content, Manifest, content_of, version_of
from shared.model.calendar import year_slices
from shared.model.fields import PART, STORED, dtype_of
from shared.model.instruments import Instruments
from shared.model.raw import Dividends


def encode_year(fields: Mapping[str, Array]) -> dict[str, tuple[str, bytes]]:
    """Field -> name and bytes of its part; `fields` are the [rows, n] matrices of one part and one calendar year.

    The stored fields that laws refer to must be among them when their factors are.
    """
    turned: dict[str, Array] = {}

    def stock_major(field: str) -> Array:
        values = np.asarray(fields[field], dtype_of(field))
        out = np.full((PART, values.shape[0]), filling(field), dtype_of(field))
        to_stock_major(values, out[: values.shape[1]])
        return out

    for field in {LAWS[f][1] for f in fields if f in LAWS}:
        turned[field] = stock_major(field)
    found = {}
    for field in fields:
        values = turned[field] if field in turned else stock_major(field)
        law, reference = LAWS.get(field, (0, ""))
        found[field] = encode(values, law, turned.get(reference))
    return found


def encode_all(
    *,
    days: Array,
    instruments: Instruments,
    fields: Mapping[str, Array],
    factor_versions: dict[str, int],
    indices: dict[str, Array],
    dividends: Dividends,
) -> tuple[Content, dict[str, bytes]]:
    """A whole market in memory as content and the bytes of its parts; `fields`: STORED and the factors, [D, N] each."""
    names = (*STORED, *factor_versions)
    chunks: dict[str, dict[str, tuple[str, ...]]] = {field: {} for field in names}
    blobs: dict[str, bytes] = {}
    for year, rows in year_slices(days).items():
        for _, columns in parts(len(instruments)):
            for field, (name, blob) in encode_year({f: fields[f][rows, columns] for f in names}).items():
                chunks[field][str(year)] = (*chunks[field].get(str(year), ()), name)
                blobs[name] = blob
    content = content_of(
        days=days,
        instruments=instruments,
        factor_versions=factor_versions,
        chunks=chunks,
        indices=indices,
        dividends=dividends,
    )
    return content, blobs


def manifest_of(content: Content, revision: int, reasons: Mapping[str, str]) -> Manifest:
    """The manifest of a content."""
    return Manifest(version=version_of(content), content=content, revision=revision, reasons=dict(reasons))
