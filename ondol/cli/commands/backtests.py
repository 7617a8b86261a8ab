"""Backtests: list, show, wait, follow, cancel, export and examine them."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any

from ondol.cli.backtest_ids import add_id, add_ids
from ondol.cli.command import Subcommand, main_of, parsers
from ondol.cli.commands import backtests_examined, backtests_exported
from ondol.cli.encoding import write_bytes
from ondol.cli.pagination import add_page, listed, show
from ondol.cli.research import deflated_text
from ondol.cli.tables import figure, side_by_side, summary, trade, warnings
from ondol.cli.terminal import Bar, clip, details, moment, percent, print_json, progress_of
from shared.contracts.http import ENDED, ORIGINS, STATUSES
from shared.infra.api_client.client import ApiClient
from shared.infra.api_client.errors import ApiError, RunCancelled, RunFailed, reason_in


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", choices=STATUSES, metavar="STATUS", help=f"only this status: {', '.join(STATUSES)}")
    parser.add_argument("--strategy", metavar="ID", help="only this strategy")
    parser.add_argument(
        "--origin", choices=(*ORIGINS, "all"), default="user", metavar="ORIGIN",
        help=f"what requested them: {', '.join(ORIGINS)}, or all (default: user)",
    )  # fmt: skip
    parser.add_argument("--name", metavar="TEXT", help="only those whose name contains this text")
    parser.add_argument("--starred", action="store_const", const="true", help="only those with a star")
    add_page(parser)


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    query = {name: getattr(args, name) for name in ("status", "strategy", "name", "starred")}
    query["origin"] = None if args.origin == "all" else args.origin
    document = await listed(args, api, "/v1/backtests", query)
    rows = []
    for item in document["items"]:
        statistics, request = item["statistics"] or {}, item["request"]
        figures = [figure(name, statistics.get(name)) for name in ("total_return", "max_drawdown", "sharpe")]
        span = [item["strategy_id"] or "-", item["status"], request["start"], request["end"]]
        label = ("* " if item["starred"] else "") + clip(item["name"] or "-", 30)
        rows.append([item["id"], label, *span, *figures, moment(item["created_at"])])
    head = ["id", "name", "strategy", "status", "start", "end", "return", "drawdown", "Sharpe", "created at (UTC)"]
    return show(args, document, head, rows, "llllllrrrl")


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"/v1/backtests/{args.id}")
    if args.json:
        print_json(document)
    else:
        print(_described(document))
    return 0


def _described(document: dict[str, Any]) -> str:
    request, result = document["request"], document.get("result") or {}
    pairs: list[tuple[str, object]] = [
        ("backtest", document["id"]),
        ("status", document["status"]),
        ("progress", None if document["status"] in ENDED else percent(document["progress"])),
        ("name", document["name"]),
        ("note", document["note"]),
        ("strategy", document["strategy_id"]),
        ("days", f"{request['start']} to {request['end']}"),
        ("created at", moment(document["created_at"]) + " UTC"),
        ("dataset", document["dataset"]),
        ("result", (result.get("provenance") or {}).get("result_digest")),
        ("unfilled", result.get("unfilled") or None),
        ("error", reason_in(document["error"]) if document.get("error") else None),
    ]
    luck = deflated_text(document["deflated"])
    parts = [details(pairs), *warnings(result), *([luck] if luck else [])]
    if result:
        parts.append(side_by_side(["figure", "value"], [result["statistics"]]))
        parts.append(f"{len(result['trades']):,} trades, {len(result['equity']):,} days of equity")
    return "\n".join(parts)


async def _wait(args: argparse.Namespace, api: ApiClient) -> int:
    bar = Bar(quiet=args.json)
    documents = await asyncio.gather(*(_ended(api, identity, bar) for identity in args.ids))
    bar.end()
    if args.json:
        print_json(documents[0] if len(documents) == 1 else documents)
    else:
        print(summary(args.ids, documents, "backtest"))
    return 0 if all(document["status"] == "completed" for document in documents) else 1


async def _ended(api: ApiClient, identity: str, bar: Bar) -> dict[str, Any]:
    try:
        return await api.ended(await api.call("GET", f"/v1/backtests/{identity}"), on_progress=progress_of(bar))
    except (RunFailed, RunCancelled) as error:
        return error.document


def _annotate_arguments(parser: argparse.ArgumentParser) -> None:
    add_id(parser)
    parser.add_argument("--name", metavar="TEXT", help="name by which you find it again (empty: none)")
    parser.add_argument("--note", metavar="TEXT", help="note (empty: none)")
    parser.add_argument("--star", action=argparse.BooleanOptionalAction, help="star; a starred backtest is kept")


async def _annotate(args: argparse.Namespace, api: ApiClient) -> int:
    body: dict[str, object] = {
        name: text or None for name in ("name", "note") if (text := getattr(args, name)) is not None
    }
    if args.star is not None:
        body["starred"] = args.star
    document = await api.call("PATCH", f"/v1/backtests/{args.id}", body=body)
    if args.json:
        print_json(document)
    else:
        print(details([(name, document[name]) for name in ("id", "name", "note", "starred")]))
    return 0


def _follow_arguments(parser: argparse.ArgumentParser) -> None:
    add_id(parser)
    parser.add_argument("--after", metavar="EVENT", help="id of the last event received")


async def _follow(args: argparse.Namespace, api: ApiClient) -> int:
    status = None
    async for event in api.events(f"/v1/backtests/{args.id}/events", after=args.after):
        status = event.kind
        if args.json:
            write_bytes(event.line().encode())
        else:
            for line in _event_lines(event.kind, event.data):
                print(line)
        sys.stdout.flush()
    return 0 if status == "completed" else 1


def _event_lines(kind: str, data: dict[str, Any]) -> list[str]:
    if kind == "trade":
        date, code, name, side, shares, price, reason = trade(data)
        return [f"{date}  {side:<4} {shares} of {code} {name} at {price} ({reason})"]
    if kind == "progress":
        points = data["equity"]
        at = f"  equity {points[-1]['equity']:,.0f} on {points[-1]['date']}" if points else ""
        return [f"{data['status']} {percent(data['progress'])}{at}"]
    if kind == "status":
        return [f"{data['status']} {percent(data['progress'])}"]
    return [f"{kind}: {reason_in(data['error']) if data.get('error') else data.get('result_digest') or data['id']}"]


async def _cancel(args: argparse.Namespace, api: ApiClient) -> int:
    cancelled, rejected = [], 0
    for identity in args.ids:
        try:
            cancelled.append(await api.call("DELETE", f"/v1/backtests/{identity}"))
            if not args.json:
                print(f"{identity} is cancelled")
        except ApiError as error:
            rejected += 1
            sys.stderr.write(f"ondol backtests: {identity}: {error}\n")
    if args.json:
        print_json(cancelled[0] if len(args.ids) == 1 and cancelled else cancelled)
    return 1 if rejected else 0


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="list backtests, newest first",
        arguments=_list_arguments,
        run=_list,
        routes=("GET /v1/backtests",),
        examples=(
            "ondol backtests list --status completed --limit 20",
            "ondol backtests list --strategy peter_lynch --all",
        ),
    ),
    Subcommand(
        name="show",
        meaning="show a backtest with all its figures (--json: with its whole result)",
        arguments=add_id,
        run=_show,
        routes=("GET /v1/backtests/{id}",),
        examples=("ondol backtests show latest", "ondol backtests show ID --json > result.json"),
    ),
    Subcommand(
        name="annotate",
        meaning="name a backtest, write a note to it, give it a star",
        arguments=_annotate_arguments,
        run=_annotate,
        routes=("PATCH /v1/backtests/{id}",),
        examples=("ondol backtests annotate ID --name 'Value, 20 positions' --star",),
    ),
    Subcommand(
        name="wait",
        meaning="wait until backtests end; exit code 0 when all are completed",
        arguments=add_ids,
        run=_wait,
        routes=("GET /v1/backtests/{id}",),
        examples=("ondol backtests wait ID", "ondol backtests wait ID ID2"),
    ),
    Subcommand(
        name="follow",
        meaning="print the events of a backtest as they arrive: progress, equity, trades",
        run=_follow,
        arguments=_follow_arguments,
        routes=("GET /v1/backtests/{id}/events",),
        examples=("ondol backtests follow ID", "ondol backtests follow ID --after 2025-03-04.0 --json"),
    ),
    Subcommand(
        name="cancel",
        meaning="cancel backtests that are queued or running",
        arguments=add_ids,
        run=_cancel,
        routes=("DELETE /v1/backtests/{id}",),
        examples=("ondol backtests cancel RUNNING_ID",),
    ),
    *backtests_exported.SUBCOMMANDS,
    *backtests_examined.SUBCOMMANDS,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol backtests`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("backtests")
