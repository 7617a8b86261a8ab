"""Write the report of a completed backtest as one page of HTML that needs no other file."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import sys
from typing import Any

from ondol.cli.backtest_ids import add_id, resolve_arguments
from ondol.cli.client import client
from ondol.cli.encoding import write_bytes
from ondol.cli.terminal import add_api, print_json
from shared.errors import OndolError, SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol report`."""
    add_id(parser)
    parser.add_argument("--html", type=pathlib.Path, metavar="FILE", help="file of the page (default: standard output)")
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Write the report; OndolError for a backtest that has no result."""
    document = asyncio.run(_document(args))
    if document["status"] != "completed":
        raise OndolError(f"Backtest {document['id']} is {document['status']}; only a completed one has a report.")
    from ondol.client.result import ResultData

    result = ResultData(document)
    if args.html is None:
        write_bytes(result.to_html().encode())
        return 0
    try:
        result.to_html(args.html)
    except OSError as error:
        raise SetupError(f"{args.html} cannot be written ({error.strerror}).") from error
    if args.json:
        print_json({"id": result.id, "html": str(args.html)})
    else:
        sys.stderr.write(f"{args.html}: {args.html.stat().st_size:,} bytes\n")
    return 0


async def _document(args: argparse.Namespace) -> dict[str, Any]:
    async with client(args, "report") as api:
        await resolve_arguments(args, api)
        document: dict[str, Any] = await api.call("GET", f"/v1/backtests/{args.id}")
        return document
