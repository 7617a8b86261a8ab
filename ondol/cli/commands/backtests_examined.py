"""Commands about completed backtests: explain, holdings, replay, audit, compare."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.client import Client
from ondol.cli.command import Subcommand, name
from ondol.cli.tables import side_by_side
from ondol.cli.terminal import clip, details, plain, print_json, table


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=name, metavar="ID", help="of a completed backtest")


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--rebalances", action="store_true", help="how many stocks passed each part of the condition")
    parser.add_argument(
        "--stock", dest="stock_code", metavar="CODE", help="with --date: why this stock was not bought on that day"
    )
    parser.add_argument("--date", metavar="D", help="with --stock: a day of the backtest, YYYY-MM-DD")


async def _explain(args: argparse.Namespace, api: Client) -> int:
    given = {"stock_code": args.stock_code, "date": args.date}
    query = {name: value for name, value in given.items() if value is not None}
    found = await api.call("GET", f"/v1/backtests/{args.id}/explain", query=query)
    if args.json:
        print_json(found)
    elif query:
        print(_why_not(found))
    elif args.rebalances:
        print(_rebalances(found["rebalances"]))
    else:
        print(_reasons(found["trades"]))
    return 0


def _why_not(found: dict[str, Any]) -> str:
    lines = [f"{found['stock_code']} {found['name']} on {found['date']}: {found['outcome']}: {found['message']}"]
    if found["decided_on"] is None:
        return lines[0]
    parts = [
        *((part["part"], part["passed"], plain(part["value"])) for part in found["universe"]),
        *((part["condition"], part["passed"], plain(part["values"])) for part in found["condition"]),
    ]
    lines.append(table(["part", "passed", "value"], [[n, "yes" if ok else "NO", clip(v, 70)] for n, ok, v in parts]))
    names = ("value", "rank", "candidates", "target_list", "positions", "slots", "bought", "cash", "price",
             "upper_limit", "mean_volume")  # fmt: skip
    numbers = [(name.replace("_", " "), plain(found[name])) for name in names if found[name] is not None]
    lines.append(details([("decided on", found["decided_on"]), ("rank by", found["rank_by"]), *numbers]))
    return "\n".join(lines)


def _holdings_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--date", metavar="D", required=True, help="a day of the backtest, YYYY-MM-DD")


async def _holdings(args: argparse.Namespace, api: Client) -> int:
    found = await api.call("GET", f"/v1/backtests/{args.id}/holdings", query={"date": args.date})
    if args.json:
        print_json(found)
        return 0
    rows = [
        [
            h["stock_code"], h["name"], f"{h['shares']:,}", h["entry_date"], f"{h['entry_price']:,.0f}",
            f"{h['price']:,.0f}", f"{h['value']:,.0f}", "-" if h["weight"] is None else f"{100 * h['weight']:.2f} %",
            f"{h['gain']:,.0f}",
        ]
        for h in found["holdings"]
    ]  # fmt: skip
    if rows:
        head = ["code", "name", "shares", "entry", "entry price", "price", "value", "weight", "gain"]
        print(table(head, rows, "llrlrrrrr"))
    print(f"evening of {found['date']}: equity {found['equity']:,.0f} won, cash {found['cash']:,.0f} won")
    return 0


def _reasons(trades: list[dict[str, Any]]) -> str:
    rows = []
    for trade in trades:
        why = trade.get("why") or {}
        values = clip(plain(why.get("values")), 70)
        level = plain(why.get("level")) or "-"
        stock = f"{trade['stock_code']} {trade['name']}"
        rows.append([trade["date"], stock, trade["side"], trade["reason"], why.get("decided_on") or "-", level, values])
    return table(["date", "stock", "side", "reason", "decided on", "level", "values"], rows, "lllllrl")


def _rebalances(rebalances: list[dict[str, Any]]) -> str:
    rows = [
        [
            one["date"], str(one["universe"]), str(one["candidates"]),
            ", ".join(f"{part['condition']}: {part['passed']}" for part in one["parts"]),
        ]
        for one in rebalances
    ]  # fmt: skip
    return table(["date", "universe", "candidates", "passed"], rows, "lrrl")


async def _replay(args: argparse.Namespace, api: Client) -> int:
    found = await api.call("POST", f"/v1/backtests/{args.id}/replay")
    if args.json:
        print_json(found)
    else:
        names = ("outcome", "result_digest", "stored_result_digest", "first_difference")
        print(details([(name.replace("_", " "), found[name]) for name in names]))
    return 0 if found["outcome"] == "identical" else 1


def _audit_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--cuts", type=int, metavar="N", help="how many reruns (default 5)")
    parser.add_argument("--seed", type=int, metavar="N", help="of the days where the data are cut (default 0)")


async def _audit(args: argparse.Namespace, api: Client) -> int:
    given = {"cuts": args.cuts, "seed": args.seed}
    body = {name: value for name, value in given.items() if value is not None}
    found = await api.call("POST", f"/v1/backtests/{args.id}/audit", body=body)
    if args.json:
        print_json(found)
    else:
        rows = [
            [cut["date"], str(cut["trades"]), "identical" if cut["identical"] else plain(cut["first_difference"])]
            for cut in found["cuts"]
        ]
        print(table(["data cut at", "trades before", "outcome"], rows, "lrl"))
        print("no trade knew the future" if found["identical"] else "a trade before a cut differs: it knew the future")
    return 0 if found["identical"] else 1


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="+", help="of a completed backtest; the equity is in --json")


async def _compare(args: argparse.Namespace, api: Client) -> int:
    found = await api.call("POST", "/v1/compare", body={"ids": args.ids})
    if args.json:
        print_json(found)
        return 0
    names = [item["strategy_id"] or "…" + item["id"][-8:] for item in found["items"]]
    print(side_by_side(["figure", *names], [item["statistics"] for item in found["items"]]))
    dates = found["dates"]
    print(f"{len(dates):,} days in common" + (f", {dates[0]} to {dates[-1]}" if dates else ""))
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="explain",
        meaning="why each trade was made or a stock was not bought, and what passed on each rebalance",
        run=_explain,
        arguments=_explain_arguments,
        routes=("GET /v1/backtests/{id}/explain",),
        examples=(
            "ondol backtests explain ID",
            "ondol backtests explain ID --rebalances",
            "ondol backtests explain ID --stock 005930 --date 2025-03-04",
        ),
    ),
    Subcommand(
        name="holdings",
        meaning="the positions on the evening of a day",
        run=_holdings,
        arguments=_holdings_arguments,
        routes=("GET /v1/backtests/{id}/holdings",),
        examples=("ondol backtests holdings ID --date 2025-03-04",),
    ),
    Subcommand(
        name="replay",
        meaning="run it again on its dataset; exit code 0 when the result is identical",
        arguments=_one,
        run=_replay,
        routes=("POST /v1/backtests/{id}/replay",),
        examples=("ondol backtests replay ID",),
    ),
    Subcommand(
        name="audit",
        meaning="reruns on data cut at random days; exit code 0 when no trade knew the future",
        run=_audit,
        arguments=_audit_arguments,
        routes=("POST /v1/backtests/{id}/audit",),
        examples=("ondol backtests audit ID", "ondol backtests audit ID --cuts 20 --seed 7"),
    ),
    Subcommand(
        name="compare",
        meaning="the figures of several backtests side by side",
        arguments=_compare_arguments,
        run=_compare,
        routes=("POST /v1/compare",),
        examples=("ondol backtests compare ID ID2", "ondol backtests compare ID ID2 --json > compared.json"),
    ),
)
