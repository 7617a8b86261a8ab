"""`ondol keys create --key-file`: the keys of services, which are in a file before the database knows them."""

from __future__ import annotations

import asyncio
import os
import pathlib
import sys
from dataclasses import replace

import orjson

from services.api.auth import hash_of
from shared.settings import Settings
from tests.support.api_helpers import connection_of, prepared
from tests.support.system import api_of

__all__ = ["prepared"]

KEY = "ondol_0123456789abcdefghijklmnopqrstuv"


async def _keys(settings: Settings, *words: str | pathlib.Path) -> tuple[int, str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONDOL_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ondol", "keys", *map(str, words), env=environment | settings.to_environment(),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def test_a_key_of_a_file_is_stored_once(prepared: Settings, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "warmer_key"
    file.write_text(f"{KEY}\n", encoding="utf-8")
    create = ("create", "warmer", "--role", "admin", "--rate-limit", "0", "--concurrency", "0", "--key-file", file)
    code, output, errors = await _keys(prepared, *create, "--json")
    assert code == 0, errors
    first = orjson.loads(output)
    assert first["stored"] is True
    assert KEY not in output
    code, output, _ = await _keys(prepared, *create, "--json")
    assert (code, orjson.loads(output)) == (0, first | {"stored": False})
    async with connection_of(prepared) as connection:
        rows = await connection.fetch("select role, rate_limit from api_key where hash = $1", hash_of(KEY))
    assert [tuple(row) for row in rows] == [("admin", 0)]
    async with api_of(replace(prepared, require_key="true")) as client:
        status, _, _ = await client.call("GET", "/metrics", Authorization=f"Bearer {KEY}")
        assert status == 200
    assert (await _keys(prepared, "revoke", first["id"]))[0] == 0
    code, _, errors = await _keys(prepared, *create)
    assert code == 2
    assert f"is revoked (id {first['id']}); write another into it." in errors


async def test_a_weak_or_missing_key_file_is_refused(prepared: Settings, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "key"
    file.write_text("", encoding="utf-8")
    code, _, errors = await _keys(prepared, "create", "warmer", "--key-file", file)
    assert (code, "must have 32 to 128 printable ASCII characters" in errors) == (2, True)
    code, _, errors = await _keys(prepared, "create", "warmer", "--key-file", tmp_path / "absent")
    assert (code, "cannot be read" in errors) == (2, True)
    code, _, errors = await _keys(prepared, "list", "--key-file", file)
    assert (code, "belongs to `ondol keys create`" in errors) == (2, True)
