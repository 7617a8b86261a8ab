"""Restore a backup into a new home, or an empty database: one transaction, which changes nothing when it fails.

Start the system afterwards: it builds the dataset, and unfinished backtests run on it. Results, keys, strategies and
paper accounts are those of the moment of the backup.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import sys

from ondol.cli.commands.backup import summary
from ondol.cli.connection import connected
from ondol.cli.terminal import Bar, add_common, print_json
from ondol.local.run_file import running
from shared.errors import SetupError
from shared.infra.database.backup import RestoreReport, read_contents, restore_backup


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol restore`."""
    parser.add_argument("file", metavar="FILE", type=pathlib.Path, help="the file of `ondol backup`")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Restore and print the report."""
    path: pathlib.Path = args.file.expanduser()
    read_contents(path)
    if not args.settings.has_servers and (run := running(args.home)) is not None:
        raise SetupError(f"The home {args.home} is served by process {run.process}; stop it or name a new home.")
    bar = Bar(quiet=args.json)
    try:
        report = asyncio.run(_restore(args, path, bar))
    finally:
        bar.end()
    if args.json:
        print_json({
            **summary(report.contents), "migrated": report.migrated, "queued_again": report.queued_again,
            "cancelled_sweeps": report.cancelled_sweeps,
        })  # fmt: skip
    else:
        _print(report)
    return 0


async def _restore(args: argparse.Namespace, path: pathlib.Path, bar: Bar) -> RestoreReport:
    async with connected(args, "restore") as system:
        return await restore_backup(system.settings.database_url or "", path, bar)


def _print(report: RestoreReport) -> None:
    contents = report.contents
    rows = sum(table.rows for table in contents.tables)
    print(f"{rows:,} rows of {len(contents.tables)} tables restored, as of {contents.created_at:%Y-%m-%d %H:%M} UTC")
    if report.migrated:
        print(f"migrated from ondol {contents.program}: {', '.join(report.migrated)}")
    if report.queued_again:
        print(f"{report.queued_again:,} unfinished backtests run again when the dataset is built")
    if report.cancelled_sweeps:
        print(f"{report.cancelled_sweeps:,} unfinished sweeps on an older dataset are cancelled; their rows are kept")
    sys.stderr.write("start the system: `ondol serve` builds the dataset\n")
