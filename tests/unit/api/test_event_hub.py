"""Subscriptions to running computations."""

from __future__ import annotations

import asyncio

from services.api.event_hub import EventHub
from shared.contracts.events import BacktestEnded, BacktestProgressed, QueryAnswered


def _progressed(before: int, *dates: str) -> BacktestProgressed:
    points = tuple({"date": date} for date in dates)
    return BacktestProgressed(computation_id="a", progress=0.5, equity=points, before=before)


def test_points_after_a_gap_or_received_twice_are_dropped() -> None:
    hub = EventHub()
    hub.dispatch(_progressed(0, "1", "2"))
    hub.dispatch(_progressed(3, "4"))  # the event between them was lost
    assert [point["date"] for point in hub.subscription("a").equity] == ["1", "2"]
    hub.dispatch(_progressed(0, "1"))  # another simulator runs it again
    hub.dispatch(_progressed(1, "2", "3"))
    hub.dispatch(_progressed(3, "4"))
    assert [point["date"] for point in hub.subscription("a").equity] == ["1", "2", "3", "4"]


def test_subscription_keeps_its_points_until_the_end() -> None:
    hub = EventHub()
    hub.dispatch(_progressed(0, "1"))
    hub.unsubscribe("a")
    assert hub.subscription("a").equity
    hub.dispatch(BacktestEnded(computation_id="a", status="completed"))
    hub.unsubscribe("a")
    assert not hub.subscription("a").equity


async def test_end_wakes_every_waiter_and_leaves_none() -> None:
    hub = EventHub()
    waiting = [asyncio.ensure_future(hub.wait_for_end("a", 30)) for _ in range(3)]
    await asyncio.sleep(0)
    assert hub.waiters() == 3
    hub.dispatch(BacktestEnded(computation_id="a", status="completed", result_digest="d"))
    assert [end.result_digest for end in await asyncio.gather(*waiting) if end is not None] == ["d"] * 3
    assert hub.waiters() == 0
    assert await hub.wait_for_end("b", 0.001) is None


async def test_a_query_that_is_asked_again_keeps_its_answer() -> None:
    """The first caller's registration ends after the second has begun: the second still gets the answer."""
    hub = EventHub()
    hub.register("q")
    hub.register("q")
    hub.unregister("q")
    hub.dispatch(QueryAnswered(query_id="q", problem=None))
    answer = await hub.answer_of("q", 1)
    assert answer is not None
    assert answer.query_id == "q"
    hub.unregister("q")
    assert hub.waiters() == 0
