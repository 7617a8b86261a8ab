"""Sweeps over a small market: tables, variants as backtests, progress, mistakes, the holdout."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import polars as pl
import pytest_asyncio

from ondol.local.run_file import Servers
from services.api.backtests.canonicalize import canonicalize
from tests.support.api_with_market import FIRST, LAST, served
from tests.support.sweeps import run_sweep, sweep, table_of
from tests.support.system import Client


@pytest_asyncio.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


@pytest_asyncio.fixture(scope="module")
async def grid(client: Client) -> dict[str, Any]:
    return await run_sweep(client, sweep())


async def test_grid_gives_every_combination(client: Client, grid: dict[str, Any]) -> None:
    assert (grid["status"], grid["variants"], grid["done"], grid["failed"]) == ("completed", 24, 24, 0)
    assert grid["partial"] is False
    rows = await table_of(client, grid["id"])
    assert [row["variant"] for row in rows] == list(range(24))
    assert rows[0]["values"] == {"per": 10, "n": 5, "rank": "MOMENTUM_1M", "stop": None}
    assert rows[-1]["values"] == {"per": 30, "n": 20, "rank": "MARKET_CAP", "stop": 10}
    assert len({tuple(row["values"].values()) for row in rows}) == 24
    ranked = sorted((row for row in rows if row["ranked"]), key=lambda row: -row["statistics"]["sharpe"])
    assert [row["variant"] for row in grid["best"]] == [row["variant"] for row in ranked[:10]]


async def test_statistics_count_every_trial(client: Client, grid: dict[str, Any]) -> None:
    found = grid["statistics"]
    assert (found["trials"], found["sample"], found["deviation_from"]) == (24, 24, "trials")
    assert found["best"]["variant"] == grid["best"][0]["variant"]
    assert 1 <= found["independent"]["participation"] <= 24
    low, high = found["best"]["dsr"]
    assert 0 <= low <= high <= found["best"]["psr"]
    assert (await client.call("GET", f"/v1/sweeps/{grid['id']}"))[1]["statistics"] == found


async def test_variant_equals_the_plain_backtest(client: Client, grid: dict[str, Any]) -> None:
    rows = await table_of(client, grid["id"])
    for variant in (0, 7, 23):
        status, opened, _ = await client.call("GET", f"/v1/sweeps/{grid['id']}/variants/{variant}")
        assert status == 200, opened
        assert opened["result"]["statistics"] == rows[variant]["statistics"]
        values = rows[variant]["values"]
        text = f"PER < {values['per']} and close > ts_mean(close, {values['n']})"
        strategy = {
            "buy": {"where": text, "rank_by": values["rank"]},
            "sell": {"stop_loss_pct": values["stop"], "max_hold_days": 60},
            "portfolio": {"max_positions": 5},
        }
        plain = {"strategy": strategy, "start": FIRST, "end": LAST}
        assert opened["result"]["provenance"]["request_digest"] == canonicalize(plain, {}).digest
        status, posted, _ = await client.call("POST", "/v1/backtests", plain, Prefer="wait=30")
        assert (status, posted["cached"]) == (200, True)
        assert posted["result"]["provenance"] == opened["result"]["provenance"]
        again = (await client.call("GET", f"/v1/sweeps/{grid['id']}/variants/{variant}"))[1]
        assert again["id"] == opened["id"]
    status, missing, _ = await client.call("GET", f"/v1/sweeps/{grid['id']}/variants/24")
    assert (status, missing["code"]) == (404, "sweep_variant_not_found")


async def test_table_is_sorted_filtered_and_downloaded(client: Client, grid: dict[str, Any]) -> None:
    rows = await table_of(client, grid["id"], "?sort=score&where=%24per+%3C+30+and+trades+%3E+0&limit=5")
    assert len(rows) == 5
    assert all(row["values"]["per"] < 30 for row in rows)
    scores = [row["statistics"]["sharpe"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    status, text, headers = await client.call("GET", f"/v1/sweeps/{grid['id']}/table?format=csv")
    assert status == 200
    assert headers["Content-Disposition"].endswith('.csv"')
    lines = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert len(lines) == 24
    assert (lines[3]["variant"], lines[3]["$rank"], lines[3]["$stop"]) == ("3", "MARKET_CAP", "10")
    body = (await client.call("GET", f"/v1/sweeps/{grid['id']}/table?format=parquet"))[1]
    frame = pl.read_parquet(io.BytesIO(body))
    whole = await table_of(client, grid["id"])
    assert frame["sharpe"].to_list() == [row["statistics"]["sharpe"] for row in whole]
    status, wrong, _ = await client.call("GET", f"/v1/sweeps/{grid['id']}/table?sort=sharp&limit=3")
    assert (status, wrong["errors"][0]["path"], wrong["errors"][0]["suggestions"][0]) == (422, "sort", "sharpe")
    status, wrong, _ = await client.call("GET", f"/v1/sweeps/{grid['id']}/table?where=shape+%3E+1")
    assert (status, wrong["errors"][0]["path"], wrong["errors"][0]["column"]) == (422, "where", 1)


async def test_heatmap_reduces_the_other_parameters(client: Client, grid: dict[str, Any]) -> None:
    path = f"/v1/sweeps/{grid['id']}/heatmap?x=per&y=n&value=total_return&reduce=max"
    found = (await client.call("GET", path))[1]
    assert (found["x"]["values"], found["y"]["values"]) == ([10, 20, 30], [5, 20])
    rows = await table_of(client, grid["id"])
    for y, n in enumerate((5, 20)):
        for x, per in enumerate((10, 20, 30)):
            inside = [
                r["statistics"]["total_return"] for r in rows if (r["values"]["n"], r["values"]["per"]) == (n, per)
            ]
            assert found["cells"][y][x] == max(inside)
    count = (await client.call("GET", f"/v1/sweeps/{grid['id']}/heatmap?x=per&y=n&reduce=count"))[1]
    assert count["value"] == "sharpe"
    assert sum(cell or 0 for row in count["cells"] for cell in row) == sum(row["ranked"] for row in rows)
    status, wrong, _ = await client.call("GET", f"/v1/sweeps/{grid['id']}/heatmap?x=per&y=per")
    assert (status, wrong["errors"][0]["code"]) == (422, "sweep_axes_equal")


async def test_dry_run_quotes_and_stores_nothing(client: Client) -> None:
    before = (await client.call("GET", "/v1/sweeps"))[1]["items"]
    status, quote, _ = await client.call("POST", "/v1/sweeps?dry_run=true", sweep())
    assert status == 200
    assert (quote["variants"], quote["combinations"], quote["accepted"]) == (24, 24, True)
    assert quote["cost"] == 24 * quote["stocks"] * quote["days"]
    assert (await client.call("GET", "/v1/sweeps"))[1]["items"] == before


async def test_mistakes_are_reported_together_with_their_places(client: Client) -> None:
    body = sweep(
        parameters={
            "per": {"from": 30, "to": 10, "step": 10}, "n": {"values": [5, 600]}, "rank": {"values": ["MOMENTUM_9M"]},
            "stop": {"values": [None, 500]}, "unused": {"values": [1, 2]},
        },
        constraints=["$per < $never", "$n +"],
        objective={"maximize": "sharp", "where": "trades"},
    )  # fmt: skip
    body["template"]["strategy"]["universe"] = {"markets": ["$rank"]}
    status, problem, _ = await client.call("POST", "/v1/sweeps", body)
    assert status == 422
    found = {(e["path"], e.get("column"), e["code"]) for e in problem["errors"]}
    assert found == {
        ("parameters.per.to", None, "sweep_range_empty"),
        ("parameters.unused", None, "sweep_parameter_unused"),
        ("template.strategy.universe.markets[0]", None, "sweep_placeholder_place"),
        ("template.strategy.buy.where", 39, "not_a_row_count"),
        ("template.strategy.buy.rank_by", 1, "unknown_word"),
        ("template.strategy.sell.stop_loss_pct", None, "out_of_range"),
        ("constraints[0]", 8, "sweep_formula_name"),
        ("constraints[1]", 5, "expression_ends"),
        ("objective.maximize", None, "unknown_name"),
        ("objective.where", 1, "sweep_formula_condition"),
    }


async def test_variant_that_contradicts_itself_fails_alone(client: Client) -> None:
    body = sweep(parameters={"keep": {"values": [5, 20]}, "most": {"values": [5, 10]}})
    body["template"]["strategy"] = {
        "sell": {"on_rebalance": "rotate"}, "portfolio": {"keep_rank": "$keep", "max_positions": "$most"},
    }  # fmt: skip
    done = await run_sweep(client, body)
    assert (done["done"], done["failed"]) == (4, 1)
    rows = await table_of(client, done["id"])
    assert [row["status"] for row in rows] == ["completed", "failed", "completed", "completed"]
    assert rows[1]["error"]["errors"][0]["path"] == "strategy.portfolio.keep_rank"
    status, refused, _ = await client.call("GET", f"/v1/sweeps/{done['id']}/variants/1")
    assert (status, refused["errors"][0]["path"]) == (422, "strategy.portfolio.keep_rank")


async def test_events_name_every_part_and_are_resumed(client: Client, grid: dict[str, Any]) -> None:
    path = f"/v1/sweeps/{grid['id']}/events"
    text = (await client.call("GET", path))[1].decode()
    kinds = [line.removeprefix("event: ") for line in text.splitlines() if line.startswith("event: ")]
    assert kinds == ["status", *["part"] * grid["parts"], "completed"]
    later = (await client.call("GET", path, Last_Event_ID=str(grid["parts"])))[1].decode()
    assert [line for line in later.splitlines() if line.startswith("event: ")] == ["event: completed"]


async def test_random_search_with_constraints_is_repeatable(client: Client) -> None:
    body = sweep(
        parameters=sweep()["parameters"] | {"per": {"from": 5, "to": 40}},
        constraints=["$per > 10 or $n == 5"], search={"method": "random", "runs": 40, "seed": 3},
    )  # fmt: skip
    first, second = await run_sweep(client, body), await run_sweep(client, body)
    assert first["digest"] == second["digest"]
    rows = await table_of(client, first["id"])
    assert rows == await table_of(client, second["id"])
    assert len(rows) == 40
    assert all(row["values"]["per"] > 10 or row["values"]["n"] == 5 for row in rows)


async def test_tpe_uses_the_results_before(client: Client) -> None:
    body = sweep(
        parameters=sweep()["parameters"] | {"per": {"from": 5, "to": 40}},
        search={"method": "tpe", "runs": 60, "seed": 3, "batch": 20}, keep={"returns": "none"},
    )  # fmt: skip
    first, second = await run_sweep(client, body), await run_sweep(client, body)
    assert (first["done"], first["parts"], first["statistics"]) == (60, 3, None)
    rows = await table_of(client, first["id"])
    assert rows == await table_of(client, second["id"])
    assert len({tuple(row["values"].values()) for row in rows}) == 60


async def test_holdout_is_read_once(client: Client) -> None:
    done = await run_sweep(client, sweep(holdout={"from": "2025-09-01"}))
    opened = (await client.call("GET", f"/v1/sweeps/{done['id']}/variants/3"))[1]
    assert opened["request"]["end"] == "2025-08-31"
    status, found, headers = await client.call("POST", f"/v1/sweeps/{done['id']}/holdout", {"variant": 3})
    assert status == 201, found
    backtest = (await client.call("GET", headers["Location"]))[1]
    assert (backtest["request"]["start"], backtest["request"]["end"]) == ("2025-09-01", LAST)
    status, refused, _ = await client.call("POST", f"/v1/sweeps/{done['id']}/holdout", {"variant": 4})
    assert (status, refused["code"], refused["params"]["variant"]) == (409, "sweep_holdout_opened", 3)
    shown = (await client.call("GET", f"/v1/sweeps/{done['id']}"))[1]["holdout"]
    assert (shown["variant"], shown["backtest"], shown["from"]) == (3, backtest["id"], "2025-09-01")


async def test_limits_of_a_key_are_named(client: Client) -> None:
    big = sweep(
        parameters=sweep()["parameters"] | {"per": {"from": 5, "to": 40, "step": 0.001}},
        search={"method": "sobol", "runs": 200_000},
    )  # fmt: skip
    status, problem, _ = await client.call("POST", "/v1/sweeps", big)
    assert (status, problem["errors"][0]["path"]) == (422, "search.runs")
    assert problem["errors"][0]["code"] in ("sweep_too_many_variants", "sweep_no_point")
    status, quote, _ = await client.call("POST", "/v1/sweeps?dry_run=true", big)
    assert (status, quote["accepted"]) == (200, False)


async def test_longest_lists_of_values_are_accepted(client: Client) -> None:
    parameters = {
        "per": {"values": [number / 10 for number in range(1, 1_001)]},
        "n": {"values": list(range(2, 252))},
        "stop": {"values": [number / 20 for number in range(1, 1_001)]},
        "rank": {"values": ["MOMENTUM_1M"]},
    }
    body = sweep(parameters=parameters, search={"method": "random", "runs": 2})
    status, found, _ = await client.call("POST", "/v1/sweeps?dry_run=true", body)
    assert status == 200, found
    parameters["per"]["values"].append(101)
    status, problem, _ = await client.call("POST", "/v1/sweeps?dry_run=true", body)
    assert (status, [error["path"] for error in problem["errors"]]) == (422, ["parameters.per.values"])


async def test_idempotency_key_gives_the_same_sweep(client: Client) -> None:
    first = (await client.call("POST", "/v1/sweeps", sweep(), Idempotency_Key="a"))[1]
    second = (await client.call("POST", "/v1/sweeps", sweep(), Idempotency_Key="a"))[1]
    assert first["id"] == second["id"]
    other = sweep(search={"method": "random", "runs": 3})
    status, problem, _ = await client.call("POST", "/v1/sweeps", other, Idempotency_Key="a")
    assert (status, problem["code"]) == (422, "idempotency_conflict")


async def test_ended_sweep_cannot_be_cancelled(client: Client, grid: dict[str, Any]) -> None:
    status, problem, _ = await client.call("DELETE", f"/v1/sweeps/{grid['id']}")
    assert (status, problem["code"]) == (409, "sweep_ended")
    status, problem, _ = await client.call("GET", "/v1/sweeps/0196-x")
    assert (status, problem["code"]) == (404, "sweep_not_found")
