"""`ondol factors reports`, `show-report`, `audit-report` and `delete-report`: the factor reports that are stored."""

from __future__ import annotations

import argparse

from ondol.cli.command import Subcommand, name
from ondol.cli.commands.factor_reports import print_report
from ondol.cli.pagination import add_page, listed, show
from ondol.cli.terminal import clip, moment, plain, print_deleted, print_json, table
from shared.infra.api_client.client import ApiClient

PATH = "/v1/factor-reports"


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--factor", metavar="KEY", help="only this factor or expression")
    parser.add_argument(
        "--query", metavar="TEXT", help="only factors that contain this text, or are what it stands for"
    )
    parser.add_argument("--dataset", metavar="VERSION", help="only this dataset version")
    add_page(parser)


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    document = await listed(args, api, PATH, {"factor": args.factor, "query": args.query, "dataset": args.dataset})
    rows = []
    for item in document["items"]:
        known = [of for of in item["horizons"] if of["t"] is not None]
        best = max(known, key=lambda of: abs(of["t"]), default=None)
        shown = "-" if best is None else f"{best['rank_ic']:.4f} (t {best['t']:.1f}, {best['horizon']} rows)"
        window = item["window"]
        rows.append(
            [item["id"], clip(item["factor"], 40), window["start"], window["end"], shown, moment(item["created_at"])]
        )
    head = ["id", "factor", "from", "to", "rank IC of the greatest t", "created at (UTC)"]
    return show(args, document, head, rows, "llllll")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=name, metavar="REPORT", help="id of a stored report")


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"{PATH}/{args.id}")
    if args.json:
        print_json(document)
    else:
        print_report(document)
    return 0


def _audit_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--cuts", type=int, metavar="N", help="number of computations on cut data (default 5)")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the random days (default 0)")


async def _audit(args: argparse.Namespace, api: ApiClient) -> int:
    given = {"cuts": args.cuts, "seed": args.seed}
    body = {option: value for option, value in given.items() if value is not None}
    document = await api.call("POST", f"{PATH}/{args.id}/audit", body=body, repeatable=True)
    if args.json:
        print_json(document)
    else:
        same = document["digest"] == document["stored_digest"]
        print(f"computed again: {'the same digest' if same else 'another digest'} {document['digest']}")
        rows = [
            [cut["date"], plain(cut["coefficients"]), plain(cut["absent"]), "yes" if cut["identical"] else "no"]
            for cut in document["cuts"]
        ]
        print(table(["data end on", "compared", "absent", "identical"], rows, "lrrl"))
    return 0 if document["identical"] else 1


async def _delete(args: argparse.Namespace, api: ApiClient) -> int:
    await api.call("DELETE", f"{PATH}/{args.id}")
    print_deleted("id", args.id, as_json=args.json)
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="reports",
        meaning="list your stored factor reports, the newest first",
        arguments=_list_arguments,
        run=_list,
        routes=("GET /v1/factor-reports",),
        examples=("ondol factors reports", "ondol factors reports --query rank --limit 5 --json"),
    ),
    Subcommand(
        name="show-report",
        meaning="show a stored factor report",
        arguments=_one,
        run=_show,
        routes=("GET /v1/factor-reports/{id}",),
        examples=("ondol factors show-report REPORT", "ondol factors show-report REPORT --json"),
    ),
    Subcommand(
        name="audit-report",
        meaning="compute a stored report again, and its coefficients on data that end earlier",
        arguments=_audit_arguments,
        run=_audit,
        routes=("POST /v1/factor-reports/{id}/audit",),
        examples=("ondol factors audit-report REPORT", "ondol factors audit-report REPORT --cuts 2 --seed 7"),
    ),
    Subcommand(
        name="delete-report",
        meaning="delete a stored factor report",
        arguments=_one,
        run=_delete,
        routes=("DELETE /v1/factor-reports/{id}",),
        examples=("ondol factors delete-report OTHER_REPORT",),
    ),
)
