"""One step of a paper account: book the days whose rows are there, compare with what was stored, decide the next day.

A step reads the account, computes without a lock, and writes in one transaction that the account's fence guards: of two
steps that ran at the same time one writes. Rows are unique by (account, day), so a step may be repeated.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from services.api.accounts.computed import Computed, Row, pack_result
from services.api.accounts.drift_reports import drift_reports
from services.api.context import AppContext
from services.api.errors import ApiProblem
from services.api.simulator_queries import query_simulator
from shared.accounts.days import is_late, last_decidable, today
from shared.contracts.events import AccountChanged
from shared.contracts.queries import AccountDay
from shared.infra.database.sql import statements
from shared.infra.redis.client import LOST
from shared.infra.redis.streams import append_many
from shared.model.calendar import from_day, to_day
from shared.model.request import request_from_json
from shared.simulation.computing_cost import cost_of_request

log = structlog.get_logger()

SQL: Final = statements("paper")
QUOTES: Final = statements("opening_quotes")
WEBHOOKS: Final = statements("webhooks")


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What a step did: the days that it booked, the day that it decided, the numbers of its drift reports, and the last
    day of the ledger."""

    booked: tuple[str, ...] = ()
    decided: str | None = None
    provisional: str | None = None
    """Day whose fills were booked from opening quotes."""
    drift: tuple[int, ...] = ()
    as_of: str | None = None
    superseded: bool = False
    """Another step came first, and this one wrote nothing."""

    @property
    def changes(self) -> list[tuple[str, str]]:
        """(kind, date) of the events that the step is announced by."""
        found = [("orders.filled", day) for day in self.booked]
        found += [("account.drift", self.as_of)] if self.drift and self.as_of is not None else []
        found += [("orders.provisional", self.provisional)] if self.provisional is not None else []
        return found if self.decided is None else [*found, ("orders.decided", self.decided)]


async def select_account(app: AppContext, identity: uuid.UUID, owners: Sequence[str] | None) -> Row | None:
    """Return the row of an account of some owners; None: of any owner."""
    async with app.database.connection() as connection:
        found: Row | None = await connection.fetchrow(SQL["select_account"], identity, owners)
        return found


async def step_account(
    app: AppContext, account: Row, *, now: dt.datetime | None = None, scheduled: bool = False
) -> StepResult:
    """Step an account on the current dataset version.

    `now` is PostgreSQL's time unless it is given. A scheduled step decides the orders of today only; another one also
    those of an earlier day that follows the last row. Raises what the simulator answers as a problem.
    """
    async with app.database.connection() as connection:
        current = await connection.fetchrow(SQL["select_current"])
        now = now or await connection.fetchval(SQL["now"])
        unbooked = await connection.fetch(SQL["select_unbooked"], account["id"], dt.date.max)
        quotes = await _quotes(connection, unbooked)
    if current is None:
        return StepResult()
    decide_until = last_decidable(now)
    since = to_day(account["start_day"]) - 1 if account["as_of"] is None else to_day(account["as_of"])
    asked = AccountDay(
        version=current["version"], request=account["request"], decide_until=to_day(decide_until),
        recheck=await _recheck(app, current["version"], unbooked), since=since, ordered=_ordered(unbooked),
        quoted=_quoted(unbooked), quotes=quotes,
    )  # fmt: skip
    view = await app.datasets.get(current["version"])
    runs = 2 + len(asked.recheck)
    request = request_from_json(account["request"])
    cost = 0 if view is None else runs * cost_of_request(request, view.days, len(view.instruments))
    try:
        found = orjson.loads(await query_simulator(app, asked, account["owner"], cost=cost))
    except ApiProblem as problem:
        async with app.database.connection() as connection:
            await connection.execute(SQL["postpone_account"], account["id"], str(problem))
        raise
    decision = found["decision"]
    if decision is not None and scheduled and decision["day"] != today(now).isoformat():
        decision = None
    computed = Computed(account=account, current=current, found=found, unbooked=unbooked, quotes=quotes)
    reports = await drift_reports(app, computed)
    result = await _Step(computed=computed, decision=decision, reports=reports, now=now).write(app)
    await _publish(app, account["id"], result)
    return result


async def _recheck(app: AppContext, version: str, unbooked: list[Row]) -> tuple[int, ...]:
    """Return the day numbers of the decisions that the version has a row for."""
    view = await app.datasets.get(version)
    if view is None or not len(view.days):
        return ()
    last = int(view.days[-1])
    days = [to_day(row["day"]) for row in unbooked if row["decision"] is not None]
    return tuple(day for day in days if day <= last)


