"""Create, list, change and revoke API keys; a key is printed once and only its hash is stored."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import pathlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from ondol.cli.connection import System, connected
from ondol.cli.terminal import add_common, print_json, table
from services.api.auth import ROLES, hash_of
from shared.errors import SetupError
from shared.infra.database.pool import database, migrate
from shared.infra.database.sql import statements
from shared.settings.parsers import size

_SQL = statements("accounts")
_ACTIONS = ("create", "list", "change", "revoke")
_KEY_IN_FILE = re.compile(r"[!-~]{32,128}", re.ASCII)
_DAYS = re.compile(r"([1-9][0-9]{0,4})d")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol keys`."""
    parser.add_argument("action", choices=_ACTIONS, help="create, list, change or revoke")
    parser.add_argument("name", nargs="?", help="name of a new key, or id of the key to change or revoke")
    parser.add_argument(
        "--role",
        choices=ROLES,
        help="user; operator, which may also post opening quotes; or admin, which may also start warm runs and read "
        "/metrics (default user)",
    )
    parser.add_argument(
        "--expires",
        type=_expiry,
        metavar="DAY",
        help="last day of validity in Seoul (2027-03-31), a number of days (90d), or never (default never)",
    )
    parser.add_argument(
        "--rate-limit",
        dest="rate_limit",
        type=float,
        metavar="N",
        help="requests per minute, 0: unlimited (default ONDOL_RATE_LIMIT_PER_MINUTE)",
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        metavar="N",
        help="unfinished backtests, 0: unlimited (default ONDOL_MAX_OPEN_BACKTESTS)",
    )
    parser.add_argument(
        "--daily-bytes",
        dest="daily_bytes",
        type=_size,
        metavar="SIZE",
        help="bytes of results that the key may store on a day in Seoul, such as 512MiB, 0: unlimited "
        "(default ONDOL_DAILY_RESULT_BYTES)",
    )
    parser.add_argument(
        "--key-file",
        dest="key_file",
        type=pathlib.Path,
        metavar="FILE",
        help="create: store the key in FILE instead of making one; nothing changes when it is stored already",
    )
    add_common(parser)


def _size(text: str) -> int:
    """Return the bytes of a size; raise ArgumentTypeError for another text."""
    try:
        number: int = size(0)(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 512MiB, 4GiB or 0") from None
    return number


def _expiry(text: str) -> str | int:
    """Return `never`, a number of days, or a day in ISO format; raise ArgumentTypeError for another text."""
    if text == "never":
        return text
    if found := _DAYS.fullmatch(text):
        return int(found[1])
    try:
        return dt.date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no day such as 2027-03-31, number of days such as 90d, or never"
        ) from None


def expires_at(expiry: str | int | None, now: dt.datetime) -> dt.datetime | None:
    """Return when a key expires: the end of the day in Seoul, or so many days from now; None: never."""
    if expiry is None or expiry == "never":
        return None
    if isinstance(expiry, int):
        return now + dt.timedelta(days=expiry)
    seoul = dt.timezone(dt.timedelta(hours=9))
    end = dt.datetime.combine(dt.date.fromisoformat(expiry), dt.time(), seoul) + dt.timedelta(days=1)
    if end <= now:
        raise SetupError(f"A key that expires on {expiry} would be expired already; name a later day.")
    return end


def main(args: argparse.Namespace) -> int:
    """Run the action and print its result."""
    if args.action != "list" and not args.name:
        raise SetupError(f"ondol keys {args.action} needs a {'name' if args.action == 'create' else 'key id'}.")
    if args.action == "create" and not args.name.isprintable():
        raise SetupError("The name of a key may have printable characters only.")
    if args.key_file and args.action != "create":
        raise SetupError(f"--key-file belongs to `ondol keys create`, not to `ondol keys {args.action}`.")
    for option, value in (("--rate-limit", args.rate_limit), ("--concurrency", args.concurrency)):
        if value is not None and not 0 <= value <= 1e6:
            raise SetupError(f"{option} must be from 0 to 1000000.")
    outcome = asyncio.run(_keys(args))
    if args.json:
        print_json(outcome)
    elif args.key_file:
        change = "is stored" if outcome["stored"] else "was stored before and is unchanged"
        print(f"the key in {args.key_file} {change} (id {outcome['id']})")
    elif args.action == "create":
        print(
            f"{outcome['key']}\nthis key (id {outcome['id']}) is printed once; send it as `Authorization: Bearer <key>`"
        )
    elif args.action == "list":
        heads = [
            "id",
            "name",
            "role",
            "created",
            "expires",
            "last used",
            "requests/min",
            "open",
            "bytes a day",
            "stored today",
            "state",
        ]
        print(table(heads, [_row(key) for key in outcome]))
    else:
        print(f"key {outcome['id']} is {'revoked' if args.action == 'revoke' else 'changed'}")
    return 0


