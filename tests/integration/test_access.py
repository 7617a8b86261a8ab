"""Who may use the API: roles and expiry of keys, refused keys, requests through a proxy, and the headers of answers."""

from __future__ import annotations

import asyncio
import datetime as dt
import secrets
from dataclasses import replace

import pytest

from services.api.auth import hash_of, requires_key
from services.api.http.default_headers import DEFAULTS
from shared.errors import SetupError
from shared.infra.database.sql import statements
from shared.settings import Settings
from tests.support.api_helpers import connection_of, prepared, until
from tests.support.system import Client, api_of

__all__ = ["prepared"]

SQL = statements("accounts")


async def new_key(settings: Settings, role: str = "user", expires_at: dt.datetime | None = None) -> dict[str, str]:
    key = "ondol_" + secrets.token_urlsafe(32)
    async with connection_of(settings) as connection:
        name = "key_" + secrets.token_hex(4)
        await connection.execute(SQL["insert_key"], name, name, hash_of(key), None, None, role, expires_at, None)
    return {"Authorization": f"Bearer {key}"}


async def code_of(client: Client, method: str, path: str, **headers: str) -> tuple[int, str]:
    status, document, _ = await client.call(method, path, **headers)
    return status, document.get("code", "") if isinstance(document, dict) else ""


async def test_roles_decide_who_may_warm_and_read_metrics(prepared: Settings) -> None:
    user, admin = await new_key(prepared), await new_key(prepared, "admin")
    async with api_of(replace(prepared, require_key="true")) as client:
        for path in ("/metrics", "/openapi.json", "/docs", "/v1/factors"):
            assert await code_of(client, "GET", path) == (401, "key_missing")
        assert await code_of(client, "GET", "/healthz") == (200, "")
        assert await code_of(client, "GET", "/metrics", **user) == (403, "role_missing")
        assert await code_of(client, "POST", "/v1/warm-runs", **user) == (403, "role_missing")
        for key, startable in ((user, False), (admin, True)):
            assert (await client.call("GET", "/v1/warm-runs", None, **key))[1]["startable"] is startable
        assert (await code_of(client, "GET", "/openapi.json", **user))[0] == 200
        assert (await code_of(client, "GET", "/metrics", **admin))[0] == 200
        assert (await code_of(client, "POST", "/v1/warm-runs", **admin))[0] == 202
    opened = replace(prepared, require_key="true", open_metrics=True, open_description=True)
    async with api_of(opened) as client:
        for path in ("/metrics", "/openapi.json", "/docs"):
            assert (await code_of(client, "GET", path))[0] == 200


async def test_an_expired_key_is_refused_and_use_is_recorded(prepared: Settings) -> None:
    now = dt.datetime.now(dt.UTC)
    expired = await new_key(prepared, expires_at=now - dt.timedelta(seconds=1))
    valid = await new_key(prepared, expires_at=now + dt.timedelta(days=1))
    async with api_of(prepared) as client:
        assert await code_of(client, "GET", "/v1/factors", **expired) == (401, "key_unknown")
        assert (await code_of(client, "GET", "/v1/factors", **valid))[0] == 200
        await client.api.authenticator.keys.record_use()
        async with connection_of(prepared) as connection:
            used = [row["last_used_at"] for row in await connection.fetch(SQL["select_keys"]) if row["last_used_at"]]
        assert [moment >= now for moment in used] == [True]


async def test_a_changed_key_has_its_new_role_soon(prepared: Settings) -> None:
    user = await new_key(prepared)
    async with api_of(prepared) as client:
        assert (await code_of(client, "GET", "/metrics", **user))[0] == 403
        async with connection_of(prepared) as connection:
            row = (await connection.fetch(SQL["select_keys"]))[-1]
            values = (True, "admin", False, None, True, 3, False, None, False, None)
            assert await connection.fetchval(SQL["change_key"], row["id"], *values) == row["id"]

        async def is_admin() -> bool:
            return (await code_of(client, "GET", "/metrics", **user))[0] == 200

        assert await until(is_admin, "the changed role")


