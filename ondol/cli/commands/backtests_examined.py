"""What completed backtests are asked: why each trade was made, is it repeatable, is it honest, which is better."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.client import Client
from ondol.cli.command import Action, name
from ondol.cli.tables import side_by_side
from ondol.cli.terminal import clip, details, plain, print_json, table


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=name, metavar="ID", help="of a completed backtest")


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--rebalances", action="store_true", help="how many stocks passed each part of the condition")


async def _explain(args: argparse.Namespace, api: Client) -> int:
    found = await api.call("GET", f"/v1/backtests/{args.id}/explain")
    if args.json:
        print_json(found)
    elif args.rebalances:
        print(_rebalances(found["rebalances"]))
    else:
        print(_reasons(found["trades"]))
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


ACTIONS = (
    Action(
        name="explain",
        meaning="why each trade was made, and what passed on each rebalance",
        run=_explain,
        arguments=_explain_arguments,
        routes=("GET /v1/backtests/{id}/explain",),
        examples=("ondol backtests explain ID", "ondol backtests explain ID --rebalances"),
    ),
    Action(
        name="replay",
        meaning="run it again on its dataset; exit code 0 when the result is identical",
        arguments=_one,
        run=_replay,
        routes=("POST /v1/backtests/{id}/replay",),
        examples=("ondol backtests replay ID",),
    ),
    Action(
        name="audit",
        meaning="reruns on data cut at random days; exit code 0 when no trade knew the future",
        run=_audit,
        arguments=_audit_arguments,
        routes=("POST /v1/backtests/{id}/audit",),
        examples=("ondol backtests audit ID", "ondol backtests audit ID --cuts 20 --seed 7"),
    ),
    Action(
        name="compare",
        meaning="the figures of several backtests side by side",
        arguments=_compare_arguments,
        run=_compare,
        routes=("POST /v1/compare",),
        examples=("ondol backtests compare ID ID2", "ondol backtests compare ID ID2 --json > compared.json"),
    ),
)
