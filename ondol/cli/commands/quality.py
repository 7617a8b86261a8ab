"""Show the quality report of the newest data revision, or of an earlier one."""

from __future__ import annotations

import argparse
import asyncio

from ondol.cli.connection import connected
from ondol.cli.quality import print_quality
from ondol.cli.terminal import add_common, print_json
from services.preparer.loading.quality import read_report
from shared.errors import SetupError
from shared.infra.database.pool import lone_connection
from shared.quality.report import QualityReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol quality`."""
    parser.add_argument("--revision", type=int, help="a data revision (default: the newest one with a report)")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Print the report; raise SetupError when there is none."""
    report = asyncio.run(_read(args))
    if report is None:
        which = "any data revision" if args.revision is None else f"data revision {args.revision}"
        raise SetupError(f"There is no quality report of {which}; a load that changes data writes one.")
    if args.json:
        print_json(report)
    else:
        print_quality(report)
    return 0


async def _read(args: argparse.Namespace) -> QualityReport | None:
    async with (
        connected(args, "quality") as system,
        lone_connection(system.settings.database_url or "") as connection,
    ):
        return await read_report(connection, args.revision)
