"""HTTP client of the commands; a problem document becomes the message of an error."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from ondol.cli.connection import api
from shared.contracts.http import ENDED
from shared.errors import OndolError, SetupError

RESPONSE_TIMEOUT_S = 90
"""Longest time of a response, event streams and downloads excepted."""


class RejectedError(OndolError):
    """The API rejected the request; the message is that of its problem document."""


class Client:
    """Requests to one API."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @asynccontextmanager
    async def opened(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: Collection[int] = (),
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109  what aiohttp calls it
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Yield a response whose body is unread.

        Raise RejectedError for a status of 400 or more that is not in `accepted`, SetupError when the API is
        unavailable.
        """
        texts = {name: str(value) for name, value in (query or {}).items() if value is not None}
        limits = timeout or aiohttp.ClientTimeout(total=RESPONSE_TIMEOUT_S)
        try:
            async with self._session.request(
                method, path, json=body, headers=headers, params=texts, timeout=limits
            ) as response:
                if response.status >= 400 and response.status not in accepted:
                    raise RejectedError(problem(await _document(response)))
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SetupError(
                f"The API at {self._session._base_url} is unavailable ({str(error) or type(error).__name__}); "
                "is `ondol serve` running?"
            ) from error

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        wait_s: int = 0,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: Collection[int] = (),
    ) -> Any:
        """Return the JSON of a response, None without a body; raise RejectedError when the request is rejected."""
        named = dict(headers or {}) | ({"Prefer": f"wait={wait_s}"} if wait_s else {})
        async with self.opened(method, path, body=body, query=query, headers=named, accepted=accepted) as response:
            return None if response.status == 204 else await _document(response)

    async def run(self, body: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run a backtest, wait for its end and return its document."""
        document: dict[str, Any] = await self.call("POST", "/v1/backtests", body=body, wait_s=30, headers=headers)
        while document["status"] not in ENDED:
            await asyncio.sleep(0.2)
            document = await self.call("GET", f"/v1/backtests/{document['id']}")
        return document


async def _document(response: aiohttp.ClientResponse) -> Any:
    try:
        return await response.json(content_type=None)
    except ValueError:
        raise RejectedError(
            f"{response.url.origin()} is not an Ondol API (status {response.status}, not JSON)."
        ) from None


def problem(document: Any) -> str:
    """Return a problem document as one line."""
    if not isinstance(document, dict):
        return "The response of the API is not a problem document."
    errors = [_place(e) + str(e.get("message", "")) for e in document.get("errors") or []]
    detail = str(document.get("detail") or document.get("title") or "The request was rejected.")
    return detail if not errors else f"{document.get('title', 'Invalid request')}: " + "; ".join(errors)


def _place(error: dict[str, Any]) -> str:
    path = error.get("path") or ""
    position = f" (line {error['line']}, column {error['column']})" if error.get("line") else ""
    return f"{path}{position}: " if path or position else ""


@asynccontextmanager
async def client(args: argparse.Namespace, command: str) -> AsyncIterator[Client]:
    """Yield a client of the running API, or of a system started for the duration of the command."""
    key = getattr(args, "api_key", None) or args.settings.api_key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with api(args, command) as address, aiohttp.ClientSession(address, headers=headers) as session:
        yield Client(session)
