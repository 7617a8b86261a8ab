"""A market that is loaded in instalments, with restatements, and prepared after each, is the market at once."""

from __future__ import annotations

import csv
import datetime as dt
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pytest

from services.preparer import dataset_store
from services.preparer.loading.load import load_market
from shared.dataset.memory_panels import MemoryPanels
from shared.dataset.panels import MappedPanels
from shared.infra.database.pool import database
from shared.model.fields import LANGUAGE_FIELDS, STORED
from shared.settings import Settings
from tests.conformance.comparison import differences, engine_result, reference_result
from tests.reference.market import read
from tests.support.datasets import PartStore
from tests.support.markets import panels_of
from tests.support.preparing import prepare_once
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

Market = dict[str, list[dict[str, Any]]]
BUDGET = 1 << 28


def written(market: Market, directory: Path) -> Path:
    """The market as CSV files."""
    directory.mkdir()
    for name, rows in market.items():
        if rows:
            columns = list(dict.fromkeys(key for row in rows for key in row))
            with (directory / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
    return directory


def until(market: Market, day: str, rng: random.Random) -> Market:
    """What was loaded on an evening: rows up to the day, some of them wrong, delistings that have happened."""
    kept = {"prices": "date", "indices": "date", "financials": "disclosed_on", "dividends": "ex_date"}
    found = {
        name: [dict(row) for row in rows if name == "companies" or row[kept[name]] <= day]
        for name, rows in market.items()
    }
    for company in found["companies"]:
        if company.get("delisted_on", day) > day:
            company["delisted_on"] = None
    for price in found["prices"]:
        if rng.random() < 0.01 and price["volume"] and price["open"]:
            price["volume"] += 7
            price["high"] += 100
    for statement in found["financials"]:
        if rng.random() < 0.05 and statement.get("net_income") is not None:
            statement["net_income"] += 1000
    return found


async def prepared(settings: Settings, market: Market, directory: Path) -> None:
    """Load a market and publish what differs."""
    await load_market(written(market, directory), settings.database_url or "")
    await prepare_once(settings)


async def published(settings: Settings, directory: Path) -> MappedPanels:
    """The current version with its parts from PostgreSQL."""
    async with database(settings.database_url or "", size=2) as found:
        current = await dataset_store.current(found)
    connection = await asyncpg.connect(settings.database_url)
    try:
        rows = await connection.fetch("select * from dataset_part")
        blobs: Mapping[str, bytes] = {row["name"]: row["bytes"] for row in rows}
    finally:
        await connection.close()
    assert current is not None
    return MappedPanels(directory, current.manifest, PartStore(dict(blobs)), BUDGET)


def assert_same(found: MappedPanels, expected: MemoryPanels) -> None:
    """Every field and factor of every stock, to the bit."""
    rows = slice(0, len(expected.days))
    assert found.days.tolist() == expected.days.tolist()
    assert found.factors == expected.factors
    columns = [found.instruments.ordinal[code] for code in expected.instruments.code]
    for name in (*STORED, *LANGUAGE_FIELDS.values(), *sorted(expected.factors)):
        a, b = found.panel(name, rows)[:, columns], expected.panel(name, rows)
        np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize("seed", [7, 31, 34])
async def test_a_market_in_instalments_is_the_market_at_once(seed: int, settings: Settings, tmp_path: Path) -> None:
    market, rng = random_market(seed), random.Random(seed)
    days = sorted({p["date"] for p in market["prices"]})
    for turn, at in enumerate((len(days) // 3, len(days) * 2 // 3, len(days) - 2)):
        await prepared(settings, until(market, days[at], rng), tmp_path / f"load{turn}")
    await prepared(settings, market, tmp_path / "whole")
    found = await published(settings, tmp_path / "panels")
    assert_same(found, panels_of(market))
    made = read(market)
    for turn in range(3):
        request = random_request(seed * 100 + turn, market)
        assert differences(engine_result(found, request), reference_result(made, request)) == []


async def test_a_second_load_of_the_same_market_publishes_nothing(settings: Settings, tmp_path: Path) -> None:
    market = random_market(5)
    await prepared(settings, market, tmp_path / "first")
    before = await published(settings, tmp_path / "panels")
    report = await load_market(written(market, tmp_path / "second"), settings.database_url or "")
    assert report.revision is None
    assert not (await prepare_once(settings)).published
    assert (await published(settings, tmp_path / "again")).version == before.version


async def test_rebuild_has_the_name_of_the_incremental_version(settings: Settings, tmp_path: Path) -> None:
    market = random_market(34)
    days = sorted({p["date"] for p in market["prices"]})
    await prepared(settings, until(market, days[len(days) // 2], random.Random(1)), tmp_path / "half")
    await prepared(settings, market, tmp_path / "whole")
    built_up = await published(settings, tmp_path / "panels")
    await prepare_once(replace(settings), rebuild=True)
    assert (await published(settings, tmp_path / "again")).version == built_up.version
    assert dt.date.fromisoformat(days[-1]).toordinal() - dt.date(1970, 1, 1).toordinal() == int(built_up.days[-1])
