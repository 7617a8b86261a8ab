"""Walk-forwards behind the HTTP interface: against plain backtests, kills, mistakes, cancellation, holdouts."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from services.simulator.sweep_store import MAX_ATTEMPTS, SQL
from shared.settings import Settings
from tests.support.api_with_market import prepared_settings
from tests.support.system import Client, api_of, simulator
from tests.support.walk_forwards import run_walk_forward, walk_forward

FEW = {"per": {"values": [10, 30]}, "n": {"values": [5, 20]}, "rank": {"values": ["MARKET_CAP"]},
       "stop": {"values": [None]}}  # fmt: skip
SINGLE = {name: {"values": given["values"][:1]} for name, given in FEW.items()}


@pytest_asyncio.fixture(scope="module")
async def settings(servers: Servers) -> AsyncIterator[Settings]:
    async with prepared_settings(servers) as found:
        yield found


async def backtest(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    status, found, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=30")
    assert (status, found["status"]) == (200, "completed"), found
    return dict(found["result"])


async def answer_of(client: Client, identity: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a walk-forward found, without its times, and its account."""
    status, result, _ = await client.call("GET", f"/v1/walk-forwards/{identity}/result")
    assert status == 200, result
    document = (await client.call("GET", f"/v1/walk-forwards/{identity}"))[1]
    names = ("digest", "windows", "stitched", "drift", "next", "error", "done", "failed")
    return {name: document[name] for name in names}, result


async def table_of(client: Client, identity: str, window: object, of: str) -> list[dict[str, Any]]:
    status, found, _ = await client.call("GET", f"/v1/walk-forwards/{identity}/windows/{window}/table?of={of}")
    assert status == 200, found
    return list(found["items"])


async def test_result_has_warnings_in_the_callers_language(settings: Settings) -> None:
    body = walk_forward()
    body["template"] = {**body["template"], "initial_cash": 1e12}  # more than a day's volume
    async with api_of(settings) as client, simulator(settings):
        done = await run_walk_forward(client, body)
        path = f"/v1/walk-forwards/{done['id']}/result"
        english = (await client.call("GET", path))[1]["warnings"]
        korean = (await client.call("GET", path, **{"Accept-Language": "ko"}))[1]["warnings"]
        assert [each["code"] for each in korean] == [each["code"] for each in english] != []
        assert all(re.search("[가-힣]", each["message"]) for each in korean)
        assert not any(re.search("[가-힣]", each["message"]) for each in english)


async def test_windows_choose_the_best_and_equal_plain_backtests(settings: Settings) -> None:
    async with api_of(settings) as client, simulator(settings):
        done = await run_walk_forward(client, walk_forward())
        assert (done["status"], done["error"], done["variants"]) == ("completed", None, 11 * 24)
        assert len(done["windows"]) == 5
        for window in done["windows"][:2]:
            tables = {of: await table_of(client, done["id"], window["window"], of) for of in ("train", "test")}
            gains = [row["statistics"]["total_return"] for row in tables["train"]]
            assert window["variant"] == gains.index(max(gains))
            assert window["objective"]["train"] == max(gains)
            tested = [row["statistics"]["total_return"] for row in tables["test"]]
            own = tested[window["variant"]]
            above, equal = sum(gain > own for gain in tested), tested.count(own)
            assert window["rank"] == {
                "rank": above + (equal + 1) / 2, "of": 24, "relative": (25 - above - (equal + 1) / 2) / 25,
            }  # fmt: skip
            plain = await backtest(client, window["request"])
            assert plain["statistics"]["total_return"] == own == window["objective"]["test"]
        last = await table_of(client, done["id"], "next", "train")
        gains = [row["statistics"]["total_return"] for row in last]
        assert done["next"]["variant"] == gains.index(max(gains))
        answer, result = await answer_of(client, done["id"])
        assert answer["stitched"]["statistics"] == result["statistics"]
        assert (result["window"]["first"], result["window"]["last"]) == ("2024-12-03", "2025-10-02")
        await check_a_single_point_is_a_backtest(client)
        await check_accounts_of_cash(client)
        await check_what_is_cut_changes_nothing_before(client, done)


async def check_a_single_point_is_a_backtest(client: Client) -> None:
    """Law: with one point the account is the plain backtest over all tests."""
    body = walk_forward(parameters=SINGLE)
    done = await run_walk_forward(client, body)
    _, result = await answer_of(client, done["id"])
    first, last = done["windows"][0], done["windows"][-1]
    plain = await backtest(
        client, {**first["request"], "start": first["test"]["first"], "end": last["test"]["last"]}
    )  # fmt: skip
    for name in ("equity", "trades", "round_trips", "open_positions", "statistics", "warnings"):
        assert result[name] == plain[name], name
    assert all(window["rank"] is None for window in done["windows"])
    assert done["stitched"]["below_middle"] is None


