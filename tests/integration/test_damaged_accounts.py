"""Steps of paper accounts that read damaged panels: withdrawn, computed again, and equal to the backtest (law A1)."""

from __future__ import annotations

import asyncio
import pathlib
import time
import uuid
from contextlib import AsyncExitStack
from typing import Any

import numpy as np

from services.api.accounts.step import StepResult, select_account, step_account
from services.simulator.account_withdrawal import withdraw_steps
from shared.dataset.panel_files import SUFFIX, TRAILER_BYTES
from shared.infra.database.pool import connect_pool
from shared.infra.redis import client as redis_client
from shared.settings import Settings
from tests.integration.test_accounts import DAYS, created, equals_its_backtest, published, shown, stepped, world
from tests.support.api_helpers import connection_of
from tests.support.system import Client, api_of, publish_market, simulator

ACCOUNT = ("as_of", "equity", "cash", "positions", "result_digest")
BOOKED = ("status", "fills", "equity", "cash", "positions", "orders")


def damage(settings: Settings) -> int:
    """Change every third price in the panel files, in place; return how many files were changed."""
    changed = 0
    for path in pathlib.Path(settings.panel_dir).glob("*" + SUFFIX):
        with path.open("r+b", buffering=0) as file:
            values = np.frombuffer(file.read()[:-TRAILER_BYTES], np.float64).copy()
            prices = np.flatnonzero((values >= 100) & (values <= 10_000))[::3]
            values[prices] *= 1.5
            file.seek(0)
            file.write(values.tobytes())
            changed += bool(len(prices))
    return changed


async def stepped_now(client: Client, account: str, clock: str) -> StepResult:
    """Step an account at a time in Seoul; its decision is of this moment, as it is without a clock of a test."""
    done: StepResult = await stepped(client, account, clock)
    async with connection_of(client.settings) as connection:
        await connection.execute(
            "update paper_step set decided_at = now() where decided_at < now() - interval '1 day' and account = $1",
            account,
        )
    return done


async def withdraw(settings: Settings, since: float) -> int:
    async with AsyncExitStack() as stack:
        database = await connect_pool(settings.database_url or "", size=2)
        stack.push_async_callback(database.close)
        broker = await stack.enter_async_context(redis_client.broker(settings.broker_url or ""))
        return await withdraw_steps(database, broker, since)


async def history(client: Client, account: str) -> dict[str, Any]:
    """Return what an account has, apart from times and reports."""
    document, steps = await shown(client, account), (await shown(client, account, "/steps"))["items"]
    return {
        "account": {name: document[name] for name in ACCOUNT},
        "steps": {step["date"]: {name: step.get(name) for name in BOOKED} for step in steps},
    }


async def test_step_from_damaged_panels_is_made_again(settings: Settings) -> None:
    await publish_market(settings, world(4), ())
    async with api_of(settings) as client:
        async with simulator(settings) as process:
            damaged = (await created(client, DAYS[2]))["id"]
            await published(client, world(5))
            await equals_its_backtest(client, damaged)  # maps the panels of the version before
            assert damage(settings) > 0
            done = await stepped_now(client, damaged, f"{DAYS[5]}T07:00:30")
            assert (done.booked, done.decided) == ((DAYS[4],), DAYS[5])
            wrong = await history(client, damaged)
            await asyncio.wait_for(process.wait(), 120)  # it has found the damage, and ends
        document = await shown(client, damaged)
        assert "withdrawn" in document["error"]
        async with simulator(settings):
            intact = (await created(client, DAYS[2]))["id"]
            await stepped_now(client, damaged, f"{DAYS[5]}T07:01:00")
            await equals_its_backtest(client, damaged)
            assert (await shown(client, damaged))["result_digest"] == (await shown(client, intact))["result_digest"]
        again = await history(client, damaged)
        assert again["account"] != wrong["account"]
        reports = (await shown(client, damaged, "/drift"))["items"]
        assert {report["cause"] for report in reports} == {"damaged_panels"}
        ledgers = [report["ledger"]["stored"]["equity"] for report in reports if report["ledger"] is not None]
        assert wrong["account"]["equity"] in ledgers


