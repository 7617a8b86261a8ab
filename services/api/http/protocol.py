"""Connections below the routes: a timeout for the head of a request, and problem documents for malformed bytes.

aiohttp leaves a half-sent request open as long as an idle connection, keeps what a client does not receive without a
limit, and answers bytes that its parser rejects in plain text. `StrictRequestHandler` starts a timer with the first
byte of a request and stops it when aiohttp has parsed the head; idle connections, bodies, event streams and waiting
answers have timeouts of their own. Bytes of the next request that arrive before the present one is answered start the
timer with the end of its answer.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import orjson
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, InvalidHeader, InvalidURLError, LineTooLong
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_request import BaseRequest

from services.api.errors import INTERNAL, ApiProblem, problem_response
from services.api.http.default_headers import DEFAULTS, secure
from services.api.http.unsent import HIGH_WATER_BYTES, UnsentBytes
from shared.contracts.http import PROBLEM
from shared.messages import say

HEAD_TIMEOUT_S = 10.0
"""From the first byte of a request to the end of its headers."""
KEEPALIVE_TIMEOUT_S = 75.0
SEND_BUFFER_BYTES = 128 * 1024
"""Buffer of a connection in the kernel, which doubles it; without it one grows to several MiB."""
MAX_LINE_BYTES = 256 * 1024
"""Two expressions of the maximum length in any script, percent-encoded, fit into a request line."""
MAX_HEADER_BYTES = 16 * 1024
MAX_HEADERS = 128

_CLOSE = {"Connection": "close"}


def malformed(error: HttpProcessingError) -> ApiProblem:
    """Return the problem of bytes that are no request; it repeats none of them."""
    if isinstance(error, LineTooLong):
        if error.args[1:2] == (MAX_LINE_BYTES,):
            detail = say("request_line_too_long", limit=MAX_LINE_BYTES)
            return ApiProblem(414, "head-too-large", detail, headers=_CLOSE)
        return ApiProblem(431, "head-too-large", say("header_too_long", limit=MAX_HEADER_BYTES), headers=_CLOSE)
    reason = _reason(error)
    if reason.startswith("Too many headers"):
        return ApiProblem(431, "head-too-large", say("too_many_headers", limit=MAX_HEADERS), headers=_CLOSE)
    return ApiProblem(400, "malformed-request", say("malformed_http", reason=reason), headers=_CLOSE)


def _reason(error: HttpProcessingError) -> str:
    """Return the parser's reason without the bytes that it quotes."""
    if isinstance(error, InvalidHeader):
        return "A header is malformed"
    if isinstance(error, InvalidURLError):
        return "The request line has no path"
    lines = [line.strip(" :.") for line in error.message.splitlines()]
    reason = next((line for line in lines if line and line != "Bad status line"), "The parser rejects the bytes")
    if "HTTPS" in reason:
        return "These bytes begin a TLS connection, and this port speaks plain HTTP: use http://"
    return "These bytes begin HTTP/2, and this port speaks HTTP/1.1" if "PRI" in reason else reason


