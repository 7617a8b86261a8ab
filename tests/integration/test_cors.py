"""Web pages of other hosts: the origins that ONDOL_CORS_ORIGINS lists may read answers, others may not."""

from __future__ import annotations

from dataclasses import replace

from ondol.local import embedded_servers
from tests.integration.test_answers import PAGE, raw
from tests.support.servers import fresh_settings
from tests.support.system import api_of


async def test_pages_of_listed_origins_may_read_answers(servers: embedded_servers.Servers) -> None:
    async with fresh_settings(servers) as settings, api_of(replace(settings, cors_origins=(PAGE,))) as client:
        for path in ("/v1/factors", "/v1/backtests/x", "/healthz"):
            _, _, headers = await raw(client, path, Origin=PAGE)
            assert headers["Access-Control-Allow-Origin"] == PAGE
            assert "Origin" in headers["Vary"]
            for other in ("https://evil.example", "null", PAGE + ".evil.example"):
                _, _, headers = await raw(client, path, Origin=other)
                assert "Access-Control-Allow-Origin" not in headers
                assert "Origin" in headers["Vary"]
        preflight = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
        status, _, headers = await raw(client, "/v1/backtests", "OPTIONS", Origin=PAGE, **preflight)
        assert (status, headers["Access-Control-Allow-Origin"]) == (204, PAGE)
        assert {"GET", "POST"} <= set(headers["Access-Control-Allow-Methods"].split(", "))
        assert {"Authorization", "Content-Type", "Prefer"} <= set(headers["Access-Control-Allow-Headers"].split(", "))
