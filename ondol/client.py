"""A small HTTP client of the API: requests of the verbs, and problem documents as one sentence."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from ondol.connect import api
from shared.contracts.http import ENDED
from shared.errors import OndolError, SetupError


class AnswerError(OndolError):
    """The API refused: what its problem document says."""


class Client:
    """Calls of one API."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(
        self, method: str, path: str, *, body: Any = None, wait_s: int = 0, query: dict[str, str] | None = None
    ) -> Any:
        """The JSON of an answer; AnswerError with the problem's words when it is not a success."""
        headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
        try:
            async with self._session.request(method, path, json=body, headers=headers, params=query) as answer:
                found = await answer.json(content_type=None)
                if answer.status >= 400:
                    raise AnswerError(problem(found))
                return found
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SetupError(
                f"The API at {self._session._base_url} does not answer ({error}); is `ondol serve` running?"
            ) from error

    async def run(self, body: Any) -> dict[str, Any]:
        """Run a backtest to its end and return its document."""
        found: dict[str, Any] = await self.call("POST", "/v1/backtests", body=body, wait_s=30)
        while found["status"] not in ENDED:
            await asyncio.sleep(0.2)
            found = await self.call("GET", f"/v1/backtests/{found['id']}")
        return found


def problem(document: Any) -> str:
    """A problem document as one sentence."""
    if not isinstance(document, dict):
        return "The API answered with something that is no problem document."
    errors = [_place(e) + str(e.get("message", "")) for e in document.get("errors") or []]
    detail = str(document.get("detail") or document.get("title") or "The request was refused.")
    return detail if not errors else f"{document.get('title', 'The request has mistakes')}: " + "; ".join(errors)


def _place(error: dict[str, Any]) -> str:
    path = error.get("path") or ""
    position = f" (line {error['line']}, column {error['column']})" if error.get("line") else ""
    return f"{path}{position}: " if path or position else ""


@asynccontextmanager
async def client(args: argparse.Namespace, verb: str) -> AsyncIterator[Client]:
    """A client of the API that runs, or of a system that is started for as long as the verb runs."""
    key = args.environment.get("ONDOL_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        api(args, verb) as address,
        aiohttp.ClientSession(address, headers=headers, timeout=aiohttp.ClientTimeout(total=90)) as session,
    ):
        yield Client(session)
