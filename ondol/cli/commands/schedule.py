"""The scheduled jobs of the system, each with its rule and next run."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from ondol.cli.client import client
from ondol.cli.terminal import add_api, moment, print_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol schedule`."""
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Query the API and print the jobs."""
    document = asyncio.run(_schedule(args))
    if args.json:
        print_json(document)
        return 0
    rows = [
        [job["name"], "on" if job["enabled"] else "off", moment(job["next_run"]), job["rule"], job["title"]]
        for job in document["items"]
    ]
    print(table(["job", "state", "next run (UTC)", "rule", "purpose"], rows, "lllll"))
    return 0


async def _schedule(args: argparse.Namespace) -> dict[str, Any]:
    async with client(args, "schedule") as api:
        document: dict[str, Any] = await api.call("GET", "/v1/schedule")
        return document
