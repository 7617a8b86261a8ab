"""Run backtests and print what they earned: request files (JSON as in POST /v1/backtests) or ids of strategies."""

from __future__ import annotations

import argparse
import asyncio
import pathlib
from collections.abc import Sequence
from typing import Any

import orjson

from ondol.client import AnswerError, Client, client, problem
from ondol.terminal import add_common, print_json, table
from shared.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `ondol backtest`."""
    parser.add_argument(
        "what", metavar="FILE|ID", nargs="+", help="a request as JSON, or the id of a strategy or preset"
    )
    parser.add_argument("--start", metavar="DATE", help="first day (for ids; overrides a file's)")
    parser.add_argument("--end", metavar="DATE", help="last day (for ids; overrides a file's)")
    parser.add_argument("--cash", type=float, metavar="WON", help="initial cash")
    parser.add_argument("--trades", action="store_true", help="print the trades too")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Run all and print; 1 when one of them did not complete."""
    bodies = [(what, _body(what, args)) for what in args.what]
    found = asyncio.run(_run(args, bodies))
    if args.json:
        print_json(found[0] if len(found) == 1 else found)
    else:
        _print(args, [name for name, _ in bodies], found)
    return 0 if all(document.get("status") == "completed" for document in found) else 1


def _body(what: str, args: argparse.Namespace) -> dict[str, Any]:
    path = pathlib.Path(what)
    body: Any = {"strategy": what}
    if path.suffix == ".json" or path.is_file():
        try:
            body = orjson.loads(path.read_bytes())
        except OSError as error:
            raise SetupError(f"{what} cannot be read ({error.strerror}).") from error
        except orjson.JSONDecodeError as error:
            raise SetupError(f"{what} is not JSON (line {error.lineno}, column {error.colno}: {error.msg}).") from error
        if not isinstance(body, dict):
            raise SetupError(f"{what} holds no JSON object; it must have the fields strategy, start and end.")
    given = {"start": args.start, "end": args.end, "initial_cash": args.cash}
    body |= {name: value for name, value in given.items() if value is not None}
    absent = [name for name in ("start", "end") if name not in body]
    if absent:
        raise SetupError(f"{what} needs {' and '.join('--' + name for name in absent)} (YYYY-MM-DD).")
    return dict(body)


async def _run(args: argparse.Namespace, bodies: Sequence[tuple[str, dict[str, Any]]]) -> list[dict[str, Any]]:
    async with client(args, "backtest") as api:
        return list(await asyncio.gather(*(_one(api, body) for _, body in bodies)))


async def _one(api: Client, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return await api.run(body)
    except AnswerError as error:
        return {"status": "refused", "error": {"detail": str(error)}}


_COLUMNS = ("total_return", "cagr", "max_drawdown", "sharpe", "win_rate")


def _print(args: argparse.Namespace, names: Sequence[str], found: Sequence[dict[str, Any]]) -> None:
    rows: list[list[str]] = []
    for name, document in zip(names, found, strict=True):
        if document["status"] != "completed":
            continue
        result = document["result"]
        statistics = result["statistics"]
        cells = [_shown(key, statistics.get(key)) for key in _COLUMNS]
        total = (result.get("timing") or {}).get("total_ms")
        rows.append([name, *cells, f"{len(result['trades']):,}", "-" if total is None else f"{total:.1f} ms"])
    if rows:
        print(table(["strategy", "return", "a year", "drawdown", "Sharpe", "wins", "trades", "time"], rows))
    for name, document in zip(names, found, strict=True):
        if document["status"] != "completed":
            print(f"{name}: {document['status']}: {problem(document.get('error') or {})}")
            continue
        for warning in document["result"].get("warnings") or []:
            print(f"{name}: {warning if isinstance(warning, str) else warning.get('message', warning)}")
        if args.trades:
            print(_trades(document["result"]["trades"]))


def _shown(key: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if key == "sharpe" else f"{value * 100:.2f} %"


def _trades(trades: Sequence[dict[str, Any]]) -> str:
    head = ["date", "stock", "side", "shares", "price", "reason"]
    rows = [
        [t["date"], f"{t['stock_code']} {t['name']}", t["side"], f"{t['shares']:,}", f"{t['price']:,.0f}", t["reason"]]
        for t in trades
    ]
    return table(head, rows)
