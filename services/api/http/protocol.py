"""Connections below the routes: bytes that are no request get a problem document, and a request must come in time.

aiohttp answers what its parser refuses by itself, in plain text, and leaves a half-sent request open as long as an idle
connection. Both are its `RequestHandler`'s business, so this is one: `handle_error` and `finish_response` write problem
documents, and `data_received` sets a deadline from the first byte of a request to the end of its headers. Idle
connections, bodies, event streams and waiting answers have deadlines of their own and are not touched by it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, InvalidHeader, InvalidURLError, LineTooLong
from aiohttp.web_request import BaseRequest

from services.api.errors import ApiProblem, problem_response
from shared.contracts.http import PROBLEM

HEAD_S = 10.0
"""From the first byte of a request to the end of its headers."""
IDLE_S = 75.0
"""A connection that asks for nothing is let go."""
LINE_BYTES = 256 * 1024
"""Two expressions of the greatest length in any script, percent-encoded, fit into a request line."""
HEADER_BYTES = 16 * 1024
HEADERS = 128

_CLOSE = {"Connection": "close"}
_REMEDY = "Send HTTP/1.1: a request line such as `GET /v1/factors HTTP/1.1`, headers, an empty line; see /docs."


def malformed(error: HttpProcessingError) -> ApiProblem:
    """What is wrong with bytes that are no request, and the remedy; none of the bytes are repeated."""
    if isinstance(error, LineTooLong):
        if error.args[1:2] == (LINE_BYTES,):
            detail = f"The request line may have {LINE_BYTES} bytes; send what is longer in the body of a POST."
            return ApiProblem(414, "head-too-large", detail, headers=_CLOSE)
        return ApiProblem(431, "head-too-large", f"A header may have {HEADER_BYTES} bytes.", headers=_CLOSE)
    reason = _reason(error)
    if reason.startswith("Too many headers"):
        return ApiProblem(431, "head-too-large", f"A request may have {HEADERS} headers.", headers=_CLOSE)
    return ApiProblem(400, "malformed-request", f"{reason}. {_REMEDY}", headers=_CLOSE)


def _reason(error: HttpProcessingError) -> str:
    """The parser's words, without the bytes that it shows."""
    if isinstance(error, InvalidHeader):
        return "A header is malformed"
    if isinstance(error, InvalidURLError):
        return "The request line names no path"
    said = [line.strip(" :.") for line in error.message.splitlines()]
    found = next((line for line in said if line and line != "Bad status line"), "The parser refuses the bytes")
    if "HTTPS" in found:
        return "These bytes begin a TLS connection, and this port speaks plain HTTP: use http://"
    return "These bytes begin HTTP/2, and this port speaks HTTP/1.1" if "PRI" in found else found


class Connection(web.RequestHandler):
    """One connection of a caller."""

    __slots__ = ("_deadline", "_head_s")

    def __init__(self, manager: web.Server, *, head_s: float, **more: Any) -> None:
        super().__init__(manager, **more)
        self._head_s = head_s
        self._deadline: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Bytes of the caller; they have to become a request in time."""
        before = self._request_count
        super().data_received(data)
        if self._request_count != before or not self._waits():
            self._in_time()
            self._break_body()
        elif self._deadline is None and data.strip(b"\r\n"):
            self._deadline = self._loop.call_later(self._head_s, self._too_slow)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nothing is waited for any more."""
        self._in_time()
        super().connection_lost(exc)

    def _waits(self) -> bool:
        """No request is being answered, and none is there to be."""
        return self._waiter is not None and not self._waiter.done()

    def _in_time(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if not self._waits() or self.transport is None:
            return
        problem = ApiProblem(
            408, "head-too-slow", f"The request line and the headers did not come within {self._head_s:g} seconds."
        )
        body = orjson.dumps(problem.document())
        head = f"HTTP/1.1 408 Request Timeout\r\nContent-Type: {PROBLEM}\r\nContent-Length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        self.force_close()

    def _break_body(self) -> None:
        """The route that reads a body learns that the rest of it is malformed, instead of waiting for more."""
        last = self._messages[-1][0] if self._messages else None
        error, request = getattr(last, "exc", None), self._current_request
        if isinstance(error, HttpProcessingError) and request is not None and not request.content.is_eof():
            request.content.set_exception(error)

    def log_exception(self, *args: Any, **more: Any) -> None:
        """A line for mistakes of ours; bytes of a stranger that are no request are none."""
        if not isinstance(more.get("exc_info"), HttpProcessingError | web.RequestPayloadError):
            super().log_exception(*args, **more)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to bytes that are no request, or to a mistake outside the routes; the connection ends with it."""
        if isinstance(exc, HttpProcessingError):
            if request.writer.output_size > 0:
                raise ConnectionError("another answer is on its way already")
            return problem_response(malformed(exc))
        super().handle_error(request, status, exc, message)  # logs it, and refuses when something was sent
        detail = "The mistake is ours and is logged; the request may be repeated."
        return problem_response(ApiProblem(500, "internal", detail, headers=_CLOSE))

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; what aiohttp refused before any route was asked becomes a problem document."""
        if isinstance(resp, web.HTTPExpectationFailed):
            detail = "The only expectation that is met is `Expect: 100-continue`; leave the header out."
            resp = problem_response(ApiProblem(417, "expectation-failed", detail, headers=_CLOSE))
        return await super().finish_response(request, resp, start_time)


class Door(web.Server):
    """Makes a `Connection` for each caller."""

    def __call__(self) -> web.RequestHandler:
        """The protocol of a new connection."""
        return Connection(self, loop=self._loop, **self._kwargs)


class Runner(web.AppRunner):
    """Runs an application behind a `Door`."""

    def __init__(
        self, app: web.Application, *, shutdown_timeout: float, head_s: float = HEAD_S, idle_s: float = IDLE_S
    ) -> None:
        super().__init__(app, shutdown_timeout=shutdown_timeout, handler_cancellation=True)
        self._limits: dict[str, Any] = {
            "head_s": head_s, "keepalive_timeout": idle_s, "max_line_size": LINE_BYTES, "max_field_size": HEADER_BYTES,
            "max_headers": HEADERS, "access_log": None,
            "auto_decompress": False,  # an encoded body is refused, and nothing is unpacked before that
        }  # fmt: skip

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        return Door(
            plain.request_handler, request_factory=plain.request_factory,
            handler_cancellation=plain.handler_cancellation, **self._limits,
        )  # fmt: skip
