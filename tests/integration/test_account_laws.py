"""Laws of paper accounts over many days: equality with the backtest, one decision a day, and named restatements."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
import time
import uuid
from contextlib import AsyncExitStack
from typing import Any

import pytest

from ondol.local.processes import Child
from services.api.accounts.opening_quotes import store_quotes
from services.api.accounts.step import select_account, step_account
from services.api.schemas.account_requests import OpeningQuote, OpeningQuotesBody
from shared.market.opening_hours import next_trading_day
from shared.settings import Settings
from tests.integration.test_accounts import at, equals_its_backtest, published, shown
from tests.support.system import Client, api_of, publish_market, simulator

CODES = tuple(f"0000{n:02}" for n in range(10, 130, 10))
STRATEGY = {
    "buy": {"where": "raw_close > ts_mean(raw_close, 3)", "rank_by": "raw_close / ts_mean(raw_close, 5)"},
    "sell": {"stop_loss_pct": 6, "take_profit_pct": 9, "max_hold_days": 8},
    "portfolio": {"max_positions": 4},
}
LEDGER = ("as_of", "equity", "cash", "positions", "result_digest")
"""Parts of an account that opening quotes do not change."""
HISTORY = 20
"""Rows before the account's start."""


def trading_days(count: int) -> list[str]:
    days = [dt.date(2024, 1, 2)]
    while len(days) < count:
        days.append(next_trading_day(days[-1]))
    return [day.isoformat() for day in days]


class Market:
    """A random market that is published row by row; `restate` changes a close that was published."""

    def __init__(self, seed: int, days: list[str]) -> None:
        draw = random.Random(seed)
        self.days, self.bars = days, dict[tuple[str, int], dict[str, Any]]()
        for code in CODES:
            price = float(draw.randrange(5_000, 50_000))
            for row in range(len(days)):
                opened = price * draw.uniform(0.985, 1.015)
                price = opened * draw.uniform(0.96, 1.042)
                values = [max(round(opened / 100), 1) * 100, round(price)]  # an open on the tick grid
                self.bars[code, row] = {
                    "open": values[0], "close": values[1], "high": round(max(values) * 1.01),
                    "low": round(min(values) * 0.99),
                }  # fmt: skip

    def restate(self, code: str, row: int, factor: float) -> None:
        bar = self.bars[code, row]
        bar["close"] = max(round(bar["close"] * factor), 1)
        bar["high"], bar["low"] = max(bar["high"], bar["close"]), min(bar["low"], bar["close"])

    def until(self, rows: int) -> dict[str, Any]:
        prices = [
            {"date": self.days[row], "stock_code": code, "volume": 1e5, "listed_shares": 1e6, **self.bars[code, row]}
            for code in CODES for row in range(rows)
        ]  # fmt: skip
        return {
            "prices": prices, "companies": [{"stock_code": c, "name": f"name {c}", "market": "KOSPI"} for c in CODES]
        }  # fmt: skip


