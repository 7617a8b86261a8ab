"""Lists with cursors on the command line: a page, or all pages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ondol.cli.client import Client
from ondol.cli.terminal import print_json, table

MOST = 1000
"""The greatest page."""


def add_page(parser: argparse.ArgumentParser) -> None:
    """`--limit`, `--cursor` and `--all`."""
    parser.add_argument("--limit", type=int, metavar="N", help="how many on a page (at most 1000)")
    parser.add_argument("--cursor", metavar="C", help="where the last page ended")
    parser.add_argument("--all", action="store_true", help="every page")


async def listed(
    args: argparse.Namespace, api: Client, path: str, query: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """The page that the arguments ask for, or the items of all of them."""
    asked = dict(query or {}) | {"limit": args.limit or (MOST if args.all else None), "cursor": args.cursor}
    found: dict[str, Any] = await api.call("GET", path, query=asked)
    page = found
    while args.all and page["next_cursor"] is not None:
        page = await api.call("GET", path, query=asked | {"cursor": page["next_cursor"]})
        found = found | {"items": found["items"] + page["items"], "next_cursor": page["next_cursor"]}
    return found


def show(
    args: argparse.Namespace, found: dict[str, Any], head: Sequence[str], rows: Sequence[Sequence[str]], align: str
) -> int:
    """Print a list; what it lacks is told on standard error."""
    if args.json:
        print_json(found)
        return 0
    if rows:
        print(table(head, rows, align))
    else:
        sys.stderr.write("nothing is listed\n")
    if found.get("next_cursor"):
        sys.stderr.write(f"there is more: --cursor {found['next_cursor']}, or --all\n")
    return 0