async def test_withdrawn_steps_are_made_again_the_same(settings: Settings) -> None:
    await publish_market(settings, world(4), ())
    async with api_of(settings) as client, simulator(settings):
        account = (await created(client, DAYS[2]))["id"]
        await stepped_now(client, account, f"{DAYS[4]}T07:00:30")
        begin = time.time()
        await published(client, world(6, c000010={3: 1060}))
        done = await stepped_now(client, account, f"{DAYS[6]}T07:00:30")
        assert (done.booked, done.decided, len(done.drift) > 0) == ((DAYS[4], DAYS[5]), DAYS[6], True)
        before, drift = await history(client, account), (await shown(client, account, "/drift"))["items"]
        assert await withdraw(settings, begin) == 1
        restored = await history(client, account)
        assert restored["account"]["as_of"] == DAYS[3]
        assert DAYS[6] not in restored["steps"]
        assert await withdraw(settings, begin) == 0
        row = await stepped_now(client, account, f"{DAYS[6]}T07:02:00")
        assert (row.booked, row.decided) == (done.booked, done.decided)
        assert await history(client, account) == before
        await equals_its_backtest(client, account)
        reports = (await shown(client, account, "/drift"))["items"]
        again = [report for report in reports if report["cause"] != "damaged_panels"]
        names = ("day", "cause", "won", "orders", "ledger", "fills")
        assert [[one[n] for n in names] for one in again] == [[one[n] for n in names] for one in drift]
        withdrawn = {report["day"]: report for report in reports if report["cause"] == "damaged_panels"}
        assert set(withdrawn) == {DAYS[4], DAYS[5], DAYS[6]}
        orders = (await shown(client, account, "/orders"))["items"]
        assert len(orders) > 0
        for one, order in zip(withdrawn[DAYS[6]]["orders"]["decided"], orders, strict=True):
            assert one.items() <= order.items()


async def test_first_step_is_withdrawn_as_a_whole(settings: Settings) -> None:
    await publish_market(settings, world(4), ())
    async with api_of(settings) as client, simulator(settings):
        account = (await created(client, DAYS[2]))["id"]
        before = await history(client, account)
        assert await withdraw(settings, 0) == 1
        assert (await history(client, account)) == {
            "account": dict.fromkeys(ACCOUNT) | {"positions": []}, "steps": {},
        }  # fmt: skip
        await stepped_now(client, account, f"{DAYS[4]}T07:00:30")
        assert (await history(client, account))["account"] == before["account"]
        await equals_its_backtest(client, account)


async def test_unknown_earlier_state_begins_behind_the_last_booking(settings: Settings) -> None:
    await publish_market(settings, world(4), ())
    async with api_of(settings) as client, simulator(settings), connection_of(settings) as connection:
        account = (await created(client, DAYS[2]))["id"]
        await published(client, world(5))
        await stepped_now(client, account, f"{DAYS[5]}T07:00:30")
        begin = time.time()
        await published(client, world(6))
        await stepped_now(client, account, f"{DAYS[6]}T07:00:30")
        before = await history(client, account)
        await connection.execute("truncate paper_earlier")
        assert await withdraw(settings, begin) == 1
        assert (await history(client, account))["account"]["as_of"] == DAYS[4]
        done = await stepped_now(client, account, f"{DAYS[6]}T07:01:00")
        assert done.booked == (DAYS[5],)
        assert await history(client, account) == before
        await equals_its_backtest(client, account)


async def test_step_in_flight_writes_nothing_after_a_withdrawal(settings: Settings) -> None:
    await publish_market(settings, world(4), ())
    async with api_of(settings) as client, simulator(settings):
        account = (await created(client, DAYS[2]))["id"]
        row = await select_account(client.api, uuid.UUID(account), None)
        assert row is not None
        assert await withdraw(settings, time.time() + 5) == 0
        assert (await step_account(client.api, row)).superseded
        assert not (await stepped_now(client, account, f"{DAYS[4]}T07:00:30")).superseded


async def test_states_before_are_kept_for_an_hour(settings: Settings) -> None:
    await publish_market(settings, world(4), ())
    async with api_of(settings) as client, simulator(settings), connection_of(settings) as connection:
        account = (await created(client, DAYS[2]))["id"]
        for _ in range(3):
            await stepped_now(client, account, f"{DAYS[4]}T07:00:30")
        assert await connection.fetchval("select count(*) from paper_earlier") == 4
        await connection.execute("update paper_earlier set stepped_at = stepped_at - interval '2 hours'")
        await stepped_now(client, account, f"{DAYS[4]}T07:00:30")
        assert await connection.fetchval("select count(*) from paper_earlier") == 2
