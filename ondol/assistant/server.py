"""A Model Context Protocol server over standard input and output."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, Final

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from ondol.assistant.tools import Tools
from ondol.client.async_client import AsyncClient
from shared.errors import OndolError

INSTRUCTIONS: Final = (
    "Backtests of the Korean stock market. Call describe_data first; list_factors and describe_language give the words "
    "of conditions; check_expression finds mistakes before a run. run_backtest answers in figures: report its warnings "
    "with them, name the benchmark beside the return, and do not take past results for a promise. Percentages in "
    "requests are percent numbers (stop_loss_pct=10); figures in answers are fractions (0.1 is 10 %)."
)

TOOLS: Final = (
    "describe_data",
    "list_factors",
    "describe_language",
    "check_expression",
    "list_strategies",
    "screen_stocks",
    "run_backtest",
    "show_backtest",
    "explain_trades",
    "explain_missing_trade",
    "show_holdings",
    "compare_backtests",
    "list_backtests",
)
"""Names of the tools, in the order in which they are listed."""


def build(client: AsyncClient) -> MCPServer[Any]:
    """Return the server of a client's tools."""
    server: MCPServer[Any] = MCPServer(
        "ondol", instructions=INSTRUCTIONS, version=version("ondol"), log_level="WARNING"
    )
    tools = Tools(client)
    for name in TOOLS:
        annotations = ToolAnnotations(read_only_hint=name != "run_backtest", destructive_hint=False)
        server.add_tool(_reported(getattr(tools, name)), name=name, annotations=annotations)
    return server


def _reported(tool: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Return the tool with expected errors as messages that an assistant reads and can correct."""

    @functools.wraps(tool)
    async def run(*args: Any, **options: Any) -> Any:
        try:
            return await tool(*args, **options)
        except OndolError as error:
            raise ToolError(str(error)) from error

    return run
