"""Deletions and reverts: every market table, the dataset version and the results of before return."""

from __future__ import annotations

import datetime as dt
import pathlib
from dataclasses import replace
from typing import Any

import pytest

from services.preparer.loading.delete import Selection, delete_rows
from services.preparer.loading.earlier_rows import KEPT_REVISIONS, TABLES
from services.preparer.loading.load import load_market
from services.preparer.loading.revert import read_revisions, revert_revisions
from shared.errors import LoadError
from shared.infra.database.pool import lone_connection
from shared.infra.quality_reports import read_report
from shared.model.calendar import to_day
from shared.settings import Settings
from tests.support.cases import case_market, case_request
from tests.support.loading import load, loadable
from tests.support.preparing import prepare_once
from tests.support.random_markets import random_market
from tests.support.system import api_of, simulator

Rows = dict[str, list[tuple[Any, ...]]]


async def stored(settings: Settings) -> Rows:
    """Return all rows of the market tables."""
    found = {}
    async with lone_connection(settings.database_url or "") as connection:
        for table in TABLES:
            order = ", ".join(table.key)
            rows = await connection.fetch(f"select * from {table.name} order by {order}")  # noqa: S608
            found[table.name] = [tuple(row) for row in rows]
    return found


def day(text: str) -> tuple[int, int]:
    number = to_day(dt.date.fromisoformat(text))
    return number, number


async def version_of(settings: Settings) -> str:
    report = await prepare_once(settings)
    assert report.version is not None
    return report.version


def market_of(seed: int, **changes: Any) -> dict[str, Any]:
    market = loadable(random_market(seed, stocks=6, rows=300))
    statement = {
        "stock_code": market["companies"][0]["stock_code"], "fiscal_year": 2015, "fiscal_quarter": 4,
        "period_end": "2015-12-31", "disclosed_on": "2016-03-02", "revenue": 5.0,
    }  # fmt: skip
    return market | {"financials": [*market["financials"], statement]} | changes


def changed_market(market: dict[str, Any]) -> dict[str, Any]:
    """Return files that change or add a row of every table, and add a company."""
    company = {**market["companies"][0], "stock_code": "999990", "name": "new"}
    price = {**market["prices"][0], "stock_code": "999990"}
    listing = {"stock_code": "999990", "from_date": price["date"], "market": company["market"]}
    return {
        "companies": [{**market["companies"][1], "name": "renamed"}, company],
        "prices": [{**row, "volume": row["volume"] * 2} for row in market["prices"][:40]] + [price],
        "listings": [listing],
        "financials": [{**row, "revenue": 1.0} for row in market["financials"][-3:]],
        "dividends": [{"stock_code": "999990", "ex_date": price["date"], "dps": 5.0}],
        "indices": [{**row, "close": row["close"] + 1} for row in market["indices"][:2]],
    }


async def test_revert_of_a_load_restores_every_table(settings: Settings) -> None:
    market, url = market_of(3), settings.database_url or ""
    await load(settings, market)
    before, version = await stored(settings), await version_of(settings)
    await load(settings, changed_market(market))
    changed, other = await stored(settings), await version_of(settings)
    assert all(before[table.name] != changed[table.name] for table in TABLES)
    assert other != version
    report = await revert_revisions(url)
    assert (report.revision, report.reverted, report.target) == (3, [2], 1)
    assert await stored(settings) == before
    built = await prepare_once(settings)
    assert (built.version, built.revision, built.parts_built) == (version, 3, 0)
    again = await revert_revisions(url)
    assert (again.revision, again.reverted, again.target) == (4, [3], 2)
    assert await stored(settings) == changed
    assert await version_of(settings) == other


async def test_revert_gives_the_version_again_without_its_parts(settings: Settings) -> None:
    market, url = market_of(4), settings.database_url or ""
    await load(settings, market)
    version = await version_of(settings)
    await load(settings, changed_market(market))
    await version_of(settings)
    async with lone_connection(url) as connection:
        await connection.execute("delete from dataset_version where version = $1", version)
    await revert_revisions(url)
    built = await prepare_once(settings)
    assert built.version == version
    assert built.parts_built > 0


async def test_revert_of_several_revisions_at_once(settings: Settings) -> None:
    market, url = market_of(5), settings.database_url or ""
    await load(settings, market)
    before = await stored(settings)
    await load(settings, changed_market(market))
    await delete_rows(url, Selection(stock_codes=("999990",)))
    await load(settings, {"indices": [{"date": "2031-01-02", "index": "KOSPI", "close": 9.0}]})
    assert (await revert_revisions(url, target=1, dry_run=True)).revision is None
    report = await revert_revisions(url, count=3)
    assert (report.revision, report.reverted, report.target) == (5, [4, 3, 2], 1)
    assert await stored(settings) == before
    nothing = await revert_revisions(url, target=1)
    assert nothing.revision is None


async def test_first_load_can_be_reverted(settings: Settings) -> None:
    url = settings.database_url or ""
    await load(settings, market_of(6))
    version = await version_of(settings)
    await revert_revisions(url)
    assert not any((await stored(settings)).values())
    await prepare_once(settings)
    await revert_revisions(url)
    assert await version_of(settings) == version


