"""Fetch a market into a directory with your own keys, then load it with `ondol load DIR`.

Prices, companies and indices are those of the exchange's open API (ONDOL_KRX_KEY), statements and dividends those of
OpenDART (ONDOL_DART_KEY), record dates of dividends those of Korea Investment & Securities (ONDOL_KIS_KEY and
ONDOL_KIS_SECRET, optional). Each answer is stored in DIR/raw and never requested again: an interrupted run continues
where it stopped, and a later run fetches what is new. The newest year arrives first, and the market files are complete
after each year. Exit code 0 when everything was fetched, 1 when a source stopped early (quota of the day, missing
approval).
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import pathlib
import sys
from typing import Any

from ondol.cli.terminal import Bar, print_json, table
from services.preparer.fetching import krx
from services.preparer.fetching.check import KeyCheck, check_keys
from services.preparer.fetching.fetch import fetch, planned_calls
from services.preparer.fetching.market import Written
from services.preparer.fetching.raw_store import RawStore
from services.preparer.fetching.run import KINDS, FetchReport, Options, Run
from services.preparer.fetching.source import Clock
from services.preparer.fetching.sources import open_sources
from shared.errors import SetupError

FIRST_DAY = dt.date(2015, 1, 1)
FILES_OF = {
    "prices": ("prices", "companies", "listings", "indices"), "statements": ("financials",), "dividends": ("dividends",)
}  # fmt: skip
"""Kind -> the files that a fetch of it writes."""
SUFFIXES = (".parquet", ".csv", ".csv.gz")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol fetch`."""
    parser.add_argument("directory", metavar="DIR", type=pathlib.Path, help="the market directory, created when absent")
    parser.add_argument(
        "--from", dest="first", type=dt.date.fromisoformat, default=FIRST_DAY, metavar="DATE",
        help=f"first day (default {FIRST_DAY}; the exchange has prices from {krx.FIRST_DAY})",
    )  # fmt: skip
    parser.add_argument(
        "--to", dest="last", type=dt.date.fromisoformat, metavar="DATE", help="last day (default the newest published)"
    )
    parser.add_argument(
        "--only", metavar="KINDS", default=",".join(KINDS), help=f"only these, separated by commas: {', '.join(KINDS)}"
    )
    parser.add_argument("--recheck", action="store_true", help="request the prices of the last five days again")
    parser.add_argument(
        "--approximate-ex-dates", action="store_true",
        help="also take dividends whose record date may follow the shareholders' meeting, with the end of their period",
    )  # fmt: skip
    parser.add_argument("--check", action="store_true", help="test the keys, name missing approvals, fetch nothing")
    parser.add_argument("--dry-run", action="store_true", help="say how many calls are needed, and fetch nothing")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def main(args: argparse.Namespace) -> int:
    """Fetch and print the report; SetupError without any key."""
    if not args.settings.source_keys and not args.check:
        raise SetupError(
            "No key is set. Get free keys at openapi.krx.co.kr (prices) and opendart.fss.or.kr (statements), put each "
            "into a file that only you can read (chmod 600), and set ONDOL_KRX_KEY_FILE and ONDOL_DART_KEY_FILE to "
            "their paths. ondol fetch DIR --check tests them."
        )
    return asyncio.run(_run(args))


async def _run(args: argparse.Namespace) -> int:
    directory = args.directory.expanduser()
    store, clock = RawStore(directory), Clock()
    options = _options(args, clock.now())
    if not args.check:
        _refuse_other_files(directory, store, options)
    with store.locked():
        async with open_sources(args.settings, store, clock) as sources:
            if args.check:
                return _print_checks(args, await check_keys(sources))
            bar = Bar(quiet=args.json)
            report = FetchReport(directory=str(directory))

            def usable(written: Written) -> None:
                bar.end()
                if not args.json and written.rows:
                    _say(f"{written.first_day} to {written.last_day} can be used: ondol load {directory}")

            run = Run(
                directory=directory, store=store, sources=sources, clock=clock, progress=bar, usable=usable,
                report=report,
            )  # fmt: skip
            if args.dry_run:
                return _print_plan(args, planned_calls(store, options, clock.now()))
            try:
                await fetch(run, options)
            finally:
                bar.end()
    if args.json:
        print_json(report)
    else:
        _print(report)
    return 0 if report.complete else 1


def _refuse_other_files(directory: pathlib.Path, store: RawStore, options: Options) -> None:
    """Raise SetupError when the directory has files that something else wrote and this fetch would replace."""
    if store.root.exists():
        return
    names = sorted(name for kind in options.kinds for name in FILES_OF[kind])
    found = [p.name for name in names for p in directory.glob(f"{name}.*") if p.name.endswith(SUFFIXES)]
    if found:
        raise SetupError(
            f"{directory} has {', '.join(found)} from elsewhere, which would be replaced: fetch into another "
            "directory, and load both."
        )


def _options(args: argparse.Namespace, now: dt.datetime) -> Options:
    newest = krx.last_published(now)
    kinds = frozenset(word.strip() for word in args.only.split(",") if word.strip())
    if not kinds or kinds - set(KINDS):
        raise SetupError(f"--only {args.only}: expected some of {', '.join(KINDS)}, separated by commas.")
    last = newest if args.last is None else min(args.last, newest)
    if args.first > last:
        raise SetupError(f"--from {args.first} is after the last day {last} (the newest published day is {newest}).")
    return Options(first=args.first, last=last, kinds=kinds, recheck=args.recheck,
                   earlier_reports=True,
                   approximate=args.approximate_ex_dates)  # fmt: skip


def _print_checks(args: argparse.Namespace, checks: list[KeyCheck]) -> int:
    if args.json:
        print_json(checks)
    else:
        rows = [
            [check.source, service, "works" if reason is None else reason]
            for check in checks
            for service, reason in check.services.items()
        ]
        if rows:
            print(table(["source", "service", "result"], rows, "lll"))
        for check in checks:
            if check.advice:
                print(f"{check.setting}: {check.advice}")
    return 0 if any(check.works for check in checks) and not any(c.services and not c.works for c in checks) else 1


def _print_plan(args: argparse.Namespace, calls: int) -> int:
    limit = args.settings.krx_daily_calls
    plan: dict[str, Any] = {"krx": {"calls": calls, "days_of_quota": -(-calls // limit)}}
    if args.json:
        print_json(plan)
    else:
        print(f"{krx.TITLE}: about {calls:,} calls, {-(-calls // limit)} days with {limit:,} calls a day")
    return 0


def _print(report: FetchReport) -> None:
    written = report.written
    print(f"{report.directory}: " + (", ".join(f"{n:,} {name}" for name, n in written.rows.items()) or "no files"))
    if written.first_day:
        print(f"days: {written.first_day} to {written.last_day}")
    for source, calls in report.calls.items():
        print(f"{source}: {calls:,} calls, {report.used_today.get(source, calls):,} today")
    for text in report.corrected:
        print(f"corrected by the exchange: {text}")
    for day, reason in written.left_out.items():
        print(f"note: {day} is left out: {reason}; it is requested again by a later run")
    for note in (*report.notes, *written.notes):
        print(f"note: {note}")
    for reason in report.failed:
        _say(f"left out: {reason}")
    for reason in report.stopped.values():
        _say(f"stopped: {reason}")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
