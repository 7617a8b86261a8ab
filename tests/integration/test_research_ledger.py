"""The ledger: each distinct trial of an owner's line counts once, from every route, and is never lost."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from ondol.local.run_file import Servers
from services.warmer.retention import purge_sweeps
from shared.infra import metrics
from shared.infra.database.pool import connect_pool
from shared.settings import Settings
from tests.integration.test_backtests_of_keys import make_key
from tests.support.api_with_market import FIRST, LAST, prepared_settings, request
from tests.support.sweeps import run_sweep, sweep
from tests.support.system import Client, api_of, simulator
from tests.support.walk_forwards import run_walk_forward, walk_forward


@pytest_asyncio.fixture(scope="module")
async def settings(servers: Servers) -> AsyncIterator[Settings]:
    async with prepared_settings(servers) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with api_of(settings) as found, simulator(settings):
        yield found


async def run(client: Client, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    status, found, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=30", **headers)
    assert status == 200, found
    assert found["status"] == "completed", found
    return dict(found)


async def line(client: Client, name: str, **headers: str) -> dict[str, Any]:
    status, found, _ = await client.call("GET", f"/v1/research/{name}", **headers)
    assert status == 200, found
    return dict(found)


async def test_backtest_is_deflated_by_its_line(client: Client) -> None:
    found = await run(client, request(research="single"))
    assert found["research"] == "single"
    deflated = found["deflated"]
    assert (deflated["trials"], deflated["extra_trials"], deflated["research"]) == (1, 0, "single")
    assert deflated["dsr"] == pytest.approx([deflated["psr"]] * 2)
    assert (await run(client, request()))["deflated"] is None


async def test_recorded_backtests_are_counted_by_outcome(client: Client) -> None:
    def counted(outcome: str) -> float:
        return float(metrics.RESEARCH_TRIALS.labels(outcome)._value.get())

    before = [counted(outcome) for outcome in ("new", "repeated")]
    for _ in range(3):
        await run(client, request(research="counted"))
    found = await line(client, "counted")
    assert (found["trials"], found["evaluations"]) == (1, 3)
    assert [counted(outcome) for outcome in ("new", "repeated")] == [before[0] + 1, before[1] + 2]


async def test_equal_trials_count_once_from_every_route(client: Client) -> None:
    swept = await run_sweep(client, sweep(research="once"))
    first = await line(client, "once")
    assert (first["trials"], first["evaluations"]) == (swept["variants"], swept["variants"])
    await run_sweep(client, sweep(research="once"))
    half = sweep(research="once", search={"method": "random", "runs": 9, "seed": 3})
    await run_sweep(client, half)
    status, opened, _ = await client.call("GET", f"/v1/sweeps/{swept['id']}/variants/3", Prefer="wait=30")
    assert status == 200
    assert opened["research"] == "once"
    spelled = {**opened["request"], "research": "once", "benchmark": "KOSDAQ"}
    again = await run(client, spelled)
    await run(client, spelled, **{"Cache-Control": "no-store"})
    found = await line(client, "once")
    assert found["trials"] == swept["variants"]
    assert found["evaluations"] == 2 * swept["variants"] + 9 + 3
    assert again["deflated"]["trials"] == swept["variants"]
    assert {**found, "evaluations": 0, "updated_at": 0} == {**first, "evaluations": 0, "updated_at": 0}
    await run(client, spelled | {"initial_cash": 5e7})
    assert (await line(client, "once"))["trials"] == swept["variants"] + 1


async def test_line_of_a_sweep_says_what_the_sweep_says(client: Client) -> None:
    swept = await run_sweep(client, sweep(research="same"))
    found, expected = await line(client, "same"), swept["statistics"]
    figures = found["statistics"]
    for name in ("average", "participation", "entropy", "li_ji"):
        assert figures[f"independent_{name}"]["value"] == pytest.approx(expected["independent"][name], rel=1e-5)
    bars = [figures["sr0_annual"]["low"], figures["sr0_annual"]["high"]]
    assert bars == pytest.approx(expected["sr0_annual"], rel=1e-5)
    assert [figures["dsr"]["low"], figures["dsr"]["high"]] == pytest.approx(expected["best"]["dsr"], rel=1e-4)
    assert figures["psr"]["value"] == pytest.approx(expected["best"]["psr"], rel=1e-9)
    assert figures["pbo"]["value"] == pytest.approx(expected["pbo"]["probability"], rel=1e-9)
    assert figures["spa"]["value"] == pytest.approx(expected["spa"]["consistent"], abs=0.02)
    best = found["best"]
    assert (best["kind"], best["id"], best["variant"]) == ("sweep", swept["id"], expected["best"]["variant"])


async def test_sweep_is_deflated_like_its_best_variant(client: Client) -> None:
    swept = await run_sweep(client, sweep(research="deflated"))
    path = f"/v1/sweeps/{swept['id']}"
    variant = swept["best"][0]["variant"]
    status, opened, _ = await client.call("GET", f"{path}/variants/{variant}", Prefer="wait=30")
    assert status == 200
    assert swept["deflated"] == opened["deflated"]
    assert swept["deflated"]["trials"] == swept["variants"]
    assert (await client.call("PATCH", "/v1/research/deflated", {"extra_trials": 500}))[0] == 200
    again = (await client.call("GET", path, **{"Accept-Language": "ko"}))[1]["deflated"]
    assert again["extra_trials"] == 500
    assert again["dsr"][1] < swept["deflated"]["dsr"][0]
    assert "시행" in again["conclusion"]["message"]
    assert (await run_sweep(client, sweep()))["deflated"] is None
    unkept = await run_sweep(client, sweep(research="deflated", keep={"returns": "none"}))
    assert unkept["deflated"] is None


async def test_walk_forward_of_one_point_is_deflated(client: Client) -> None:
    one = {"per": {"values": [20]}, "n": {"values": [5]}, "rank": {"values": ["MARKET_CAP"]}, "stop": {"values": [10]}}
    walked = await run_walk_forward(client, walk_forward(research="walked once", parameters=one))
    found = walked["deflated"]
    assert found["trials"] == (await line(client, "walked once"))["trials"]
    plain = walked["windows"][0]["request"]
    days = {"start": walked["stitched"]["first"], "end": walked["stitched"]["last"]}
    alone = await run(client, plain | days | {"research": "walked once"})
    names = ("weeks", "sharpe_annual", "psr")
    assert [found[name] for name in names] == pytest.approx([alone["deflated"][name] for name in names])
    assert (await run_walk_forward(client, walk_forward(parameters=one)))["deflated"] is None


async def test_order_of_runs_changes_no_figure(client: Client) -> None:
    grid = sweep()
    bodies = [grid, sweep(search={"method": "random", "runs": 7, "seed": 1}), request(), request(initial_cash=3e7)]
    for name, order in (("forth", [0, 1, 2, 3]), ("back", [3, 2, 1, 0])):
        for index in order:
            body = bodies[index] | {"research": name}
            await (run_sweep if "template" in body else run)(client, body)
    forth, back = await line(client, "forth"), await line(client, "back")
    for name in ("trials", "evaluations", "statistics", "conclusion", "warnings", "family", "sample", "counted"):
        assert forth[name] == back[name], name
    assert {**forth["best"], "kind": 0, "id": 0, "variant": 0} == {**back["best"], "kind": 0, "id": 0, "variant": 0}


async def test_cancelled_and_failed_runs_are_no_trials(client: Client) -> None:
    absent = request(universe={"markets": ["KONEX"], "cap_groups": ["KOSPI_MEGA"]}, buy={"where": "PER < 10"})
    status, failed, _ = await client.call("POST", "/v1/backtests", absent | {"research": "none"}, Prefer="wait=30")
    assert (status, failed["status"], failed["deflated"]) == (200, "failed", None)
    found = await line(client, "none")
    assert (found["trials"], found["evaluations"], found["best"]) == (0, 0, None)
    assert found["conclusion"]["code"] == "luck_unknown"


async def test_trials_stay_when_their_runs_are_deleted(settings: Settings, client: Client) -> None:
    swept = await run_sweep(client, sweep(research="kept"))
    done = await run(client, request(research="kept"))
    status, _, _ = await client.call("DELETE", f"/v1/backtests/{done['id']}")
    assert status == 409
    before = await line(client, "kept")
    database = await connect_pool(settings.database_url or "")
    try:
        later = dt.datetime.now(dt.UTC) + dt.timedelta(days=900)
        assert await purge_sweeps(database, replace(settings, sweep_retention_days=1), later) >= 1
    finally:
        await database.close()
    assert (await client.call("GET", f"/v1/sweeps/{swept['id']}"))[0] == 404
    assert await line(client, "kept") == before


async def test_lines_of_others_are_not_seen(settings: Settings, client: Client) -> None:
    mine, other = [{"Authorization": await make_key(settings, f"ledger{name}")} for name in "ab"]
    body = request(research="private", initial_cash=7e7)
    own = await run(client, body, **mine)
    for stranger in (other, {}):
        assert (await client.call("GET", "/v1/research/private", **stranger))[0] == 404
        assert (await client.call("PATCH", "/v1/research/private", {"closed": True}, **stranger))[0] == 404
        _, found, _ = await client.call("GET", "/v1/research", **stranger)
        assert "private" not in [item["name"] for item in found["items"]]
    shared = await run(client, body, **other)
    assert shared["cached"] is True
    assert (shared["deflated"]["trials"], own["deflated"]["trials"]) == (1, 1)
    await run(client, body | {"initial_cash": 8e7}, **other)
    assert (await line(client, "private", **other))["trials"] == 2
    assert (await line(client, "private", **mine))["trials"] == 1


async def test_lines_are_listed_in_pages(client: Client) -> None:
    for name in ("first of pages", "second of pages"):
        await run(client, request(research=name))
    _, found, _ = await client.call("GET", "/v1/research?limit=1")
    assert [item["name"] for item in found["items"]] == ["second of pages"]
    _, following, _ = await client.call("GET", f"/v1/research?limit=1&cursor={found['next_cursor']}")
    assert [item["name"] for item in following["items"]] == ["first of pages"]


async def test_line_counts_once_when_simulators_are_killed(settings: Settings) -> None:
    body = sweep(research="killed", search={"method": "random", "runs": 24, "seed": 2})
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(api_of(replace(settings, sweep_part_variants=2)))
        status, document, _ = await client.call("POST", "/v1/sweeps", body)
        assert status == 202
        for parts in (2, 5, 8):
            working = await stack.enter_async_context(simulator(settings))
            await _until(client, document["id"], parts)
            working.kill()
            await working.wait()
        await stack.enter_async_context(simulator(settings))
        done = await _until(client, document["id"], 12)
        found = await line(client, "killed")
        assert (found["trials"], found["evaluations"]) == (24 - done["failed"],) * 2
        whole = await run_sweep(client, body | {"research": "whole"})
        expected = await line(client, "whole")
        assert whole["done"] == 24
        for name in ("trials", "evaluations", "statistics", "conclusion", "warnings"):
            assert found[name] == expected[name], name


async def _until(client: Client, identity: str, parts: int) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            found = (await client.call("GET", f"/v1/sweeps/{identity}"))[1]
            if found["parts_done"] >= parts:
                return dict(found)
            await client.api.event_hub.sweeps.wait(identity, 0.5)


async def test_extra_trials_are_only_raised_and_closing_is_final(client: Client) -> None:
    first = await run(client, request(research="elsewhere"))
    path = "/v1/research/elsewhere"
    _, found, _ = await client.call("PATCH", path, {"extra_trials": 200})
    assert (found["extra_trials"], found["counted"]) == (200, 201)
    assert found["statistics"]["independent_participation"]["value"] == 201
    _, again, _ = await client.call("GET", f"/v1/backtests/{first['id']}")
    assert again["deflated"]["dsr"][1] < first["deflated"]["dsr"][0]
    status, refused, _ = await client.call("PATCH", path, {"extra_trials": 199})
    assert (status, refused["errors"][0]["code"]) == (422, "research_extra_fewer")
    for body, code in (({}, "research_change_empty"), ({"closed": False}, "research_not_reopened")):
        status, refused, _ = await client.call("PATCH", path, body)
        assert (status, refused["errors"][0]["code"]) == (422, code)
    status, found, _ = await client.call("PATCH", path, {"closed": True})
    assert status == 200
    assert found["closed_at"] is not None
    for route, body in (("backtests", request()), ("sweeps", sweep()), ("walk-forwards", walk_forward())):
        status, refused, _ = await client.call("POST", f"/v1/{route}", body | {"research": "elsewhere"})
        assert (status, refused["errors"][0]["code"]) == (409, "research_closed"), route
    status, quote, _ = await client.call("POST", "/v1/sweeps?dry_run=true", sweep(research="elsewhere"))
    assert (status, quote["accepted"]) == (200, False)
    assert (await line(client, "elsewhere"))["trials"] == 1


async def test_walk_forward_adds_its_runs_and_its_account(client: Client) -> None:
    walked = await run_walk_forward(client, walk_forward(research="walked"))
    found = await line(client, "walked")
    assert found["evaluations"] == walked["variants"] - walked["failed"] + 1
    assert 1 < found["trials"] <= found["evaluations"]
    await run_walk_forward(client, walk_forward(research="walked"))
    assert (await line(client, "walked"))["trials"] == found["trials"]


async def test_opened_holdout_is_written_in_the_ledger(client: Client) -> None:
    swept = await run_sweep(client, held("held", "2025-10-01", "PER < $per and close > ts_mean(close, $n) and ROE > 0"))
    before = await line(client, "held")
    path = f"/v1/sweeps/{swept['id']}/holdout"
    status, opened, _ = await client.call("POST", path, {"variant": 2})
    assert status == 201
    status, refused, _ = await client.call("POST", path, {"variant": 2})
    assert (status, refused["code"]) == (409, "sweep_holdout_opened")
    await client.call("GET", f"/v1/backtests/{opened['backtest']}", Prefer="wait=30")
    for _ in range(100):
        found = await line(client, "held")
        if found["trials"] > before["trials"]:
            break
        await asyncio.sleep(0.05)
    assert found["trials"] == before["trials"] + 1
    (holdout,) = found["holdouts"]
    assert (holdout["id"], holdout["variant"], holdout["from"]) == (swept["id"], 2, "2025-10-01")
    assert holdout["opened_at"] == opened["opened_at"]


def held(name: str | None, first: str, condition: str = "PER < $per and close > ts_mean(close, $n)") -> dict[str, Any]:
    """Return a sweep with a holdout whose strategy has a condition."""
    body = sweep(research=name, holdout={"from": first})
    body["template"]["strategy"]["buy"]["where"] = condition
    return body


async def opening(client: Client, identity: str, body: dict[str, Any] | None, **headers: str) -> tuple[int, Any]:
    """Open the holdout of a sweep, or (no body) of a walk-forward."""
    kind = "walk-forwards" if body is None else "sweeps"
    status, found, _ = await client.call("POST", f"/v1/{kind}/{identity}/holdout", body, **headers)
    return status, found


async def test_holdout_of_a_strategy_is_opened_once(settings: Settings, client: Client) -> None:
    mine, other = [{"Authorization": await make_key(settings, f"held{name}")} for name in "ab"]

    async def swept(body: dict[str, Any], **headers: str) -> str:
        status, found, _ = await client.call("POST", "/v1/sweeps", body, Prefer="wait=30", **headers)
        assert status == 200, found
        return str(found["id"])

    first = await swept(held(None, "2025-10-01"), **mine)
    again = held(None, "2025-11-03", "PER<$low and close>ts_mean(close, $n)")
    again["parameters"]["low"] = {"values": [12, 15]}
    del again["parameters"]["per"]
    second = await swept(again, **mine)
    status, opened = await opening(client, first, {"variant": 2}, **mine)
    assert status == 201
    for identity in (second, await swept(held("named", "2025-09-01"), **mine)):
        status, refused = await opening(client, identity, {"variant": 0}, **mine)
        assert (status, refused["code"]) == (409, "holdout_opened_for_strategy")
        assert refused["errors"][0]["path"] == "holdout.from"
        assert refused["params"]["place"] == f"/v1/backtests/{opened['backtest']}"
        shown = (await client.call("GET", f"/v1/sweeps/{identity}", **mine))[1]["holdout"]
        assert (shown["opened_at"], shown["opened_before"]["id"]) == (None, first)
        assert shown["opened_before"]["backtest"] == opened["backtest"]
    korean = (await opening(client, second, {"variant": 0}, **mine, **{"Accept-Language": "ko"}))[1]
    assert "같은 전략" in korean["detail"]
    assert (await opening(client, await swept(held(None, "2025-10-01"), **other), {"variant": 0}, **other))[0] == 201
    unlike = held(None, "2025-10-01", "PBR < $per and close > ts_mean(close, $n)")
    assert (await opening(client, await swept(unlike, **mine), {"variant": 0}, **mine))[0] == 201


async def test_holdout_of_a_line_is_opened_once(client: Client) -> None:
    walked = walk_forward(research="walked held", holdout={"from": "2025-10-01"})
    walked["template"]["strategy"]["buy"]["where"] = "PSR < $per and close > ts_mean(close, $n)"
    first, second = [(await run_walk_forward(client, walked))["id"] for _ in range(2)]
    assert (await opening(client, first, None))[0] == 201
    status, refused = await opening(client, second, None)
    assert (status, refused["code"]) == (409, "holdout_opened_for_strategy")
    status, refused = await opening(client, first, None)
    assert (status, refused["code"]) == (409, "sweep_holdout_opened")
    other = await run_sweep(client, held("walked held", "2025-11-03", "PCR < $per and close > ts_mean(close, $n)"))
    status, refused = await opening(client, other["id"], {"variant": 1})
    assert (status, refused["code"], refused["params"]["name"]) == (409, "holdout_opened_in_line", "walked held")
    assert other["holdout"]["opened_before"]["id"] == first
    assert [holdout["id"] for holdout in (await line(client, "walked held"))["holdouts"]] == [first]


async def test_later_days_are_a_holdout_of_their_own(client: Client) -> None:
    condition = "PBR < 3 and PER < $per and close > ts_mean(close, $n)"
    early = held("days", "2025-06-02", condition)
    early["template"]["end"] = "2025-08-29"
    late = held("days", "2025-09-01", condition)
    for body in (early, late):
        assert (await opening(client, (await run_sweep(client, body))["id"], {"variant": 0}))[0] == 201
    assert len((await line(client, "days"))["holdouts"]) == 2


async def test_one_of_two_openings_at_once_is_refused(settings: Settings, client: Client) -> None:
    body = held("at once", "2025-10-01", "PBR < 9 and PER < $per and close > ts_mean(close, $n)")
    sweeps = [(await run_sweep(client, body))["id"] for _ in range(2)]
    found = await asyncio.gather(*(opening(client, identity, {"variant": 0}) for identity in sweeps))
    assert sorted(status for status, _ in found) == [201, 409]
    opened = next(document["sweep"] for status, document in found if status == 201)
    database = await connect_pool(settings.database_url or "")
    try:
        later = dt.datetime.now(dt.UTC) + dt.timedelta(days=900)
        assert await purge_sweeps(database, replace(settings, sweep_retention_days=1), later) >= 2
    finally:
        await database.close()
    again = await run_sweep(client, body)
    assert again["holdout"]["opened_before"]["id"] == opened
    assert (await opening(client, again["id"], {"variant": 0}))[0] == 409


async def test_idempotency_key_belongs_to_a_line(client: Client) -> None:
    key = {"Idempotency-Key": "one key"}
    first = await run(client, request(research="keyed"), **key)
    assert (await run(client, request(research="keyed"), **key))["id"] == first["id"]
    status, refused, _ = await client.call("POST", "/v1/backtests", request(research="other"), **key)
    assert (status, refused["code"]) == (422, "idempotency_conflict")
    assert (await line(client, "keyed"))["evaluations"] == 1


async def test_name_of_a_line_is_checked(client: Client) -> None:
    for name in ("", " x", "a/b", "x" * 65, 5):
        status, refused, _ = await client.call("POST", "/v1/backtests", request(research=name))
        assert (status, refused["errors"][0]["path"]) == (422, "research"), name
    korean = await run(client, request(research="가치 1.0"))
    assert korean["deflated"]["research"] == "가치 1.0"


async def test_conclusion_is_said_in_korean(client: Client) -> None:
    await run_sweep(client, sweep(research="korean"))
    english = await line(client, "korean")
    korean = await line(client, "korean", **{"Accept-Language": "ko"})
    assert english["conclusion"]["code"] == korean["conclusion"]["code"]
    assert "trials" in english["conclusion"]["message"]
    assert "시행" in korean["conclusion"]["message"]
    assert np.isfinite(english["statistics"]["dsr"]["low"])


FACTOR_WINDOW: dict[str, Any] = {"start": FIRST, "end": LAST, "horizons": [1, 5]}


async def post(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    status, found, _ = await client.call("POST", path, body)
    assert status == 200, found
    return dict(found)


async def test_cells_of_reports_and_matrices_count_once(client: Client) -> None:
    named = FACTOR_WINDOW | {"research": "factors"}
    first = await post(client, "/v1/factor-reports", named | {"factor": "-rank(PBR)", "correlations": False})
    assert {name: first["recorded"][name] for name in ("research", "new", "repeated", "trials")} == {
        "research": "factors", "new": 2, "repeated": 0, "trials": 2,
    }  # fmt: skip
    assert "research" not in first["request"]
    cells = first["recorded"]["portfolios"]
    assert [(cell["factor"], cell["horizon"]) for cell in cells] == [(first["factor"], 1), (first["factor"], 5)]
    for more in ({"quantiles": 4}, {"cost_pct": 1.0}, {}):
        again = await post(client, "/v1/factor-reports", named | {"factor": " - rank( PBR )"} | more)
        assert (again["recorded"]["new"], again["recorded"]["repeated"]) == (0, 2)
        assert again["recorded"]["portfolios"] == cells
    factors = ["PER", "-rank(PBR)", "MOMENTUM_1M"]
    matrix = await post(client, "/v1/factor-reports/matrix", named | {"factors": factors})
    assert (matrix["recorded"]["new"], matrix["recorded"]["repeated"], matrix["recorded"]["trials"]) == (4, 2, 6)
    found = await line(client, "factors")
    assert (found["trials"], found["evaluations"]) == (6, 14)
    best = max(matrix["recorded"]["portfolios"], key=lambda cell: cell["sharpe_annual"])
    assert found["best"]["sharpe_annual"] == pytest.approx(best["sharpe_annual"])
    assert (found["best"]["factor"], found["best"]["horizon"]) == (best["factor"], best["horizon"])
    assert found["best"]["kind"] == ("factor_report" if best["factor"] == first["factor"] else "factor_matrix")
    unnamed = await post(client, "/v1/factor-reports", FACTOR_WINDOW | {"factor": "-rank(PBR)", "correlations": False})
    assert (unnamed["recorded"], unnamed["id"]) == (None, first["id"])
    assert (await post(client, "/v1/factor-reports/matrix", FACTOR_WINDOW | {"factors": ["PER"]}))["recorded"] is None
    assert (await line(client, "factors"))["evaluations"] == 14


async def test_factor_trials_raise_the_bar_of_a_backtest(client: Client) -> None:
    before = (await run(client, request(research="searched")))["deflated"]
    assert (before["trials"], before["sr0_annual"]) == (1, [0.0, 0.0])
    body = FACTOR_WINDOW | {"factors": ["PER", "PBR", "MOMENTUM_1M", "MARKET_CAP"], "research": "searched"}
    await post(client, "/v1/factor-reports/matrix", body)
    after = (await run(client, request(research="searched")))["deflated"]
    assert after["trials"] == 9
    assert 1 < after["independent"]["participation"] <= 9
    assert 0 < after["sr0_annual"][0] <= after["sr0_annual"][1]
    assert after["dsr"][1] < before["dsr"][0]
    figures = (await line(client, "searched"))["statistics"]
    assert figures["expected_maximum"]["inputs"]["hard_trials"] == 9
    assert figures["expected_best_annual"]["high"] > 0


async def test_failed_factor_and_closed_line_record_nothing(client: Client) -> None:
    empty = "PER / (raw_close - raw_close)"
    body = FACTOR_WINDOW | {"factors": ["PER", empty], "research": "failing"}
    matrix = await post(client, "/v1/factor-reports/matrix", body)
    failed = sum(item["failure"] is not None for item in matrix["factors"])
    assert matrix["recorded"]["new"] == 2 * (2 - failed)
    assert (await client.call("PATCH", "/v1/research/failing", {"closed": True}))[0] == 200
    for path, more in (("", {"factor": "PER"}), ("/matrix", {"factors": ["PER"]})):
        status, refused, _ = await client.call("POST", f"/v1/factor-reports{path}",
                                               FACTOR_WINDOW | more | {"research": "failing"})  # fmt: skip
        assert (status, refused["code"]) == (409, "research_closed")
    assert (await line(client, "failing"))["trials"] == matrix["recorded"]["new"]


async def test_runs_of_a_robustness_report_are_trials(client: Client) -> None:
    done = await run(client, request(research="examined"))
    path = f"/v1/backtests/{done['id']}/robustness"
    report = await post(client, path, {"random_draws": 20, "noise_draws": 20})
    shown = [
        found
        for group in ("neighbours", "slippage", "starts", "phases", "delay", "sub_universes")
        for found in report[group]["lines"]
        if found["failure"] is None
    ]
    even = report["slippage"]["break_even"]
    counted = len(shown) + (even is not None)
    found = await line(client, "examined")
    assert found["evaluations"] == 1 + counted
    assert found["trials"] == report["recorded"]["trials"] == 1 + report["recorded"]["new"]
    assert report["recorded"]["new"] + report["recorded"]["repeated"] == counted
    again = await post(client, path, {"random_draws": 0, "noise_draws": 0})
    assert (again["recorded"]["new"], again["recorded"]["repeated"]) == (0, counted)
    for chosen in (report["neighbours"]["lines"][0], report["sub_universes"]["lines"][0], report["starts"]["lines"][3]):
        await run(client, chosen["request"] | {"research": "examined"})
    assert (await line(client, "examined"))["trials"] == found["trials"]
    alone = await run(client, request())
    assert (await post(client, f"/v1/backtests/{alone['id']}/robustness", {"random_draws": 0}))["recorded"] is None
