"""Whose work is next: the statement against the plain reference, and what the reference guarantees."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from shared.infra.database.fast_pool import LIMITS
from shared.infra.database.sql import statements
from shared.settings import Settings
from tests.reference.fair_queue import START_COST, WEIGHTS, FairQueue

SQL = statements("queue")
VERSIONS = ("e", "r")
"""Engine and rules."""
OWNERS = ("key:a", "key:b", "local")
ORIGINS = ("user", "warmer")
ARRIVAL = st.tuples(st.sampled_from(OWNERS), st.sampled_from(ORIGINS), st.integers(0, 10**9))
STEPS = st.lists(st.one_of(ARRIVAL, st.none()), max_size=60)
"""Arrivals of work as (owner, origin, cost); None: the next work is taken."""


@pytest_asyncio.fixture
async def connection(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    found = await asyncpg.connect(settings.database_url, server_settings=LIMITS)
    yield found
    await found.close()


async def add(
    connection: asyncpg.Connection, owner: str, *, origin: str = "user", cost: int = 0, long: bool = False
) -> uuid.UUID:
    """Queue a computation; later ones are younger."""
    name = uuid.uuid4()
    await connection.execute(
        """insert into computation (id, request_digest, dataset_version, engine_version, rules_version, request, owner,
                                    origin, cost, long, created_at)
           values ($1::uuid, $1::uuid::text, 'd', 'e', 'r', '{}', $2, $3, $4, $5, clock_timestamp())""",
        name, owner, origin, cost, long,
    )  # fmt: skip
    return name


async def ask(connection: asyncpg.Connection, owner: str, cost: int = 0) -> uuid.UUID:
    """Queue an analysis."""
    name = uuid.uuid4()
    await connection.execute(SQL["insert_analysis"], name, "q", owner, cost, "audit", "{}", 60.0)
    return name


async def take(
    connection: asyncpg.Connection, *, long: bool = False, preferred: uuid.UUID | None = None,
    running: tuple[uuid.UUID, ...] = (),
) -> uuid.UUID | None:  # fmt: skip
    """Take the work that is next; return its id."""
    row = await connection.fetchrow(SQL["acquire_next"], long, preferred, list(running), 4.0, "worker", *VERSIONS)
    if row is None:
        return None
    found: uuid.UUID = row["id"] or row["analysis"]
    return found


def sequences(count: int) -> Iterator[list[Any]]:
    """Return random sequences of arrivals, takes, and charges (owner, nanoseconds)."""
    for seed in range(count):
        dice = random.Random(seed)
        arrivals = [(dice.choice(OWNERS), dice.choice(ORIGINS), dice.randint(0, 10**9)) for _ in range(48)]
        charges = [(dice.choice(OWNERS), dice.randint(0, 10**9)) for _ in range(16)]
        steps: list[Any] = [*arrivals, *charges, *[None] * 32]
        dice.shuffle(steps)
        yield steps


async def test_statement_takes_what_the_reference_takes(connection: asyncpg.Connection) -> None:
    for steps in sequences(12):
        await connection.execute("truncate computation, queue_share cascade")
        model = FairQueue()
        for step in [*steps, *[None] * len(steps)]:
            if step is None:
                expected = model.take()
                assert str(await take(connection)) == str(expected and expected[1])
            elif len(step) == 2:
                await connection.execute(SQL["charge_shares"], [step[0]], [step[1]])
                model.charge((step[0], "user"), step[1])
            else:
                owner, origin, cost = step
                name = await add(connection, owner, origin=origin, cost=cost)
                model.add((owner, origin), str(name), cost)


@given(steps=STEPS)
def test_work_of_waiting_queues_follows_their_weights(steps: list[Any]) -> None:
    model, served = FairQueue(), {}
    largest: dict[Any, float] = {}
    since: dict[Any, int] = {}
    log: list[tuple[Any, float]] = []
    for number, step in enumerate(steps):
        if step is not None:
            owner, origin, cost = step
            queue = (owner, origin)
            if not model.waiting.get(queue):
                since[queue] = len(log)
            model.add(queue, str(number), cost)
            largest[queue] = max(largest.get(queue, 0.0), (cost + START_COST) / WEIGHTS[origin])
            continue
        taken = model.take()
        if taken is None:
            continue
        queue, _, cost = taken
        log.append((queue, (cost + START_COST) / WEIGHTS[queue[1]]))
        waiting = [name for name, work in model.waiting.items() if work]
        for one in waiting:
            for other in waiting:
                begin = max(since[one], since[other])
                served = {name: sum(work for q, work in log[begin:] if q == name) for name in (one, other)}
                assert abs(served[one] - served[other]) <= largest[one] + largest[other] + 1e-3


CHARGED_STEPS = st.lists(
    st.one_of(ARRIVAL, st.none(), st.tuples(st.sampled_from(OWNERS), st.integers(0, 10**9))), max_size=60
)
"""As STEPS, and charges as (owner, nanoseconds)."""


def queues_before_an_idle_owner(steps: list[Any]) -> list[Any]:
    """Return the queue of each work that is taken before that of an owner that comes after these steps."""
    model = FairQueue()
    for number, step in enumerate(steps):
        if step is None:
            model.take()
        elif len(step) == 2:
            model.charge((step[0], "user"), step[1])
        else:
            model.add(step[:2], str(number), step[2])
    model.add(("new", "user"), "new", 0)
    before: list[Any] = []
    while (taken := model.take()) is not None and taken[1] != "new":
        before.append(taken[0])
    return before


@given(steps=STEPS)
def test_arrival_in_an_idle_queue_waits_for_one_work_each(steps: list[Any]) -> None:
    before = queues_before_an_idle_owner(steps)
    assert all(before.count(queue) <= 1 for queue in before)


@given(steps=CHARGED_STEPS)
def test_charges_of_others_do_not_delay_an_idle_owner(steps: list[Any]) -> None:
    before = queues_before_an_idle_owner(steps)
    assert all(before.count(queue) <= 1 for queue in before)


@given(spent=st.lists(st.integers(1, 10**9), min_size=1, max_size=20))
def test_charged_owner_waits_for_as_much_work_of_others(spent: list[int]) -> None:
    model = FairQueue()
    for number in range(20 * len(spent) + 1):
        model.add(("other", "user"), f"other {number}", 10**8)
    for one in spent:
        model.charge(("charged", "user"), one)
    model.add(("charged", "user"), "charged", 0)
    served = 0
    while (taken := model.take()) is not None and taken[1] != "charged":
        served += taken[2] + START_COST
    assert sum(spent) - (10**8 + START_COST) <= served <= sum(spent) + 10**8 + START_COST


async def test_preferred_row_is_taken_when_its_queue_is_next(connection: asyncpg.Connection) -> None:
    oldest, own = await add(connection, "key:a", cost=1), await add(connection, "key:a", cost=1)
    other = await add(connection, "key:b", cost=10**9)
    assert await take(connection, preferred=own) == own
    assert await take(connection, preferred=oldest) == other
    assert await take(connection, running=(oldest,)) is None
    assert await take(connection) == oldest


async def test_owner_who_joins_a_queued_computation_shares_its_turn(connection: asyncpg.Connection) -> None:
    first = [await add(connection, "key:a", cost=10**9) for _ in range(3)]
    await take(connection)
    await connection.execute("insert into computation_waiter values ($1, 'key:b')", first[2])
    assert await take(connection) == first[2]


async def test_long_work_is_taken_from_runs_and_analyses_by_share(connection: asyncpg.Connection) -> None:
    short = await add(connection, "key:a")
    runs = [await add(connection, "key:a", cost=10**9, long=True) for _ in range(2)]
    asked = [await ask(connection, "key:b", cost=10**9) for _ in range(2)]
    assert [await take(connection, long=True) for _ in range(5)] == [runs[0], asked[0], runs[1], asked[1], None]
    await connection.execute("update analysis set lease_until = now() - interval '1 s' where id = $1", asked[0])
    assert await take(connection, long=True) == asked[0]
    await connection.execute("update analysis set lease_until = null, deadline = now() - interval '1 s'")
    assert await take(connection, long=True) is None
    assert await take(connection) == short


async def test_concurrent_workers_lease_different_rows(settings: Settings, connection: asyncpg.Connection) -> None:
    names = [await add(connection, owner, cost=1) for owner in OWNERS for _ in range(20)]
    others = [await asyncpg.connect(settings.database_url, server_settings=LIMITS) for _ in range(4)]

    async def drain(taker: asyncpg.Connection) -> list[uuid.UUID]:
        found = []
        while len(found) < len(names) and await taker.fetchval(
            "select count(*) from computation where status = 'queued'"
        ):
            if (name := await take(taker)) is not None:
                found.append(name)
        return found

    taken = await asyncio.gather(*(drain(taker) for taker in others))
    await asyncio.gather(*(taker.close() for taker in others))
    assert sorted(name for found in taken for name in found) == sorted(names)
