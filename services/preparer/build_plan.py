"""Plan a build: which years of which parts have changed, and the inputs of one part."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import asyncpg
import msgspec
import numpy as np
import structlog

from services.preparer import dataset_store
from services.preparer.part_builder import PartSummary
from services.preparer.part_inputs import Array, PartInputs, RelatedInstruments
from services.preparer.version_stats import summaries_from_bytes
from shared.dataset.chunk_layout import PREDICTORS, part_columns, part_count
from shared.dataset.decode_years import decode_history, history_part_names
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

UNCHANGED = 1 << 30
"""The first year to build of a part in which nothing changed."""

NEIGHBOURS = 8
"""Instruments with ordinals that differ by at most this are read in one query, with those between them."""

_WITHOUT_CAPS = frozenset(("instrument", "statement", "dividend", "index"))
"""Kinds of changes that leave the market caps of a part as they are (see `_company_changes` for instruments)."""


@dataclass(frozen=True, kw_only=True)
class BuildContext:
    """Connections and settings of a build."""

    database: Database
    database_url: str
    cache: Cache
    workers: int
    factors: tuple[str, ...] | None = None
    """Factor keys to build; None means the whole catalogue."""
    warm_years: int = 5
    """Calendar years before that of the last trading day whose parts are written to the cache."""
    min_wait_s: float = 3.0
    """Minimum time to wait for a part that another preparer has claimed."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The factor keys in the order of the catalogue."""
        return tuple(f.key for f in FACTORS if self.factors is None or f.key in self.factors)

    @property
    def factor_versions(self) -> dict[str, int]:
        """Key -> version of its code."""
        return {key: BY_KEY[key].version for key in self.keys}


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """The market without prices and statements, and the first year to build of each part."""

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
        return [part for part, first in enumerate(self.first_years) if first != UNCHANGED]


def is_same_code(context: BuildContext, manifest: Manifest) -> bool:
    """Return whether the code that built a version would build the same version now."""
    content = manifest.content
    return (
        content.format == FORMAT
        and content.derived_version == DERIVED_VERSION
        and content.factor_versions == context.factor_versions
        and manifest.predictors == PREDICTORS
    )


def code_of(context: BuildContext) -> str:
    """Return a digest of the code and the factors; preparers with different digests do not share a build."""
    versions = msgspec.json.encode((FORMAT, DERIVED_VERSION, context.factor_versions, PREDICTORS), order="sorted")
    return hashlib.sha256(versions).hexdigest()[:16]


async def plan_build(connection: asyncpg.Connection, current: dataset_store.Current | None, revision: int) -> BuildPlan:
    """Read the days, instruments and small tables, and determine the first year to build of each part."""
    instruments = await market_tables.read_instruments(connection)
    days = await market_tables.read_days(connection)
    indices = await market_tables.read_indices(connection, days)
    dividends = await market_tables.read_dividends(connection, 0, len(instruments))
    listings = await market_tables.read_listings(connection)
    count = part_count(len(instruments))
    plan = BuildPlan(
        days=days,
        instruments=instruments,
        indices=indices,
        dividends=dividends,
        listings=listings,
        first_years=(-UNCHANGED,) * count,
        before=None,
        summaries=(),
    )
    if current is None or not len(days):
        return plan
    changed = await market_tables.changes(connection, current.revision, revision)
    summaries = summaries_from_bytes(current.summary)
    return replace(
        plan,
        first_years=_first_years(plan, current.manifest, changed, len(summaries)),
        before=current.manifest,
        summaries=summaries,
    )


