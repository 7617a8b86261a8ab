"""The aiohttp application: every route behind authentication, query validation, metrics and problem documents."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from services.api.context import AppContext, RequestContext, Route
from services.api.errors import RETRY_AFTER, problem_middleware
from services.api.http.protocol import StrictRunner
from services.api.http.request import parse_query
from services.api.http.retry_after import RetryAfterEstimator
from services.api.routes import ROUTES
from services.api.routes.docs import openapi_json
from services.api.schemas.requests import NoQuery
from shared.errors import SetupError

log = structlog.get_logger()

SHUTDOWN_S = 5.0
CLIENT_CLOSED_REQUEST = 499
"""Status that is counted when the client disconnects before the answer."""


def application(context: AppContext) -> web.Application:
    """Return the application with all routes."""
    openapi_json()  # encoded before the first request: it takes a while
    app = web.Application(middlewares=[problem_middleware], client_max_size=context.settings.max_body_bytes + 1)
    app[RETRY_AFTER] = RetryAfterEstimator()
    for route in ROUTES:
        handler = _handler(context, route)
        app.router.add_route(route.method, route.path, handler)
        if route.method == "GET" and "text/event-stream" not in route.answers.values():
            app.router.add_route("HEAD", route.path, handler)  # aiohttp sends the head of the answer only
    return app


def _handler(context: AppContext, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    handler, query_shape, anonymous = route.handler, route.query, context.authenticator.anonymous
    path = route.path

    async def handle(request: web.Request) -> web.StreamResponse:
        begin = time.perf_counter()
        status = 500
        try:
            caller = anonymous if route.public else await context.authenticator.authenticate(request)
            if query_shape is NoQuery and not request.query_string:
                query: object = None
            else:
                query = parse_query(query_shape, request)
            response = await handler(context, RequestContext(request=request, caller=caller, query=query))
            status = response.status
        except asyncio.CancelledError:
            status = CLIENT_CLOSED_REQUEST
            raise
        finally:
            context.metrics.request_served(path, request.method, status, time.perf_counter() - begin)
        return response

    return handle


@asynccontextmanager
async def listening_on(context: AppContext, listening: Callable[[str], None] | None) -> AsyncIterator[str]:
    """Serve the application; yield its address, and give it to `listening`.

    Raises SetupError when the port cannot be bound.
    """
    runner = StrictRunner(application(context), shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    settings = context.settings
    try:
        site = web.TCPSite(runner, settings.api_host, settings.api_port, backlog=4096)
        try:
            await site.start()
        except OSError as error:
            raise SetupError(
                f"The port {settings.api_port} of {settings.api_host} cannot be used ({error.strerror}); "
                "choose another with ONDOL_API_PORT or --port."
            ) from error
        host, port = runner.addresses[0][:2]
        address = f"http://[{host}]:{port}" if ":" in str(host) else f"http://{host}:{port}"
        log.info("api.started", address=address)
        if listening is not None:
            listening(address)
        yield address
    finally:
        await runner.cleanup()