class Simulators:
    """Two simulators, of which one may be killed; another one takes its place."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self._settings, self._stack = settings, stack
        self.running: list[Child] = []
        self.killed = 0

    async def start(self) -> None:
        self.running.append(await self._stack.enter_async_context(simulator(self._settings)))

    async def kill_one(self, draw: random.Random) -> None:
        process = self.running.pop(draw.randrange(len(self.running)))
        process.kill()
        await process.wait()
        self.killed += 1
        await self.start()


async def interrupted_steps(
    client: Client, account: str, now: dt.datetime, draw: random.Random
) -> tuple[int, set[str]]:
    """Step until one step is complete, three at once, after some were cancelled; return (cancelled, days decided)."""
    decided, cancelled = set[str](), 0
    while True:
        row = await select_account(client.api, uuid.UUID(account), None)
        assert row is not None
        clocks = [now + dt.timedelta(seconds=draw.uniform(0, 600)) for _ in range(3)]
        steps = [asyncio.ensure_future(step_account(client.api, row, now=clock, scheduled=True)) for clock in clocks]
        is_cut = draw.random() < 0.4
        if is_cut:
            await asyncio.sleep(draw.uniform(0, 0.08))
            cancelled += sum(step.cancel() for step in steps)
        ended = await asyncio.gather(*steps, return_exceptions=True)
        assert all(not isinstance(one, Exception) for one in ended), ended
        done = [one for one in ended if not isinstance(one, BaseException)]
        decided |= {one.decided for one in done if one.decided}
        if not is_cut:
            assert sum(not one.superseded for one in done) >= 1
            return cancelled, decided


async def post_quotes(client: Client, account: str, market: Market, row: int, draw: random.Random) -> None:
    """Post some of the opens of a row that is not loaded yet, some of them wrong, and book the day from them."""
    day = dt.date.fromisoformat(market.days[row])
    quotes = []
    for code in CODES:
        opened = float(market.bars[code, row]["open"])
        kind = draw.random()
        if kind < 0.15:
            continue  # no quote
        wrong = None if kind < 0.2 else opened + draw.choice((-100, 100))
        quotes.append(OpeningQuote(stock_code=code, open=wrong if kind < 0.4 else opened))
    body = OpeningQuotesBody(date=day, quotes=quotes)
    now = at(f"{market.days[row]}T09:01:00")
    await store_quotes(client.api, body, replace=False, now=now)
    before = await shown(client, account)
    stored = await select_account(client.api, uuid.UUID(account), None)
    assert stored is not None
    done = await step_account(client.api, stored, now=now, scheduled=True)
    assert (done.provisional, done.booked, done.decided, done.drift) == (day.isoformat(), (), None, ())
    after = await shown(client, account)
    assert [before[name] for name in LEDGER] == [after[name] for name in LEDGER]


async def check_quotes(client: Client, account: str, day: str, reports: list[dict[str, Any]], *, quoted: bool) -> None:
    """The differences of a day's fills add up to its report, and equal fills have no cause."""
    steps = (await shown(client, account, "/steps?limit=3"))["items"]
    items = next(step for step in steps if step["date"] == day)["reconciliation"]
    assert (items is not None) == quoted
    for item in items or ():
        is_same = item["provisional"] == item["booked"]
        assert (item["cause"] is None) == is_same, item
    counted = [item for item in items or () if item["cause"] in {"open_differs", "not_quoted", "other_orders"}]
    assert len(reports) == bool(counted)
    for report in reports:
        assert report["day"] == day
        assert report["won"] == pytest.approx(sum(item["won"] for item in counted), abs=0.01)
        assert sum(stock["won"] for stock in report["causes"][0]["stocks"]) == pytest.approx(report["won"], abs=0.05)


