"""Subcommands of `ondol accounts` about webhooks and their deliveries."""

from __future__ import annotations

import argparse

from ondol.cli.command import Subcommand, add_account
from ondol.cli.pagination import add_page, listed
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import details, moment, print_json
from shared.infra.api_client.client import ApiClient


def _webhook_arguments(parser: argparse.ArgumentParser) -> None:
    add_account(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--url", metavar="URL", help="where events are posted: https with a public address")
    what.add_argument("--remove", action="store_true", help="remove the webhook")
    parser.add_argument("--secret", metavar="TEXT", help="key of the signature (default: one is made and printed)")


async def _webhook(args: argparse.Namespace, api: ApiClient) -> int:
    path = f"/v1/accounts/{args.account}/webhook"
    if args.remove:
        await api.call("DELETE", path)
        print("removed")
        return 0
    if args.url is None:
        document = await api.call("GET", path)
    else:
        given = {} if args.secret is None else {"secret": args.secret}
        document = await api.call("PUT", path, body={"url": args.url, **given})
    if args.json:
        print_json(document)
        return 0
    shown = [("url", document["url"]), ("set at (UTC)", moment(document["created_at"]))]
    print(details([*shown, ("secret", document.get("secret"))]))
    return 0


def _deliveries_arguments(parser: argparse.ArgumentParser) -> None:
    add_account(parser)
    parser.add_argument(
        "--status", choices=("waiting", "delivered", "dead"), help="only deliveries of this status (dead: given up)"
    )
    add_page(parser)


async def _deliveries(args: argparse.Namespace, api: ApiClient) -> int:
    document = await listed(args, api, f"/v1/accounts/{args.account}/deliveries", {"status": args.status})
    rows = [
        [str(i["number"]), i["type"], i["date"], i["status"], str(i["attempts"]), moment(i["created_at"]),
         i["error"] or "-"]
        for i in document["items"]
    ]  # fmt: skip
    head = ["delivery", "event", "day", "status", "attempts", "happened at (UTC)", "error"]
    return show_list(args, document, head, rows, "rlllrll")


def _resend_arguments(parser: argparse.ArgumentParser) -> None:
    add_account(parser)
    parser.add_argument("number", type=int, metavar="DELIVERY", help="number, as `ondol accounts deliveries` prints it")


async def _resend(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("POST", f"/v1/accounts/{args.account}/deliveries/{args.number}/resend")
    if args.json:
        print_json(document)
    else:
        print(f"delivery {document['number']} ({document['type']}) is sent again")
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="webhook",
        meaning="set, show or remove the webhook of an account",
        arguments=_webhook_arguments,
        run=_webhook,
        routes=(
            "PUT /v1/accounts/{id}/webhook", "GET /v1/accounts/{id}/webhook", "DELETE /v1/accounts/{id}/webhook",
        ),
        examples=(
            "ondol accounts webhook ACCOUNT --url https://example.com/ondol",
            "ondol accounts webhook ACCOUNT",
            "ondol accounts webhook ACCOUNT --remove",
        ),
    ),
    Subcommand(
        name="deliveries",
        meaning="list the deliveries of a webhook",
        arguments=_deliveries_arguments,
        run=_deliveries,
        routes=("GET /v1/accounts/{id}/deliveries",),
        examples=("ondol accounts deliveries ACCOUNT --status dead",),
    ),
    Subcommand(
        name="resend",
        meaning="send a delivery of a webhook again",
        arguments=_resend_arguments,
        run=_resend,
        routes=("POST /v1/accounts/{id}/deliveries/{number}/resend",),
        examples=("ondol accounts resend ACCOUNT 12",),
    ),
)  # fmt: skip
