"""Builds on real servers: equal versions by every path, one build at a time, and recovery of a lost cache."""

from __future__ import annotations

import asyncio
import datetime as dt
import pathlib
import pickle
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from services.preparer import dataset_store
from services.preparer.build_plan import BuildContext
from services.preparer.preparer import LEASE, Preparer
from services.preparer.service import build_context, run
from shared.contracts.events import DATASETS, DatasetPublished, DatasetRequested
from shared.dataset.encode import encode_all
from shared.dataset.manifest import Manifest, version_of
from shared.dataset.memory_panels import MemoryPanels
from shared.dataset.panels import MappedPanels
from shared.errors import ChunkMissingError
from shared.factors.catalogue import FACTORS
from shared.infra.database.pool import LOST, Database, database, lone_connection
from shared.infra.redis import client as servers
from shared.infra.redis.cache import cache as open_cache
from shared.infra.redis.leases import PREFIX
from shared.infra.redis.streams import Broadcast, append
from shared.model.fields import STORED, VIEWS
from shared.settings import Settings
from tests.support.datasets import PartStore
from tests.support.loading import dates, load, loadable, until
from tests.support.markets import panels_of
from tests.support.random_markets import random_market

VERSIONS = {f.key: f.version for f in FACTORS}


@asynccontextmanager
async def preparer_of(settings: Settings, retention_days: int = 7) -> AsyncIterator[Preparer]:
    async with (
        database(settings.database_url or "") as found,
        servers.broker(settings.broker_url or "") as broker,
        open_cache(settings.cache_url or "") as cache,
    ):
        yield Preparer(
            build_context(settings, found, cache), broker, settings.broker_url or "", retention_days=retention_days
        )


def loadable_market(seed: int, *, stocks: int, rows: int) -> dict[str, Any]:
    return loadable(random_market(seed, stocks=stocks, rows=rows))


async def manifest_of(context: BuildContext) -> Manifest:
    found = await dataset_store.current(context.database)
    assert found is not None
    return found.manifest


def version_in_memory(market: Mapping[str, Any]) -> tuple[str, MemoryPanels]:
    panels = panels_of(market)
    rows = slice(0, len(panels.days))
    content, _ = encode_all(
        days=panels.days,
        instruments=panels.instruments,
        fields={f: panels.panel(f, rows) for f in (*STORED, *VERSIONS)},
        factor_versions=VERSIONS,
        indices=panels.indices,
        dividends=panels.dividends,
        listings=panels.listings,
    )
    return version_of(content), panels


@pytest.mark.parametrize(("seed", "steps"), [(3, 3), (11, 2), (20, 4)])
async def test_daily_updates_equal_a_full_build(settings: Settings, seed: int, steps: int) -> None:
    market = loadable_market(seed, stocks=6, rows=120)
    days = dates(market)
    async with preparer_of(settings) as preparer:
        for step in range(steps, -1, -1):
            await load(settings, until(market, days[-1 - step * 7]) | {"companies": market["companies"]})
            report = await preparer.prepare()
            assert report.published
        manifest = await manifest_of(preparer.context)
        expected, memory = version_in_memory(market)
        assert manifest.version == expected
        rebuilt = await preparer.prepare(rebuild=True)
        assert rebuilt.version == expected
        assert rebuilt.parts_built > 0
        parts = await dataset_store.read_parts(preparer.context.database, sorted(manifest.part_names()))
    panels = MappedPanels(settings.panel_dir, manifest, PartStore(parts), 1 << 28)
    rows = slice(0, len(memory.days))
    for field in (*STORED, *VIEWS, *VERSIONS):
        assert panels.panel(field, rows).tobytes() == memory.panel(field, rows).tobytes(), field
    assert {key: panels.absent_reason(key) for key in VERSIONS} == {key: memory.absent_reason(key) for key in VERSIONS}


async def test_corrected_price_equals_a_full_build(settings: Settings) -> None:
    market = loadable_market(5, stocks=4, rows=120)
    day = dates(market)[40]
    async with preparer_of(settings) as preparer:
        await load(settings, market)
        before = await preparer.prepare()
        corrected = [
            {**row, "volume": row["volume"] + 7} if row["date"] == day and row["volume"] else row
            for row in market["prices"]
        ]
        await load(settings, {"prices": corrected})
        after = await preparer.prepare()
        assert after.version != before.version
        assert after.version == version_in_memory(market | {"prices": corrected})[0]


async def test_unchanged_revision_is_not_built(settings: Settings) -> None:
    market = loadable_market(7, stocks=3, rows=40)
    async with preparer_of(settings) as preparer:
        assert (await preparer.prepare()).version is None
        await load(settings, market)
        first = await preparer.prepare()
        again = await preparer.prepare()
        assert (again.version, again.published, again.parts_built) == (first.version, False, 0)
        assert (await load(settings, market)).revision is None


