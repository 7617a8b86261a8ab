"""`ondol factors report` and `matrix`: what factors say about the returns that follow."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.command import Subcommand
from ondol.cli.research import recorded_text
from ondol.cli.terminal import clip, plain, print_json, table
from shared.infra.api_client.client import ApiClient


def _window(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--start", required=True, metavar="DATE", help="first row that is judged")
    parser.add_argument("--end", required=True, metavar="DATE", help="last row that is judged")
    parser.add_argument("--horizons", metavar="1,5", help="holding times in rows (default 1,5,20,60)")
    parser.add_argument("--neutral", choices=("none", "sector"), help="sector: compare within sectors")
    parser.add_argument("--markets", metavar="A,B", help="markets of the universe (default KOSPI and KOSDAQ)")
    parser.add_argument("--where", metavar="TEXT", help="condition of the universe, such as 'MARKET_CAP > 1e11'")
    parser.add_argument(
        "--delisting", choices=("liquidation", "last_price", "haircut", "zero"), help="how a delisting ends a holding"
    )
    parser.add_argument("--research", metavar="NAME", help="research line whose trials factor and horizons are")


def window_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a body that the options of the window give."""
    body: dict[str, Any] = {"start": args.start, "end": args.end}
    if args.horizons is not None:
        body["horizons"] = [int(word) for word in args.horizons.split(",")]
    universe = {} if args.markets is None else {"markets": args.markets.split(",")}
    if args.where is not None:
        universe["where"] = args.where
    if universe:
        body["universe"] = universe
    return body | {
        name: value for name in ("neutral", "delisting", "research") if (value := getattr(args, name)) is not None
    }


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("factor", metavar="KEY", help="a factor or an expression; after -- when it begins with -")
    _window(parser)
    parser.add_argument("--quantiles", type=int, metavar="N", help="number of quantile portfolios (default 10)")
    parser.add_argument("--cost-pct", type=float, metavar="P", help="cost of a purchase or a sale in %% (default 0.2)")
    parser.add_argument(
        "--breakdowns", metavar="A,B", help="also within the groups of: sector, market, cap_group"
    )  # fmt: skip
    parser.add_argument("--control", action="append", metavar="TEXT", help="further regressor; may be repeated")


async def _report(args: argparse.Namespace, api: ApiClient) -> int:
    given = {"quantiles": args.quantiles, "cost_pct": args.cost_pct, "controls": args.control}
    body = window_of(args) | {name: value for name, value in given.items() if value is not None}
    body |= {"factor": args.factor, "series": bool(args.json)}
    if args.breakdowns is not None:
        body["breakdowns"] = args.breakdowns.split(",")
    document = await api.call("POST", "/v1/factor-reports", body=body, repeatable=True)
    if args.json:
        print_json(document)
    else:
        print_report(document)
        print_recorded(document)
    return 0


def print_recorded(document: dict[str, Any]) -> None:
    """Print what a request has recorded in its research line, if it named one."""
    if document["recorded"] is not None:
        print(recorded_text(document["recorded"]))


def print_report(document: dict[str, Any]) -> None:
    """Print a factor report as tables."""
    window, coverage = document["window"], document["coverage"]
    print(
        f"{document['factor']}, {window['start']} to {window['end']} ({window['rows']:,} rows), "
        f"{coverage['values']:,.0f} of {coverage['universe']:,.0f} stocks have a value"
    )
    print(_coefficients(document["horizons"]))
    for of in document["horizons"]:
        print(f"\nquantiles, {of['horizon']} rows (1 has the smallest values):")
        print(_quantiles(of))
    _print_rest(document)
    print(f"report {document['id']}")


def _coefficients(horizons: list[dict[str, Any]]) -> str:
    rows = [
        [
            str(of["horizon"]), _number(of["rank_ic"]["mean"]), _number(of["rank_ic"]["t"], 2),
            _number(of["rank_ic"]["ratio"], 3), _percent(of["rank_ic"]["positive"]), _number(of["ic"]["mean"]),
            _percent(of["spread"]["mean"]), _number(of["spread"]["t"], 2), _percent(of["spread"]["net"]),
            _percent(of["fama_macbeth"]["mean"]), _number(of["fama_macbeth"]["t"], 2),
        ]
        for of in horizons
    ]  # fmt: skip
    head = ["rows", "rank IC", "t", "ICIR", "above 0", "IC", "spread", "t", "net", "slope", "t"]
    return table(head, rows, "r" * len(head))


