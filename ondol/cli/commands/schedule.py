"""The timetable of the system: each job with its rule and its next run."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from ondol.cli.client import client
from ondol.cli.terminal import add_api, moment, print_json, table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ondol schedule`."""
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Ask the API and print."""
    found = asyncio.run(_schedule(args))
    if args.json:
        print_json(found)
        return 0
    rows = [
        [job["name"], "on" if job["enabled"] else "off", moment(job["next_run"]), job["rule"], job["title"]]
        for job in found["items"]
    ]
    print(table(["job", "state", "next run (UTC)", "rule", "what it does"], rows, "lllll"))
    return 0


async def _schedule(args: argparse.Namespace) -> dict[str, Any]:
    async with client(args, "schedule") as api:
        found: dict[str, Any] = await api.call("GET", "/v1/schedule")
        return found
