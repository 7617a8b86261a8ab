"""The api process is killed while accounts step and while opening quotes are posted."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp
import asyncpg

from ondol.local.ports import free_port
from ondol.local.processes import Child
from shared.settings import Settings
from tests.integration.test_account_laws import CODES, HISTORY, STRATEGY, Market, trading_days
from tests.integration.test_accounts import equals_its_backtest, published, shown
from tests.support.system import MAX_WAIT_S, Client, api_of, publish_market, simulator

UNANSWERED = (aiohttp.ClientError, ConnectionError)


class KilledApi:
    """An api process that is killed and started again; requests are repeated until they are answered."""

    def __init__(self, settings: Settings, session: aiohttp.ClientSession, stack: AsyncExitStack) -> None:
        self._settings = replace(settings, api_host="127.0.0.1", api_port=free_port())
        self._session, self._stack = session, stack
        self.url = f"http://127.0.0.1:{self._settings.api_port}"
        self.process: Child | None = None
        self.kills = 0

    async def start(self) -> None:
        self.process = await self._stack.enter_async_context(simulator(self._settings, service="api"))

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        self.kills += 1
        await self.start()

    async def ready(self) -> None:
        await self.answered("GET", "/readyz")

    async def answered(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request until it is answered with 2xx, and return the answer."""
        found: Any = None
        async with asyncio.timeout(MAX_WAIT_S):
            while True:
                try:
                    async with self._session.request(method, self.url + path, json=body) as response:
                        found = await response.json()
                        if response.status < 300:
                            return found
                        assert response.status == 503, found
                except UNANSWERED:
                    await asyncio.sleep(0.02)

    async def through_kills(self, work: Callable[[], Awaitable[None]], draw: random.Random, kills: int) -> None:
        """Do the work while the process is killed at random moments."""
        await self.ready()
        working = asyncio.ensure_future(work())
        try:
            for _ in range(kills):
                await asyncio.sleep(draw.uniform(0, 0.06))
                await self.kill()
                await self.ready()
            await working
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)


@asynccontextmanager
async def killed_api(settings: Settings) -> AsyncIterator[KilledApi]:
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        api = KilledApi(settings, session, stack)
        await api.start()
        yield api


def opens_of(market: Market, row: int, draw: random.Random) -> dict[str, float]:
    """The opens of a row; one of them is a tick off."""
    found = {code: float(market.bars[code, row]["open"]) for code in CODES}
    found[draw.choice(CODES)] += 50
    return found


async def test_kills_while_accounts_step_and_quotes_are_posted(settings: Settings) -> None:
    draw = random.Random(7)
    dates = trading_days(HISTORY + 5)
    market = Market(7, dates)
    for bar in market.bars.values():
        bar["open"] = bar["open"] // 50 * 50  # on the tick grid of every price below 50,000 won
        bar["low"] = min(bar["low"], bar["open"])
    await publish_market(settings, market.until(HISTORY), ())
    async with api_of(settings) as client, simulator(settings), killed_api(settings) as api:
        accounts = [await create(client, dates[HISTORY], cash) for cash in (2e7, 5e7, 9e7)]
        await step_all(api, accounts)
        for rows in range(HISTORY + 1, HISTORY + 4):
            opens = opens_of(market, rows - 1, draw)
            await api.through_kills(partial(post, api, dates[rows - 1], opens), draw, 2)
            await api.through_kills(partial(step_all, api, accounts), draw, 1)
            await check_quotes(client, accounts, dates[rows - 1], opens)
            await published(client, market.until(rows))
            await api.through_kills(partial(step_all, api, accounts), draw, 2)
            for account in accounts:
                await equals_its_backtest(client, account)
        assert api.kills == 15
        for account in accounts:
            await check_history(client, account, dates[HISTORY : HISTORY + 4])
    await check_events(settings, accounts)


async def create(client: Client, start: str, cash: float) -> str:
    body = {"strategy": STRATEGY, "start": start, "initial_cash": cash, "benchmark": None}
    status, document, _ = await client.call("POST", "/v1/accounts", body)
    assert status == 201, document
    found: str = document["id"]
    assert (await client.call("PUT", f"/v1/accounts/{found}/webhook", {"url": "https://1.1.1.1/x"}))[0] == 200
    return found


async def post(api: KilledApi, date: str, opens: dict[str, float]) -> None:
    """Post the opens in three parts, at once and again."""
    items = [{"stock_code": code, "open": price} for code, price in opens.items()]
    parts = [items[at::3] for at in range(3)] * 2
    await asyncio.gather(*(api.answered("POST", "/v1/quotes/open", {"date": date, "quotes": part}) for part in parts))


async def step_all(api: KilledApi, accounts: list[str]) -> None:
    await asyncio.gather(*(api.answered("POST", f"/v1/accounts/{account}/steps") for account in accounts * 2))


async def check_quotes(client: Client, accounts: list[str], date: str, opens: dict[str, float]) -> None:
    status, listed, _ = await client.call("GET", f"/v1/quotes/open?date={date}")
    assert status == 200
    assert {item["stock_code"]: item["open"] for item in listed["items"]} == opens
    for account in accounts:
        provisional = (await shown(client, account))["provisional"]
        assert (provisional["date"], provisional["number"]) == (date, listed["number"])
        assert provisional["unquoted"] == []


async def check_history(client: Client, account: str, dates: list[str]) -> None:
    """One step a day, numbered reports, and reports of quotes that add up."""
    steps = (await shown(client, account, "/steps"))["items"]
    assert [step["date"] for step in reversed(steps)] == dates
    assert [step["status"] for step in steps] == ["decided", *["booked"] * (len(steps) - 1)]
    reports = (await shown(client, account, "/drift"))["items"]
    assert [report["number"] for report in reports] == list(range(len(reports), 0, -1))
    assert {report["cause"] for report in reports} <= {"quoted_opens"}
    counted = {step["date"]: step["reconciliation"] or [] for step in steps}
    by_day = {report["day"]: report["won"] for report in reports}
    assert len(by_day) == len(reports)
    for day, items in counted.items():
        causes = {"open_differs", "not_quoted", "other_orders"}
        won = sum(item["won"] for item in items if item["cause"] in causes)
        assert abs(won - by_day.get(day, 0.0)) < 0.01


async def check_events(settings: Settings, accounts: list[str]) -> None:
    """Each event of a decision and of a booking is there once."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        rows = await connection.fetch(
            "select account, change, day, count(*) as times from paper_delivery"
            " where change in ('orders.decided', 'orders.filled') group by 1, 2, 3"
        )
    finally:
        await connection.close()
    assert len(rows) == 6 * len(accounts)
    assert {row["times"] for row in rows} == {1}
