"""Apply missing database migrations; one process at a time, additive within a release."""

from __future__ import annotations

import argparse
import asyncio

from ondol.cli.connection import connected
from ondol.cli.terminal import add_common, print_json
from shared.infra.database.pool import migrate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol migrate`."""
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Apply the missing migrations and print their names."""
    applied = asyncio.run(_migrate(args))
    if args.json:
        print_json({"applied": applied})
    else:
        print(f"applied {', '.join(applied)}" if applied else "the schema is up to date")
    return 0


async def _migrate(args: argparse.Namespace) -> list[str]:
    async with connected(args, "migrate") as system:
        return await migrate(system.settings.database_url or "")
