"""Health, readiness, metrics and OpenAPI document of the API."""

from __future__ import annotations

import argparse
import sys

from ondol.cli.command import Subcommand, main_of, parsers
from ondol.cli.terminal import details, print_json
from shared.infra.api_client.client import ApiClient


async def _alive(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/healthz")
    if args.json:
        print_json(document)
    else:
        print(document["status"])
    return 0


async def _ready(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/readyz", accepted=(503,))
    if args.json:
        print_json(document)
    else:
        pairs = [
            (name, "available" if available else "unavailable") for name, available in document["dependencies"].items()
        ]
        print(details([("api", document["status"].replace("_", " ")), *pairs]))
    return 0 if document["status"] == "ready" else 1


async def _metrics(args: argparse.Namespace, api: ApiClient) -> int:
    text = await api.text("/metrics")
    if args.json:
        print_json({"metrics": text.splitlines()})
    else:
        sys.stdout.write(text)
    return 0


async def _openapi(args: argparse.Namespace, api: ApiClient) -> int:
    print_json(await api.call("GET", "/openapi.json"))
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="alive",
        meaning="health of the process (liveness)",
        run=_alive,
        routes=("GET /healthz",),
        examples=("ondol api alive",),
    ),
    Subcommand(
        name="ready",
        meaning="readiness: state of the dependencies; exit code 0 when all are available",
        run=_ready,
        routes=("GET /readyz",),
        examples=("ondol api ready", "ondol api ready --api http://127.0.0.1:8000"),
    ),
    Subcommand(
        name="metrics",
        meaning="metrics in the Prometheus text format",
        run=_metrics,
        routes=("GET /metrics",),
        examples=("ondol api metrics",),
    ),
    Subcommand(
        name="openapi",
        meaning="the OpenAPI 3.1 document",
        run=_openapi,
        routes=("GET /openapi.json",),
        examples=("ondol api openapi > openapi.json",),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol api`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("api")
