"""The API itself: whether it lives and is ready, what it counts, and its description for programs."""

from __future__ import annotations

import argparse
import sys

from ondol.cli.client import Client
from ondol.cli.command import Subcommand, main_of, parsers
from ondol.cli.terminal import details, print_json


async def _alive(args: argparse.Namespace, api: Client) -> int:
    found = await api.call("GET", "/healthz")
    if args.json:
        print_json(found)
    else:
        print(found["status"])
    return 0


async def _ready(args: argparse.Namespace, api: Client) -> int:
    found = await api.call("GET", "/readyz", accepted=(503,))
    if args.json:
        print_json(found)
    else:
        pairs = [(name, "answers" if there else "does not answer") for name, there in found["dependencies"].items()]
        print(details([("api", found["status"].replace("_", " ")), *pairs]))
    return 0 if found["status"] == "ready" else 1


async def _metrics(args: argparse.Namespace, api: Client) -> int:
    async with api.opened("GET", "/metrics") as answer:
        text = await answer.text()
    if args.json:
        print_json({"metrics": text.splitlines()})
    else:
        sys.stdout.write(text)
    return 0


async def _openapi(args: argparse.Namespace, api: Client) -> int:
    print_json(await api.call("GET", "/openapi.json"))
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="alive",
        meaning="whether the process lives",
        run=_alive,
        routes=("GET /healthz",),
        examples=("ondol api alive",),
    ),
    Subcommand(
        name="ready",
        meaning="whether its dependencies answer; exit code 0 when all do",
        run=_ready,
        routes=("GET /readyz",),
        examples=("ondol api ready", "ondol api ready --api http://127.0.0.1:8000"),
    ),
    Subcommand(
        name="metrics",
        meaning="what it counts, for Prometheus",
        run=_metrics,
        routes=("GET /metrics",),
        examples=("ondol api metrics",),
    ),
    Subcommand(
        name="openapi",
        meaning="its description (OpenAPI 3.1)",
        run=_openapi,
        routes=("GET /openapi.json",),
        examples=("ondol api openapi > openapi.json",),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The subcommands of `ondol api`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("api")
