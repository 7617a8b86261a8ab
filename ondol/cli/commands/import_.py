"""Convert files that other programs wrote into a market directory for `ondol load`, without network.

Reads downloads of the Korea Exchange (CSV, open API JSON), marcap, and tables of FinanceDataReader and pykrx; the
columns decide what a file is. Exit code 0 when every file was imported, 1 otherwise.
"""

from __future__ import annotations

import argparse
import datetime as dt
import pathlib
import sys

from ondol.cli.terminal import Bar, print_json
from ondol.importing.prices import UNITS
from ondol.importing.report import report_text
from ondol.importing.run import Options, find_paths, import_files
from shared.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol import`."""
    parser.add_argument("paths", metavar="PATH", nargs="+", type=pathlib.Path, help="files, or directories of files")
    parser.add_argument(
        "--as", dest="kind", choices=("prices", "companies", "indices"),
        help="import only this; a price file imported as companies gives names and markets only",
    )  # fmt: skip
    parser.add_argument("--date", type=dt.date.fromisoformat, help="day of files without a date column (YYYY-MM-DD)")
    parser.add_argument(
        "--out", type=pathlib.Path, default=pathlib.Path("market"), metavar="DIR",
        help="directory of the Parquet files (default ./market)",
    )  # fmt: skip
    parser.add_argument("--adjusted", action="store_true", help="accept prices that are adjusted for later splits")
    parser.add_argument("--unit", choices=tuple(UNITS), help="unit of trading values and market caps (default 원)")
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
        raise SetupError(f"{', '.join(map(str, paths))} has no .csv, .csv.gz, .txt, .tsv, .parquet or .json files.")
    options = Options(kind=args.kind, date=args.date, adjusted=args.adjusted, unit=args.unit)
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