def _first_years(
    plan: BuildPlan, before: Manifest, changed: Sequence[market_tables.Change], known: int
) -> tuple[int, ...]:
    """Return part -> the first calendar year to build; UNCHANGED when nothing changed.

    A year whose trading days differ is built for every part, even if no revision names it. A revert or a deletion may
    leave fewer instruments than before: the last part then has other columns, and those behind it are gone.
    """
    years, old_years = plan.years, before.years
    differing = [
        year
        for year in sorted({*years, *old_years})
        if year not in years
        or year not in old_years
        or not np.array_equal(plan.days[years[year]], before.days[old_years[year]])
    ]
    all_parts = differing[0] if differing else UNCHANGED
    found = [all_parts if part < known else -UNCHANGED for part in range(len(plan.first_years))]
    if found and len(plan.instruments) < len(before.instruments):
        found[-1] = -UNCHANGED
    linked = _linked_parts(plan.issuer_groups)
    for change in changed:
        others = () if change.kind in _WITHOUT_CAPS else linked.get(change.part, ())
        for part in range(len(found)) if change.part < 0 else (change.part, *others):
            if part < len(found):
                found[part] = min(found[part], change.from_year)
    for part, year in _company_changes(before.instruments, plan.instruments):
        if part < len(found):
            found[part] = min(found[part], year)
    last = max(years)
    return tuple(year if year <= last else UNCHANGED for year in found)


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

    New instruments change nothing here: their prices do. Nor do those that are gone, but their companies do.
    """
    old, new = ({column: group for group in issuer_groups(i) for column in group} for i in (before, now))
    known = range(min(len(before), len(now)))
    for column in known:
        alone = (column,)
        if set(old.get(column, alone)) != {c for c in new.get(column, alone) if c < len(before)}:
            yield column // PART, -UNCHANGED
        if before.delisted_day[column] != now.delisted_day[column]:
            day = min(int(before.delisted_day[column]), int(now.delisted_day[column]))
            for other in {*old.get(column, ()), *new.get(column, ())}:
                yield other // PART, from_day(day).year


async def load_part_inputs(
    context: BuildContext, connection: asyncpg.Connection, plan: BuildPlan, part: int, first: int
) -> tuple[PartInputs, int]:
    """Read the inputs of a part; return them and the first year to build."""
    columns = part_columns(part, len(plan.instruments))
    years = [year for year in plan.years if year < first]
    blobs = await _blobs(context, plan, part, years)
    start = plan.years[years[-1]].stop if blobs else 0
    prices = await market_tables.read_prices(connection, plan.days, columns.start, columns.stop, from_row=start)
    if blobs and plan.before is not None:
        try:
            await asyncio.to_thread(decode_history, plan.before, part, years, blobs, prices)
        except DatasetError as error:
            log.warning("history.rejected", part=part, error=str(error))
            return await load_part_inputs(context, connection, plan, part, min(plan.years))
    elif years:
        first = min(plan.years)
    statements = await market_tables.read_statements(connection, columns.start, columns.stop)
    groups, related = await _related_of(connection, plan, columns)
    return PartInputs(
        days=plan.days,
        instruments=_cut(plan.instruments, range(columns.start, columns.stop)),
        prices=prices,
        first_loaded_row=start,
        statements=_shifted_statements(statements, columns.start),
        dividends=_shifted_dividends(plan.dividends, columns),
        indices=plan.indices,
        listings=plan.listings.of_columns(columns),
        issuer_groups=groups,
        related=related,
    ), max(first, min(plan.years))


async def _related_of(
    connection: asyncpg.Connection, plan: BuildPlan, columns: slice
) -> tuple[list[Group], RelatedInstruments | None]:
    """Return the issuers of a part, by column of it and of related instruments; and those, from their first row on."""
    inside = range(columns.start, columns.stop)
    groups = [group for group in plan.issuer_groups if any(column in inside for column in group)]
    ordinals = sorted({column for group in groups for column in group if column not in inside})
    position = {column: at for at, column in enumerate((*inside, *ordinals))}
    relative = [tuple(position[column] for column in group) for group in groups]
    if not ordinals:
        return relative, None
    listings = plan.listings.select(np.isin(plan.listings.instrument, ordinals))
    numbers = np.searchsorted(ordinals, listings.instrument).astype(np.int32)
    return relative, RelatedInstruments(
        instruments=_cut(plan.instruments, ordinals),
        listings=replace(listings, instrument=numbers),
        prices=await _prices_of(connection, plan.days, ordinals),
    )


async def _prices_of(connection: asyncpg.Connection, days: Array, ordinals: Sequence[int]) -> dict[str, Array]:
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


async def _blobs(context: BuildContext, plan: BuildPlan, part: int, years: Sequence[int]) -> dict[str, bytes]:
    """Read the stored parts that contain the unchanged years of a part, from the cache or PostgreSQL."""
    if not years or plan.before is None:
        return {}
    names = history_part_names(plan.before, part, years)
    blobs = await context.cache.get_parts(names)
    return blobs | await dataset_store.read_parts(context.database, [name for name in names if name not in blobs])


def _cut(instruments: Instruments, columns: Sequence[int]) -> Instruments:
    fields = {name: getattr(instruments, name) for name in instruments.__struct_fields__}
    return Instruments(**{name: tuple(values[i] for i in columns) for name, values in fields.items()})


def _shifted_statements(found: Statements, first: int) -> Statements:
    return replace(found, instrument=(found.instrument - first).astype(np.int32))


def _shifted_dividends(found: Dividends, columns: slice) -> Dividends:
    inside = (found.instrument >= columns.start) & (found.instrument < columns.stop)
    within = found.select(inside)
    return replace(within, instrument=(within.instrument - columns.start).astype(np.int32))
