"""Accounts whose strategy changes, against the reference and against plain runs."""

from __future__ import annotations

import copy
import random
from dataclasses import fields
from typing import Any

import msgspec
import pytest

from shared.errors import CancelledRunError, RunError
from shared.model.request import BacktestRequest
from shared.simulation import canonical_request, request_of, run
from shared.simulation.engine import result_of
from shared.simulation.plan import plan
from shared.simulation.schedule import Segment, simulate_schedule
from tests.conformance.comparison import near
from tests.reference import engine
from tests.reference.book import Book
from tests.reference.market import read
from tests.reference.signals import Signals
from tests.support.markets import panels_of
from tests.support.random_markets import random_market
from tests.support.random_requests import random_request

ACCOUNT = ("start", "end", "initial_cash", "costs", "execution", "benchmark", "risk_free_pct")
STATE = (*(field.name for field in fields(Book) if field.name not in {f.name for f in fields(Signals)}), "highest",
         "stopped_on", "condemned")  # fmt: skip


def bodies_of(seed: int, market: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Return random requests of one account."""
    found = [random_request(100 * seed + k, market) for k in range(count)]
    account = {name: found[0][name] for name in ACCOUNT if name in found[0]}
    found = [{"strategy": body["strategy"], **copy.deepcopy(account)} for body in found]
    for body in found:
        body["strategy"].setdefault("universe", {})["kinds"] = None
    return found


def canonical(body: dict[str, Any]) -> BacktestRequest:
    return canonical_request(request_of(body))


def referenced(market: dict[str, Any], bodies: list[dict[str, Any]], starts: list[int]) -> engine.Run:
    """Run each request of the reference from its row on, with the books that the one before has left."""
    runs = [engine.Run(read(market), body, None) for body in bodies]
    current = runs[0]
    for row in current.rows:
        following = runs[max(k for k, start in enumerate(starts) if start <= row)]
        if following is not current:
            for name in STATE:
                setattr(following, name, getattr(current, name))
            current = following
        current.day(row)
    return current


def test_changed_strategies_equal_the_reference() -> None:
    compared = crossed = 0
    for seed in range(2000, 2040):
        market = random_market(seed, rows=90)
        panels = panels_of(market)
        bodies = bodies_of(seed, market, 3)
        requests = [canonical(body) for body in bodies]
        window = plan(requests[0], panels.days).window
        length = window.stop - window.start
        if length < 6:
            continue
        rng = random.Random(seed)
        starts = [window.start, *sorted(rng.sample(range(window.start + 1, window.stop), 2))]
        stops = [*starts[1:], window.stop]
        segments = [
            Segment(start=start, stop=stop, request=request)
            for start, stop, request in zip(starts, stops, requests, strict=True)
        ]
        try:
            found = result_of(simulate_schedule(segments, panels))
            expected = referenced(market, bodies, starts)
        except (RunError, engine.RefusedError):
            continue
        compared += 1
        assert len(found["trades"]) == len(expected.trades), seed
        for trade, other in zip(found["trades"], expected.trades, strict=True):
            for name in ("date", "stock_code", "side", "shares", "reason"):
                assert trade[name] == other[name], (seed, trade, other)
            assert near(trade["price"], other["price"], 1e-9), (seed, trade, other)
        for point, other in zip(found["equity"], expected.equity, strict=True):
            assert (point["date"], point["positions"]) == (other["date"], other["positions"])
            assert near(point["equity"], other["equity"], 1e-9, 1e-6), (seed, point, other)
        boundaries = {str(panels.days[start].astype("datetime64[D]")) for start in starts[1:]}
        crossed += any(point["positions"] and point["date"] in boundaries for point in found["equity"])
    assert compared > 6
    assert crossed > 3


def test_one_strategy_is_the_plain_run() -> None:
    compared = 0
    for seed in range(2100, 2120):
        market = random_market(seed)
        panels = panels_of(market)
        body = bodies_of(seed, market, 1)[0]
        request = canonical(body)
        window = plan(request, panels.days).window
        if window.stop - window.start < 3:
            continue
        middle = (window.start + window.stop) // 2
        segments = [
            Segment(start=window.start, stop=middle, request=request),
            Segment(start=middle, stop=window.stop, request=canonical(copy.deepcopy(body))),
        ]
        try:
            expected = run(request, panels).result
        except RunError:
            with pytest.raises(RunError):
                simulate_schedule(segments, panels)
            continue
        found = result_of(simulate_schedule(segments, panels))
        assert found == {name: value for name, value in expected.items() if name != "provenance"}
        compared += 1
    assert compared > 8


def few_and_many() -> list[BacktestRequest]:
    body = {
        "strategy": {"buy": {"rank_by": "raw_close"}, "portfolio": {"max_positions": 8}, "universe": {"kinds": None}},
        "start": "2000-01-03", "end": "2100-01-01", "initial_cash": 1e9, "benchmark": None,
    }  # fmt: skip
    other = copy.deepcopy(body)
    other["strategy"] |= {"portfolio": {"max_positions": 1}, "sell": {"on_rebalance": "rotate"}}
    return [canonical(body), canonical(other)]


def test_more_may_be_held_than_the_next_strategy_has_positions() -> None:
    market = random_market(7, stocks=12, rows=60, states=False)
    panels = panels_of(market)
    many, few = few_and_many()
    window = plan(many, panels.days).window
    middle = window.start + 30
    segments = [
        Segment(start=window.start, stop=middle, request=many), Segment(start=middle, stop=window.stop, request=few),
    ]  # fmt: skip
    found = result_of(simulate_schedule(segments, panels))
    held = [point["positions"] for point in found["equity"]]
    assert held[middle - window.start - 1] > 1
    assert held[-1] == 1


def test_segments_of_another_account_or_with_gaps_are_refused() -> None:
    market = random_market(7, stocks=12, rows=60, states=False)
    panels = panels_of(market)
    many, few = few_and_many()
    window = plan(many, panels.days).window
    richer = msgspec.structs.replace(many, initial_cash=2e9)
    middle, first, last = window.start + 9, window.start, window.stop
    for segments, message in (
        ([(first, middle, many), (middle, last, richer)], "strategies only"),
        ([(first, middle, many), (middle + 1, last, few)], "without a gap"),
        ([(first, middle, many)], "fill the window"),
        ([], "strategies only"),
    ):
        with pytest.raises(ValueError, match=message):
            simulate_schedule([Segment(start=a, stop=b, request=r) for a, b, r in segments], panels)
    whole = [Segment(start=first, stop=last, request=many)]
    with pytest.raises(CancelledRunError):
        simulate_schedule(whole, panels, cancelled=lambda: True)