def _row(key: Mapping[str, Any]) -> list[str]:
    def limit(value: float | None) -> str:
        return "default" if value is None else "unlimited" if value == 0 else f"{value:g}"

    now = dt.datetime.now(dt.UTC)
    expired = key["expires_at"] is not None and key["expires_at"] <= now
    return [
        key["id"], key["name"], key["role"], f"{key['created_at']:%Y-%m-%d}",
        "never" if key["expires_at"] is None else f"{key['expires_at'] - dt.timedelta(seconds=1):%Y-%m-%d}",
        "never" if key["last_used_at"] is None else f"{key['last_used_at']:%Y-%m-%d %H:%M}",
        limit(key["rate_limit"]), limit(key["concurrency"]),
        "default" if key["daily_bytes"] is None else f"{key['daily_bytes']:,}" if key["daily_bytes"] else "unlimited",
        f"{key['stored_today']:,}",
        "revoked" if key["revoked_at"] else "expired" if expired else "valid",
    ]  # fmt: skip


async def _keys(args: argparse.Namespace) -> Any:
    async with connected(args, "keys") as system:
        await migrate(system.settings.database_url or "")
        return await _act(args, system)


async def _act(args: argparse.Namespace, system: System) -> Any:
    expiry = expires_at(args.expires, dt.datetime.now(dt.UTC))
    async with database(system.settings.database_url or "", size=1) as pool, pool.connection() as connection:
        if args.action == "list":
            return [dict(row) for row in await connection.fetch(_SQL["select_keys"])]
        if args.action == "revoke":
            if await connection.fetchval(_SQL["revoke_key"], args.name) is None:
                raise _no_key(args.name)
            return {"id": args.name, "revoked": True}
        if args.action == "change":
            values = (args.role, args.rate_limit, args.concurrency)
            if all(value is None for value in (*values, args.expires, args.daily_bytes)):
                raise SetupError(
                    "Name what to change: --role, --expires, --rate-limit, --concurrency or --daily-bytes."
                )
            flagged = [part for value in values for part in (value is not None, value)]
            found = await connection.fetchval(
                _SQL["change_key"], args.name, *flagged, args.expires is not None, expiry, args.daily_bytes is not None,
                args.daily_bytes,
            )  # fmt: skip
            if found is None:
                raise _no_key(args.name)
            return {"id": args.name, "changed": True}
        key, number = _key(args.key_file), "key_" + secrets.token_hex(6)
        role = args.role or "user"
        limits = (args.rate_limit, args.concurrency)
        created = await connection.fetchval(
            _SQL["insert_key"], number, args.name, hash_of(key), *limits, role, expiry, args.daily_bytes
        )  # fmt: skip
        if args.key_file:
            row = await connection.fetchrow(_SQL["select_key_of_hash"], hash_of(key))
            if row["revoked_at"] is not None:
                raise SetupError(f"The key in {args.key_file} is revoked (id {row['id']}); write another into it.")
            return {"id": row["id"], "name": row["name"], "role": row["role"], "stored": created is not None}
        return {"id": number, "name": args.name, "role": role, "expires_at": expiry, "key": key}


def _key(file: pathlib.Path | None) -> str:
    """Return a new key, or that of a file; raise SetupError when the file has none that is hard enough to guess."""
    if file is None:
        return "ondol_" + secrets.token_urlsafe(32)
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"The key file {file} cannot be read: {error}.") from error
    if not _KEY_IN_FILE.fullmatch(key):
        raise SetupError(f"The key in {file} must have 32 to 128 printable ASCII characters without spaces.")
    return key


def _no_key(name: str) -> SetupError:
    return SetupError(f"No valid key has the id {name}; see `ondol keys list`.")
