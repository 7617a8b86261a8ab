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
from ondol.cli.tables import summary, trades
from ondol.cli.terminal import add_api, print_json, read_object
from shared.contracts.http import STATUSES
from shared.errors import SetupError
from shared.infra.api_client.client import ApiClient
from shared.infra.api_client.errors import ApiError, RunCancelled, RunFailed, reason_in


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
        print(summary([name for name, _ in bodies], documents))
        for document in documents if args.trades else ():
            if document["status"] == "completed":
                print(trades(document["result"]["trades"]))
    expected = STATUSES if args.detach else ("completed",)
    return 0 if all(document.get("status") in expected for document in documents) else 1


def _print_ids(bodies: Sequence[tuple[str, dict[str, Any]]], documents: Sequence[dict[str, Any]]) -> None:
    for (name, _), document in zip(bodies, documents, strict=True):
        if "id" in document:
            print(document["id"])
        else:
            sys.stderr.write(f"{name}: {document['status']}: {reason_in(document['error'])}\n")
    sys.stderr.write("next: ondol backtests wait ID, or ondol backtests follow ID\n")


def _body(what: str, args: argparse.Namespace) -> dict[str, Any]:
    path = pathlib.Path(what)
    body: dict[str, Any] = {"strategy": what}
    if what == "-" or path.suffix == ".json" or path.is_file():
        body = read_object(what, "strategy, start and end")
    given = {"start": args.start, "end": args.end, "initial_cash": args.cash}
    body |= {name: value for name, value in given.items() if value is not None}
    absent = [name for name in ("start", "end") if name not in body]
    if absent:
        raise SetupError(f"{what} needs {' and '.join('--' + name for name in absent)} (YYYY-MM-DD).")
    return body


async def _run(args: argparse.Namespace, bodies: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    async with client(args, "backtest") as api:
        return list(await asyncio.gather(*(_one(args, api, body) for _, body in bodies)))


async def _one(args: argparse.Namespace, api: ApiClient, body: dict[str, Any]) -> dict[str, Any]:
    key = args.idempotency_key or uuid.uuid4().hex
    try:
        if args.detach:
            return await api.submit(body, no_store=args.no_store, idempotency_key=key)
        return await api.run(body, no_store=args.no_store, idempotency_key=key)
    except (RunFailed, RunCancelled) as error:
        return error.document
    except ApiError as error:
        return {"status": "refused", "error": error.document}
