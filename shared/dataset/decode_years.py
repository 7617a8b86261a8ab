"""Decoding of the stored years that an incremental build continues from, without mapping them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.dataset.chunk_layout import reference_of
from shared.dataset.codec import decode
from shared.dataset.manifest import Manifest
from shared.dataset.native import Array, to_day_major
from shared.errors import ChunkMissingError
from shared.model.fields import LOADED, PART, dtype_of

HISTORY = (*LOADED, "split")
"""The stored fields from which all others are derived."""


def history_part_names(manifest: Manifest, part: int, years: Iterable[int]) -> list[str]:
    """Return the stored names of the parts that `decode_history` of these years reads."""
    return [manifest.stored_names(field, year)[part] for year in years for field in HISTORY]


def decode_history(
    manifest: Manifest, part: int, years: Iterable[int], blobs: Mapping[str, bytes], out: Mapping[str, Array]
) -> None:
    """Fill HISTORY of one part over the calendar years that come first: `out`, field -> float64 [rows, n], whose
    columns are the first n instruments of the part.

    Raises ChunkMissingError for parts that are not among `blobs`, DatasetError for damaged ones.
    """
    for year in years:
        rows = manifest.years[year]
        turned: dict[str, Array] = {}
        for field in sorted(HISTORY, key=lambda f: f in manifest.predictors):
            turned[field] = _read(manifest, part, year, (PART, rows.stop - rows.start), field, blobs, turned)
            inside = out[field][rows]
            to_day_major(turned[field][: inside.shape[1]], inside)


def _read(  # noqa: PLR0917
    manifest: Manifest,
    part: int,
    year: int,
    shape: tuple[int, int],
    field: str,
    blobs: Mapping[str, bytes],
    turned: Mapping[str, Array],
) -> Array:
    stored = manifest.stored_names(field, year)[part]
    if stored not in blobs:
        raise ChunkMissingError((stored,))
    name = manifest.content.chunks[field][str(year)][part]

    def reference() -> Array:
        return reference_of(manifest.predictors[field][1], turned.__getitem__)

    return decode(blobs[stored], name, dtype_of(field), shape, reference)
