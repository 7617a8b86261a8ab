"""Paper accounts: create, list, show, step, change, delete, and their orders, days and drift reports."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from typing import Any

import orjson

from ondol.cli.command import Subcommand, add_account, main_of, name, parsers
from ondol.cli.commands import account_quotes, account_webhooks
from ondol.cli.deletion import delete_each
from ondol.cli.download import add_download, blocks_of, deliver, format_of
from ondol.cli.pagination import add_page, listed
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import details, moment, print_json, read_object, table
from shared.infra.api_client.client import ApiClient


def _won(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "strategy", metavar="STRATEGY",
        help="id of a strategy, or a JSON file with the body of POST /v1/accounts (- reads standard input)",
    )  # fmt: skip
    parser.add_argument("--name", metavar="TEXT", help="name of the account")
    parser.add_argument("--start", metavar="DATE", help="first day (default: the next trading day)")
    parser.add_argument("--cash", type=float, metavar="WON", help="cash before the first day (default 100,000,000)")
    parser.add_argument(
        "--public", action="store_const", const=True,
        help="everyone may read it, without a key: an account of a catalogue strategy, made by an operator",
    )  # fmt: skip


async def _create(args: argparse.Namespace, api: ApiClient) -> int:
    is_file = args.strategy == "-" or args.strategy.endswith(".json")
    body = read_object(args.strategy, "strategy") if is_file else {"strategy": args.strategy}
    given = {"name": args.name, "start": args.start, "initial_cash": args.cash, "public": args.public}
    body |= {field: value for field, value in given.items() if value is not None}
    return _print_account(args, await api.call("POST", "/v1/accounts", body=body))


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    document = await listed(args, api, "/v1/accounts")
    rows = [
        [i["id"], i["name"], i["start"], i["as_of"] or "-", _won(i["equity"]), _won(i["cash"]),
         str(i["position_count"] or 0), "public" if i["public"] else "-"]
        for i in document["items"]
    ]  # fmt: skip
    head = ["account", "name", "start", "as of", "equity", "cash", "positions", "access"]
    return show_list(args, document, head, rows, "llllrrrl")


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    return _print_account(args, await api.call("GET", f"/v1/accounts/{args.account}"))


def _print_account(args: argparse.Namespace, document: dict[str, Any]) -> int:
    if args.json:
        print_json(document)
        return 0
    orders = document["orders"]
    print(
        details(
            [
                ("account", document["id"]), ("name", document["name"]), ("strategy", document["strategy_id"]),
                ("start", document["start"]), ("as of", document["as_of"]), ("equity", _won(document["equity"])),
                ("cash", _won(document["cash"])), ("dataset", document["dataset_version"]),
                ("drift reports", document["drift_reports"]), ("changes", document["changes"]),
                ("paused", "yes" if document["paused"] else None), ("error", document["error"]),
                ("posted opens", _provisional(document["provisional"])),
                ("orders of", orders and f"{orders['date']} ({orders['status']}{', late' if orders['late'] else ''})"),
            ]
        )
    )  # fmt: skip
    if document["positions"]:
        rows = [
            [p["stock_code"], p["name"], str(p["shares"]), _won(p["entry_price"]), _won(p["last"]), _won(p["value"])]
            for p in document["positions"]
        ]
        print(table(["code", "name", "shares", "entry", "last", "value"], rows, "llrrrr"))
    if orders and orders["items"]:
        print(table(*_order_rows(orders["items"])))
    return 0


def _provisional(day: dict[str, Any] | None) -> str | None:
    if day is None:
        return None
    unquoted = f", {len(day['unquoted'])} stocks without a price" if day["unquoted"] else ""
    return f"{len(day['fills'])} fills of {day['date']}, equity {_won(day['equity'])} at the opens{unquoted}"


def _order_rows(items: list[dict[str, Any]]) -> tuple[list[str], list[list[str]], str]:
    rows = [
        [
            order["date"], order["stock_code"], order["name"], order["side"], order["kind"], order["reason"],
            "-" if order["shares"] is None else f"{order['shares']:,}", _won(order["amount"]), _won(order["level"]),
            ("reserve " if order["reserve"] else "") + str(order["priority"] or "-"), order["status"],
            order["status_reason"] or "-", f"{order['filled_shares']:,}",
        ]
        for order in items
    ]  # fmt: skip
    head = [
        "date",
        "code",
        "name",
        "side",
        "at",
        "reason",
        "shares",
        "amount",
        "level",
        "priority",
        "status",
        "why",
        "filled",
    ]
    return head, rows, "llllllrrrrllr"


def _orders_arguments(parser: argparse.ArgumentParser) -> None:
    add_account(parser)
    parser.add_argument("--date", metavar="DATE", help="day of the orders (default: the last that was decided)")
    add_download(parser)


async def _orders(args: argparse.Namespace, api: ApiClient) -> int:
    kind, path, query = format_of(args), f"/v1/accounts/{args.account}/orders", {"date": args.date}
    if kind == "json":
        return await deliver(args, _json(await api.call("GET", path, query=query)), kind)
    if kind is not None:
        return await deliver(args, blocks_of(api, path, query | {"format": kind, "excel": args.excel}), kind)
    document = await api.call("GET", path, query=query)
    return show_list(args, document, *_order_rows(document["items"]))


async def _json(document: dict[str, Any]) -> AsyncIterator[bytes]:
    yield orjson.dumps(document["items"], option=orjson.OPT_INDENT_2) + b"\n"


def _step_arguments(parser: argparse.ArgumentParser) -> None:
    add_account(parser)
    parser.add_argument(
        "--scheduled", action="store_const", const="true", help="decide orders of today only, as the schedule does"
    )


async def _step(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("POST", f"/v1/accounts/{args.account}/steps", query={"scheduled": args.scheduled})
    if args.json:
        print_json(document)
        return 0
    decided = document["decided"] or "none"
    print(f"booked {len(document['booked'])} days, decided {decided}, {len(document['drift'])} drift reports")
    return 0


def _page_arguments(parser: argparse.ArgumentParser) -> None:
    add_account(parser)
    add_page(parser)


async def _steps(args: argparse.Namespace, api: ApiClient) -> int:
    document = await listed(args, api, f"/v1/accounts/{args.account}/steps")
    rows = [
        [i["date"], i["status"], "live" if i["live"] else "-", moment(i["decided_at"]), str(i["orders"]),
         str(len(i["fills"])), _won(i["equity"])]
        for i in document["items"]
    ]  # fmt: skip
    head = ["date", "status", "live", "decided at (UTC)", "orders", "fills", "equity"]
    return show_list(args, document, head, rows, "llllrrr")


async def _drift(args: argparse.Namespace, api: ApiClient) -> int:
    document = await listed(args, api, f"/v1/accounts/{args.account}/drift")
    rows = [
        [str(i["number"]), i["day"], _won(i["won"]), "; ".join(f"{c['cause']} {_won(c['won'])}" for c in i["causes"]),
         "-" if i["cell_count"] is None else str(i["cell_count"]), str(len(i["orders"]["decided"])),
         str(len(i["orders"]["now"])), f"{i['revision_before']} -> {i['revision_now']}"]
        for i in document["items"]
    ]  # fmt: skip
    head = ["report", "day", "won", "causes", "cells", "orders before", "orders now", "revision"]
    return show_list(args, document, head, rows, "rlrlrrrl")


def _change_arguments(parser: argparse.ArgumentParser) -> None:
    add_account(parser)
    parser.add_argument("--name", metavar="TEXT", help="name of the account")
    parser.add_argument(
        "--strategy", metavar="STRATEGY",
        help="id of a strategy, or a JSON file with fields of PATCH /v1/accounts/{id} (- reads standard input)",
    )  # fmt: skip
    state = parser.add_mutually_exclusive_group()
    state.add_argument("--pause", dest="paused", action="store_const", const=True, help="decide no orders")
    state.add_argument("--resume", dest="paused", action="store_const", const=False, help="decide orders again")


async def _change(args: argparse.Namespace, api: ApiClient) -> int:
    body: dict[str, Any] = {}
    if args.strategy is not None:
        is_file = args.strategy == "-" or args.strategy.endswith(".json")
        body = read_object(args.strategy, "change") if is_file else {"strategy": args.strategy}
    given = {"name": args.name, "paused": args.paused}
    body |= {field: value for field, value in given.items() if value is not None}
    return _print_account(args, await api.call("PATCH", f"/v1/accounts/{args.account}", body=body))


async def _changes(args: argparse.Namespace, api: ApiClient) -> int:
    document = await listed(args, api, f"/v1/accounts/{args.account}/changes")
    rows = [[str(i["number"]), moment(i["changed_at"]), ", ".join(i["fields"])] for i in document["items"]]
    return show_list(args, document, ["change", "changed at (UTC)", "fields"], rows, "rll")


def _some(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("accounts", type=name, metavar="ACCOUNT", nargs="+", help="id of one of your accounts")


async def _delete(args: argparse.Namespace, api: ApiClient) -> int:
    return await delete_each(api, "accounts", args.accounts, json=args.json)


SUBCOMMANDS = (
    Subcommand(
        name="create",
        meaning="create a paper account and compute its history",
        arguments=_create_arguments,
        run=_create,
        routes=("POST /v1/accounts",),
        examples=(
            "ondol accounts create peter_lynch --public",
            "ondol accounts create my_account.json --name 'My value'",
        ),
    ),
    Subcommand(
        name="list",
        meaning="list your paper accounts and the public ones",
        arguments=add_page,
        run=_list,
        routes=("GET /v1/accounts",),
        examples=("ondol accounts list", "ondol accounts list --all --json"),
    ),
    Subcommand(
        name="show",
        meaning="show an account with its positions and orders",
        arguments=add_account,
        run=_show,
        routes=("GET /v1/accounts/{id}",),
        examples=("ondol accounts show ACCOUNT",),
    ),
    Subcommand(
        name="orders",
        meaning="show or export the orders of a day",
        arguments=_orders_arguments,
        run=_orders,
        routes=("GET /v1/accounts/{id}/orders",),
        examples=("ondol accounts orders ACCOUNT", "ondol accounts orders ACCOUNT --output orders.csv"),
    ),
    Subcommand(
        name="step",
        meaning="book the days that are loaded and decide the orders that are due",
        arguments=_step_arguments,
        run=_step,
        routes=("POST /v1/accounts/{id}/steps",),
        examples=("ondol accounts step ACCOUNT",),
    ),
    Subcommand(
        name="steps",
        meaning="list the trading days of an account",
        arguments=_page_arguments,
        run=_steps,
        routes=("GET /v1/accounts/{id}/steps",),
        examples=("ondol accounts steps ACCOUNT",),
    ),
    Subcommand(
        name="drift",
        meaning="list what a later dataset or engine makes otherwise",
        arguments=_page_arguments,
        run=_drift,
        routes=("GET /v1/accounts/{id}/drift",),
        examples=("ondol accounts drift ACCOUNT",),
    ),
    Subcommand(
        name="change",
        meaning="change the name or strategy of an account, or pause it",
        arguments=_change_arguments,
        run=_change,
        routes=("PATCH /v1/accounts/{id}",),
        examples=("ondol accounts change ACCOUNT --name 'My value'", "ondol accounts change ACCOUNT --pause"),
    ),
    Subcommand(
        name="changes",
        meaning="list the changes of an account by its user",
        arguments=_page_arguments,
        run=_changes,
        routes=("GET /v1/accounts/{id}/changes",),
        examples=("ondol accounts changes ACCOUNT",),
    ),
    *account_webhooks.SUBCOMMANDS,
    *account_quotes.SUBCOMMANDS,
    Subcommand(
        name="delete",
        meaning="delete paper accounts",
        arguments=_some,
        run=_delete,
        routes=("DELETE /v1/accounts/{id}",),
        examples=("ondol accounts delete ACCOUNT",),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol accounts`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("accounts")
