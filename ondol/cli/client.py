"""The HTTP client of a command, connected to the API that its arguments name."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ondol.cli.connection import api
from ondol.client.address import language
from shared.infra.api_client.client import ApiClient, connected


@asynccontextmanager
async def client(args: argparse.Namespace, command: str) -> AsyncIterator[ApiClient]:
    """Yield a client of the running API, or of a system started for the duration of the command."""
    key = getattr(args, "api_key", None) or args.settings.api_key
    async with api(args, command) as address, connected(address, key=key, language=language()) as connection:
        yield connection
