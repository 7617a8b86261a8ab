"""Commands about completed backtests: explain, holdings, replay, audit, robustness, compare."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.backtest_ids import add_id, add_ids
from ondol.cli.command import Subcommand
from ondol.cli.download import add_download, blocks_of, deliver, format_of
from ondol.cli.research import recorded_text
from ondol.cli.tables import side_by_side
from ondol.cli.terminal import clip, details, plain, print_json, table
from shared.infra.api_client.client import ApiClient


def _explain_arguments(parser: argparse.ArgumentParser) -> None:
    add_id(parser)
    parser.add_argument(
        "--rebalances", action="store_true", help="number of stocks that passed each part of the condition"
    )
    parser.add_argument(
        "--stock", dest="stock_code", metavar="CODE", help="with --date: why this stock was not bought on that day"
    )
    parser.add_argument("--date", metavar="D", help="with --stock: a day of the backtest, YYYY-MM-DD")


async def _explain(args: argparse.Namespace, api: ApiClient) -> int:
    given = {"stock_code": args.stock_code, "date": args.date}
    query = {name: value for name, value in given.items() if value is not None}
    document = await api.call("GET", f"/v1/backtests/{args.id}/explain", query=query)
    if args.json:
        print_json(document)
    elif query:
        print(_why_not(document))
    elif args.rebalances:
        print(_rebalances(document["rebalances"]))
    else:
        print(_reasons(document["trades"]))
    return 0


def _why_not(document: dict[str, Any]) -> str:
    stock = f"{document['stock_code']} {document['name']}"
    lines = [f"{stock} on {document['date']}: {document['outcome']}: {document['message']}"]
    if document["decided_on"] is None:
        return lines[0]
    parts = [
        *((part["part"], part["passed"], plain(part["value"])) for part in document["universe"]),
        *((part["condition"], part["passed"], plain(part["values"])) for part in document["condition"]),
    ]
    lines.append(table(["part", "passed", "value"], [[n, "yes" if ok else "NO", clip(v, 70)] for n, ok, v in parts]))
    names = ("value", "rank", "candidates", "target_list", "positions", "slots", "bought", "cash", "price",
             "upper_limit", "mean_volume")  # fmt: skip
    numbers = [(name.replace("_", " "), plain(document[name])) for name in names if document[name] is not None]
    lines.append(details([("decided on", document["decided_on"]), ("rank by", document["rank_by"]), *numbers]))
    return "\n".join(lines)


def _holdings_arguments(parser: argparse.ArgumentParser) -> None:
    add_id(parser)
    parser.add_argument("--date", metavar="D", required=True, help="a day of the backtest, YYYY-MM-DD")
    add_download(parser)


async def _holdings(args: argparse.Namespace, api: ApiClient) -> int:
    path, query = f"/v1/backtests/{args.id}/holdings", {"date": args.date}
    if (kind := format_of(args)) is not None:
        return await deliver(args, blocks_of(api, path, query | {"format": kind, "excel": args.excel}), kind)
    document = await api.call("GET", path, query=query)
    if args.json:
        print_json(document)
        return 0
    rows = [
        [
            h["stock_code"], h["name"], f"{h['shares']:,}", h["entry_date"], f"{h['entry_price']:,.0f}",
            f"{h['price']:,.0f}", f"{h['value']:,.0f}", "-" if h["weight"] is None else f"{100 * h['weight']:.2f} %",
            f"{h['cost']:,.0f}", f"{h['gain']:,.0f}", str(h["days"]),
        ]
        for h in document["holdings"]
    ]  # fmt: skip
    if rows:
        head = ["code", "name", "shares", "entry", "entry price", "price", "value", "weight", "cost", "gain", "days"]
        print(table(head, rows, "llrlrrrrrrr"))
    print(f"close of {document['date']}: equity {document['equity']:,.0f} won, cash {document['cash']:,.0f} won")
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


async def _replay(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("POST", f"/v1/backtests/{args.id}/replay")
    if args.json:
        print_json(document)
    else:
        names = ("outcome", "result_digest", "stored_result_digest", "first_difference")
        print(details([(name.replace("_", " "), document[name]) for name in names]))
    return 0 if document["outcome"] == "identical" else 1


def _audit_arguments(parser: argparse.ArgumentParser) -> None:
    add_id(parser)
    parser.add_argument("--cuts", type=int, metavar="N", help="number of reruns (default 5)")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the cut days (default 0)")


async def _audit(args: argparse.Namespace, api: ApiClient) -> int:
    given = {"cuts": args.cuts, "seed": args.seed}
    body = {name: value for name, value in given.items() if value is not None}
    document = await api.call("POST", f"/v1/backtests/{args.id}/audit", body=body)
    if args.json:
        print_json(document)
    else:
        rows = [
            [cut["date"], str(cut["trades"]), "identical" if cut["identical"] else plain(cut["first_difference"])]
            for cut in document["cuts"]
        ]
        print(table(["data cut at", "trades before", "outcome"], rows, "lrl"))
        print(
            "no trade depends on later data"
            if document["identical"]
            else "a trade before a cut differs: it depends on later data"
        )
    return 0 if document["identical"] else 1


ROBUSTNESS_GROUPS = {
    "neighbours": "each number a tenth lower and higher", "slippage": "0 to 3 times the slippage",
    "starts": "starts up to 19 rows later", "phases": "other rebalance days", "delay": "decided a row later",
    "sub_universes": "parts of the universe",
}  # fmt: skip


def _robustness_arguments(parser: argparse.ArgumentParser) -> None:
    add_id(parser)
    parser.add_argument("--random-draws", type=int, metavar="N", help="random selections (default 1000, 0: none)")
    parser.add_argument("--noise-draws", type=int, metavar="N", help="runs with a noisy ranking (default 100, 0: none)")
    parser.add_argument("--noise-pct", type=float, metavar="PCT", help="noise in %% of the candidates (default 10)")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of all draws (default 0)")


async def _robustness(args: argparse.Namespace, api: ApiClient) -> int:
    names = ("random_draws", "noise_draws", "noise_pct", "seed")
    body = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    document = await api.call("POST", f"/v1/backtests/{args.id}/robustness", body=body)
    if args.json:
        print_json(document)
        return 0
    rows = []
    for group, meaning in ROBUSTNESS_GROUPS.items():
        found = document[group]
        if found["lines"]:
            sharpe = [_ratio(found["sharpe"][name]) for name in ("min", "median", "max")]
            returns = [_percent(found["total_return"][name]) for name in ("min", "max")]
            rows.append([group.replace("_", " "), meaning, str(len(found["lines"])), *sharpe, *returns])
    noise, drawn, intervals = document["rank_noise"], document["random_selection"], document["intervals"]
    for name, meaning, found in (("rank noise", "noise in the ranking", noise), ("random", "random stocks", drawn)):
        if found is not None:
            sharpe = [_ratio(found["sharpe"][part]) for part in ("min", "median", "max")]
            returns = [_percent(found["total_return"][part]) for part in ("min", "max")]
            rows.append([name, meaning, str(found["draws"]), *sharpe, *returns])
    own = document["backtest"]["figures"]
    print(f"Sharpe ratio {_ratio(own['sharpe'])}, total return {_percent(own['total_return'])}")
    print(table(["changed", "what", "runs", "sharpe min", "median", "max", "return min", "max"], rows, "llrrrrrr"))
    if drawn is not None and drawn["sharpe"]["percentile"] is not None:
        print(
            f"the Sharpe ratio is above that of {drawn['sharpe']['percentile']:.1%} of random selections with the same "
            f"exits (p {drawn['sharpe']['p_value']:.3f})"
        )
    if drawn is None:
        print("no random selection: the strategy sells by rank, or no draws were requested")
    if document["neighbours"]["cliffs"]:
        print(
            "cliffs (a neighbour has less than half of the Sharpe ratio): "
            + ", ".join(document["neighbours"]["cliffs"])
        )
    even = document["slippage"]["break_even"]
    print("it loses without slippage already" if even is None else f"no loss up to {even['value']:g} % slippage")
    if intervals is not None:
        low, high = intervals["sharpe"]["low"], intervals["sharpe"]["high"]
        print(
            f"Sharpe ratio between {_ratio(low)} and {_ratio(high)} with a confidence of {intervals['confidence']:.0%}"
        )
    if document["recorded"] is not None:
        print(recorded_text(document["recorded"]))
    return 0


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


async def _compare(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("POST", "/v1/compare", body={"ids": args.ids})
    if args.json:
        print_json(document)
        return 0
    names = [item["strategy_id"] or "…" + item["id"][-8:] for item in document["items"]]
    print(side_by_side(["figure", *names], [item["statistics"] for item in document["items"]]))
    for name, item in zip(names[1:], document["items"][1:], strict=True):
        if (found := item["sharpe_difference"]) is not None:
            print(
                f"Sharpe ratio of {name} less that of {names[0]}: {found['difference']:+.2f}, standard error "
                f"{found['error']:.2f}, p {found['p']:.3f}" + ("" if found["p"] <= 0.05 else ": may be chance")
            )
    dates = document["dates"]
    print(f"{len(dates):,} days in common" + (f", {dates[0]} to {dates[-1]}" if dates else ""))
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="explain",
        meaning="explain each trade, a stock that was not bought, or the stocks that passed on each rebalance",
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
        meaning="show the positions at the close of a day",
        run=_holdings,
        arguments=_holdings_arguments,
        routes=("GET /v1/backtests/{id}/holdings",),
        examples=(
            "ondol backtests holdings ID --date 2025-03-04",
            "ondol backtests holdings ID --date 2025-03-04 --output holdings.xlsx",
        ),
    ),
    Subcommand(
        name="replay",
        meaning="run a backtest again on its dataset; exit code 0 when the result is identical",
        arguments=add_id,
        run=_replay,
        routes=("POST /v1/backtests/{id}/replay",),
        examples=("ondol backtests replay ID",),
    ),
    Subcommand(
        name="audit",
        meaning="rerun on data cut at random days; exit code 0 when no trade depends on later data",
        run=_audit,
        arguments=_audit_arguments,
        routes=("POST /v1/backtests/{id}/audit",),
        examples=("ondol backtests audit ID", "ondol backtests audit ID --cuts 20 --seed 7"),
    ),
    Subcommand(
        name="robustness",
        meaning="run it with changes that should not matter, and against random selections",
        run=_robustness,
        arguments=_robustness_arguments,
        routes=("POST /v1/backtests/{id}/robustness",),
        examples=("ondol backtests robustness ID", "ondol backtests robustness ID --random-draws 200 --seed 7"),
    ),
    Subcommand(
        name="compare",
        meaning="compare the figures of several backtests",
        arguments=add_ids,
        run=_compare,
        routes=("POST /v1/compare",),
        examples=("ondol backtests compare ID ID2", "ondol backtests compare ID ID2 --json > compared.json"),
    ),
)