async def test_seven_revisions_are_kept(settings: Settings) -> None:
    url = settings.database_url or ""
    await load(settings, market_of(7))
    for close in range(1, 10):
        await load(settings, {"indices": [{"date": "2031-01-02", "index": "KOSPI", "close": float(close)}]})
    async with lone_connection(url) as connection:
        revisions = await read_revisions(connection)
        for table in TABLES:
            oldest = await connection.fetchval(f"select min(revision) from {table.name}_before")  # noqa: S608
            assert oldest is None or oldest > len(revisions) - KEPT_REVISIONS
    assert [r.id for r in revisions if r.revertible] == list(range(10, 3, -1))
    with pytest.raises(LoadError, match="revision 3 can no longer be reverted"):
        await revert_revisions(url, count=8)
    report = await revert_revisions(url, count=7)
    assert report.target == 3


async def test_deleted_stock_leaves_the_market_of_the_others(settings: Settings) -> None:
    market, url = market_of(8), settings.database_url or ""
    codes = [row["stock_code"] for row in market["companies"]]
    await load(settings, market)
    before, version = await stored(settings), await version_of(settings)
    report = await delete_rows(url, Selection(stock_codes=(codes[1], codes[4])))
    assert report.deleted["instrument"] == 2
    assert report.deleted["price"] == sum(row["stock_code"] in (codes[1], codes[4]) for row in market["prices"])
    incremental = await version_of(settings)
    assert (await prepare_once(settings, rebuild=True)).version == incremental != version
    async with lone_connection(url) as connection:
        left = await connection.fetch("select code from instrument order by ordinal")
    assert [row["code"] for row in left] == [codes[0], codes[5], codes[2], codes[3]]
    await revert_revisions(url)
    assert await stored(settings) == before
    assert await version_of(settings) == version


async def test_deleted_days_are_those_of_the_range(settings: Settings) -> None:
    market, url = market_of(9), settings.database_url or ""
    days = sorted({row["date"] for row in market["prices"]})
    first, last = days[10], days[12]
    await load(settings, {k: [r for r in v if not first <= str(r.get("date", "")) <= last] for k, v in market.items()})
    expected, version = await stored(settings), await version_of(settings)
    await load(settings, market)
    selection = Selection(days=((day(first)[0], day(last)[0]),))
    dry = await delete_rows(url, selection, dry_run=True)
    report = await delete_rows(url, selection)
    assert (dry.deleted, dry.revision) == (report.deleted, None)
    assert report.revision == 3
    assert await stored(settings) == expected
    assert await version_of(settings) == version


async def test_deletion_of_absent_rows_is_refused(settings: Settings) -> None:
    market, url = market_of(10), settings.database_url or ""
    await load(settings, market)
    before = await stored(settings)
    code = market["companies"][0]["stock_code"]
    with pytest.raises(LoadError, match=f"did you mean .*{code}"):
        await delete_rows(url, Selection(stock_codes=(code[:-1] + "X",)))
    with pytest.raises(LoadError, match="No row has the date 2050-01-03; the nearest trading days of the data are"):
        await delete_rows(url, Selection(days=(day("2050-01-03"),)))
    assert await stored(settings) == before
    async with lone_connection(url) as connection:
        assert len(await read_revisions(connection)) == 1


async def test_row_of_a_sunday_is_taken_back(settings: Settings, tmp_path: pathlib.Path) -> None:
    url, sunday = settings.database_url or "", "2023-03-05"
    market, request = case_market("19"), case_request("19")
    good = {**market, "prices": [row for row in market["prices"] if row["date"] != sunday]}
    async with api_of(settings) as client, simulator(settings):

        async def run() -> tuple[str, str, int]:
            await prepare_once(settings)
            status, document, _ = await client.call("POST", "/v1/backtests", request, Prefer="wait=30")
            assert (status, document["status"]) == (200, "completed")
            where = document["result"]["provenance"]
            return where["dataset_version"], where["result_digest"], len(document["result"]["equity"])

        await load(settings, good)
        first = await run()
        assert first[2] == 4
        await load(settings, market)
        assert (await run())[2] == 5
        assert (await delete_rows(url, Selection(days=(day(sunday),)))).deleted == {"price": 1}
        assert await run() == first
        await revert_revisions(url)
        assert (await run())[2] == 5
        await load(settings, case_market("19", "fix"))
        assert await run() == first
        await revert_revisions(url, target=1)
        assert await run() == first
    async with lone_connection(url) as connection:
        first_report, last_report = await read_report(connection, 1), await read_report(connection)
    assert first_report is not None
    assert last_report == replace(first_report, revision=6)


async def test_interrupted_revert_changes_nothing(settings: Settings, tmp_path: pathlib.Path) -> None:
    market, url = market_of(11), settings.database_url or ""
    await load(settings, market)
    await load(settings, changed_market(market))
    before = await stored(settings)
    async with lone_connection(url) as connection:
        await connection.execute(
            "create function fail() returns trigger language plpgsql as $$ begin raise 'disk full'; end $$;"
            "create trigger fail before insert on data_revision for each row execute function fail()"
        )
    for change in (revert_revisions(url), delete_rows(url, Selection(stock_codes=("999990",)))):
        with pytest.raises(Exception, match="disk full"):
            await change
    assert await stored(settings) == before
    async with lone_connection(url) as connection:
        await connection.execute("drop trigger fail on data_revision")
    assert (await load_market(_index_file(tmp_path), url)).revision == 3
    assert (await revert_revisions(url)).target == 2
    assert await stored(settings) == before


def _index_file(folder: pathlib.Path) -> pathlib.Path:
    (folder / "indices.csv").write_text("date,index,close\n2031-01-02,KOSPI,7\n")
    return folder
