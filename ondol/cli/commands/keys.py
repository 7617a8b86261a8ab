"""Create, list and revoke API keys; a key is printed once and only its hash is stored."""

from __future__ import annotations

import argparse
import asyncio
import secrets
from typing import Any

from ondol.cli.connection import System, connected
from ondol.cli.terminal import add_common, print_json, table
from services.api.auth import hash_of
from shared.errors import SetupError
from shared.infra.database.pool import database, migrate
from shared.infra.database.sql import statements

_SQL = statements("accounts")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol keys`."""
    parser.add_argument("action", choices=("create", "list", "revoke"), help="create, list or revoke")
    parser.add_argument("name", nargs="?", help="name of a new key, or id of the key to revoke")
    parser.add_argument(
        "--rate-limit",
        dest="rate_limit",
        type=float,
        metavar="N",
        help="requests per minute (default ONDOL_RATE_LIMIT_PER_MINUTE)",
    )
    parser.add_argument(
        "--concurrency", type=int, metavar="N", help="unfinished backtests (default ONDOL_MAX_OPEN_BACKTESTS)"
    )
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Run the action and print its result."""
    if args.action != "list" and not args.name:
        raise SetupError(f"ondol keys {args.action} needs a {'name' if args.action == 'create' else 'key id'}.")
    outcome = asyncio.run(_keys(args))
    if args.json:
        print_json(outcome)
    elif args.action == "create":
        print(
            f"{outcome['key']}\nthis key (id {outcome['id']}) is printed once; send it as `Authorization: Bearer <key>`"
        )
    elif args.action == "revoke":
        print(f"key {outcome['id']} is revoked")
    else:
        rows = [
            [k["id"], k["name"], f"{k['created_at']:%Y-%m-%d}", "revoked" if k["revoked_at"] else "valid"]
            for k in outcome
        ]
        print(table(["id", "name", "created", "state"], rows))
    return 0


async def _keys(args: argparse.Namespace) -> Any:
    async with connected(args, "keys") as system:
        await migrate(system.settings.database_url or "")
        return await _act(args, system)


async def _act(args: argparse.Namespace, system: System) -> Any:
    async with database(system.settings.database_url or "", size=1) as pool, pool.connection() as connection:
        if args.action == "list":
            return [dict(row) for row in await connection.fetch(_SQL["select_keys"])]
        if args.action == "revoke":
            if await connection.fetchval(_SQL["revoke_key"], args.name) is None:
                raise SetupError(f"No valid key has the id {args.name}; see `ondol keys list`.")
            return {"id": args.name, "revoked": True}
        key, number = "ondol_" + secrets.token_urlsafe(32), "key_" + secrets.token_hex(6)
        await connection.execute(_SQL["insert_key"], number, args.name, hash_of(key), args.rate_limit, args.concurrency)
        return {"id": number, "name": args.name, "key": key}
