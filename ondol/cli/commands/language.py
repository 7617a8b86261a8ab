"""The strategy language: its fields and functions with help, and the check of an expression."""

from __future__ import annotations

import argparse
from typing import Any

from ondol.cli.command import Subcommand, main_of, parsers
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import details, plain, print_json
from shared.infra.api_client.client import ApiClient

PLACES = ("buy.where", "buy.rank_by", "sell.where", "universe.where", "portfolio.when")


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--search", metavar="TEXT", help="only words with this text in their name, help or aliases")


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/v1/language")
    if args.search:
        for part in ("fields", "functions"):
            document[part] = [item for item in document[part] if _matches(item, args.search)]
    if args.json:
        print_json(document)
        return 0
    rows = [[i["name"], i["kind"], i["name_ko"], i["unit"], i["help_en"]] for i in document["fields"]]
    rows += [[i["signature"], "function", i["aliases"][0], i["result"], i["help_en"]] for i in document["functions"]]
    return show_list(args, document, ["name", "kind", "Korean", "unit or result", "meaning"], rows, "lllll")


def _matches(item: dict[str, Any], text: str) -> bool:
    names = ("name", "name_ko", "name_en", "help_ko", "help_en")
    words = [*(str(item.get(name) or "") for name in names), *item["aliases"]]
    return any(text.casefold() in word.casefold() for word in words)


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="EXPRESSION", help="expression such as 'PER < 10 and ROE > 10'")
    parser.add_argument("--place", choices=PLACES, default="buy.where", help="place in the strategy (buy.where)")


async def _check(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("POST", "/v1/expressions/check", body={"text": args.text, "place": args.place})
    if args.json:
        print_json(document)
    elif document["ok"]:
        names = ("canonical", "type", "reads", "nodes", "lookback_rows")
        print(details([(name.replace("_", " "), document[name]) for name in names]))
    else:
        for error in document["errors"]:
            place = f"line {error['line']}, column {error['column']}: " if error.get("line") else ""
            print(place + plain(error["message"]))
    return 0 if document["ok"] else 1


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="list fields and functions with their meaning",
        arguments=_list_arguments,
        run=_list,
        routes=("GET /v1/language",),
        examples=("ondol language list", "ondol language list --search 이동평균"),
    ),
    Subcommand(
        name="check",
        meaning="check an expression and show its canonical text, or every mistake",
        arguments=_check_arguments,
        run=_check,
        routes=("POST /v1/expressions/check",),
        examples=(
            "ondol language check 'PER < 10 and ROE > 10'",
            "ondol language check 'KOSPI > ts_mean(KOSPI, 200)' --place portfolio.when",
        ),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol language`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("language")