async def check_accounts_of_cash(client: Client) -> None:
    """With cash the tables are those of the plain backtests of the tests, the curve is the product of their returns."""
    done = await run_walk_forward(client, walk_forward(parameters=FEW, carry="cash", choose="plateau"))
    _, result = await answer_of(client, done["id"])
    plain = [await backtest(client, window["request"]) for window in done["windows"]]
    assert result["trades"] == [trade for one in plain for trade in one["trades"]]
    growth = 1.0
    for one in plain:
        growth *= 1 + one["statistics"]["total_return"]
    assert result["statistics"]["total_return"] == pytest.approx(growth - 1, rel=1e-12)
    assert len(result["equity"]) == sum(len(one["equity"]) for one in plain)
    returns = [point["daily_return"] for one in plain for point in one["equity"]]
    assert [point["daily_return"] for point in result["equity"]] == pytest.approx(returns, rel=1e-9, abs=1e-12)
    assert done["windows"][0]["neighbours"] is not None


async def check_what_is_cut_changes_nothing_before(client: Client, done: dict[str, Any]) -> None:
    """Laws: windows before a cut are the same, and windows of a later start are the shared ones."""
    cut = walk_forward()
    cut["template"]["end"] = done["windows"][2]["test"]["last"]
    shorter = await run_walk_forward(client, cut)
    assert shorter["windows"] == done["windows"][:3]
    later = walk_forward()
    later["template"]["start"] = "2024-08-03"
    shared = (await run_walk_forward(client, later))["windows"]
    assert [{**window, "window": window["window"] + 1} for window in shared] == done["windows"][1:]


async def _until(client: Client, identity: str, *, parts: int) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found = (await client.call("GET", f"/v1/walk-forwards/{identity}"))[1]
            if found["parts_done"] >= parts:
                return dict(found)
            await client.api.event_hub.sweeps.wait(identity, 0.5)


async def test_answer_survives_killed_simulators(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(settings))
        async with simulator(settings):
            expected = await answer_of(client, (await run_walk_forward(client, walk_forward()))["id"])
        small = await stack.enter_async_context(api_of(replace(settings, sweep_part_variants=5)))
        _, document, _ = await small.call("POST", "/v1/walk-forwards", walk_forward())
        identity = document["id"]
        assert document["parts"] == 11 * 5 + 1
        for parts in (2, 20, 40):
            victim = await stack.enter_async_context(simulator(settings))
            await _until(small, identity, parts=parts)
            victim.kill()
            await victim.wait()
        async with simulator(settings), simulator(settings):
            done = await _until(small, identity, parts=56)
        assert done["status"] == "completed"
        assert await answer_of(small, identity) == expected


async def test_end_that_kills_its_simulators_fails_the_walk_forward(settings: Settings) -> None:
    async with api_of(settings) as client:
        _, document, _ = await client.call("POST", "/v1/walk-forwards", walk_forward(parameters=SINGLE))
        identity = document["id"]
        async with client.api.database.connection() as connection:
            for part in range(11):
                row = await connection.fetchrow(SQL["acquire_part"], identity, 60.0, "worker")
                assert row["part"] == part
            assert await connection.fetchrow(SQL["acquire_part"], identity, 60.0, "worker") is None
            await connection.execute("update sweep_part set lease_until = now() where sweep = $1", identity)
        async with simulator(settings) as working:
            await _until(client, identity, parts=2)
            working.send_signal(signal.SIGSTOP)
            async with client.api.database.connection() as connection:
                await connection.execute(
                    "update sweep_part set attempts = $2, status = 'queued' where sweep = $1 and count = 0",
                    identity, MAX_ATTEMPTS,
                )  # fmt: skip
            working.send_signal(signal.SIGCONT)
            done = await _until(client, identity, parts=12)
        assert (done["status"], done["error"]["kind"]) == ("failed", "killed_simulator")
        assert done["error"]["title"] == "Walk-forward failed"
        assert len(done["windows"]) == 5
        status, found, _ = await client.call("GET", f"/v1/walk-forwards/{identity}/result")
        assert (status, found["code"]) == (409, "walk_forward_no_result")