class StrictRequestHandler(web.RequestHandler):
    """One connection."""

    __slots__ = ("_body", "_has_next", "_head_timeout_s", "_is_serving", "_timer", "_unsent")

    def __init__(self, server: web.Server, *, head_timeout_s: float, unsent: UnsentBytes, **options: Any) -> None:
        super().__init__(server, **options)
        self._head_timeout_s = head_timeout_s
        self._is_serving = False
        self._has_next = False
        self._body: Any = None
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = unsent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve a connection."""
        super().connection_made(transport)
        if self.transport is not None:
            self.transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
            if (connected := self.transport.get_extra_info("socket")) is not None:  # what the kernel holds counts too
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)

    def data_received(self, data: bytes) -> None:
        """Receive bytes; those that begin a request start the timer."""
        if self._timer is None and not self._is_serving and data.strip(b"\r\n"):
            self._start_timer()
        follows = self._is_serving and self._body.is_eof()
        before = len(self._messages)
        super().data_received(data)
        if len(self._messages) > before:  # a head was completed; what follows one without a body is the next request
            self._has_next = self._messages[-1][1] is EMPTY_PAYLOAD and not data.endswith(b"\r\n\r\n")
        elif follows:
            self._has_next = self._has_next or bool(data.strip(b"\r\n"))

    def head_received(self, body: Any) -> None:
        """Stop the timer: the head of a request is complete, or the parser has rejected it."""
        self._is_serving = True
        self._body = body
        self._stop_timer()

    def pause_writing(self) -> None:
        """Count the bytes that the client does not receive."""
        super().pause_writing()
        if self.transport is not None:
            self._unsent.add(self.transport)

    def resume_writing(self) -> None:
        """Count them no more: the client has received most of them."""
        super().resume_writing()
        if self.transport is not None:
            self._unsent.remove(self.transport)

    async def finish_response(
        self, request: BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; the bytes that follow begin the next request."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._is_serving = False
            if self._has_next and not self._messages and self._timer is None:
                self._start_timer()
            self._has_next = self._has_next and bool(self._messages)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the timer with the connection."""
        self._stop_timer()
        if self.transport is not None:
            self._unsent.remove(self.transport)
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._head_timeout_s, self._time_out)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        self._timer = None
        if self.transport is None:
            return
        detail = say("head_too_slow", seconds=self._head_timeout_s)
        body = orjson.dumps(ApiProblem(408, "head-too-slow", detail).document)
        head = f"HTTP/1.1 408 Request Timeout\r\nContent-Type: {PROBLEM}\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in DEFAULTS.items())
        self.transport.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        self.force_close()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Return the answer to malformed bytes, or to an error outside the routes; the connection ends with it."""
        if isinstance(exc, HttpProcessingError):
            if request.writer.output_size > 0:
                raise ConnectionError("the answer of an earlier request has begun")
            return _outside_routes(malformed(exc), request)
        super().handle_error(request, status, exc, message)  # logs the error; raises when an answer has begun
        return _outside_routes(ApiProblem(500, "internal", INTERNAL, headers=_CLOSE), request)


def _outside_routes(problem: ApiProblem, request: BaseRequest) -> web.Response:
    response = problem_response(problem, request)
    secure(response)
    return response


class StrictServer(web.Server):
    """Creates a `StrictRequestHandler` for each connection."""

    def __init__(self, server: web.Server, options: dict[str, Any]) -> None:
        super().__init__(
            server.request_handler, request_factory=self._received, handler_cancellation=server.handler_cancellation
        )
        self._make = server.request_factory
        self._options = options

    def _received(
        self, message: Any, payload: Any, protocol: web.RequestHandler, writer: Any, task: Any
    ) -> BaseRequest:
        if isinstance(protocol, StrictRequestHandler):
            protocol.head_received(payload)
        return self._make(message, payload, protocol, writer, task)

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return StrictRequestHandler(self, loop=asyncio.get_running_loop(), **self._options)


class StrictRunner(web.AppRunner):
    """Runs an application behind a `StrictServer`."""

    def __init__(
        self,
        app: web.Application,
        *,
        shutdown_timeout: float,
        unsent: UnsentBytes,
        head_timeout_s: float = HEAD_TIMEOUT_S,
        keepalive_timeout_s: float = KEEPALIVE_TIMEOUT_S,
    ) -> None:
        super().__init__(app, shutdown_timeout=shutdown_timeout, handler_cancellation=True)
        self._options: dict[str, Any] = {
            "head_timeout_s": head_timeout_s, "unsent": unsent, "keepalive_timeout": keepalive_timeout_s,
            "max_line_size": MAX_LINE_BYTES, "max_field_size": MAX_HEADER_BYTES, "max_headers": MAX_HEADERS,
            "access_log": None,
            "auto_decompress": False,  # an encoded body is refused, and nothing is decompressed before that
        }  # fmt: skip

    async def _make_server(self) -> web.Server:
        return StrictServer(await super()._make_server(), self._options)