def _quantiles(of: dict[str, Any]) -> str:
    figures = ("return", "demeaned", "turnover", "net")
    rows = [
        [str(q["quantile"]), f"{q['stocks']:,.1f}", *(_percent(q[name]) for name in figures)] for q in of["quantiles"]
    ]
    return table(["quantile", "stocks", *figures], rows, "rrrrrr")


def _print_rest(document: dict[str, Any]) -> None:
    if document["groups"]:
        print("\nwithin groups:")
        print(_groups(document["groups"]))
    points = document["decay"]["horizons"]
    print("\ndecay of the rank IC by rows:")
    print(table([str(p["horizon"]) for p in points], [[_number(p["rank_ic"]) for p in points]], "r" * len(points)))
    half = document["decay"]["half_life"]
    print("half-life: " + ("not reached" if half is None else f"{half:.1f} rows"))
    known = [one for one in document["correlations"] or () if one["correlation"] is not None]
    largest = sorted(known, key=lambda one: -abs(one["correlation"]))[:5]
    print("nearest factors: " + ", ".join(f"{one['factor']} {one['correlation']:+.2f}" for one in largest))
    for check in document["checks"]:
        if check["passes"] is False:
            bound = f"at least {check['least']}" if check["most"] is None else f"at most {check['most']}"
            at = "" if check["horizon"] is None else f" at {check['horizon']} rows"
            print(f"not passed: {check['check']}{at} is {plain(check['value'])}, wanted {bound}")
    for warning in document["warnings"]:
        print(f"warning: {warning['message']}")


def _groups(groups: list[dict[str, Any]]) -> str:
    rows = [
        [
            of["by"], of["group"], str(of["horizon"]), f"{of['stocks']:,.1f}", _number(of["rank_ic"]["mean"]),
            _number(of["rank_ic"]["t"], 2), _percent(of["spread"]["mean"]), _number(of["spread"]["t"], 2),
        ]
        for of in groups
    ]  # fmt: skip
    return table(["by", "group", "rows", "stocks", "rank IC", "t", "spread", "t"], rows, "llrrrrrr")


def _number(value: float | None, places: int = 4) -> str:
    return "-" if value is None else f"{value:.{places}f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def _matrix_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("factors", nargs="*", metavar="KEY", help="factors and expressions (default: every factor)")
    _window(parser)


async def _matrix(args: argparse.Namespace, api: ApiClient) -> int:
    body = window_of(args) | ({"factors": args.factors} if args.factors else {})
    document = await api.call("POST", "/v1/factor-reports/matrix", body=body, repeatable=True)
    if args.json:
        print_json(document)
        return 0
    rows = []
    for item in document["factors"]:
        if item["failure"] is not None:
            rows.append([clip(item["factor"], 40), clip(item["failure"]["message"], 60)])
            continue
        cells = [f"{_number(c['rank_ic']['mean'])} ({_number(c['rank_ic']['t'], 1)})" for c in item["horizons"]]
        least = min((c["p_holm"] for c in item["horizons"] if c["p_holm"] is not None), default=None)
        rows.append([clip(item["factor"], 40), *cells, _number(least, 3)])
    head = ["rank IC (t)", *(f"{horizon} rows" for horizon in document["horizons"]), "least p (Holm)"]
    print(table(head, [row + [""] * (len(head) - len(row)) for row in rows], "l" + "r" * (len(head) - 1)))
    print(f"p-values are adjusted for {document['tests']:,} tests")
    print_recorded(document)
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="report",
        meaning="what a factor says about the returns that follow: IC, quantiles, turnover, decay",
        arguments=_report_arguments,
        run=_report,
        routes=("POST /v1/factor-reports",),
        examples=(
            "ondol factors report PER --start 2023-01-02 --end 2023-12-28",
            "ondol factors report PER --start 2023-01-02 --end 2023-12-28 --breakdowns sector,market,cap_group",
            "ondol factors report '-rank(PBR) - rank(PER)' --start 2023-01-02 --end 2023-12-28 --neutral sector",
            "ondol factors report PER --start 2023-01-02 --end 2023-12-28 --research value-momentum",
        ),
    ),
    Subcommand(
        name="matrix",
        meaning="rank IC of many factors at many holding times, with p-values for their number",
        arguments=_matrix_arguments,
        run=_matrix,
        routes=("POST /v1/factor-reports/matrix",),
        examples=(
            "ondol factors matrix --start 2023-01-02 --end 2023-12-28",
            "ondol factors matrix PER PBR ROE --start 2023-01-02 --end 2023-12-28 --horizons 5,20",
            "ondol factors matrix --start 2023-01-02 --end 2023-12-28 --research value-momentum",
        ),
    ),
)
