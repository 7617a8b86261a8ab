"""Where the parts of a build come from: what has to be built, and everything that the build of one part reads."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import structlog

from services.preparer import dataset_store
from services.preparer.in_memory_build import Array
from services.preparer.part_builder import PartSummary, Siblings, Source
from services.preparer.version_stats import summaries_from_bytes
from shared.dataset.chunk_layout import LAWS, part_columns, part_count
from shared.dataset.decode_years import history, names_needed
from shared.dataset.manifest import DERIVED_VERSION, FORMAT, Manifest
from shared.errors import DatasetError
from shared.factors.catalogue import BY_KEY, FACTORS
from shared.factors.company_cap import Group, issuer_groups
from shared.infra import market_tables
from shared.infra.database.pool import Database
from shared.infra.redis.cache import Cache
from shared.model.calendar import from_day, year_slices
from shared.model.fields import PART
from shared.model.instruments import Instruments
from shared.model.market_data import Dividends, Listings, Statements

log = structlog.get_logger()

NEVER = 1 << 30
"""The first year of a part in which nothing changed."""

NEIGHBOURS = 8
"""Instruments with ordinals that differ by at most this are read in one query, with those between them."""

_WITHOUT_CAPS = frozenset(("instrument", "statement", "dividend", "index"))
"""Kinds of changes that leave the market caps of a part as they are (see `_company_changes` for instruments)."""


@dataclass(frozen=True, kw_only=True)
class Builder:
    """What a build works with."""

    database: Database
    database_url: str
    cache: Cache
    workers: int
    factors: tuple[str, ...] | None = None
    """Factor keys to build; None means the whole catalogue."""
    warm_years: int = 5
    """Calendar years before the last trading day's whose parts are copied to the cache at once."""
    patience_s: float = 3.0
    """How long a part that another preparer took is waited for at least."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The factor keys, in the order of the catalogue."""
        return tuple(f.key for f in FACTORS if self.factors is None or f.key in self.factors)

    @property
    def factor_versions(self) -> dict[str, int]:
        """Key -> version of its code."""
        return {key: BY_KEY[key].version for key in self.keys}


@dataclass(frozen=True, kw_only=True)
class Market:
    """The market without prices and statements, and where the work begins for each part."""

    days: Array
    instruments: Instruments
    indices: Mapping[str, Array]
    dividends: Dividends
    listings: Listings
    first_years: tuple[int, ...]
    before: Manifest | None
    summaries: Sequence[PartSummary]

    @property
    def years(self) -> dict[int, slice]:
        """Calendar year -> its rows."""
        return year_slices(self.days)

    @cached_property
    def issuer_groups(self) -> tuple[Group, ...]:
        """The columns of each issuer with two or more instruments."""
        return issuer_groups(self.instruments)

    @property
    def parts(self) -> list[int]:
        """The parts that have to be built."""
        return [part for part, first in enumerate(self.first_years) if first != NEVER]


def same_code(builder: Builder, manifest: Manifest) -> bool:
    """The code that made a version would make the same today."""
    content = manifest.content
    return (
        content.format == FORMAT
        and content.derived_version == DERIVED_VERSION
        and content.factor_versions == builder.factor_versions
        and manifest.laws == LAWS
    )


def code_of(builder: Builder) -> str:
    """A digest of which code computes and of which factors: preparers that differ in it do not share a build."""
    told = msgspec.json.encode((FORMAT, DERIVED_VERSION, builder.factor_versions, LAWS), order="sorted")
    return hashlib.sha256(told).hexdigest()[:16]


async def shape_of(connection: Any, current: dataset_store.Current | None, revision: int) -> Market:
    """Days, instruments and the small tables, and from which year on each part has to be built."""
    instruments = await market_tables.read_instruments(connection)
    days = await market_tables.read_days(connection)
    indices = await market_tables.read_indices(connection, days)
    dividends = await market_tables.read_dividends(connection, 0, len(instruments))
    listings = await market_tables.read_listings(connection)
    count = part_count(len(instruments))
    shape = Market(
        days=days,
        instruments=instruments,
        indices=indices,
        dividends=dividends,
        listings=listings,
        first_years=(-NEVER,) * count,
        before=None,
        summaries=(),
    )
    if current is None or not len(days):
        return shape
    changed = await market_tables.changes(connection, current.revision, revision)
    summaries = summaries_from_bytes(current.summary)
    return replace(
        shape,
        first_years=_first_years(shape, current.manifest, changed, len(summaries)),
        before=current.manifest,
        summaries=summaries,
    )


def _first_years(
    shape: Market, before: Manifest, changed: Sequence[market_tables.Change], known: int
) -> tuple[int, ...]:
    """Part -> the first calendar year that has to be built; NEVER when nothing changed.

    A year whose trading days differ is built for every part, whatever the revisions say.
    """
    years, old_years = shape.years, before.years
    differing = [
        year
        for year in sorted({*years, *old_years})
        if year not in years
        or year not in old_years
        or not np.array_equal(shape.days[years[year]], before.days[old_years[year]])
    ]
    everywhere = differing[0] if differing else NEVER
    found = [everywhere if part < known else -NEVER for part in range(len(shape.first_years))]
    linked = _linked_parts(shape.issuer_groups)
    for change in changed:
        others = () if change.kind in _WITHOUT_CAPS else linked.get(change.part, ())
        for part in range(len(found)) if change.part < 0 else (change.part, *others):
            found[part] = min(found[part], change.from_year)
    for part, year in _company_changes(before.instruments, shape.instruments):
        found[part] = min(found[part], year)
    last = max(years)
    return tuple(year if year <= last else NEVER for year in found)


