"""The tutorials show the figures of a real run: their strategy on their market."""

from __future__ import annotations

import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from ondol.cli.commands.screen import head_text
from ondol.cli.research import deflated_text
from ondol.cli.sweeps import significance_text
from shared.settings import Settings
from tests.support.api_with_market import load_synthetic
from tests.support.servers import servers, settings
from tests.support.system import Client, api_of, simulator

__all__ = ["servers", "settings"]

TUTORIALS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "tutorials"
WINDOW = {"start": "2025-01-02", "end": "2025-12-30"}


def _blocks(page: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON blocks of a page."""
    for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL):
        yield json.loads(block)


def _won(trade: dict[str, Any]) -> float:
    """Return the cash that a trade moves."""
    value = trade["shares"] * trade["price"]
    return -(value + trade["commission"]) if trade["side"] == "buy" else value - trade["commission"] - trade["tax"]


@pytest.mark.timeout(600)
async def test_tutorials_show_the_figures_of_a_run(settings: Settings) -> None:
    first = (TUTORIALS / "first-backtest.md").read_text(encoding="utf-8")
    trades = (TUTORIALS / "read-a-trade-list.md").read_text(encoding="utf-8")
    own, wide = _blocks(first)
    await load_synthetic(settings, stocks=400, years=3, seed=1)
    async with api_of(settings) as client, simulator(settings):
        assert (await client.call("POST", "/v1/strategies", own))[0] == 201
        query = {"where": own["strategy"]["buy"]["where"], "date": "2025-12-30"}
        _, screened, _ = await client.call("GET", f"/v1/screen?{urlencode(query)}")
        assert head_text(screened) in first
        results = []
        for body in ({"strategy": own["id"], **WINDOW}, wide):
            status, found, _ = await client.call("POST", "/v1/backtests", body, Prefer="wait=60")
            assert status == 200, found
            results.append(found["result"])
        await _check_sweep(client)
    for name, result in zip((own["id"], "wide.json"), results, strict=True):
        figures = result["statistics"]
        row = re.compile(
            rf"^{re.escape(name)} +{figures['total_return']:.2%}".replace("%", " %") + rf" .* {figures['trades']}  ",
            re.MULTILINE,
        )
        assert row.search(first), (name, figures)
    result = results[0]
    moved = {side: sum(_won(t) for t in result["trades"] if t["side"] == side) for side in ("buy", "sell")}
    paid = sum(action["cash"] for action in result["corporate_actions"])
    last = result["equity"][-1]
    for amount in (-moved["buy"], moved["sell"], paid, last["cash"], last["equity"]):
        assert f"{amount:,.2f}" in trades, amount
    for trade in result["trades"]:
        if trade["date"] == WINDOW["start"] and trade["stock_code"] == "S02530":
            assert f"**{trade['shares']:,}**" in trades
            assert f"**{trade['price']:,.0f}**" in trades


async def _check_sweep(client: Client) -> None:
    """Compare the tutorial of sweeps with a run: the three best variants, the plateau, and the holdout of the best."""
    page = (TUTORIALS / "sweep-and-luck.md").read_text(encoding="utf-8")
    status, sweep, _ = await client.call("POST", "/v1/sweeps", next(_blocks(page)), Prefer="wait=30")
    assert (status, sweep["status"]) == (200, "completed"), sweep
    for row in sweep["best"][:3]:
        figures = row["statistics"]
        values = " +".join(str(value) for value in row["values"].values())
        shown = rf"^ +{row['variant']} +{values} +{figures['sharpe']:.2f} +{100 * figures['total_return']:.2f} % "
        assert re.search(shown, page, re.MULTILINE), row
    plateau = sweep["plateau"]
    assert f"variant {plateau['variant']} (mean {plateau['mean']:.3f} over {plateau['neighbours']} neighbours)" in page
    chosen = {"variant": sweep["best"][0]["variant"]}
    _, opened, _ = await client.call("POST", f"/v1/sweeps/{sweep['id']}/holdout", chosen)
    held = (await client.call("GET", f"/v1/backtests/{opened['backtest']}"))[1]
    while held["status"] != "completed":
        await client.api.event_hub.wait_for_change(opened["backtest"], 0.05)
        held = (await client.call("GET", f"/v1/backtests/{opened['backtest']}"))[1]
    figures = held["result"]["statistics"]
    for name in ("total_return", "max_drawdown", "benchmark_total_return"):
        assert f"{100 * figures[name]:.2f} %" in page, name
    assert significance_text(sweep["statistics"]) in page
    assert deflated_text((await client.call("GET", f"/v1/backtests/{opened['backtest']}"))[1]["deflated"]) in page
    line = (await client.call("GET", "/v1/research/my-value"))[1]
    for sentence in (line["conclusion"], *line["warnings"]):
        assert sentence["message"] in page
