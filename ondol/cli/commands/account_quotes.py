"""Subcommands of `ondol accounts` about the opening quotes that an operator posts."""

from __future__ import annotations

import argparse
import csv
import io
import math
import pathlib
import sys
from typing import Any

from ondol.cli.command import Subcommand
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import print_json, table
from shared.errors import SetupError
from shared.infra.api_client.client import ApiClient

COLUMNS = ("stock_code", "open")


def _post_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE",
        help="CSV with the columns stock_code and open in won; an empty open: the stock does not trade "
        "(- reads standard input)",
    )  # fmt: skip
    parser.add_argument("--date", metavar="DATE", help="day of the prices (default: today in Seoul)")
    parser.add_argument(
        "--replace", action="store_const", const="true", help="correct other prices that were posted before"
    )


async def _post(args: argparse.Namespace, api: ApiClient) -> int:
    body: dict[str, Any] = {"quotes": read_quotes(args.file)}
    if args.date is not None:
        body["date"] = args.date
    document = await api.call("POST", "/v1/quotes/open", query={"replace": args.replace}, body=body)
    if args.json:
        print_json(document)
        return 0
    counts = ", ".join(f"{document[name]:,} {name}" for name in ("added", "replaced", "unchanged"))
    print(f"opens of {document['date']}: {counts}; {document['accounts']:,} accounts have orders of the day")
    if document["marked"]:
        rows = [
            [q["stock_code"], _won(q["open"]), q["mark"], _won(q["lower"]), _won(q["upper"])]
            for q in document["marked"]
        ]
        print("not used, since the rule book does not allow them:")
        print(table(["code", "open", "mark", "lower limit", "upper limit"], rows, "lrlrr"))
    return 0


def _won(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def read_quotes(name: str) -> list[dict[str, Any]]:
    """Return the quotes of a CSV file (`-`: standard input); raise SetupError naming the file, row and remedy."""
    try:
        raw = sys.stdin.buffer.read() if name == "-" else pathlib.Path(name).read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise SetupError(f"{name} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise SetupError(f"{name} is not UTF-8; store it as CSV UTF-8.") from error
    reader = csv.DictReader(io.StringIO(text))
    absent = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
    if absent:
        raise SetupError(f"{name} has no column {' and '.join(absent)}; its first line must be stock_code,open.")
    found = []
    for row in reader:
        price = (row["open"] or "").strip()
        try:
            value = _price(price)
        except ValueError:
            raise SetupError(
                f"{name}, line {reader.line_num}: the open {price!r} is not a number; write won without separators."
            ) from None
        found.append({"stock_code": (row["stock_code"] or "").strip(), "open": value})
    if not found:
        raise SetupError(f"{name} has no quotes below its first line.")
    return found


def _price(text: str) -> float | None:
    """Return the price of a cell, None for an empty one; raise ValueError for what is no finite number."""
    if not text:
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _quotes_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--date", metavar="DATE", help="day of the quotes (default: the last day that has some)")


async def _quotes(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/v1/quotes/open", query={"date": args.date})
    rows = [[document["date"], item["stock_code"], _won(item["open"])] for item in document["items"]]
    return show_list(args, document, ["date", "code", "open"], rows, "llr")


SUBCOMMANDS = (
    Subcommand(
        name="post-quotes",
        meaning="post the opening prices of a day, which accounts book until its rows are loaded",
        arguments=_post_arguments,
        run=_post,
        routes=("POST /v1/quotes/open",),
        examples=(
            "ondol accounts post-quotes opens.csv --date 2026-11-30",
            "ondol accounts post-quotes opens.csv --date 2026-11-30 --replace",
        ),
    ),
    Subcommand(
        name="quotes",
        meaning="show the opening prices that were posted",
        arguments=_quotes_arguments,
        run=_quotes,
        routes=("GET /v1/quotes/open",),
        examples=("ondol accounts quotes",),
    ),
)
