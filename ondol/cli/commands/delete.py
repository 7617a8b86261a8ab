"""Delete stored rows that should not be there: a stock with all its rows, or the prices and index values of days.

One transaction and a new data revision, which `ondol revisions revert` reverts. With --stock and --date together,
only the prices of these stocks on these days are deleted.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import sys

from ondol.cli.announce import NEXT_STEP, announce
from ondol.cli.confirm import confirmed
from ondol.cli.connection import connected
from ondol.cli.quality import WORST, print_quality
from ondol.cli.terminal import add_common, print_json
from services.preparer.loading.delete import DayRange, DeleteReport, Selection, delete_rows
from shared.errors import SetupError
from shared.infra.database.pool import migrate
from shared.model.calendar import to_day


def days(text: str) -> DayRange:
    """Return the day numbers of `2024-01-02`, or of the range `2024-01-02..2024-01-31` (the `type` of such options)."""
    first, _, last = text.partition("..")
    try:
        bounds = [dt.date.fromisoformat(word) for word in (first, last or first)]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a date such as 2024-01-02 nor a range such as 2024-01-02..2024-01-31"
        ) from None
    if bounds[0] > bounds[1]:
        raise argparse.ArgumentTypeError(f"the range {text} ends before it begins")
    return to_day(bounds[0]), to_day(bounds[1])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol delete`."""
    parser.add_argument(
        "--date", action="append", type=days, default=[], metavar="D",
        help="delete the prices and index values of a day (YYYY-MM-DD) or a range (D..D); repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--stock", action="append", default=[], metavar="CODE",
        help="delete a stock with its prices, statements, dividends and listings; repeatable",
    )  # fmt: skip
    parser.add_argument("--dry-run", action="store_true", help="say what would be deleted, and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation on a terminal")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Delete and print the report; raise LoadError when nothing is selected."""
    if not args.date and not args.stock:
        raise SetupError("Name what to delete with --date or --stock.")
    report = asyncio.run(_delete(args, Selection(stock_codes=tuple(dict.fromkeys(args.stock)), days=tuple(args.date))))
    if report is None:
        sys.stderr.write("nothing was changed\n")
        return 1
    if args.json:
        if report.quality is not None:
            report.quality = report.quality.worst(WORST)
        print_json(report)
    else:
        _print(report)
    return 0


async def _delete(args: argparse.Namespace, selection: Selection) -> DeleteReport | None:
    async with connected(args, "delete") as system:
        url = system.settings.database_url or ""
        await migrate(url)
        if args.dry_run:
            return await delete_rows(url, selection, dry_run=True)
        if not args.yes and sys.stdin.isatty():
            planned = await delete_rows(url, selection, dry_run=True)
            if not confirmed(f"This deletes {_counts(planned)}. Continue?", yes=False):
                return None
        report = await delete_rows(url, selection)
        await announce(system, report.revision)
    return report


def _counts(report: DeleteReport) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in report.deleted.items()) + " rows"


def _print(report: DeleteReport) -> None:
    if report.revision is None:
        print(f"dry run: {_counts(report)} would be deleted; nothing was changed")
        return
    print(f"data revision {report.revision}: {_counts(report)} deleted in {report.seconds:.1f} s")
    sys.stderr.write(f"{NEXT_STEP}; ondol revisions revert takes the deletion back\n")
    if report.quality is not None:
        print_quality(report.quality)
