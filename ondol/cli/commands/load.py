"""Load a market directory: Parquet, CSV or CSV.gz files of prices, companies, listings, financials,
dividends and indices.

One transaction: an invalid row rejects the whole load, and loading the same files again has no effect. When a system
serves the home, its preparer publishes the new data at once.
"""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import sys

from ondol.cli.announce import NEXT_STEP, announce
from ondol.cli.connection import connected
from ondol.cli.quality import WORST, print_quality
from ondol.cli.terminal import Bar, add_common, print_json
from services.preparer.loading.load import LoadReport, load_market
from services.preparer.loading.refusals import REFUSALS, Refusals
from shared.infra.database.pool import migrate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol load`."""
    parser.add_argument("directory", metavar="DIR", type=pathlib.Path, help="the folder with the files")
    parser.add_argument(
        "--change-unit", choices=("won", "fraction"), default="won",
        help="unit of the column change of prices: won against the base price, or a fraction of it (0.03 is 3 %%)",
    )  # fmt: skip
    parser.add_argument(
        "--allow", action="append", choices=REFUSALS, default=[], metavar="NAME",
        help=f"load rows that are refused otherwise: {', '.join(REFUSALS)} (repeatable)",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Load and print the report; raise LoadError with file, row and reason."""
    bar = Bar(quiet=args.json)
    try:
        report = asyncio.run(_load(args, bar))
    finally:
        bar.end()
    if args.json:
        if report.quality is not None:
            report.quality = report.quality.worst(WORST)
        print_json(report)
    else:
        _print(report, dry_run=args.dry_run)
    return 0


async def _load(args: argparse.Namespace, bar: Bar) -> LoadReport:
    async with connected(args, "load") as system:
        await migrate(system.settings.database_url or "")
        report = await load_market(
            args.directory.expanduser(),
            system.settings.database_url or "",
            bar,
            change_unit=args.change_unit,
            dry_run=args.dry_run,
            refusals=Refusals(names=frozenset(REFUSALS) - set(args.allow)),
        )
        await announce(system, report.revision)
    return report


def _print(report: LoadReport, *, dry_run: bool) -> None:
    for name, columns in report.ignored.items():
        print(f"{name}: ignored columns {', '.join(columns)}")
    print(", ".join(f"{count:,} {name}" for name, count in report.rows.items()) + f" read in {report.seconds:.1f} s")
    remarks = {
        "rows with volume but no open, which are rows without trading": report.prices.volume_without_open,
        "rows whose open or close is outside low to high by up to a tick or 0.5 %": report.prices.outside_range,
        "rows without trading on or after a delisting, which are ignored": report.prices.after_delisting,
        "index rows of 0 or less, which are no value": report.indices_without_value,
    }
    for text, count in remarks.items():
        if count:
            print(f"note: {count:,} {text}")
    changed = ", ".join(f"{count:,} {kind}" for kind, count in report.differing.items())
    if dry_run:
        print(f"dry run: {changed or 'no'} rows would be new or differ; nothing was changed")
    elif report.revision is None:
        print("no row differs from the loaded data: no new data revision")
    else:
        print(f"data revision {report.revision}: {changed} rows are new or differ")
        sys.stderr.write(f"{NEXT_STEP}; ondol revisions revert takes the load back\n")
    if report.quality is not None:
        print_quality(report.quality)
