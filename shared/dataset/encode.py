"""From matrices to named parts, and from parts to a version: the writing side of the format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from shared.dataset.chunk import LAWS, filling, parts, reference_of, stored_name
from shared.dataset.codec import encode
from shared.dataset.kernels import Array, to_stock_major
from shared.dataset.manifest import Content, Manifest, content_of, version_of
from shared.model.calendar import year_slices
from shared.model.fields import PART, STORED, dtype_of
from shared.model.instruments import Instruments
from shared.model.raw import Dividends


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

    @cache
    def stock_major(field: str) -> Array:
        values = np.asarray(fields[field], dtype_of(field))
        out = np.full((PART, values.shape[0]), filling(field), dtype_of(field))
        to_stock_major(values, out[: values.shape[1]])
        return out

    @cache
    def part(field: str) -> Part:
        law, references = LAWS.get(field, (0, ()))
        name, blob = encode(stock_major(field), law, reference_of(references, stock_major) if law else None)
        return Part(name=name, stored=stored_name(name, law, tuple(part(r).name for r in references)), blob=blob)

    return {field: part(field) for field in fields}


def encode_all(
    *,
    days: Array,
    instruments: Instruments,
    fields: Mapping[str, Array],
    factor_versions: dict[str, int],
    indices: dict[str, Array],
    dividends: Dividends,
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
    )
    return content, blobs


def manifest_of(content: Content, revision: int, reasons: Mapping[str, str]) -> Manifest:
    """The manifest of a content."""
    return Manifest(version=version_of(content), content=content, laws=LAWS, revision=revision, reasons=dict(reasons))
