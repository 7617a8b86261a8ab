"""Run one strategy at many points and print the best variants.

The strategy is a request file (JSON as in POST /v1/backtests, with `$name` where a value belongs) or the id of a
strategy. `--set NAME=VALUES` declares a parameter: a range 4:20:2, a range without a step 0:20, a range of ratios
1:1000:x10, or values 5,10,null. A name that is a path (sell.stop_loss_pct) puts the parameter at that place.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from ondol.cli.client import client
from ondol.cli.commands.backtest import OPTIONS, change, read_body
from ondol.cli.research import deflated_text
from ondol.cli.sweeps import followed, objective_text, significance_text, variants_table
from ondol.cli.terminal import Bar, add_api, print_json, value_of
from ondol.client.sweep import place_parameter
from shared.errors import SetupError
from shared.infra.api_client.client import ApiClient

METHODS = ("grid", "random", "lhs", "sobol", "tpe")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol sweep`."""
    add_search(parser, METHODS)
    parser.add_argument(
        "--batch", type=int, metavar="N", help="with tpe: variants that are chosen together (default 64)"
    )
    add_submission(parser, "sweep")


def add_search(parser: argparse.ArgumentParser, methods: Sequence[str]) -> None:
    """Add the arguments of a template, its parameters and its objective."""
    parser.add_argument(
        "what", metavar="FILE|ID",
        help="a request with parameters as JSON (- reads standard input), or the id of a strategy",
    )  # fmt: skip
    parser.add_argument(
        "--set", dest="parameters", action="append", default=[], metavar="NAME=VALUES",
        help="declare a parameter: per=4:20:2, sell.stop_loss_pct=5,10,15,null; one value changes the field of a path; "
        "may be repeated",
    )  # fmt: skip
    parser.add_argument("--start", metavar="DATE", help="first day (for ids; overrides a file's)")
    parser.add_argument("--end", metavar="DATE", help="last day (for ids; overrides a file's)")
    parser.add_argument("--cash", type=float, metavar="WON", help="initial cash")
    parser.add_argument("--commission", type=float, metavar="PCT", help="commission in percent of each trade")
    parser.add_argument("--slippage", type=float, metavar="PCT", help="slippage in percent of the price")
    parser.add_argument("--benchmark", metavar="NAME", help="an index (KOSPI), market, equal, or null for none")
    parser.add_argument(
        "--method", choices=methods, metavar="METHOD",
        help=f"how the points are chosen: {', '.join(methods)} (default grid, with --runs sobol)",
    )  # fmt: skip
    parser.add_argument("--runs", type=int, metavar="N", help="number of variants (every method but grid)")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of random choices (default 0)")
    parser.add_argument(
        "--constraint", dest="constraints", action="append", default=[], metavar="CONDITION",
        help="condition on parameters, such as '$fast < $slow'; may be repeated",
    )  # fmt: skip
    parser.add_argument("--maximize", metavar="STATISTIC", help="rank by the greatest (default sharpe)")
    parser.add_argument("--minimize", metavar="STATISTIC", help="rank by the smallest")
    parser.add_argument(
        "--where", metavar="CONDITION", help="rank only variants that meet this, such as 'trades >= 50'"
    )
    parser.add_argument("--research", metavar="NAME", help="research line whose trials the variants are")
    parser.add_argument("--holdout", metavar="DATE", help="first day that no variant reads")


def add_submission(parser: argparse.ArgumentParser, what: str) -> None:
    """Add the arguments of submitting a sweep or a walk-forward."""
    parser.add_argument("--dry-run", dest="dry_run", action="store_true", help="print variants, cost and limits only")
    parser.add_argument("--detach", action="store_true", help="print the id and do not wait for the end")
    parser.add_argument(
        "--idempotency-key",
        dest="idempotency_key",
        metavar="TEXT",
        help=f"repeating the {what} with the same key within 24 hours returns the same {what}",
    )
    add_api(parser)


def main(args: argparse.Namespace) -> int:
    """Run the sweep and print its best variants; return 1 unless it is completed."""
    body = sweep_body(args)
    return asyncio.run(_run(args, body))


