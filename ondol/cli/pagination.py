"""Lists with cursors: one page, or all pages."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ondol.cli.terminal import print_json, table
from shared.infra.api_client.client import ApiClient

MAX_PAGE = 1000
"""Largest page size of the API."""


def add_page(parser: argparse.ArgumentParser) -> None:
    """Add `--limit`, `--cursor` and `--all`."""
    parser.add_argument("--limit", type=int, metavar="N", help="items on a page (at most 1000)")
    parser.add_argument("--cursor", metavar="C", help="cursor printed after the previous page")
    parser.add_argument("--all", action="store_true", help="every page")


async def listed(
    args: argparse.Namespace, api: ApiClient, path: str, query: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """Return one page, or with `--all` the items of all pages in one document."""
    parameters = dict(query or {}) | {"limit": args.limit or (MAX_PAGE if args.all else None), "cursor": args.cursor}
    document: dict[str, Any] = await api.call("GET", path, query=parameters)
    page = document
    while args.all and page["next_cursor"] is not None:
        page = await api.call("GET", path, query=parameters | {"cursor": page["next_cursor"]})
        document = document | {"items": document["items"] + page["items"], "next_cursor": page["next_cursor"]}
    return document


def show(
    args: argparse.Namespace, document: dict[str, Any], head: Sequence[str], rows: Sequence[Sequence[str]], align: str
) -> int:
    """Print a list; remarks about an empty or longer list go to standard error."""
    if args.json:
        print_json(document)
        return 0
    if rows:
        print(table(head, rows, align))
    else:
        sys.stderr.write("no items\n")
    if document.get("next_cursor"):
        sys.stderr.write(f"more items: --cursor {document['next_cursor']}, or --all\n")
    return 0
