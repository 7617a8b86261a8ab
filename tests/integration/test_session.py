"""The session cookie of the web application."""

from __future__ import annotations

from shared.settings import Settings
from tests.integration.test_backtests_of_keys import make_key
from tests.support.api_helpers import prepared, submit
from tests.support.api_with_market import request
from tests.support.system import api_of, simulator

__all__ = ["prepared"]

SAME = {"Sec-Fetch-Site": "same-origin"}


async def test_cookie_calls_the_api_as_its_key_but_not_across_sites(prepared: Settings) -> None:
    authorization = await make_key(prepared, "page")
    async with api_of(prepared) as client, simulator(prepared):
        mine = (await submit(client, request(), Prefer="wait=30", Authorization=authorization))["id"]
        status, _, headers = await client.call("POST", "/v1/session", {"key": authorization.removeprefix("Bearer ")})
        assert status == 204
        cookie = headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        sent = {"Cookie": cookie.split(";")[0]}
        assert (await client.call("GET", f"/v1/backtests/{mine}", **sent, **SAME))[0] == 200
        assert (await client.call("GET", f"/v1/backtests/{mine}"))[0] == 404
        status, problem, _ = await client.call(
            "DELETE", f"/v1/backtests/{mine}", **sent, **{"Sec-Fetch-Site": "cross-site"}
        )
        assert (status, problem["code"]) == (403, "cross_origin")
        status, problem, _ = await client.call("POST", "/v1/session", {"key": "ondol_unknown"})
        assert (status, problem["code"]) == (401, "key_unknown")
        status, _, headers = await client.call("DELETE", "/v1/session")
        assert status == 204
        assert "Max-Age=0" in headers["Set-Cookie"]