async def test_unknown_keys_cost_no_query_each_and_are_limited(prepared: Settings) -> None:
    key = await new_key(prepared)
    async with api_of(replace(prepared, refused_keys_per_minute=20)) as client:
        assert (await code_of(client, "GET", "/v1/factors", **key))[0] == 200
        table = client.api.authenticator.keys
        reads, read = [0], table._read

        async def counted() -> None:
            reads[0] += 1
            await read()

        table._read = counted  # type: ignore[method-assign]
        wrong = [{"Authorization": f"Bearer ondol_{secrets.token_urlsafe(32)}"} for _ in range(60)]
        answers = await asyncio.gather(*(code_of(client, "GET", "/v1/factors", **each) for each in wrong))
        assert {status for status, _ in answers} == {401, 429}
        assert sum(status == 401 for status, _ in answers) <= 21
        assert reads[0] <= 3
        assert (await code_of(client, "GET", "/v1/factors", **key))[0] == 200


async def test_a_forwarded_request_needs_a_key(prepared: Settings) -> None:
    async with api_of(prepared) as client:
        assert (await code_of(client, "GET", "/v1/factors"))[0] == 200
        for headers in ({"X_Forwarded_For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X_Real_IP": "::1"}):
            assert await code_of(client, "GET", "/v1/factors", **headers) == (401, "key_missing")


async def test_every_answer_has_the_security_headers(prepared: Settings) -> None:
    async with api_of(prepared) as client:
        for method, path, headers in (
            ("GET", "/v1/factors", {}), ("GET", "/v1/none", {}), ("GET", "/", {}), ("GET", "/docs", {}),
            ("GET", "/metrics", {}), ("POST", "/v1/backtests", {"Origin": "https://evil.example"}),
            ("GET", "/healthz", {"Host": "evil.example"}),
            ("OPTIONS", "/v1/backtests", {}), ("GET", "/v1/factors", {"Accept_Encoding": "identity;q=0"}),
        ):  # fmt: skip
            status, _, answered = await client.call(method, path, **headers)
            assert set(DEFAULTS) <= set(answered), (path, status, set(DEFAULTS) - set(answered))
            assert answered["X-Frame-Options"] == "DENY"
            if path != "/":
                assert answered["Cache-Control"] == "no-store"


async def test_texts_with_control_characters_are_refused(prepared: Settings) -> None:
    async with api_of(prepared) as client:
        for text in ("\x1b[2J", "a\x7fb", "\u009bm", "\u202eabc", "\x00"):
            body = {"id": "a", "name": text, "strategy": {"buy": {"where": "PER < 3"}}}
            status, problem, _ = await client.call("POST", "/v1/strategies", body)
            assert (status, problem["errors"][0]["code"]) == (422, "control_character"), text
            assert problem["errors"][0]["path"] == "name"
        body = {"id": "lines", "name": "한글 이름", "summary": "a\nb", "strategy": {"buy": {"where": "PER < 3"}}}
        assert (await client.call("POST", "/v1/strategies", body))[0] == 201


@pytest.mark.parametrize(
    ("host", "setting", "needed"),
    [("127.0.0.1", "auto", False), ("127.0.0.1", "true", True), ("127.0.0.1", "false", False), ("::1", "auto", False),
     ("10.0.0.1", "auto", True), ("::", "true", True)],
)  # fmt: skip
def test_keys_are_required_beyond_loopback(host: str, setting: str, *, needed: bool) -> None:
    assert requires_key(Settings(api_host=host, require_key=setting)) is needed


def test_no_keys_beyond_loopback_is_refused() -> None:
    with pytest.raises(SetupError, match="ONDOL_REQUIRE_KEY"):
        requires_key(Settings(api_host="0.0.0.0", require_key="false"))  # noqa: S104
