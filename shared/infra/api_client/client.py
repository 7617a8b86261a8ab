"""The client of the public HTTP API: one request with retries, backtests to their end, events, downloads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, TypeVar

import aiohttp
import orjson

from shared.contracts.http import ENDED, JSON, MAX_WAIT_S, ORIGIN_HEADER
from shared.infra.api_client.errors import (
    ApiError,
    RunCancelled,
    RunFailed,
    Unavailable,
    WaitTimeout,
    api_error,
)
from shared.infra.api_client.retry import RETRY_STATUSES, Attempts, RetryPolicy, retry_after
from shared.infra.api_client.sse import ServerEvent, parse_events

T = TypeVar("T")

RESPONSE_TIMEOUT_S: Final = 90.0
"""Longest time of one response, event streams and downloads excepted."""
SILENCE_S: Final = 30.0
"""An event stream without data or comments for this long is lost; it is resumed."""
CONNECT_S: Final = 5.0
FIRST_POLL_S: Final = 0.1
MAX_POLL_S: Final = 1.0
SHORT_WAIT_S: Final = 1
"""`Prefer: wait` of a run whose progress is shown."""

LOST: Final = (aiohttp.ClientError, TimeoutError, OSError)
Progress = Callable[[Mapping[str, Any]], None]


class ApiClient:
    """A client of one API over an aiohttp session.

    `origin` is the origin of its requests in metrics, `key` authenticates them, `language` is the language of messages
    (`ko` or `en`). Methods raise ApiError when the API refuses a request and Unavailable when it does not answer.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        key: str | None = None,
        origin: str | None = None,
        language: str | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._session = session
        self._policy = policy or RetryPolicy()
        named = {
            "Authorization": key and f"Bearer {key}",
            ORIGIN_HEADER: origin,
            "Accept-Language": language,
        }
        self._headers = {name: value for name, value in named.items() if value}
        self._reached = False

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: Collection[int] = (),
        repeatable: bool | None = None,
    ) -> Any:
        """Return the JSON document of a response, None without a body.

        Statuses in `accepted` are no errors. Busy and refused connections are retried always, lost ones when the
        request is `repeatable` (default: every method but POST).
        """
        return await self._send(
            method, path, self._document, body=body, query=query, headers=headers, accepted=accepted,
            repeatable=repeatable,
        )  # fmt: skip

    async def text(self, path: str) -> str:
        """Return the text of a response."""
        return await self._send("GET", path, lambda response: response.text())

    async def download(self, path: str, *, query: Mapping[str, object] | None = None) -> bytes:
        """Return the whole body of a response; one that is cut is requested again."""
        return await self._send("GET", path, lambda response: response.read(), query=query)

    @asynccontextmanager
    async def opened(
        self, path: str, *, query: Mapping[str, object] | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the pieces of a large body; raise Unavailable when it is cut, since what was read cannot be unread."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=RESPONSE_TIMEOUT_S)
        response = await self._send("GET", path, _itself, query=query, timeout=limits, release=False)
        try:
            yield response.content.iter_any()
        except LOST as error:
            raise Unavailable(f"{self.url} stopped in the middle of {path} ({_text(error)}); try again.") from error
        finally:
            response.release()

    async def run(
        self,
        body: Mapping[str, Any],
        *,
        no_store: bool = False,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
        on_progress: Progress | None = None,
        query: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Submit a backtest, wait for its end and return its document.

        An `idempotency_key` makes repeated attempts one backtest; `query` chooses parts and format of the result
        (`{"format": "columns"}`). Raises RunFailed and RunCancelled, and WaitTimeout when it has not ended after
        `timeout_s`.
        """
        wait_s = min(SHORT_WAIT_S if on_progress else MAX_WAIT_S, timeout_s or MAX_WAIT_S)
        began = self._policy.clock.now()
        document = await self.submit(
            body, no_store=no_store, idempotency_key=idempotency_key, wait_s=int(wait_s), query=query
        )
        left = None if timeout_s is None else timeout_s - (self._policy.clock.now() - began)
        return await self.ended(document, timeout_s=left, on_progress=on_progress, query=query)

    async def submit(
        self,
        body: Mapping[str, Any],
        *,
        no_store: bool = False,
        idempotency_key: str | None = None,
        wait_s: int = 0,
        query: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Submit a backtest and return its document, which has ended when it ended within `wait_s`."""
        named = {
            "Prefer": f"wait={wait_s}" if wait_s else None,
            "Idempotency-Key": idempotency_key,
            "Cache-Control": "no-store" if no_store else None,
        }
        headers = {name: value for name, value in named.items() if value}
        document: dict[str, Any] = await self.call(
            "POST", "/v1/backtests", body=body, query=query, headers=headers, repeatable=True
        )
        return document

    async def ended(
        self,
        document: Mapping[str, Any],
        *,
        timeout_s: float | None = None,
        on_progress: Progress | None = None,
        query: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        """Return the document of a backtest once it is completed; poll until then."""
        clock = self._policy.clock
        deadline = None if timeout_s is None else clock.now() + timeout_s
        pause = FIRST_POLL_S
        while document["status"] not in ENDED:
            if on_progress is not None:
                on_progress(document)
            if deadline is not None and clock.now() + pause > deadline:
                raise WaitTimeout(document, timeout_s or 0.0)
            await clock.sleep(pause)
            pause = min(1.5 * pause, MAX_POLL_S)
            document = await self.call("GET", f"/v1/backtests/{document['id']}", query=query)
        if on_progress is not None:
            on_progress(document)
        if document["status"] == "failed":
            raise RunFailed(document)
        if document["status"] == "cancelled":
            raise RunCancelled(document)
        return dict(document)

    async def events(
        self, path: str, *, after: str | None = None, ends: Collection[str] = ENDED
    ) -> AsyncIterator[ServerEvent]:
        """Yield server-sent events up to one whose kind is in `ends`; a lost stream is resumed after its last event.

        A stream that ends before that, or answers that the API is busy, is resumed too. Raises Unavailable when no
        event can be had for as long as the policy allows.
        """
        attempts = Attempts(self._policy)
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        while True:
            wanted: float | None = None
            headers = self._headers | ({"Last-Event-ID": after} if after else {})
            try:
                async with self._session.get(self.url + path, headers=headers, timeout=limits) as response:
                    self._reached = True
                    if response.status >= 400:
                        error = await self._error(response)
                        if response.status not in RETRY_STATUSES:
                            raise error
                        reason, wanted = error.reason, error.retry_after_s
                    else:
                        reason = "the stream ended before the last event"
                        async with aclosing(parse_events(response.content.iter_any())) as found:
                            async for event in found:
                                after = event.id or after
                                attempts.restart()
                                yield event
                                if event.kind in ends:
                                    return
            except LOST as lost:
                reason = _text(lost)
            pause = attempts.pause(wanted, reached=self._reached)
            if pause is None:
                raise Unavailable(self._unavailable(reason))
            await self._policy.clock.sleep(pause)

    async def _send(
        self,
        method: str,
        path: str,
        read: Callable[[aiohttp.ClientResponse], Awaitable[T]],
        *,
        body: Any = None,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        accepted: Collection[int] = (),
        repeatable: bool | None = None,
        timeout: aiohttp.ClientTimeout | None = None,  # noqa: ASYNC109  what aiohttp calls it
        release: bool = True,
    ) -> T:
        attempts = Attempts(self._policy)
        data = None if body is None else orjson.dumps(body)
        sent = {**self._headers, **(headers or {})} | ({"Content-Type": JSON} if data is not None else {})
        texts = {name: str(value) for name, value in (query or {}).items() if value is not None}
        limits = timeout or aiohttp.ClientTimeout(total=RESPONSE_TIMEOUT_S, sock_connect=CONNECT_S)
        repeats_lost = method != "POST" if repeatable is None else repeatable
        while True:
            error: ApiError | Unavailable
            wanted: float | None = None
            try:
                response = await self._session.request(
                    method, self.url + path, data=data, headers=sent, params=texts, timeout=limits
                )
                self._reached = True
                try:
                    if response.status < 400 or response.status in accepted:
                        found = await read(response)
                        if not release:
                            return found
                        response.release()
                        return found
                    refused = await self._error(response)
                except BaseException:
                    response.close()
                    raise
                response.release()
                if response.status not in RETRY_STATUSES:
                    raise refused
                busy = response.status == 429
                error = refused if busy else Unavailable(self._unavailable(refused.reason))
                wanted = refused.retry_after_s
            except LOST as lost:
                error = Unavailable(self._unavailable(_text(lost)))
                error.__cause__ = lost
                if not repeats_lost and not isinstance(lost, aiohttp.ClientConnectorError):
                    raise error from lost
            pause = attempts.pause(wanted, reached=self._reached)
            if pause is None:
                raise error
            await self._policy.clock.sleep(pause)

    async def _document(self, response: aiohttp.ClientResponse) -> Any:
        content = await response.read()
        if not content:
            return None
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            raise self._no_json(response.status) from None

    async def _error(self, response: aiohttp.ClientResponse) -> ApiError:
        after = retry_after(response.headers.get("Retry-After"), self._policy.clock.utc())
        try:
            document = orjson.loads(await response.read())
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            detail = self._no_json(response.status).detail
            document = {"title": "No problem document", "status": response.status, "detail": detail}
        return api_error(response.status, document, after)

    def _no_json(self, status: int) -> ApiError:
        detail = f"{self.url} is not an Ondol API (status {status}, not JSON)."
        return ApiError(status, {"title": "No Ondol API", "status": status, "detail": detail, "code": "no_ondol_api"})

    def _unavailable(self, reason: str) -> str:
        return f"The API at {self.url} is unavailable ({reason}); is `ondol serve` running?"


async def _itself(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    return response


def _text(error: BaseException) -> str:
    return str(error) or type(error).__name__


@asynccontextmanager
async def connected(
    url: str,
    *,
    key: str | None = None,
    origin: str | None = None,
    language: str | None = None,
    policy: RetryPolicy | None = None,
) -> AsyncIterator[ApiClient]:
    """Yield a client with a session of its own."""
    async with aiohttp.ClientSession() as session:
        yield ApiClient(session, url, key=key, origin=origin, language=language, policy=policy)
    await asyncio.sleep(0)  # aiohttp closes transports in the next iteration of the loop
