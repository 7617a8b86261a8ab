"""The Model Context Protocol server as an assistant meets it: a process, its standard streams, and the SDK's client."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from mcp import Client as Assistant
from mcp import StdioServerParameters

from ondol.assistant.server import TOOLS
from ondol.local.run_file import Servers
from tests.support.api_with_market import FIRST, LAST, served
from tests.support.system import Client

WINDOW = {"start": FIRST, "end": LAST}


@pytest_asyncio.fixture(scope="module")
async def system(servers: Servers) -> AsyncIterator[Client]:
    async with served(servers) as found:
        yield found


@asynccontextmanager
async def assistant(system: Client, **environment: str) -> AsyncIterator[Assistant]:
    """Yield the client of a server process."""
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "ondol", "mcp"], env={"ONDOL_API_URL": system.url, **environment}
    )
    async with Assistant(command) as client:
        yield client


async def answer(client: Assistant, tool: str, **arguments: Any) -> Any:
    """Call a tool that must succeed and return its answer."""
    found = await client.call_tool(tool, arguments)
    assert not found.is_error, found.content
    content: Any = found.structured_content
    return content.get("result", content) if set(content) == {"result"} else content


async def message(client: Assistant, tool: str, **arguments: Any) -> str:
    """Call a tool that must fail and return its message."""
    found = await client.call_tool(tool, arguments)
    assert found.is_error
    text: str = getattr(found.content[0], "text", "")
    return text


async def test_every_tool_has_schemas_and_a_description(system: Client) -> None:
    async with assistant(system) as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == list(TOOLS)
    for tool in tools:
        assert tool.description
        assert tool.input_schema["type"] == "object"
        assert tool.output_schema is not None
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint is (tool.name != "run_backtest")


async def test_assistant_explores_runs_and_explains(system: Client) -> None:
    async with assistant(system) as client:
        data = await answer(client, "describe_data")
        assert data["first_day"] <= FIRST <= LAST <= data["last_day"]
        assert {"PER", "PBR"} <= {row["key"] for row in await answer(client, "list_factors", search="value")}
        assert "ts_mean" in str(await answer(client, "describe_language", search="ts_mean"))
        assert (await answer(client, "check_expression", text="PER<10"))["canonical"] == "PER < 10"
        wrong = await answer(client, "check_expression", text="PERR < 10")
        assert wrong["mistakes"][0]["suggestions"] == ["PER"]
        assert "peter_lynch" in [row["id"] for row in await answer(client, "list_strategies")]
        picks = await answer(client, "screen_stocks", where="PER < 25", rank_by="ROE", limit=3)
        assert [row["rank"] for row in picks["picks"]] == [1, 2, 3]
        assert picks["parts"][-1]["remaining"] == picks["total"] <= picks["universe"]

        fields = {"buy": "PER < 25", "rank_by": "ROE", "max_positions": 5, "more": {"commission_pct": 0.02}}
        ran = await answer(client, "run_backtest", **fields, **WINDOW)
        assert ran["statistics"]["trades"] > 0
        assert ran["statistics"]["benchmark_total_return"] is not None
        assert all(isinstance(text, str) and len(text) > 20 for text in ran["warnings"])
        other = await answer(client, "run_backtest", base="surge_stocks", max_positions=3, **WINDOW)
        assert await answer(client, "show_backtest", id=ran["id"]) == ran

        explained = await answer(client, "explain_trades", id=ran["id"], limit=1)
        trade = explained["trades"][0]
        assert trade["values"]["PER"] < 25
        missing = await answer(
            client, "explain_missing_trade", id=ran["id"], stock_code=trade["stock_code"], date=trade["date"]
        )
        assert missing["outcome"] == "bought"
        held = await answer(client, "show_holdings", id=ran["id"], date=LAST)
        assert sum(row["value"] for row in held["holdings"]) + held["cash"] == pytest.approx(held["equity"])
        compared = await answer(client, "compare_backtests", ids=[ran["id"], other["id"]])
        assert [row["id"] for row in compared["backtests"]] == [ran["id"], other["id"]]
        assert {ran["id"], other["id"]} <= {row["id"] for row in await answer(client, "list_backtests", limit=5)}


async def test_mistakes_are_messages_that_name_the_remedy(system: Client) -> None:
    async with assistant(system) as client:
        text = await message(client, "run_backtest", max_positions=0, more={"commision_pct": 1}, **WINDOW)
        assert "at least 1" in text
        assert "did you mean commission_pct" in text
        assert "did you mean PER" in await message(client, "run_backtest", buy="PERR < 10", **WINDOW)
        assert "no backtest" in await message(client, "show_backtest", id="00000000-0000-7000-8000-000000000000")
        assert "limit" in await message(client, "list_backtests", limit=1000)


async def test_key_limits_an_assistant(system: Client) -> None:
    async with assistant(system, ONDOL_API_KEY="wrong") as client:
        assert "key is unknown" in await message(client, "describe_data")
