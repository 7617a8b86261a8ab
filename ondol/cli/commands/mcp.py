"""Serve the Model Context Protocol on standard input and output, for assistants that list, check, screen, run, explain.

Needs the extra `mcp` (pip install 'ondol[mcp]'). The key of --key or ONDOL_API_KEY limits what an assistant may do.
"""

from __future__ import annotations

import argparse
import asyncio

from ondol.cli.connection import api
from ondol.cli.terminal import add_api
from shared.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol mcp`."""
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Serve until standard input ends; SetupError without the extra."""
    try:
        import mcp  # noqa: F401
    except ImportError as error:
        raise SetupError(f"{error.name} is not installed; `pip install 'ondol[mcp]'` adds it.") from error
    asyncio.run(_serve(args))
    return 0


async def _serve(args: argparse.Namespace) -> None:
    from ondol.assistant.server import build
    from ondol.client.async_client import AsyncClient

    key = args.api_key or args.settings.api_key
    async with api(args, "mcp") as url, AsyncClient(url, key=key, progress=False) as client:
        await build(client).run_stdio_async()
