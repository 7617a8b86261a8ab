"""List the data revisions, and revert the last ones.

Each load, deletion and revert that changed data is a revision, and the last seven can be reverted. A revert is a new
revision: the previous data, dataset version and results return, and reverting the revert undoes it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from ondol.cli.announce import NEXT_STEP, announce
from ondol.cli.confirm import confirmed
from ondol.cli.connection import connected
from ondol.cli.terminal import add_common, print_json, table
from services.preparer.loading.revert import RevertReport, StoredRevision, read_revisions, revert_revisions
from shared.errors import SetupError
from shared.infra.database.pool import lone_connection, migrate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol revisions`."""
    parser.add_argument(
        "action", nargs="?", choices=("list", "revert"), default="list", help="list (default) or revert"
    )
    parser.add_argument("count", nargs="?", type=int, metavar="N", help="revert the last N revisions (default 1)")
    parser.add_argument("--to", type=int, metavar="ID", help="revert to the data of revision ID (0: no data)")
    parser.add_argument("--dry-run", action="store_true", help="show what would be reverted, and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation on a terminal")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """List or revert."""
    if args.action == "list":
        if args.count is not None or args.to is not None or args.dry_run:
            raise SetupError("Only `ondol revisions revert` takes N, --to and --dry-run.")
        return _list(args, asyncio.run(_read(args)))
    if args.count is not None and args.to is not None:
        raise SetupError("Name either a number of revisions or --to ID.")
    if (args.count is not None and args.count < 1) or (args.to is not None and args.to < 0):
        raise SetupError("The number of revisions is at least 1, and the ID of --to at least 0.")
    report = asyncio.run(_revert(args))
    if report is None:
        sys.stderr.write("nothing was changed\n")
        return 1
    if args.json:
        print_json(report)
    else:
        _print(report, dry_run=args.dry_run)
    return 0


async def _read(args: argparse.Namespace) -> list[StoredRevision]:
    async with connected(args, "revisions") as system:
        url = system.settings.database_url or ""
        await migrate(url)
        async with lone_connection(url) as connection:
            return await read_revisions(connection)


def _list(args: argparse.Namespace, revisions: list[StoredRevision]) -> int:
    if args.json:
        print_json({"items": revisions})
        return 0
    rows = [
        [
            str(one.id), f"{one.created_at:%Y-%m-%d %H:%M}", one.kind, _changed(one),
            "yes" if one.revertible else "no", _data_of(one), one.source,
        ]
        for one in revisions
    ]  # fmt: skip
    print(table(["id", "made (UTC)", "by", "rows", "revertible", "data", "source"], rows, "rllllll"))
    return 0


def _changed(one: StoredRevision) -> str:
    kinds = {kind: count for kind, count in one.changed.items() if count}
    return ", ".join(f"{count:,} {kind}" for kind, count in sorted(kinds.items())) or f"{one.rows:,}"


def _data_of(one: StoredRevision) -> str:
    if one.same_as is None:
        return "its own"
    return f"of revision {one.same_as}" if one.same_as else "none"


async def _revert(args: argparse.Namespace) -> RevertReport | None:
    async with connected(args, "revisions") as system:
        url = system.settings.database_url or ""
        await migrate(url)
        count = args.count or 1
        planned = await revert_revisions(url, count=count, target=args.to, dry_run=True)
        if args.dry_run:
            return planned
        question = f"This reverts {_reverted(planned)}; {_target(planned)}. Continue?"
        if planned.reverted and not confirmed(question, yes=args.yes):
            return None
        report = await revert_revisions(url, count=count, target=args.to)
        await announce(system, report.revision)
    return report


def _reverted(report: RevertReport) -> str:
    noun = "revision" if len(report.reverted) == 1 else "revisions"
    rows = ", ".join(f"{count:,} {kind}" for kind, count in report.differing.items() if count)
    return f"data {noun} {', '.join(map(str, report.reverted))} ({rows} rows)"


def _target(report: RevertReport) -> str:
    return f"the data will be those of revision {report.target}" if report.target else "no data will be loaded"


def _print(report: RevertReport, *, dry_run: bool) -> None:
    if not report.differing:
        print(f"the data are those of revision {report.target} already; nothing was changed")
    elif dry_run:
        print(f"dry run: {_reverted(report)} would be reverted; {_target(report)}; nothing was changed")
    else:
        now = f"the data are those of revision {report.target}" if report.target else "no data are loaded"
        print(f"data revision {report.revision}: {_reverted(report)} reverted in {report.seconds:.1f} s; {now}")
        sys.stderr.write(f"{NEXT_STEP}; ondol revisions revert undoes this\n")
