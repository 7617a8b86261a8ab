"""The manifest of a dataset version: its content, and the hash of the content that is the version's name."""

from __future__ import annotations

import hashlib
import math
from functools import cached_property

import msgspec
import numpy as np

from shared.dataset.chunk_layout import stored_name
from shared.dataset.native import Array
from shared.errors import DatasetError
from shared.model.calendar import year_slices
from shared.model.instruments import Instruments
from shared.model.market_data import NO_LISTINGS, Dividends, Listings

FORMAT = 2
DERIVED_VERSION = 3
"""Raised when derived fields, or the statements that factors read, become others from the same inputs."""


class Content(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that a version consists of: equal content has an equal version.

    chunks: field -> calendar year (as text) -> the content names of its parts in order (the bytes of a part may be
    stored under another name: `Manifest.stored`). Numbers that are NaN are None.
    """

    format: int
    days: tuple[int, ...]
    instruments: Instruments
    derived_version: int
    factor_versions: dict[str, int]
    chunks: dict[str, dict[str, tuple[str, ...]]]
    indices: dict[str, tuple[float | None, ...]]
    dividend_instrument: tuple[int, ...]
    dividend_ex_date: tuple[int, ...]
    dividend_dps: tuple[float | None, ...]
    dividend_disclosed_on: tuple[int, ...]
    dividend_kind: tuple[str | None, ...]
    listing_instrument: tuple[int, ...]
    listing_from_day: tuple[int, ...]
    listing_market: tuple[str, ...]
    listing_name: tuple[str | None, ...]
    listing_sector: tuple[str | None, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A version with its content, and fields that are not hashed.

    predictors: field -> (predictor, stored fields whose product it refers to), as the parts were encoded. reasons:
    factor -> why it has no value anywhere. revision: the data revision that it was built from.
    """

    version: str
    content: Content
    predictors: dict[str, tuple[int, tuple[str, ...]]]
    revision: int
    reasons: dict[str, str]

    @cached_property
    def days(self) -> Array:
        """int32 [D]: the trading days, read-only."""
        found = np.array(self.content.days, np.int32)
        found.flags.writeable = False
        return found

    @property
    def instruments(self) -> Instruments:
        """The columns."""
        return self.content.instruments

    @cached_property
    def years(self) -> dict[int, slice]:
        """Calendar year -> its rows."""
        return year_slices(self.days)

    @property
    def factors(self) -> frozenset[str]:
        """The factor keys that this version holds."""
        return frozenset(self.content.factor_versions)

    @property
    def indices(self) -> dict[str, Array]:
        """Index name -> float64 [D] close, NaN where the series has none."""
        return {name: _numbers(values) for name, values in self.content.indices.items()}

    @property
    def dividends(self) -> Dividends:
        """Every dividend row."""
        content = self.content
        return Dividends(
            instrument=np.array(content.dividend_instrument, np.int32),
            ex_date=np.array(content.dividend_ex_date, np.int32),
            dps=_numbers(content.dividend_dps),
            disclosed_on=np.array(content.dividend_disclosed_on, np.int32),
            kind=content.dividend_kind,
        )

    @cached_property
    def listings(self) -> Listings:
        """What instruments were from a day on."""
        content = self.content
        return Listings(
            instrument=np.array(content.listing_instrument, np.int32),
            from_day=np.array(content.listing_from_day, np.int32),
            market=content.listing_market,
            name=content.listing_name,
            sector=content.listing_sector,
        )

    @cached_property
    def stored(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Field -> calendar year (as text) -> the names that the bytes of its parts are stored under, in order."""
        return {
            field: {year: self.stored_names(field, int(year)) for year in years}
            for field, years in self.content.chunks.items()
        }

    def part_names(self) -> frozenset[str]:
        """The names that the bytes of all parts are stored under."""
        return frozenset(name for years in self.stored.values() for names in years.values() for name in names)

    def stored_names(self, field: str, year: int) -> tuple[str, ...]:
        """The names that the bytes of the parts of a chunk are stored under, in order."""
        names = self.content.chunks[field][str(year)]
        if field not in self.predictors:
            return names
        predictor, fields = self.predictors[field]
        references = zip(*(self.content.chunks[reference][str(year)] for reference in fields), strict=True)
        return tuple(stored_name(name, predictor, refers) for name, refers in zip(names, references, strict=True))


def _numbers(values: tuple[float | None, ...]) -> Array:
    return np.array([math.nan if v is None else v for v in values], np.float64)


def _values(numbers: Array) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(v) else v for v in numbers.tolist())


def content_of(
    *,
    days: Array,
    instruments: Instruments,
    factor_versions: dict[str, int],
    chunks: dict[str, dict[str, tuple[str, ...]]],
    indices: dict[str, Array],
    dividends: Dividends,
    listings: Listings = NO_LISTINGS,
) -> Content:
    """Return the content of a version; dividends are sorted, so that the order of the load does not count."""
    kinds = np.array([kind or "" for kind in dividends.kind], np.str_)
    dividends = dividends.select(
        np.lexsort((dividends.dps, dividends.disclosed_on, kinds, dividends.ex_date, dividends.instrument))
    )
    return Content(
        format=FORMAT,
        days=tuple(days.tolist()),
        instruments=instruments,
        derived_version=DERIVED_VERSION,
        factor_versions=factor_versions,
        chunks=chunks,
        indices={name: _values(series) for name, series in sorted(indices.items())},
        dividend_instrument=tuple(dividends.instrument.tolist()),
        dividend_ex_date=tuple(dividends.ex_date.tolist()),
        dividend_dps=_values(dividends.dps),
        dividend_disclosed_on=tuple(dividends.disclosed_on.tolist()),
        dividend_kind=dividends.kind,
        listing_instrument=tuple(listings.instrument.tolist()),
        listing_from_day=tuple(listings.from_day.tolist()),
        listing_market=listings.market,
        listing_name=listings.name,
        listing_sector=listings.sector,
    )


def version_of(content: Content) -> str:
    """Return the name of the version: 32 hex digits of the SHA-256 of the canonical JSON of its content."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:32]


def to_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as JSON."""
    return msgspec.json.encode(manifest, order="sorted")


_MANIFESTS = msgspec.json.Decoder(Manifest)


def from_bytes(data: bytes) -> Manifest:
    """Return a manifest; DatasetError when the bytes are none, or when the version is not the hash of the content."""
    try:
        found = _MANIFESTS.decode(data)
    except msgspec.DecodeError as error:
        raise DatasetError(f"the bytes are not a manifest: {error}") from error
    if found.content.format != FORMAT or version_of(found.content) != found.version:
        raise DatasetError(f"the manifest of {found.version} has another format, or content with another hash")
    return found
