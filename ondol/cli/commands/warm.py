"""Run the warmer now and wait for its end: compute the data and results that are expected to be requested next.

Phases: prices, factors, rankings, popular, strategies. A run on an unchanged dataset does no work and reports it.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

from ondol.cli.connection import api, api_of
from ondol.cli.terminal import Bar, add_api, print_json, table
from shared.contracts.warm import ENDED, OPEN, PHASES
from shared.errors import OndolError, SetupError
from shared.infra.api_client.client import ApiClient, connected
from shared.infra.api_client.errors import ApiError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol warm`."""
    parser.add_argument("--phases", nargs="+", metavar="PHASE", help=f"comma-separated phases of {', '.join(PHASES)}")
    parser.add_argument("--strategies-only", action="store_true", help="the same as --phases strategies")
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Run the warmer and print its report; return 0 unless an item failed for a reason other than missing data."""
    phases = _chosen(args)
    bar = Bar(quiet=args.json)
    run = asyncio.run(_warm(args, phases, bar))
    bar.end()
    if args.json:
        print_json(run)
    else:
        print(report(run))
    return 0 if run["status"] == "completed" else 1


def _chosen(args: argparse.Namespace) -> list[str]:
    if args.strategies_only and args.phases:
        raise SetupError("Give --phases or --strategies-only, not both.")
    if args.strategies_only:
        return ["strategies"]
    named = [part.strip() for words in args.phases or PHASES for part in words.split(",") if part.strip()]
    unknown = [name for name in named if name not in PHASES]
    if unknown or not named:
        raise SetupError(f"There is no phase {', '.join(unknown) or 'named'}; choose from {', '.join(PHASES)}.")
    return named


async def _warm(args: argparse.Namespace, phases: Sequence[str], bar: Bar) -> dict[str, Any]:
    started = api_of(args) is None
    key = args.api_key or args.settings.api_key
    async with api(args, "warm") as url, connected(url, origin="warmer", key=key) as client:
        return await warm(client, phases, bar, wait_for_open=started)


async def warm(client: ApiClient, phases: Sequence[str], bar: Bar, *, wait_for_open: bool) -> dict[str, Any]:
    """Start a run and follow it to its end; raise OndolError when another run is open.

    With `wait_for_open` the open run is followed first, and its document returned when no work is left.
    """
    before: dict[str, Any] | None = None
    while True:
        try:
            document = await client.call("POST", "/v1/warm-runs", body={"phases": list(phases)})
        except ApiError as error:
            if error.status != 409 or not wait_for_open:
                raise
        else:
            run = await follow(client, document["id"], bar)
            nothing_left = (run.get("summary") or {}).get("unchanged", False)
            return before if before is not None and nothing_left else run
        newest = (await client.call("GET", "/v1/warm-runs", query={"limit": 1}))["items"]
        if newest and newest[0]["status"] in OPEN:
            before = await follow(client, newest[0]["id"], bar)


async def follow(client: ApiClient, run: object, bar: Bar) -> dict[str, Any]:
    """Show the progress of a run from its events until its end; return its document."""
    try:
        async for event in client.events(f"/v1/warm-runs/{run}/events", ends=ENDED):
            if event.kind == "progress":
                done = event.data["done"] + event.data["failed"]
                bar(f"warming {event.data['phase']}", done, event.data["items"])
        document: dict[str, Any] = await client.call("GET", f"/v1/warm-runs/{run}")
        return document
    except OndolError as error:
        raise OndolError(f"The warm run {run} cannot be followed: {error}") from error


def report(run: dict[str, Any]) -> str:
    """Return the report of a run: a line for each phase, with the hit rates of its verification."""
    summary = run.get("summary") or {}
    lines = []
    rows = [
        [
            p["phase"],
            str(p["items"]),
            str(p["fresh"]),
            str(p["failed"]),
            _rate(p["hits"], p["misses"]),
            f"{p['seconds']:.2f}",
        ]
        for p in run.get("progress") or []
    ]
    if rows:
        lines.append(table(["phase", "items", "needed work", "failed", "hit rate", "seconds"], rows))
    lines += failures(run)
    plan = run.get("plan") or {}
    if plan and not plan.get("fits", True):
        lines.append(
            f"the plan needs {plan['needed_bytes'] / 1e6:,.0f} MB and does not fit into the cache's"
            f" {plan['cache_limit_bytes'] / 1e6:,.0f} MB: raise ONDOL_CACHE_BYTES or lower ONDOL_WARM_YEARS"
        )
    if summary.get("chunk_hit_rate") is not None:
        lines.append(f"verified: {summary['chunk_hit_rate']:.2%} of the chunks were cached")
    if summary.get("result_hit_rate") is not None:
        lines.append(f"verified: {summary['result_hit_rate']:.2%} of the results were stored")
    if summary.get("message"):
        lines.append(str(summary["message"]))
    if run.get("error"):
        lines.append(str(run["error"]))
    lines.append(f"warm run {run['id']}: {run['status']}")
    return "\n".join(lines)


def failures(run: dict[str, Any]) -> list[str]:
    """Return a line for each item that failed, one for all windows of a strategy.

    An item whose data are missing is not broken: the line says which data have to be loaded for it.
    """
    spans: dict[tuple[str, str], list[str]] = {}
    reasons: dict[tuple[str, str], str] = {}
    missing: set[tuple[str, str]] = set()
    for failure in run.get("failures") or []:
        name, _, span = failure["item"].partition(" ")
        spans.setdefault((failure["phase"], name), []).append(span)
        reasons.setdefault((failure["phase"], name), failure["error"])
        if failure.get("missing_data"):
            missing.add((failure["phase"], name))
    words = {key: "lacks data" if key in missing else "failed" for key in spans}
    return [f"{key[0]}: {key[1]} {', '.join(spans[key])} {words[key]}: {reasons[key]}" for key in spans]


def _rate(hits: int | None, misses: int | None) -> str:
    return "" if hits is None or misses is None or hits + misses == 0 else f"{hits / (hits + misses):.1%}"
