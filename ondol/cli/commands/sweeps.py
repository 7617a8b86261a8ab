"""Sweeps: list, show, cancel; their tables and heat maps; open a variant as a backtest, and the holdout."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping
from typing import Any

import orjson

from ondol.cli.command import Subcommand, main_of, name, parsers
from ondol.cli.download import add_download, blocks_of, deliver, format_of
from ondol.cli.encoding import write_bytes
from ondol.cli.pagination import add_page, listed, show
from ondol.cli.research import deflated_text, holdout_text
from ondol.cli.sweeps import objective_text, significance_text, variants_table
from ondol.cli.tables import figure, summary
from ondol.cli.terminal import details, moment, plain, print_json, table
from ondol.client.sweep import ENDS
from shared.infra.api_client.client import ApiClient

STATUSES = ("queued", "running", "completed", "cancelled")
REDUCE = ("median", "max", "min", "count")
ROWS = 20


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=name, metavar="SWEEP", help="id of a sweep, or latest")


def add_filters(parser: argparse.ArgumentParser, statuses: tuple[str, ...]) -> None:
    """Add the filters of a list and its page."""
    parser.add_argument("--status", choices=statuses, metavar="STATUS", help=f"only {', '.join(statuses)}")
    parser.add_argument("--research", metavar="NAME", help="only this research line")
    add_page(parser)


async def print_list(args: argparse.Namespace, api: ApiClient, path: str, counted: str) -> int:
    """Print a page of sweeps or walk-forwards; `counted` is the heading of what they run."""
    document = await listed(args, api, path, {"status": args.status, "research": args.research})
    rows = [
        [item["id"], item["status"], item["method"], *(plain(item[name]) for name in ("done", "variants", "failed")),
         item["research"] or "-", moment(item["created_at"])]
        for item in document["items"]
    ]  # fmt: skip
    head = ["id", "status", "method", "done", counted, "failed", "research", "created at (UTC)"]
    return show(args, document, head, rows, "lllrrrll")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser, STATUSES)


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    return await print_list(args, api, "/v1/sweeps", "variants")


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"/v1/sweeps/{args.id}")
    if args.json:
        print_json(document)
    else:
        print(_described(document))
    return 0


def _described(document: dict[str, Any]) -> str:
    holdout, plateau = document["holdout"], document["plateau"]
    pairs: list[tuple[str, object]] = [
        ("sweep", objective_text(document)),
        ("parts", f"{document['parts_done']} of {document['parts']}"),
        ("time left", None if document["eta_seconds"] is None else f"{document['eta_seconds']:.0f} s"),
        ("research", document["research"]),
        ("plateau", plateau and f"variant {plateau['variant']}, mean {plateau['mean']:.3f}"),
        ("holdout", holdout and holdout_text(holdout)),
        ("dataset", document["dataset"]),
        ("created at", moment(document["created_at"]) + " UTC"),
    ]
    parts = [
        details(pairs),
        significance_text(document["statistics"]),
        deflated_text(document["deflated"]),
        "",
        variants_table(document["best"], document["objective"]),
    ]
    return "\n".join(part for index, part in enumerate(parts) if part or index == 3)


async def _cancel(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("DELETE", f"/v1/sweeps/{args.id}")
    if args.json:
        print_json(document)
    else:
        print(f"sweep {document['id']} is cancelled; {document['done']:,} variants stay readable")
    return 0


def _follow_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    add_after(parser)


def add_after(parser: argparse.ArgumentParser) -> None:
    """Add the position after which events are printed."""
    parser.add_argument("--after", metavar="EVENT", help="id of the last event that was received before")


async def _follow(args: argparse.Namespace, api: ApiClient) -> int:
    return await print_events(args, api, f"/v1/sweeps/{args.id}")


async def print_events(args: argparse.Namespace, api: ApiClient, resource: str) -> int:
    """Print the events of a sweep or walk-forward up to its end; return 1 unless it is completed."""
    last = ""
    async for event in api.events(f"{resource}/events", after=args.after, ends=ENDS):
        last = event.kind
        if args.json:
            write_bytes(orjson.dumps({"id": event.id, "event": event.kind, "data": event.data}) + b"\n")
        elif event.kind == "part":
            best = event.data["best"]
            shown = f"best score {best[0]['score']:.3f} (variant {best[0]['variant']})" if best else "none is ranked"
            print(
                f"part {event.data['parts_done']} of {event.data['parts']}: {event.data['variants']} variants, {shown}"
            )
        else:
            print(event.kind)
    return 0 if last == "completed" else 1


def _table_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    add_rows(parser)


def add_rows(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the rows of a table of variants."""
    parser.add_argument(
        "--sort", default="score", metavar="NAME",
        help="score (the best first), variant, a statistic or '$parameter'; with - before it the greatest first "
        "(--sort=-cagr; default score)",
    )  # fmt: skip
    parser.add_argument("--where", metavar="CONDITION", help="only variants that meet this, such as 'trades >= 50'")
    parser.add_argument("--limit", type=int, metavar="N", help=f"number of rows (a table: {ROWS}; a file: all)")
    add_download(parser)


async def _table(args: argparse.Namespace, api: ApiClient) -> int:
    return await print_variants(args, api, f"/v1/sweeps/{args.id}", "/table", {})