async def check_days(settings: Settings, days: int, seed: int, chance: float) -> dict[str, int]:
    """Run an account over trading days; every law is checked on each day.

    Cells are restated before a day with the given chance, and opening quotes are posted with the same; steps are
    cancelled and simulators are killed at random.
    """
    draw = random.Random(seed)
    dates = trading_days(HISTORY + days + 1)
    market = Market(seed, dates)
    counts = dict.fromkeys(("days", "restated", "reports", "cancelled", "quoted", "quote_reports"), 0)
    await publish_market(settings, market.until(HISTORY), ())
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(settings))
        simulators = Simulators(settings, stack)
        await simulators.start()
        await simulators.start()
        body = {"strategy": STRATEGY, "start": dates[HISTORY], "initial_cash": 50_000_000, "benchmark": None}
        status, document, _ = await client.call("POST", "/v1/accounts", body)
        assert status == 201, document
        account, seen = document["id"], 0
        for rows in range(HISTORY + 1, HISTORY + days + 1):
            quoted = rows > HISTORY + 1 and draw.random() < chance
            if quoted:
                await post_quotes(client, account, market, rows - 1, draw)
                counts["quoted"] += 1
            injected: set[tuple[str, str]] = set()
            if rows > HISTORY + 1 and draw.random() < chance:
                for _ in range(draw.randrange(1, 3)):
                    code, row = draw.choice(CODES), rows - draw.randrange(2, 9)
                    market.restate(code, row, draw.uniform(0.9, 1.1))
                    injected.add((code, dates[row]))
            await published(client, market.until(rows))
            if draw.random() < 0.04:
                await simulators.kill_one(draw)
            cut, decided = await interrupted_steps(client, account, at(f"{dates[rows]}T07:00:00"), draw)
            assert decided <= {dates[rows]}
            await equals_its_backtest(client, account)
            reports = (await shown(client, account, "/drift?limit=100"))["items"][:None]
            new = [report for report in reports if report["number"] > seen]
            seen = max([seen, *(report["number"] for report in new)])
            by_quotes = [report for report in new if report["cause"] == "quoted_opens"]
            await check_quotes(client, account, dates[rows - 1], by_quotes, quoted=quoted)
            counts["quote_reports"] += len(by_quotes)
            for report in new:
                if report in by_quotes:
                    continue
                assert report["cause"] == "restated_data", report
                assert sum(c["won"] for c in report["causes"]) == pytest.approx(report["won"], abs=0.05)
                spread = {
                    (c["stock_code"], day) for c in report["cells"] if c["field"] == "raw_close"
                    for day in dates if c["date"] <= day <= c["to"]
                }  # fmt: skip
                assert spread == injected
            counts["days"] += 1
            counts["restated"] += len(injected)
            counts["reports"] += len(new)
            counts["cancelled"] += cut
        steps = []
        cursor = ""
        while cursor is not None:
            found = await shown(client, account, f"/steps?limit=100{cursor and f'&cursor={cursor}'}")
            steps += found["items"]
            cursor = found["next_cursor"]
        assert [step["date"] for step in reversed(steps)] == dates[HISTORY : HISTORY + days + 1]
        assert all(step["live"] for step in steps[:-1])
        counts["killed"] = simulators.killed
    return counts


async def test_laws_hold_over_days_with_restatements_and_kills(settings: Settings) -> None:
    counts = await check_days(settings, 6, seed=3, chance=0.6)
    assert counts["days"] == 6
    assert counts["quoted"] > 0
    assert counts["restated"] > 0


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_laws_hold_over_250_days(settings: Settings) -> None:
    counts = await check_days(settings, 250, seed=1, chance=0.12)
    print(counts)
    assert counts["restated"] > 20
    assert counts["reports"] > 10
    assert counts["cancelled"] > 50
    assert counts["killed"] > 3
    assert counts["quoted"] > 15
    assert counts["quote_reports"] > 2


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_thousand_accounts_step_to_equal_backtests(settings: Settings) -> None:
    """Prints how long 1,000 accounts need for the step of one day; nothing is asserted about the time."""
    draw = random.Random(2)
    dates = trading_days(HISTORY + 124)
    market = Market(2, dates)
    await publish_market(settings, market.until(HISTORY + 120), ())
    async with api_of(settings) as client, simulator(settings), simulator(settings):
        accounts: list[str] = []

        async def create() -> None:
            sell = {"stop_loss_pct": draw.uniform(2, 12), "max_hold_days": draw.randrange(3, 30)}
            body = {
                "strategy": STRATEGY | {"sell": sell},
                "start": dates[HISTORY], "initial_cash": draw.randrange(10, 100) * 1e6, "benchmark": None,
            }  # fmt: skip
            status, document, _ = await client.call("POST", "/v1/accounts", body)
            assert status == 201, document
            accounts.append(document["id"])

        for _ in range(125):
            await asyncio.gather(*(create() for _ in range(8)))
        await published(client, market.until(HISTORY + 121))
        now = at(f"{dates[HISTORY + 121]}T07:00:00")
        waiting = iter(accounts)

        async def work() -> None:
            for account in waiting:
                row = await select_account(client.api, uuid.UUID(account), None)
                assert row is not None
                assert (await step_account(client.api, row, now=now, scheduled=True)).decided == dates[HISTORY + 121]

        began, used = time.monotonic(), time.process_time()
        await asyncio.gather(*(work() for _ in range(4)))
        print(
            f"1,000 accounts: {time.monotonic() - began:.1f} s, api process {time.process_time() - used:.1f} s of CPU"
        )
        for account in draw.sample(accounts, 20):
            await equals_its_backtest(client, account)