async def test_new_day_builds_only_parts_of_its_year(settings: Settings) -> None:
    market = loadable_market(2, stocks=5, rows=120)
    days = dates(market)
    async with preparer_of(settings) as preparer:
        await load(settings, until(market, days[-2]))
        await preparer.prepare()
        before = await manifest_of(preparer.context)
        await load(settings, until(market, days[-1]))
        await preparer.prepare()
        after = await manifest_of(preparer.context)
    last = str(max(after.years))
    for field, years in after.content.chunks.items():
        for year, names in years.items():
            if year != last:
                assert names == before.content.chunks[field][year]


async def test_concurrent_requests_cause_one_build(settings: Settings) -> None:
    await load(settings, loadable_market(9, stocks=4, rows=60))
    async with preparer_of(settings) as one, preparer_of(settings) as two, preparer_of(settings) as three:
        reports = await asyncio.gather(*(p.prepare() for p in (one, two, three) for _ in range(7)))
    assert sum(report.published for report in reports) == 1
    assert len({report.version for report in reports}) == 1


async def test_expired_build_lease_is_acquired(settings: Settings) -> None:
    await load(settings, loadable_market(9, stocks=2, rows=30))
    async with preparer_of(settings) as preparer, servers.broker(settings.broker_url or "") as broker:
        await broker.set(PREFIX + LEASE, b"a builder that is gone", px=200)
        assert (await preparer.prepare()).published


async def test_late_publication_is_rejected(settings: Settings) -> None:
    market = loadable_market(13, stocks=3, rows=60)
    days = dates(market)
    async with preparer_of(settings) as preparer:
        found: Database = preparer.context.database
        await load(settings, until(market, days[-2]))
        await preparer.prepare()
        old, late = await manifest_of(preparer.context), await dataset_store.next_fence(found)
        await load(settings, until(market, days[-1]))
        newer = await preparer.prepare()
        assert not await dataset_store.publish(found, old, late, b"{}", b"")
        assert (await manifest_of(preparer.context)).version == newer.version


async def test_stopped_builder_keeps_no_locks(settings: Settings) -> None:
    async with database(settings.database_url or "") as found:
        with pytest.raises(LOST):  # noqa: PT012
            async with dataset_store.build_transaction(found) as stopped:
                await stopped.execute("insert into dataset_part (name, bytes) values ('one', '')")
                await stopped.fetchrow(dataset_store.SQL["lock_current"])
                assert await dataset_store.write_parts(found, {"one": b"1"}) == 1
                await stopped.execute("select 1")
        assert await dataset_store.delete_unretained(found, 7) is not None


async def test_unretained_versions_are_deleted(settings: Settings) -> None:
    market = loadable_market(17, stocks=3, rows=60)
    days = dates(market)
    versions = []
    async with preparer_of(settings, retention_days=0) as preparer:
        for cut in (-3, -2, -1):
            await load(settings, until(market, days[cut]))
            if cut == -2:
                await _pin(settings, versions[0])
            versions.append((await preparer.prepare()).version)
        async with lone_connection(settings.database_url or "") as connection:
            retained = {row["version"] for row in await connection.fetch(dataset_store.SQL["versions"])}
            assert retained == {versions[0], versions[2]}
            await connection.execute("update dataset_part set created_at = created_at - interval '2 hours'")
            await dataset_store.delete_unretained(preparer.context.database, 0)
            held = {row["name"] for row in await connection.fetch("select name from dataset_part")}
            assert held >= (await manifest_of(preparer.context)).part_names()
            named = await connection.fetch("select distinct unnest(parts) as name from dataset_version")
            assert held == {row["name"] for row in named}


async def _pin(settings: Settings, version: str) -> None:
    async with lone_connection(settings.database_url or "") as connection:
        await connection.execute(
            "insert into computation (id, request_digest, dataset_version, engine_version, rules_version, request)"
            " values ($1, 'd', $2, 'e', 'r', '{}')",
            uuid.uuid4(),
            version,
        )


async def test_cache_contains_the_last_two_versions(settings: Settings) -> None:
    market = loadable_market(41, stocks=3, rows=60)
    days = dates(market)
    versions: list[frozenset[str]] = []
    async with preparer_of(settings) as preparer:
        for cut in (-4, -3, -2, -1):
            await load(settings, until(market, days[cut]))
            await preparer.prepare()
            versions.append((await manifest_of(preparer.context)).part_names())
        cache = preparer.context.cache
        missing = set(await cache.missing_parts(sorted(frozenset().union(*versions))))
    assert not missing & (versions[3] | versions[2])
    assert missing >= (versions[1] | versions[0]) - versions[2] - versions[3]


