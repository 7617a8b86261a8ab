"""Convert files that other programs wrote into a market directory for `ondol load`, without network.

Reads downloads of the Korea Exchange, KIND, data.go.kr and DART, marcap, tables of FinanceDataReader and pykrx, wide
Excel sheets, and price and company tables of other programs; the columns decide what a file is. Files may be CSV,
Excel (with the extra `excel`), HTML tables, JSON, Parquet, and zip archives of them. Exit code 0 when every file was
imported, 1 otherwise.
"""

from __future__ import annotations

import argparse
import datetime as dt
import pathlib
import sys

from ondol.cli.terminal import Bar, print_json
from ondol.importing.options import HEADER_UNITS, KINDS, UNITS, Options
from ondol.importing.report import report_text
from ondol.importing.run import import_files
from ondol.importing.sources import find_paths
from shared.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol import`."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=pathlib.Path, help="files, or directories of files")
    parser.add_argument(
        "--as", dest="kind", choices=KINDS,
        help="import only this; a price file imported as companies gives names and markets only",
    )  # fmt: skip
    parser.add_argument("--date", type=dt.date.fromisoformat, help="day of files without a date column (YYYY-MM-DD)")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("market"), metavar="DIR",
        help="directory of the Parquet files (default ./market)",
    )  # fmt: skip
    adjustment = parser.add_mutually_exclusive_group()
    adjustment.add_argument("--adjusted", action="store_true", help="accept prices that are adjusted for later splits")
    adjustment.add_argument(
        "--raw", action="store_true", help="prices of files that do not show whether they are adjusted are as traded"
    )
    parser.add_argument(
        "--unit", choices=(*UNITS, HEADER_UNITS),
        help="unit of trading values and market caps (default 원); header: the units that the column names state",
    )  # fmt: skip
    parser.add_argument(
        "--change-unit", choices=("won", "fraction", "none"), default="won",
        help="fraction when changes are fractions (0.03 for 3 %%), none to leave them out (default won and %%)",
    )  # fmt: skip
    parser.add_argument(
        "--drop-broken", action="store_true", help="import files without their broken rows instead of refusing them"
    )
    parser.add_argument(
        "--approximate-ex-dates", action="store_true",
        help="take the end of the period as the record date of every dividend in reports, also since 2023",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def main(args: argparse.Namespace) -> int:
    """Import and print the report; raise SetupError for missing paths and a directory that cannot be written."""
    paths = [path.expanduser() for path in args.paths]
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise SetupError(f"There is no file or folder {', '.join(missing)}.")
    out = args.out.expanduser()
    files = [path for path in find_paths(paths) if not path.resolve().is_relative_to(out.resolve())]
    if not files:
        raise SetupError(f"{', '.join(map(str, paths))} has no CSV, Excel, HTML, JSON, Parquet or zip files.")
    options = Options(
        kind=args.kind, date=args.date, adjusted=args.adjusted, raw=args.raw, unit=args.unit,
        change_unit=args.change_unit, drop_broken=args.drop_broken, approximate_ex_dates=args.approximate_ex_dates,
    )  # fmt: skip
    bar = Bar(quiet=args.json)
    try:
        report = import_files(files, out, options, bar)
    except OSError as error:
        raise SetupError(f"{out} cannot be written ({error}): name another directory with --out") from error
    finally:
        bar.end()
    if args.json:
        print_json(report)
    else:
        print(report_text(report))
        if report.written:
            print(f"load it with: ondol load {out}", file=sys.stderr)
    return 0 if report.complete else 1