def _ordered(unbooked: list[Row]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return the stocks that were ordered on each day without a booking, by day number."""
    return tuple(
        (to_day(row["day"]), tuple(sorted({order["stock_code"] for order in orjson.loads(row["decision"])["orders"]})))
        for row in unbooked
        if row["decision"] is not None
    )


async def _quotes(connection: Any, unbooked: list[Row]) -> tuple[int, int] | None:
    """Return (day number, number) of the opening quotes of the last decision without a booking; None without any."""
    days = [row["day"] for row in unbooked if row["decision"] is not None]
    if not days:
        return None
    number = await connection.fetchval(QUOTES["select_number"], days[-1])
    return None if number is None else (to_day(days[-1]), number)


def _quoted(unbooked: list[Row]) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Return the stocks of each day whose prices the fills of its opening quotes are compared with, by day number."""
    found = []
    for row in unbooked:
        if row["provisional"] is not None:
            opened = orjson.loads(row["provisional"])
            found.append((to_day(row["day"]), tuple(sorted({*opened["quotes"], *opened["unquoted"]}))))
    return tuple(found)


async def _publish(app: AppContext, identity: uuid.UUID, result: StepResult) -> None:
    changes = result.changes
    if not changes:
        return
    try:
        await asyncio.shield(
            append_many(app.broker, [AccountChanged(account_id=str(identity), change=c, day=d) for c, d in changes])
        )
    except LOST as error:
        log.warning("account_event.dropped", account_id=str(identity), error=type(error).__name__)


@dataclass(frozen=True, kw_only=True)
class _Step:
    computed: Computed
    decision: dict[str, Any] | None
    reports: list[dict[str, Any]]
    now: dt.datetime

    async def write(self, app: AppContext) -> StepResult:
        found, account, current = self.computed.found, self.computed.account, self.computed.current
        result = found["result"]
        frame = None if result is None else await asyncio.to_thread(pack_result, result)
        last = None if result is None else result["equity"][-1]
        as_of = None if found["as_of"] is None else dt.date.fromisoformat(found["as_of"])
        async with app.database.transaction() as connection:
            written = await connection.fetchval(
                SQL["finish_step"], account["id"], account["fence"], current["version"], current["revision"],
                found["engine_version"], as_of, *((None,) * 3 if last is None else _point(last)),
                found["result_digest"], frame,
            )  # fmt: skip
            if written is None:
                return StepResult(superseded=True)
            booked = self._bookings()
            for day, values in booked.items():
                await connection.execute(SQL["book_step"], account["id"], day, current["version"], *values)
            numbers = [
                await connection.fetchval(
                    SQL["insert_drift"], account["id"], dt.date.fromisoformat(report["day"]), report["won"],
                    orjson.dumps(report).decode(),
                )
                for report in self.reports
            ]  # fmt: skip
            decided = None if self.decision is None else await self._decide(connection, self.decision)
            result_of_step = StepResult(
                booked=tuple(day.isoformat() for day in booked), decided=decided, drift=tuple(numbers),
                as_of=found["as_of"], provisional=await self._book_provisionally(connection),
            )  # fmt: skip
            for change, date in result_of_step.changes:
                of_day = dt.date.fromisoformat(date)
                await connection.execute(WEBHOOKS["add_deliveries"], [account["id"]], change, of_day)
        return result_of_step

    async def _decide(self, connection: Any, decision: dict[str, Any]) -> str | None:
        """Store the decision of a day, and return the day if it has no other; a paused account decides nothing."""
        account, current, found = self.computed.account, self.computed.current, self.computed.found
        day = dt.date.fromisoformat(decision["day"])
        if account["paused"]:
            await connection.execute(SQL["insert_pause"], account["id"], day)
            return None
        inserted: dt.date | None = await connection.fetchval(
            SQL["insert_decision"], account["id"], day, dt.date.fromisoformat(decision["decided_on"]),
            is_late(day, self.now), current["version"], current["revision"], found["engine_version"],
            decision["digest"], orjson.dumps(decision).decode(), self.now, account["changes"],
        )  # fmt: skip
        return None if inserted is None else inserted.isoformat()

    async def _book_provisionally(self, connection: Any) -> str | None:
        """Store what opening quotes fill on the day after the last row, and return the day; None without any."""
        opened, quotes = self.computed.opened(), self.computed.quotes
        if opened is None:
            if quotes is not None:
                await connection.execute(
                    SQL["pass_quotes"], self.computed.account["id"], from_day(quotes[0]), quotes[1]
                )
            return None
        document, statuses = opened
        updated: dt.date | None = await connection.fetchval(
            SQL["book_provisionally"], self.computed.account["id"], dt.date.fromisoformat(document["date"]),
            orjson.dumps(document).decode(), document["number"], orjson.dumps(statuses).decode(),
        )  # fmt: skip
        return None if updated is None else updated.isoformat()

    def _bookings(self) -> dict[dt.date, tuple[str, float, float, int, str | None, str | None]]:
        computed = self.computed
        result = computed.found["result"]
        points = {} if result is None else {point["date"]: point for point in result["equity"]}
        found = {}
        for day in computed.days:
            fills = computed.fills(day)
            statuses = computed.statuses(day, fills)
            found[dt.date.fromisoformat(day)] = (
                orjson.dumps(fills).decode(), *_point(points[day]), _json(statuses),
                _json(computed.reconciliation(day, fills)),
            )  # fmt: skip
        return found


def _json(items: Sequence[object] | None) -> str | None:
    return None if items is None else orjson.dumps(items).decode()


def _point(point: Mapping[str, Any]) -> tuple[float, float, int]:
    return point["equity"], point["cash"], point["positions"]