async def print_variants(
    args: argparse.Namespace, api: ApiClient, resource: str, below: str, further: Mapping[str, str]
) -> int:
    """Print the rows of a table below a sweep or walk-forward, or write them into a file."""
    path, kind = f"{resource}{below}", format_of(args)
    query = {"sort": args.sort, "where": args.where, "limit": args.limit, **further}
    if kind is not None:
        pieces = blocks_of(api, path, {**query, "format": kind, "excel": args.excel})
        return await deliver(args, pieces, kind)
    if not args.json:
        query["limit"] = args.limit or ROWS
    document, sweep = await asyncio.gather(api.call("GET", path, query=query), api.call("GET", resource))
    if args.json:
        print_json(document)
    else:
        print(variants_table(document["items"], sweep["objective"]))
        print(f"{len(document['items']):,} of {document['total']:,} variants" + (" (partial)" * document["partial"]))
    return 0


def _heatmap_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--x", required=True, metavar="NAME", help="parameter of the columns")
    parser.add_argument("--y", required=True, metavar="NAME", help="parameter of the rows")
    parser.add_argument("--value", metavar="STATISTIC", help="statistic of the cells (default: that of the objective)")
    parser.add_argument(
        "--reduce", choices=REDUCE, help=f"what a cell shows of its variants: {', '.join(REDUCE)} (default median)"
    )


async def _heatmap(args: argparse.Namespace, api: ApiClient) -> int:
    query = {name: getattr(args, name) for name in ("x", "y", "value", "reduce")}
    document = await api.call("GET", f"/v1/sweeps/{args.id}/heatmap", query=query)
    if args.json:
        print_json(document)
        return 0
    shown = "" if document["reduce"] == "count" else document["value"]
    rows = [
        [plain(y) or "null", *("" if cell is None else figure(shown, cell) for cell in cells)]
        for y, cells in zip(document["y"]["values"], document["cells"], strict=True)
    ]
    head = [f"{args.y} \\ {args.x}", *(plain(x) or "null" for x in document["x"]["values"])]
    print(table(head, rows, "r" * len(head)))
    print(f"{document['reduce']} of {document['value']}" + (" (partial)" * document["partial"]))
    return 0


def _open_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("variant", type=int, metavar="VARIANT", help="number of a variant")


async def _open(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.ended(await api.call("GET", f"/v1/sweeps/{args.id}/variants/{args.variant}"))
    if args.json:
        print_json(document)
    else:
        print(summary([f"variant {args.variant}"], [document]))
        print(f"backtest {document['id']}")
    return 0


async def _holdout(args: argparse.Namespace, api: ApiClient) -> int:
    opened = await api.call("POST", f"/v1/sweeps/{args.id}/holdout", body={"variant": args.variant})
    if args.json:
        print_json(opened)
    else:
        print(f"the holdout was opened on {moment(opened['opened_at'])} UTC for variant {opened['variant']}")
        print(f"backtest {opened['backtest']}")
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="list", meaning="list sweeps, the newest first", arguments=_list_arguments, run=_list,
        routes=("GET /v1/sweeps",), examples=("ondol sweeps list", "ondol sweeps list --status running --json"),
    ),
    Subcommand(
        name="show", meaning="show a sweep with its progress and best variants", arguments=_one, run=_show,
        routes=("GET /v1/sweeps/{id}",), examples=("ondol sweeps show SWEEP", "ondol sweeps show SWEEP --json"),
    ),
    Subcommand(
        name="table", meaning="print the variants of a sweep, or export them as CSV, JSON, XLSX or Parquet",
        arguments=_table_arguments, run=_table,
        routes=("GET /v1/sweeps/{id}/table", "GET /v1/sweeps/{id}"),
        examples=(
            "ondol sweeps table SWEEP --where 'trades >= 10' --limit 10",
            "ondol sweeps table SWEEP --sort=-cagr --json",
            "ondol sweeps table SWEEP --output sweep.csv",
        ),
    ),
    Subcommand(
        name="heatmap", meaning="print a statistic over two parameters of a sweep", arguments=_heatmap_arguments,
        run=_heatmap, routes=("GET /v1/sweeps/{id}/heatmap",),
        examples=("ondol sweeps heatmap SWEEP --x max_positions --y stop_loss_pct --value cagr --reduce max",),
    ),
    Subcommand(
        name="open", meaning="open a variant of a sweep as a plain backtest", arguments=_open_arguments, run=_open,
        routes=("GET /v1/sweeps/{id}/variants/{variant}",), examples=("ondol sweeps open SWEEP 0",),
    ),
    Subcommand(
        name="holdout", meaning="run one variant over the holdout, which is possible once", arguments=_open_arguments,
        run=_holdout, routes=("POST /v1/sweeps/{id}/holdout",), examples=("ondol sweeps holdout SWEEP 0",),
    ),
    Subcommand(
        name="follow", meaning="print the events of a sweep up to its end",
        arguments=_follow_arguments, run=_follow,
        routes=("GET /v1/sweeps/{id}/events",), examples=("ondol sweeps follow SWEEP",),
    ),
    Subcommand(
        name="cancel", meaning="cancel a sweep; what has been run stays readable", arguments=_one, run=_cancel,
        routes=("DELETE /v1/sweeps/{id}",), examples=("ondol sweeps cancel RUNNING_SWEEP",),
    ),
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol sweeps`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("sweeps")
