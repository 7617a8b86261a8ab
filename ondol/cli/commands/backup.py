"""Write all data of a home to one file: market data, results, sweeps, strategies, paper accounts, keys.

The system may serve meanwhile: the file has the state of one moment. Datasets are not in it, because they are built
from the market data again. The file has everything that the system knows, so keep it where only its operators read it.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
from importlib.metadata import version

from ondol.cli.connection import connected, refuse_absent
from ondol.cli.terminal import Bar, add_common, print_json
from shared.infra.database.backup import Contents, write_backup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol backup`."""
    parser.add_argument("file", metavar="FILE", type=pathlib.Path, help="the file to write; it must not exist")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Write the backup and print what it has."""
    if not args.settings.has_servers:
        refuse_absent(args.home)
    path: pathlib.Path = args.file.expanduser()
    bar = Bar(quiet=args.json)
    try:
        contents = asyncio.run(_backup(args, path, bar))
    finally:
        bar.end()
    if args.json:
        print_json({"file": str(path), "bytes": path.stat().st_size, **summary(contents)})
    else:
        rows = sum(table.rows for table in contents.tables)
        print(f"{path}: {rows:,} rows of {len(contents.tables)} tables, {path.stat().st_size / (1 << 20):.1f} MiB")
    return 0


async def _backup(args: argparse.Namespace, path: pathlib.Path, bar: Bar) -> Contents:
    async with connected(args, "backup") as system:
        return await write_backup(system.settings.database_url or "", path, version("ondol"), bar)


def summary(contents: Contents) -> dict[str, object]:
    """Return what a backup has, for JSON output."""
    return {
        "program": contents.program,
        "created_at": contents.created_at.isoformat(),
        "dataset_version": contents.dataset_version,
        "rows": {table.name: table.rows for table in contents.tables},
        "sha256": {table.name: table.sha256 for table in contents.tables},
    }