def sweep_body(args: argparse.Namespace) -> dict[str, Any]:
    """Return the body of `POST /v1/sweeps` that the arguments describe."""
    found = read_body(args.what)
    template: dict[str, Any] = found.pop("template", None) or found
    body: dict[str, Any] = {"template": template, **({} if template is found else found)}
    for option, place in OPTIONS.items():
        if option != "research" and (value := getattr(args, option)) is not None:
            change(template, place, None if value == "null" else value)
    parameters = dict(body.get("parameters") or {})
    for text in args.parameters:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals or not name or not values:
            raise SetupError(f"--set {text}: expected NAME=VALUES, such as per=4:20:2 or sell.stop_loss_pct=5,10.")
        declared = values_of(text, values)
        if "." in name and len(declared.get("values", ())) == 1:
            change(template, name, declared["values"][0])
        else:
            parameters[place_parameter(template, name)] = declared
    body["parameters"] = parameters
    _put(body, "search", {name: getattr(args, name, None) for name in ("method", "runs", "seed", "batch")})
    if args.runs is not None and "method" not in body["search"]:
        body["search"]["method"] = "sobol"
    _put(body, "objective", {name: getattr(args, name) for name in ("maximize", "minimize", "where")})
    if args.constraints:
        body["constraints"] = [*(body.get("constraints") or []), *args.constraints]
    if args.research:
        body["research"] = args.research
    if args.holdout:
        body["holdout"] = {"from": args.holdout}
    absent = [name for name in ("start", "end") if name not in template]
    if absent:
        raise SetupError(f"{args.what} needs {' and '.join('--' + name for name in absent)} (YYYY-MM-DD).")
    return body


def _put(body: dict[str, Any], group: str, values: Mapping[str, Any]) -> None:
    given = {name: value for name, value in values.items() if value is not None}
    if given:
        body[group] = {**(body.get(group) or {}), **given}


def values_of(text: str, values: str) -> dict[str, Any]:
    """Return the declaration of a parameter from `4:20:2`, `1:1000:x10` or `5,10,null`."""
    ends = values.split(":")
    if len(ends) == 1:
        return {"values": [value_of(part.strip()) for part in values.split(",")]}
    try:
        if len(ends) > 3:
            raise ValueError
        found: dict[str, Any] = {"from": float(ends[0]), "to": float(ends[1])}
        if len(ends) == 3:
            if ends[2].startswith("x"):
                found["scale"] = "log"
            found["step"] = float(ends[2].removeprefix("x"))
    except ValueError:
        raise SetupError(f"--set {text}: a range is FROM:TO, FROM:TO:STEP or FROM:TO:xRATIO.") from None
    return found


async def _run(args: argparse.Namespace, body: dict[str, Any]) -> int:
    async with client(args, "sweep") as api:
        if args.dry_run:
            return print_quote(args, await api.call("POST", "/v1/sweeps", body=body, query={"dry_run": "true"}))
        headers = {"Idempotency-Key": args.idempotency_key or uuid.uuid4().hex}
        document = await api.call("POST", "/v1/sweeps", body=body, headers=headers, repeatable=True)
        if args.detach:
            return _print_id(args, document)
        return await _finish(args, api, document)


async def _finish(args: argparse.Namespace, api: ApiClient, document: dict[str, Any]) -> int:
    bar = Bar(quiet=args.json)
    document = await followed(api, document, bar)
    bar.end()
    if args.json:
        print_json(document)
    else:
        print(variants_table(document["best"], document["objective"]))
        print(f"\n{objective_text(document)}")
        if document["plateau"]:
            found = document["plateau"]
            print(
                f"plateau: variant {found['variant']} (mean {found['mean']:.3f} over {found['neighbours']} neighbours)"
            )
        for shown in (significance_text(document["statistics"]), deflated_text(document["deflated"])):
            if shown:
                print(shown)
        sys.stderr.write(
            "next: ondol sweeps table latest --output table.csv, ondol sweeps open latest VARIANT, "
            "ondol sweeps heatmap latest --x NAME --y NAME\n"
        )
    return 0 if document["status"] == "completed" else 1


def _print_id(args: argparse.Namespace, document: dict[str, Any]) -> int:
    if args.json:
        print_json(document)
    else:
        print(document["id"])
        sys.stderr.write("next: ondol sweeps show latest\n")
    return 0


def print_quote(args: argparse.Namespace, quote: dict[str, Any]) -> int:
    """Print the quote of a sweep or a walk-forward; return 1 when it would be refused."""
    if args.json:
        print_json(quote)
    else:
        print(
            f"{quote['variants']:,} variants x {quote['stocks']:,} stocks x {quote['days']:,} days = {quote['cost']:,} "
            f"of {quote['max_cost'] - quote['open_cost']:,}"
            + ("" if quote["accepted"] else "; it would be refused now")
        )
    return 0 if quote["accepted"] else 1
