"""Run backtests and print their results: request files (JSON as in POST /v1/backtests) or ids of strategies."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import sys
import uuid
from collections.abc import Sequence
from typing import Any

from ondol.cli.client import client
from ondol.cli.curve import curve
from ondol.cli.encoding import can_print
from ondol.cli.research import deflated_text
from ondol.cli.tables import summary, trades
from ondol.cli.terminal import Bar, add_api, print_json, progress_of, read_object, value_of
from shared.contracts.http import STATUSES
from shared.errors import SetupError
from shared.infra.api_client.client import ApiClient
from shared.infra.api_client.errors import ApiError, RunCancelled, RunFailed, reason_in

PARTS = ("buy", "sell", "portfolio", "universe")
"""Parts of a strategy, which --set may name without `strategy.`."""

OPTIONS = {
    "start": "start",
    "end": "end",
    "cash": "initial_cash",
    "benchmark": "benchmark",
    "commission": "costs.commission_pct",
    "slippage": "costs.slippage_pct",
    "research": "research",
}
"""Option -> place in the request."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol backtest`."""
    parser.add_argument(
        "what",
        metavar="FILE|ID",
        nargs="+",
        help="a request as JSON (- reads standard input), or the id of a strategy or preset",
    )
    parser.add_argument("--start", metavar="DATE", help="first day (for ids; overrides a file's)")
    parser.add_argument("--end", metavar="DATE", help="last day (for ids; overrides a file's)")
    parser.add_argument("--cash", type=float, metavar="WON", help="initial cash")
    parser.add_argument("--commission", type=float, metavar="PCT", help="commission in percent of each trade")
    parser.add_argument("--slippage", type=float, metavar="PCT", help="slippage in percent of the price")
    parser.add_argument("--benchmark", metavar="NAME", help="an index (KOSPI), market, equal, or null for none")
    parser.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="change a field of the request, such as portfolio.max_positions=10 or execution.price=close; the value is "
        "JSON or a text; may be repeated",
    )
    parser.add_argument("--research", metavar="NAME", help="research line that it is a trial of")
    parser.add_argument("--name", metavar="TEXT", help="name by which you find the backtest again")
    parser.add_argument("--trades", action="store_true", help="print the trades too")
    parser.add_argument("--detach", action="store_true", help="print the id and do not wait for the end")
    parser.add_argument(
        "--no-store", dest="no_store", action="store_true", help="compute again; neither use nor store a cached result"
    )
    parser.add_argument(
        "--idempotency-key",
        dest="idempotency_key",
        metavar="TEXT",
        help="repeating the request with the same key within 24 hours returns the same backtest",
    )
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Run all and print; return 1 unless all are completed."""
    if args.idempotency_key and len(args.what) > 1:
        raise SetupError("--idempotency-key is valid for one backtest only; run the others separately.")
    bodies = [(what, _body(what, args)) for what in args.what]
    documents = asyncio.run(_run(args, bodies))
    if args.json:
        print_json(documents[0] if len(documents) == 1 else documents)
    elif args.detach:
        _print_ids(bodies, documents)
    else:
        _print_results([name for name, _ in bodies], documents, with_trades=args.trades)
    expected = STATUSES if args.detach else ("completed",)
    return 0 if all(document.get("status") in expected for document in documents) else 1


def _print_ids(bodies: Sequence[tuple[str, dict[str, Any]]], documents: Sequence[dict[str, Any]]) -> None:
    for (name, _), document in zip(bodies, documents, strict=True):
        if "id" in document:
            print(document["id"])
        else:
            sys.stderr.write(f"{name}: {document['status']}: {reason_in(document['error'])}\n")
    sys.stderr.write("next: ondol backtests wait latest, or ondol backtests follow latest\n")


def _print_results(names: Sequence[str], documents: Sequence[dict[str, Any]], *, with_trades: bool) -> None:
    """Print figures beside the benchmark and warnings; of one backtest also its curve, id, and what to do next."""
    print(summary(names, documents))
    completed = [document for document in documents if document["status"] == "completed"]
    for document in completed if with_trades else ():
        print(trades(document["result"]["trades"]))
    if len(documents) == 1 and completed:
        print("\n" + _curve(completed[0]) + "\n")
    for name, document in zip(names, documents, strict=True):
        if document["status"] == "completed":
            print(f"backtest {document['id']}" + (f" ({name})" if len(documents) > 1 else ""))
            if shown := deflated_text(document["deflated"]):
                print(shown)
    if completed:
        sys.stderr.write(
            "next: ondol report latest --html report.html, ondol backtests trades latest, "
            "ondol backtests explain latest\n"
        )


def _curve(document: dict[str, Any]) -> str:
    points = document["result"]["equity"]
    return curve(
        [point["equity"] for point in points],
        [point["benchmark"] for point in points],
        base=document["request"]["initial_cash"],
        start=points[0]["date"],
        end=points[-1]["date"],
        braille=can_print("\u28ff·⠒"),
    )


def read_body(what: str) -> dict[str, Any]:
    """Return the request of a file (`-`: standard input), or one that names a strategy by its id."""
    path = pathlib.Path(what)
    if what == "-" or path.suffix == ".json" or path.is_file():
        return read_object(what, "strategy, start and end")
    return {"strategy": what}


def _body(what: str, args: argparse.Namespace) -> dict[str, Any]:
    body = read_body(what)
    for option, place in OPTIONS.items():
        value = getattr(args, option)
        if value is not None:
            change(body, place, None if value == "null" else value)
    for text in args.changes:
        place, found, value = text.partition("=")
        if not found or not place.strip():
            raise SetupError(f"--set {text}: expected FIELD=VALUE, such as portfolio.max_positions=10.")
        change(body, place.strip(), value_of(value))
    absent = [name for name in ("start", "end") if name not in body]
    if absent:
        raise SetupError(f"{what} needs {' and '.join('--' + name for name in absent)} (YYYY-MM-DD).")
    return body


def change(body: dict[str, Any], place: str, value: Any) -> None:
    """Set a field of a request by its path; a strategy that is named by its id becomes an object with changes."""
    names = place.split(".")
    if names[0] in PARTS:
        names.insert(0, "strategy")
    at = body
    for depth, name in enumerate(names[:-1]):
        below = at.get(name)
        if depth == 0 and name == "strategy" and isinstance(below, str):
            below = {"id": below}
        if below is None:
            below = {}
        if not isinstance(below, dict):
            raise SetupError(f"--set {place}: {'.'.join(names[: depth + 1])} is not an object of the request.")
        at[name] = at = dict(below)
    at[names[-1]] = value


async def _run(args: argparse.Namespace, bodies: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    bar = Bar(quiet=args.json or len(bodies) > 1)
    async with client(args, "backtest") as api:
        documents = await asyncio.gather(*(_one(args, api, body, bar) for _, body in bodies))
    bar.end()
    return list(documents)


async def _one(args: argparse.Namespace, api: ApiClient, body: dict[str, Any], bar: Bar) -> dict[str, Any]:
    key = args.idempotency_key or uuid.uuid4().hex
    try:
        if args.detach:
            document = await api.submit(body, no_store=args.no_store, idempotency_key=key)
        else:
            document = await api.run(body, no_store=args.no_store, idempotency_key=key, on_progress=progress_of(bar))
        if args.name:
            document |= await api.call("PATCH", f"/v1/backtests/{document['id']}", body={"name": args.name})
        return document
    except (RunFailed, RunCancelled) as error:
        return error.document
    except ApiError as error:
        return {"status": "refused", "error": error.document}