async def test_window_without_a_choice_fails_with_its_place(settings: Settings) -> None:
    async with api_of(settings) as client, simulator(settings):
        body = walk_forward(parameters=FEW, objective={"maximize": "sharpe", "where": "trades > 10000"})
        done = await run_walk_forward(client, body)
        assert (done["status"], done["error"]["title"]) == ("failed", "Walk-forward failed")
        _, korean, _ = await client.call("GET", f"/v1/walk-forwards/{done['id']}", None, **{"Accept-Language": "ko"})
        assert korean["error"]["title"] == "전진 분석 실패"
        assert [error["path"] for error in done["error"]["errors"]] == [f"windows[{k}]" for k in range(5)]
        assert "loosen objective.where" in done["error"]["errors"][0]["message"]
        assert [row["ranked"] for row in await table_of(client, done["id"], 0, "train")] == [False] * 4


async def test_cancelled_walk_forward_keeps_its_tables(settings: Settings) -> None:
    async with api_of(replace(settings, sweep_part_variants=5)) as client, simulator(settings):
        _, document, _ = await client.call("POST", "/v1/walk-forwards", walk_forward())
        identity = document["id"]
        await _until(client, identity, parts=5)
        status, cancelled, _ = await client.call("DELETE", f"/v1/walk-forwards/{identity}")
        assert (status, cancelled["status"]) == (200, "cancelled")
        assert len(await table_of(client, identity, 0, "train")) == 24
        status, found, _ = await client.call("POST", f"/v1/walk-forwards/{identity}/holdout")
        assert (status, found["code"]) == (409, "walk_forward_no_holdout")
        status, found, _ = await client.call("GET", f"/v1/walk-forwards/{identity}/windows/9/table")
        assert (status, found["code"]) == (404, "walk_forward_window_not_found")
        listed = (await client.call("GET", "/v1/walk-forwards?status=cancelled"))[1]["items"]
        assert [item["id"] for item in listed] == [identity]
        assert all(item["id"] != identity for item in (await client.call("GET", "/v1/sweeps"))[1]["items"])
        assert (await client.call("GET", f"/v1/sweeps/{identity}"))[0] == 404


async def test_holdout_is_opened_once(settings: Settings) -> None:
    async with api_of(settings) as client, simulator(settings):
        done = await run_walk_forward(client, walk_forward(parameters=FEW, holdout={"from": "2025-08-01"}))
        assert done["windows"][-1]["test"]["last"] < "2025-08-01"
        assert done["next"]["train"]["last"] == "2025-07-31"
        status, opened, _ = await client.call("POST", f"/v1/walk-forwards/{done['id']}/holdout")
        assert (status, opened["variant"], opened["walk_forward"]) == (201, done["next"]["variant"], done["id"])
        status, held, _ = await client.call("GET", f"/v1/backtests/{opened['backtest']}")
        assert (held["request"]["start"], held["request"]["end"]) == ("2025-08-01", "2025-11-28")
        status, again, _ = await client.call("POST", f"/v1/walk-forwards/{done['id']}/holdout")
        assert (status, again["code"]) == (409, "sweep_holdout_opened")


async def test_mistakes_are_refused_with_their_places(settings: Settings) -> None:
    async with api_of(settings) as client:

        async def problems(**changes: Any) -> list[tuple[str, str]]:
            status, found, _ = await client.call("POST", "/v1/walk-forwards", walk_forward(**changes))
            assert status == 422, found
            return [(error["path"], error["code"]) for error in found["errors"]]

        windows = {"train": "6M", "test": "2M"}
        assert await problems(windows={"train": "6X", "test": "2M"}) == [("windows.train", "pattern_mismatch")]
        assert await problems(windows=windows | {"train": "9Y"}) == [("windows", "walk_forward_no_window")]
        assert await problems(windows=windows | {"step": "1M"}) == [("windows.step", "walk_forward_overlap")]
        assert await problems(windows=windows | {"step": "3M"}) == [("windows.step", "walk_forward_step_of_positions")]
        assert await problems(windows=windows | {"gap_rows": 115}) == [("windows.gap_rows", "walk_forward_train_short")]
        assert await problems(parameters=FEW | {"stop": FEW["stop"], "roe": {"values": [1]}}) == [
            ("parameters.roe", "sweep_parameter_unused")
        ]
        assert await problems(search={"method": "tpe", "runs": 100}) == [("search.method", "walk_forward_tpe")]
        costly = walk_forward(parameters=FEW | {"cash": {"values": [1e8, 1e9]}})
        costly["template"]["initial_cash"] = "$cash"
        status, found, _ = await client.call("POST", "/v1/walk-forwards", costly)
        assert [(e["path"], e["code"]) for e in found["errors"]] == [("template.initial_cash", "walk_forward_place")]
        status, quote, _ = await client.call("POST", "/v1/walk-forwards?dry_run=true", walk_forward())
        assert (status, quote["variants"], quote["accepted"]) == (200, 24, True)
        assert quote["cost"] == 24 * quote["stocks"] * quote["days"]
