"""`ondol fetch` as a real process against a local server: killed and restarted, loaded twice, keys in no output."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import pathlib
import signal
import sys
from dataclasses import replace

import orjson
import pytest

from services.preparer.fetching.krx import last_published
from services.preparer.fetching.source import CONCURRENCY
from services.preparer.loading.load import load_market
from services.preparer.loading.refusals import Refusals
from shared.settings import Settings
from tests.support.data_sources import (
    DART_KEY,
    KRX_KEY,
    DataSources,
    block_page,
    data_sources,
    invented_companies,
    invented_filings,
)

NEWEST = last_published(dt.datetime.now(dt.UTC))
FIRST = NEWEST - dt.timedelta(days=40)


async def start(
    server: DataSources, *words: str | pathlib.Path, key: str | None = KRX_KEY, dart: bool = False
) -> asyncio.subprocess.Process:
    keys = {"ONDOL_KRX_KEY": key} if key else {}
    keys |= {"ONDOL_DART_KEY": DART_KEY} if dart else {}
    passed = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ondol", "fetch", *map(str, words), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, env={**passed, **server.environment, **keys},
    )  # fmt: skip


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    output, errors = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode, output.decode(), errors.decode()


def files_with(directory: pathlib.Path, text: str) -> list[pathlib.Path]:
    return [path for path in directory.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.parametrize("calls", [41, 135, 180], ids=["prices", "filing lists", "statements"])
async def test_killed_fetch_requests_nothing_twice(tmp_path: pathlib.Path, calls: int) -> None:
    companies = invented_companies()
    filings = [
        replace(filing, filed_on=NEWEST, number=filing.number + filing.year)
        for filing in invented_filings(companies, range(2024, 2026))
        if filing.code == "11011"
    ]
    words = (tmp_path, "--from", FIRST.isoformat(), "--only", "prices,statements")
    async with data_sources(DataSources(companies=companies, filings=filings)) as server:
        server.hold_after = calls
        process = await start(server, *words, dart=True)
        await asyncio.wait_for(server.until_held(CONCURRENCY), 60)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        server.hold_after = None
        server.released.set()
        code, output, errors = await ended(await start(server, *words, "--json", dart=True))
        assert code == 0, errors
        # what had no answer when the process was killed is requested again, nothing else
        again = {call for call, count in server.calls.items() if count > 1}
        assert len(again) == CONCURRENCY
        report = orjson.loads(output)
        assert report["written"]["last_day"] == NEWEST.isoformat()
        assert report["written"]["rows"]["financials"] == 2 * len(companies)
        assert sum(report["calls"].values()) == server.calls.total() - calls - CONCURRENCY
        code, output, errors = await ended(await start(server, *words, "--json", dart=True))
        assert set(orjson.loads(output)["calls"].values()) == {0}


async def test_fetched_market_loads_once(tmp_path: pathlib.Path, settings: Settings) -> None:
    directory = tmp_path / "market"
    async with data_sources() as server:
        code, _, errors = await ended(await start(server, directory, "--from", FIRST.isoformat()))
        assert code == 0, errors
        loads = [await load_market(directory, settings.database_url or "", refusals=Refusals())]
        code, _, errors = await ended(await start(server, directory, "--from", FIRST.isoformat()))
        assert code == 0, errors
    loads.append(await load_market(directory, settings.database_url or "", refusals=Refusals()))
    assert [load.revision for load in loads] == [1, None]
    assert loads[0].rows["companies"] == 42


@pytest.mark.parametrize("key", [KRX_KEY, "WRONGKEYCANARY"])
async def test_key_is_in_no_output_and_no_file(tmp_path: pathlib.Path, key: str) -> None:
    async with data_sources() as server:
        server.answers["ksq_bydd_trd", f"{NEWEST:%Y%m%d}"] = block_page
        for words in (["--check"], ["--from", FIRST.isoformat()], ["--from", FIRST.isoformat(), "--json"]):
            code, output, errors = await ended(await start(server, tmp_path, *words, key=key))
            assert code == 1
            assert key not in output + errors
    assert not files_with(tmp_path, key)


async def test_files_from_elsewhere_are_not_replaced(tmp_path: pathlib.Path) -> None:
    (tmp_path / "prices.csv").write_text("date\n", encoding="utf-8")
    async with data_sources() as server:
        code, _, errors = await ended(await start(server, tmp_path))
        assert code == 2
        assert "prices.csv from elsewhere" in errors
        code, output, _ = await ended(await start(server, tmp_path / "other", "--dry-run"))
        assert code == 0
        assert "calls" in output
        assert not server.calls


async def test_check_names_missing_approvals(tmp_path: pathlib.Path) -> None:
    async with data_sources() as server:
        server.not_approved = {"ksq_isu_base_info", "kosdaq_dd_trd"}
        code, output, _ = await ended(await start(server, tmp_path, "--check"))
        assert code == 1
        assert "apply for kosdaq_dd_trd, ksq_isu_base_info at openapi.krx.co.kr" in output
        code, _, errors = await ended(await start(server, tmp_path, key=None))
        assert code == 2
        assert "ONDOL_KRX_KEY_FILE" in errors