async def test_version_stats_agree_with_the_panels(settings: Settings) -> None:
    import msgspec
    import numpy as np

    market = loadable_market(23, stocks=8, rows=80)
    await load(settings, market)
    async with preparer_of(settings) as preparer:
        await preparer.prepare()
        async with preparer.context.database.connection() as connection:
            row = await connection.fetchrow(dataset_store.SQL["current_about"])
    stats = msgspec.json.decode(row["about"])
    memory = panels_of(market)
    rows = slice(0, len(memory.days))
    alive = ~np.isnan(memory.panel("adj_close", rows))
    for key in VERSIONS:
        for year, span in {y: s for y, s in _years(memory).items() if alive[s].any()}.items():
            known = np.count_nonzero(~np.isnan(memory.panel(key, span))) / np.count_nonzero(alive[span])
            assert stats["coverage"][key][str(year)]["share"] == pytest.approx(known, abs=1e-6)
        last = memory.panel(key, slice(len(memory.days) - 1, len(memory.days)))
        assert stats["distributions"][key]["count"] == np.count_nonzero(~np.isnan(last))
    cap = memory.panel("cap", rows)[-1]
    best = [memory.instruments.code[i] for i in np.argsort(-np.nan_to_num(cap))][: np.count_nonzero(~np.isnan(cap))]
    assert [code for code, _ in stats["rankings"]["market_cap"]["all"]][:1] == best[:1]
    assert set(stats["rankings"]) == {"market_cap", "trading_volume", "trading_value"}


def _years(panels: MemoryPanels) -> dict[int, slice]:
    from shared.model.calendar import year_slices

    return year_slices(panels.days)


async def until_true(condition: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not come in time"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(run(settings))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


class Armed:
    fired = False

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return setattr, (Armed, "fired", True)


async def test_service_publishes_and_restores_lost_parts(settings: Settings) -> None:
    market = loadable_market(29, stocks=3, rows=60)
    await load(settings, market)
    async with serving(settings), preparer_of(settings) as watcher:
        context, broker = watcher.context, watcher._broker

        async def published() -> bool:
            return await dataset_store.current(context.database) is not None

        await until_true(published)
        manifest = await manifest_of(context)
        names = sorted(manifest.part_names())

        async def complete() -> bool:
            return not await context.cache.missing_parts(names)

        await until_true(complete)
        await context.cache.redis.flushall()
        facts = Broadcast(broker, DATASETS)
        await facts.start()
        for _ in range(20):
            await append(broker, DatasetRequested(version=manifest.version, parts=tuple(names)))
        await until_true(complete)
        answers = [e for _, e in await facts.read() if isinstance(e, DatasetPublished)]
        assert {event.version for event in answers} <= {manifest.version}
        await _nothing_planted_is_served(settings, context, broker, manifest)


async def _nothing_planted_is_served(
    settings: Settings, context: BuildContext, broker: Redis, manifest: Manifest
) -> None:
    stored = manifest.stored_names("close", max(manifest.years))
    planted = {name: pickle.dumps(Armed()) for name in stored}

    async def is_planted() -> bool:  # requests from before may still replace the parts
        await context.cache.put_parts(planted)
        return await context.cache.get_parts(stored) == planted

    await until_true(is_planted)
    panels = MappedPanels(settings.panel_dir, manifest, PartStore(planted), 1 << 26)
    rows = manifest.years[max(manifest.years)]
    with pytest.raises(ChunkMissingError) as error:
        panels.panel("close", rows)
    assert error.value.missing == stored
    assert not Armed.fired
    await append(broker, DatasetRequested(version=manifest.version, parts=error.value.missing))

    async def healed() -> bool:
        found = await context.cache.get_parts(stored)
        return all(not blob.startswith(b"\x80") for blob in found.values())

    await until_true(healed)


async def test_damaged_stored_part_is_rebuilt(settings: Settings) -> None:
    await load(settings, loadable_market(31, stocks=3, rows=40))
    async with preparer_of(settings) as preparer:
        await preparer.prepare()
        manifest = await manifest_of(preparer.context)
        (name,) = manifest.stored_names("close", max(manifest.years))
        good = (await dataset_store.read_parts(preparer.context.database, [name]))[name]
        async with lone_connection(settings.database_url or "") as connection:
            await connection.execute("update dataset_part set bytes = $2 where name = $1", name, good[:-2] + b"??")
        await preparer.context.cache.redis.flushall()
        await preparer.restore_parts(manifest.version, [name], requested_at=time.time())
        assert await preparer.context.cache.get_parts([name]) == {name: good}
        assert (await dataset_store.read_parts(preparer.context.database, [name]))[name] == good


async def test_new_listing_does_not_change_earlier_years(settings: Settings) -> None:
    market = loadable_market(37, stocks=3, rows=120)
    days = dates(market)
    newcomer = {"stock_code": "NEW001", "name": "New", "market": "KOSPI"}
    price = {"open": 100, "high": 100, "low": 100, "close": 100, "volume": 5, "listed_shares": 1000}
    listed = [{"date": days[-1], "stock_code": "NEW001", **price}]
    async with preparer_of(settings) as preparer:
        await load(settings, market)
        await preparer.prepare()
        before = await manifest_of(preparer.context)
        await load(settings, {"companies": [newcomer], "prices": listed})
        await preparer.prepare()
        after = await manifest_of(preparer.context)
    assert after.instruments.code[-1] == "NEW001"
    assert dt.date.fromisoformat(days[-1]).year == max(after.years)
    for field, years in after.content.chunks.items():
        for year in set(years) - {str(max(after.years))}:
            assert years[year] == before.content.chunks[field][year]


def test_golden_parts_are_unchanged() -> None:
    assert len(list((pathlib.Path(__file__).parents[1] / "golden" / "dataset").glob("*.part"))) == 3
