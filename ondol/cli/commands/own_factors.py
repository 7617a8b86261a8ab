"""`ondol factors mine`, `define`, `definition` and `delete`: expressions that have a name."""

from __future__ import annotations

import argparse

from ondol.cli.command import Subcommand, name
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import clip, details, percent, print_deleted, print_json, table
from shared.infra.api_client.client import ApiClient


def _key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", type=name, metavar="KEY", help="key of an own factor, such as CHEAP")


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", "/v1/factors/mine")
    rows = [[i["key"], str(i["version"]), i["unit"], clip(i["expression"], 70)] for i in document["items"]]
    return show_list(args, document, ["key", "version", "unit", "expression"], rows, "lrll")


def _define_arguments(parser: argparse.ArgumentParser) -> None:
    _key(parser)
    parser.add_argument(
        "expression",
        metavar="TEXT",
        help="the number, such as '-rank(PBR) - rank(PER)'; after -- when it begins with - and has no space",
    )
    parser.add_argument("--unit", metavar="WORD", default="", help="unit of the values")
    parser.add_argument("--summary", metavar="TEXT", default="", help="description")


async def _define(args: argparse.Namespace, api: ApiClient) -> int:
    body = {"expression": args.expression, "unit": args.unit, "summary": args.summary}
    document = await api.call("PUT", f"/v1/factors/mine/{args.key}", body=body)
    if args.json:
        print_json(document)
    else:
        print(f"{document['key']} version {document['version']}: {document['canonical']}")
    return 0


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"/v1/factors/mine/{args.key}")
    if args.json:
        print_json(document)
        return 0
    shown = ("key", "version", "expression", "canonical", "unit", "summary", "created_at", "reason")
    print(details([(word.replace("_", " "), document[word]) for word in shown if document[word]]))
    if document["coverage"]:
        rows = [[str(year["year"]), percent(year["share"])] for year in document["coverage"]]
        print(table(["year", "stock-days with a value"], rows, "lr"))
    if len(document["versions"]) > 1:
        versions = [[str(v["version"]), v["created_at"][:19], clip(v["expression"], 70)] for v in document["versions"]]
        print(table(["version", "made", "expression"], versions, "rll"))
    return 0


async def _delete(args: argparse.Namespace, api: ApiClient) -> int:
    await api.call("DELETE", f"/v1/factors/mine/{args.key}")
    print_deleted("key", args.key, as_json=args.json)
    return 0


SUBCOMMANDS = (
    Subcommand(
        name="mine",
        meaning="list your own factors",
        run=_list,
        routes=("GET /v1/factors/mine",),
        examples=("ondol factors mine",),
    ),
    Subcommand(
        name="define",
        meaning="give an expression a name that every expression may use; a change is a new version",
        arguments=_define_arguments,
        run=_define,
        routes=("PUT /v1/factors/mine/{key}",),
        examples=("ondol factors define CHEAP '-rank(PBR) - rank(PER)'",),
    ),
    Subcommand(
        name="definition",
        meaning="show an own factor: expression, coverage by year, versions",
        arguments=_key,
        run=_show,
        routes=("GET /v1/factors/mine/{key}",),
        examples=("ondol factors definition CHEAP",),
    ),
    Subcommand(
        name="delete",
        meaning="delete an own factor that no factor or strategy of yours names",
        arguments=_key,
        run=_delete,
        routes=("DELETE /v1/factors/mine/{key}",),
        examples=("ondol factors delete CHEAP",),
    ),
)
