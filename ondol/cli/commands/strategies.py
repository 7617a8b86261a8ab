"""Strategies: the catalogue, the presets, and your own, which can be created, replaced and deleted."""

from __future__ import annotations

import argparse
from typing import Any

import orjson

from ondol.cli.command import Subcommand, main_of, name, parsers
from ondol.cli.deletion import delete_each
from ondol.cli.pagination import add_page, listed
from ondol.cli.pagination import show as show_list
from ondol.cli.terminal import clip, details, moment, print_json, read_object
from shared.infra.api_client.client import ApiClient

RESPONSE_FIELDS = (
    "kind", "name_ko", "name_en", "period_days", "created_at", "updated_at", "factors", "inputs",
    "missing_factors",
)  # fmt: skip
"""Fields that the API adds to a strategy; they are removed, so that output of `show --json` is valid input."""


async def _list(args: argparse.Namespace, api: ApiClient) -> int:
    return _listed(args, await listed(args, api, "/v1/strategies"))


async def _presets(args: argparse.Namespace, api: ApiClient) -> int:
    return _listed(args, await api.call("GET", "/v1/presets"))


def _listed(args: argparse.Namespace, document: dict[str, Any]) -> int:
    rows = [[i["id"], i["kind"], i["name_ko"], i["name_en"], clip(i["summary"], 60)] for i in document["items"]]
    return show_list(args, document, ["id", "kind", "name", "English", "summary"], rows, "lllll")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", type=name, metavar="STRATEGY", help="id of a strategy, as `ondol strategies list` prints it"
    )


async def _show(args: argparse.Namespace, api: ApiClient) -> int:
    document = await api.call("GET", f"/v1/strategies/{args.id}")
    if args.json:
        print_json(document)
        return 0
    names = (
        document["name_ko"]
        if document["name_ko"] == document["name_en"]
        else f"{document['name_ko']} ({document['name_en']})"
    )
    pairs = [
        ("strategy", document["id"]),
        ("kind", document["kind"]),
        ("name", names),
        ("summary", document["summary"]),
        ("tags", document["tags"]),
        ("costs", document["costs"]),
        ("days", document["period_days"]),
        ("missing factors", document.get("missing_factors") or None),
        ("changed at", document["updated_at"] and moment(document["updated_at"]) + " UTC"),
    ]
    print(details(pairs))
    print(orjson.dumps(document["strategy"], option=orjson.OPT_INDENT_2).decode())
    return 0


def _body_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", help="JSON with strategy, name, summary, tags, costs (- reads standard input)"
    )
    parser.add_argument("--name", metavar="TEXT", help="overrides the file's")
    parser.add_argument("--summary", metavar="TEXT", help="overrides the file's")


def _create_arguments(parser: argparse.ArgumentParser) -> None:
    _body_arguments(parser)
    parser.add_argument("--id", metavar="STRATEGY", help="overrides the file's")


def _replace_arguments(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    _body_arguments(parser)


def _body(args: argparse.Namespace) -> dict[str, Any]:
    body = read_object(args.file, "id, name and strategy")
    body.setdefault("name", body.get("name_ko", body.get("id")))
    given = {"name": args.name, "summary": args.summary}
    body |= {name: value for name, value in given.items() if value is not None}
    return {name: value for name, value in body.items() if name not in RESPONSE_FIELDS and value is not None}


async def _create(args: argparse.Namespace, api: ApiClient) -> int:
    body = _body(args) | ({"id": args.id} if args.id else {})
    document = await api.call("POST", "/v1/strategies", body=body)
    return _print_stored(args, document, "is stored")


async def _replace(args: argparse.Namespace, api: ApiClient) -> int:
    body = {name: value for name, value in _body(args).items() if name != "id"}
    document = await api.call("PUT", f"/v1/strategies/{args.id}", body=body)
    return _print_stored(args, document, "is replaced")


def _print_stored(args: argparse.Namespace, document: dict[str, Any], what: str) -> int:
    if args.json:
        print_json(document)
    else:
        print(f"{document['id']} {what}")
    return 0


def _some(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", type=name, metavar="STRATEGY", nargs="+", help="id of one of your strategies")


async def _delete(args: argparse.Namespace, api: ApiClient) -> int:
    return await delete_each(api, "strategies", args.ids, json=args.json)


SUBCOMMANDS = (
    Subcommand(
        name="list",
        meaning="list the catalogue, then your own strategies",
        arguments=add_page,
        run=_list,
        routes=("GET /v1/strategies",),
        examples=("ondol strategies list", "ondol strategies list --all --json"),
    ),
    Subcommand(
        name="presets",
        meaning="list the presets",
        run=_presets,
        routes=("GET /v1/presets",),
        examples=("ondol strategies presets",),
    ),
    Subcommand(
        name="show",
        meaning="show a strategy with its rules",
        arguments=_one,
        run=_show,
        routes=("GET /v1/strategies/{id}",),
        examples=("ondol strategies show peter_lynch", "ondol strategies show peter_lynch --json > mine.json"),
    ),
    Subcommand(
        name="create",
        meaning="store a strategy of your own",
        arguments=_create_arguments,
        run=_create,
        routes=("POST /v1/strategies",),
        examples=("ondol strategies create mine.json --id mine --name 'My value'",),
    ),
    Subcommand(
        name="replace",
        meaning="replace one of your strategies",
        arguments=_replace_arguments,
        run=_replace,
        routes=("PUT /v1/strategies/{id}",),
        examples=("ondol strategies replace mine mine.json",),
    ),
    Subcommand(
        name="delete",
        meaning="delete strategies of your own",
        arguments=_some,
        run=_delete,
        routes=("DELETE /v1/strategies/{id}",),
        examples=("ondol strategies delete mine",),
    ),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `ondol strategies`."""
    parsers(parser, SUBCOMMANDS)


main = main_of("strategies")
