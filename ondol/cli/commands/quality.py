"""Show the quality report of the newest data revision, or of an earlier one."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from ondol.cli.client import client
from ondol.cli.quality import SHOWN, print_quality
from ondol.cli.terminal import add_api, print_json
from shared.quality.report import EXAMPLES, Example, Finding, QualityReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol quality`."""
    parser.add_argument("--revision", type=int, help="a data revision (default: the newest one with a report)")
    parser.add_argument(
        "--examples", type=int, metavar="N",
        help=f"examples of each check, the worst first (default {SHOWN}; with --json all that are kept, {EXAMPLES:,})",
    )  # fmt: skip
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Query the API and print the report."""
    if args.examples is None:
        args.examples = EXAMPLES if args.json else SHOWN
    document = asyncio.run(_quality(args))
    if args.json:
        print_json(document)
        return 0
    findings = [
        Finding(
            check=found["check"], count=found["count"], stocks=found["stocks"],
            examples=[Example(**example) for example in found["examples"]],
        )
        for found in document["findings"]
    ]  # fmt: skip
    print_quality(QualityReport(revision=document["revision"], findings=findings), args.examples)
    return 0


async def _quality(args: argparse.Namespace) -> dict[str, Any]:
    async with client(args, "quality") as api:
        query = {"revision": args.revision, "examples": args.examples}
        document: dict[str, Any] = await api.call("GET", "/v1/quality", query=query)
        return document