def _linked_parts(groups: Sequence[Group]) -> dict[int, set[int]]:
    """Return part -> the other parts that hold instruments of one of its issuers."""
    linked: dict[int, set[int]] = {}
    for group in groups:
        parts = {column // PART for column in group}
        for part in parts:
            linked.setdefault(part, set()).update(parts - {part})
    return linked


def _company_changes(before: Instruments, now: Instruments) -> Iterator[tuple[int, int]]:
    """Yield (part, first year) of company caps that differ although no price did: issuers or delistings changed.

    New instruments change nothing here: their prices do.
    """
    old, new = ({column: group for group in issuer_groups(i) for column in group} for i in (before, now))
    known = range(len(before))
    for column in known:
        alone = (column,)
        if set(old.get(column, alone)) != {c for c in new.get(column, alone) if c in known}:
            yield column // PART, -NEVER
        if before.delisted_day[column] != now.delisted_day[column]:
            day = min(int(before.delisted_day[column]), int(now.delisted_day[column]))
            for other in {*old.get(column, ()), *new.get(column, ())}:
                yield other // PART, from_day(day).year


async def source_of(builder: Builder, connection: Any, shape: Market, part: int, first: int) -> tuple[Source, int]:
    """Everything that the build of a part reads, and the first year to build."""
    columns = part_columns(part, len(shape.instruments))
    years = [year for year in shape.years if year < first]
    blobs = await _blobs(builder, shape, part, years)
    start = shape.years[years[-1]].stop if blobs else 0
    prices = await market_tables.read_prices(connection, shape.days, columns.start, columns.stop, from_row=start)
    if blobs and shape.before is not None:
        try:
            await asyncio.to_thread(history, shape.before, part, years, blobs, prices)
        except DatasetError as error:
            log.warning("history.unreadable", part=part, error=str(error))
            return await source_of(builder, connection, shape, part, min(shape.years))
    elif years:
        first = min(shape.years)
    statements = await market_tables.read_statements(connection, columns.start, columns.stop)
    groups, siblings = await _siblings_of(connection, shape, columns)
    return Source(
        days=shape.days,
        instruments=_cut(shape.instruments, range(columns.start, columns.stop)),
        prices=prices,
        first_loaded_row=start,
        statements=_shifted_statements(statements, columns.start),
        dividends=_shifted_dividends(shape.dividends, columns),
        indices=shape.indices,
        listings=shape.listings.of_columns(columns),
        issuer_groups=groups,
        siblings=siblings,
    ), max(first, min(shape.years))


async def _siblings_of(connection: Any, shape: Market, columns: slice) -> tuple[list[Group], Siblings | None]:
    """Return the issuers of a part, by column of it and of its siblings; and the siblings, from their first row on."""
    inside = range(columns.start, columns.stop)
    groups = [group for group in shape.issuer_groups if any(column in inside for column in group)]
    ordinals = sorted({column for group in groups for column in group if column not in inside})
    position = {column: at for at, column in enumerate((*inside, *ordinals))}
    relative = [tuple(position[column] for column in group) for group in groups]
    if not ordinals:
        return relative, None
    listings = shape.listings.select(np.isin(shape.listings.instrument, ordinals))
    numbers = np.searchsorted(ordinals, listings.instrument).astype(np.int32)
    return relative, Siblings(
        instruments=_cut(shape.instruments, ordinals),
        listings=replace(listings, instrument=numbers),
        prices=await _prices_of(connection, shape.days, ordinals),
    )


async def _prices_of(connection: Any, days: Array, ordinals: Sequence[int]) -> dict[str, Array]:
    """Return the prices of single instruments, PRICE_COLUMNS -> [D, len(ordinals)]; neighbours are read together."""
    read: list[dict[str, Array]] = []
    start = 0
    for stop in range(1, len(ordinals) + 1):
        if stop < len(ordinals) and ordinals[stop] - ordinals[stop - 1] <= NEIGHBOURS:
            continue
        run = np.array(ordinals[start:stop])
        prices = await market_tables.read_prices(connection, days, int(run[0]), int(run[-1]) + 1)
        read.append({name: values[:, run - run[0]] for name, values in prices.items()})
        start = stop
    return {name: np.hstack([prices[name] for prices in read]) for name in read[0]}


async def _blobs(builder: Builder, shape: Market, part: int, years: Sequence[int]) -> dict[str, bytes]:
    """The parts of the current version that hold the unchanged years of a part, as far as they are to be had."""
    if not years or shape.before is None:
        return {}
    names = names_needed(shape.before, part, years)
    blobs = await builder.cache.get_parts(names)
    return blobs | await dataset_store.read_parts(builder.database, [name for name in names if name not in blobs])


def _cut(instruments: Instruments, columns: Sequence[int]) -> Instruments:
    fields = {name: getattr(instruments, name) for name in instruments.__struct_fields__}
    return Instruments(**{name: tuple(values[i] for i in columns) for name, values in fields.items()})


def _shifted_statements(found: Statements, first: int) -> Statements:
    return replace(found, instrument=(found.instrument - first).astype(np.int32))


def _shifted_dividends(found: Dividends, columns: slice) -> Dividends:
    inside = (found.instrument >= columns.start) & (found.instrument < columns.stop)
    within = found.select(inside)
    return replace(within, instrument=(within.instrument - columns.start).astype(np.int32))
