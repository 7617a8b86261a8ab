"""Run backtests and print what they earned: request files (JSON as in POST /v1/backtests) or ids of strategies."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from ondol.cli.client import AnswerError, Client, client, problem
from ondol.cli.tables import summary, trades
from ondol.cli.terminal import add_api, print_json, read_object
from shared.contracts.http import STATUSES
from shared.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ondol backtest`."""
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
    parser.add_argument("--no-store", dest="no_store", action="store_true", help="compute anew and share nothing")
    parser.add_argument(
        "--idempotency-key",
        dest="idempotency_key",
        metavar="TEXT",
        help="the same text and request within 24 hours name the same backtest",
    )
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Run all and print; 1 when one of them did not complete."""
    if args.idempotency_key and len(args.what) > 1:
        raise SetupError("--idempotency-key goes with one backtest.")
    bodies = [(what, _body(what, args)) for what in args.what]
    found = asyncio.run(_run(args, bodies))
    if args.json:
        print_json(found[0] if len(found) == 1 else found)
    elif args.detach:
        _tell(bodies, found)
    else:
        print(summary([name for name, _ in bodies], found))
        for document in found if args.trades else ():
            if document["status"] == "completed":
                print(trades(document["result"]["trades"]))
    fine = STATUSES if args.detach else ("completed",)
    return 0 if all(document.get("status") in fine for document in found) else 1


def _tell(bodies: Sequence[tuple[str, dict[str, Any]]], found: Sequence[dict[str, Any]]) -> None:
    for (name, _), document in zip(bodies, found, strict=True):
        if "id" in document:
            print(document["id"])
        else:
            sys.stderr.write(f"{name}: {document['status']}: {problem(document['error'])}\n")
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


async def _one(args: argparse.Namespace, api: Client, body: dict[str, Any]) -> dict[str, Any]:
    named = {"Idempotency-Key": args.idempotency_key, "Cache-Control": "no-store" if args.no_store else None}
    headers = {name: value for name, value in named.items() if value}
    try:
        if args.detach:
            found: dict[str, Any] = await api.call("POST", "/v1/backtests", body=body, headers=headers)
            return found
        return await api.run(body, headers)
    except AnswerError as error:
        return {"status": "refused", "error": {"detail": str(error)}}
