"""Choose parameters on past days and trade them on the days after, window by window; print what came of it.

The strategy and `--set` are those of `ondol sweep`. `--train` and `--test` divide the days from `--start` to `--end`
into windows: 24M is 24 months, 2Y two years, 8W eight weeks.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid
from typing import Any

from ondol.cli.client import client
from ondol.cli.commands.sweep import add_search, add_submission, print_quote, sweep_body
from ondol.cli.sweeps import followed
from ondol.cli.terminal import Bar, print_json
from ondol.cli.walk_forwards import stitched_text, windows_table
from shared.errors import SetupError
from shared.infra.api_client.client import ApiClient

METHODS = ("grid", "random", "lhs", "sobol")
WINDOWS = ("train", "test", "step", "anchored", "gap_rows")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol walk-forward`."""
    add_search(parser, METHODS)
    parser.add_argument("--train", metavar="LENGTH", help="days that choose the values: 24M, 2Y, 8W")
    parser.add_argument("--test", metavar="LENGTH", help="days that trade the chosen values: 6M")
    parser.add_argument("--step", metavar="LENGTH", help="distance of two windows (default: that of --test)")
    parser.add_argument(
        "--anchored", action="store_true", default=None, help="every train begins at the first day (default: it moves)"
    )
    parser.add_argument(
        "--gap-rows", dest="gap_rows", type=int, metavar="N", help="trading days between train and test (default 0)"
    )
    parser.add_argument(
        "--choose", choices=("best", "plateau"), help="the best variant, or the one with the best neighbourhood"
    )
    parser.add_argument(
        "--carry",
        choices=("positions", "cash"),
        help="one account over all windows, or one for each (default positions)",
    )
    add_submission(parser, "walk-forward")


def main(args: argparse.Namespace) -> int:
    """Run the walk-forward and print its windows; return 1 unless it is completed."""
    return asyncio.run(_run(args, walk_forward_body(args)))


def walk_forward_body(args: argparse.Namespace) -> dict[str, Any]:
    """Return the body of `POST /v1/walk-forwards` that the arguments describe."""
    body = sweep_body(args)
    windows = {name: value for name in WINDOWS if (value := getattr(args, name)) is not None}
    body["windows"] = {**(body.get("windows") or {}), **windows}
    absent = [name for name in ("train", "test") if name not in body["windows"]]
    if absent:
        raise SetupError(f"{args.what} needs {' and '.join('--' + name for name in absent)}, such as 24M.")
    body |= {name: value for name in ("choose", "carry") if (value := getattr(args, name)) is not None}
    return body


async def _run(args: argparse.Namespace, body: dict[str, Any]) -> int:
    path = "/v1/walk-forwards"
    async with client(args, "walk-forward") as api:
        if args.dry_run:
            return print_quote(args, await api.call("POST", path, body=body, query={"dry_run": "true"}))
        headers = {"Idempotency-Key": args.idempotency_key or uuid.uuid4().hex}
        document = await api.call("POST", path, body=body, headers=headers, repeatable=True)
        if not args.detach:
            return await _finish(args, api, document)
        if args.json:
            print_json(document)
        else:
            print(document["id"])
            sys.stderr.write("next: ondol walk-forwards show latest\n")
        return 0


async def _finish(args: argparse.Namespace, api: ApiClient, document: dict[str, Any]) -> int:
    bar = Bar(quiet=args.json)
    document = await followed(api, document, bar, "walk-forwards")
    bar.end()
    if args.json:
        print_json(document)
    else:
        print(f"{windows_table(document)}\n\n{stitched_text(document)}")
        sys.stderr.write("next: ondol walk-forwards result latest, ondol walk-forwards table latest WINDOW --of test\n")
    return 0 if document["status"] == "completed" else 1
