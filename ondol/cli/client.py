"""A small HTTP client of the API: requests of the commands, and problem documents as one sentence."""

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

SILENCE_S = 90
"""No answer takes longer, but event streams and downloads."""


class AnswerError(OndolError):
    """The API refused: what its problem document says."""


class Client:
    """Calls of one API."""

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
        """An answer whose body is not read yet; AnswerError with the problem's words when it is neither a success nor
        one of the statuses that are accepted.
        """
        texts = {name: str(value) for name, value in (query or {}).items() if value is not None}
        limits = timeout or aiohttp.ClientTimeout(total=SILENCE_S)
        try:
            async with self._session.request(
                method, path, json=body, headers=headers, params=texts, timeout=limits
            ) as answer:
                if answer.status >= 400 and answer.status not in accepted:
                    raise AnswerError(problem(await _document(answer)))
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SetupError(
                f"The API at {self._session._base_url} does not answer ({str(error) or type(error).__name__}); "
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
        """The JSON of an answer, None when it has no body; AnswerError when it is not a success."""
        named = dict(headers or {}) | ({"Prefer": f"wait={wait_s}"} if wait_s else {})
        async with self.opened(method, path, body=body, query=query, headers=named, accepted=accepted) as answer:
            return None if answer.status == 204 else await _document(answer)

    async def run(self, body: Any, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Run a backtest to its end and return its document."""
        found: dict[str, Any] = await self.call("POST", "/v1/backtests", body=body, wait_s=30, headers=headers)
        while found["status"] not in ENDED:
            await asyncio.sleep(0.2)
            found = await self.call("GET", f"/v1/backtests/{found['id']}")
        return found


async def _document(answer: aiohttp.ClientResponse) -> Any:
    try:
        return await answer.json(content_type=None)
    except ValueError:
        raise AnswerError(f"{answer.url.origin()} is no API of Ondol (it answers {answer.status}).") from None


def problem(document: Any) -> str:
    """A problem document as one sentence."""
    if not isinstance(document, dict):
        return "The API answered with something that is no problem document."
    errors = [_place(e) + str(e.get("message", "")) for e in document.get("errors") or []]
    detail = str(document.get("detail") or document.get("title") or "The request was refused.")
    return detail if not errors else f"{document.get('title', 'Invalid request')}: " + "; ".join(errors)


def _place(error: dict[str, Any]) -> str:
    path = error.get("path") or ""
    position = f" (line {error['line']}, column {error['column']})" if error.get("line") else ""
    return f"{path}{position}: " if path or position else ""


@asynccontextmanager
async def client(args: argparse.Namespace, command: str) -> AsyncIterator[Client]:
    """A client of the API that runs, or of a system that is started for as long as the command runs."""
    key = getattr(args, "api_key", None) or args.settings.api_key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with api(args, command) as address, aiohttp.ClientSession(address, headers=headers) as session:
        yield Client(session)
